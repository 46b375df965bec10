package postgres

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// maxSocketPath is what a sockaddr_un holds, without its final zero byte.
const maxSocketPath = 107

// makeRunDir makes the folder of the socket, which only the server's account
// (and root) may enter, unless other users may.
func (s *server) makeRunDir() (string, error) {
	if s.runDir != "" {
		dir, err := filepath.Abs(s.runDir)
		if err != nil {
			return "", fmt.Errorf("find %s: %w", s.runDir, err)
		}
		return dir, s.makePrivate(dir)
	}
	// Two data folders never share a name; one always finds its own again.
	name := fmt.Sprintf("chop-%x", sha256.Sum256([]byte(s.dir)))[:len("chop-")+12]
	bases := []string{os.Getenv("XDG_RUNTIME_DIR"), os.TempDir(), "/tmp"}
	if os.Geteuid() == 0 {
		bases = append([]string{"/run"}, bases...)
	}
	var errs []error
	for _, base := range bases {
		if !filepath.IsAbs(base) {
			continue
		}
		dir := filepath.Join(base, name)
		err := s.makePrivate(dir)
		if err == nil {
			return dir, nil
		}
		errs = append(errs, err)
	}
	return "", fmt.Errorf("no folder for the database's socket: %w", errors.Join(errs...))
}

// makePrivate makes dir, or takes it if it is ours already. In a folder that
// all may write, somebody could have put a folder or a link there before us, to
// stand in for the database: so it must be a real folder of the right owner.
func (s *server) makePrivate(dir string) error {
	socket := filepath.Join(dir, fmt.Sprintf(".s.PGSQL.%d", port))
	if len(socket) > maxSocketPath {
		return fmt.Errorf("socket %s: its path has %d bytes, at most %d are possible", socket, len(socket), maxSocketPath)
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("make socket folder: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("look at socket folder: %w", err)
	}
	uid, gid := s.account.owner()
	have := int(info.Sys().(*syscall.Stat_t).Uid)
	if !info.IsDir() || (have != uid && have != os.Geteuid()) {
		return fmt.Errorf("socket folder %s belongs to somebody else", dir)
	}
	if err := os.Chown(dir, uid, gid); err != nil {
		return fmt.Errorf("give socket folder to %s: %w", s.account.name, err)
	}
	mode := os.FileMode(0o700)
	if s.otherUsers {
		mode = 0o711 // to enter, not to list
	}
	if err := os.Chmod(dir, mode); err != nil {
		return fmt.Errorf("close socket folder: %w", err)
	}
	return nil
}

// removeRunDir removes a socket folder that we named, if nothing is left in it.
func (c *cluster) removeRunDir(dir string) {
	if c.runDir == "" {
		os.Remove(dir)
	}
}
