package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// server makes and starts the cluster's server with one set of programs, as
// one account.
type server struct {
	*cluster
	bin     string
	account account
}

// create runs initdb in a folder beside and renames it: a kill in between
// leaves no half cluster. Each folder has a name of its own: an initdb that
// outlives its killed starter fails over the removal of its folder, and then
// removes whatever has that name.
func (s *server) create(ctx context.Context) error {
	s.removeInterrupted()
	fresh, err := os.MkdirTemp(s.dir, freshPrefix) // mode 0700
	if err != nil {
		return fmt.Errorf("make data folder: %w", err)
	}
	uid, gid := s.account.owner()
	if err := os.Lchown(fresh, uid, gid); err != nil {
		return fmt.Errorf("give data folder to %s: %w", s.account.name, err)
	}
	args := []string{"--username=" + superuser, "--auth=peer", "--encoding=UTF8", "--no-locale", "--data-checksums"}
	if s.settings["fsync"] == "off" {
		args = append(args, "--no-sync")
	}
	cmd, err := s.command("initdb", fresh, args...)
	if err != nil {
		return err
	}
	defer cmd.release()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start initdb: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { cmd.Process.Kill() }) // there is a process only now
	err = cmd.Wait()
	stop()
	if err != nil {
		return fmt.Errorf("initdb as %s: %w: %s", s.account.name, errors.Join(err, ctx.Err()), lastLines(out.Bytes()))
	}
	if err := os.Rename(fresh, s.data()); err != nil {
		return fmt.Errorf("put data folder in place: %w", err)
	}
	return nil
}

const freshPrefix = "data.new"

// removeInterrupted removes what killed starters left. What does not go is only
// in the way of the disk: its initdb may be at work still.
func (s *server) removeInterrupted() {
	entries, err := os.ReadDir(s.dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), freshPrefix) {
			err = errors.Join(err, os.RemoveAll(s.path(e.Name())))
		}
	}
	if err != nil {
		s.log.Warn("what an interrupted initdb left could not be removed", "dir", s.dir, "error", err)
	}
}

// start runs the server and waits until it answers.
func (s *server) start(ctx context.Context) error {
	if err := s.clean(ctx); err != nil {
		return err
	}
	if err := s.own(); err != nil {
		return err
	}
	var err error
	if s.socket, err = s.makeRunDir(); err != nil {
		return err
	}
	if err := s.writeSettings(); err != nil {
		return err
	}
	// Of a killed server: PostgreSQL takes it for a live one while its process id exists, be it as a zombie that
	// nobody reaps, or as somebody else's after a reboot. clean has seen that nobody works here.
	if err := os.Remove(filepath.Join(s.socket, fmt.Sprintf(".s.PGSQL.%d.lock", port))); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove stale socket lock: %w", err)
	}
	log, err := replaceOwned(s.path("start.log"))
	if err != nil {
		return fmt.Errorf("open start log: %w", err)
	}
	defer log.Close()
	cmd, err := s.command("postgres", s.data())
	if err != nil {
		return err
	}
	defer cmd.release()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start postgres as %s: %w", s.account.name, err)
	}
	// The goroutine ends with the server; it keeps it from becoming a zombie.
	gone := make(chan struct{})
	go func() { cmd.Wait(); close(gone) }()
	ended := func() bool {
		select {
		case <-gone:
			return true
		default:
			return false
		}
	}
	if err := s.await(ctx, ended); err != nil {
		cmd.Process.Signal(os.Interrupt)
		<-gone
		s.removeRunDir(s.socket)
		why, _ := os.ReadFile(log.Name())
		return fmt.Errorf("start postgres as %s: %w: %s", s.account.name, err, lastLines(why))
	}
	return nil
}

// clean removes the postmaster.pid of a server that is gone. PostgreSQL itself
// goes by the process id, which after a reboot, or in another container,
// belongs to somebody else. Backends that outlive a killed server must be gone
// first: two generations at work on one folder would destroy it.
func (s *server) clean(ctx context.Context) error {
	if _, err := os.Stat("/proc/self/cwd"); err != nil {
		return nil // without /proc nothing can be known; PostgreSQL decides
	}
	for anyWorksIn(s.data()) {
		if _, ok := s.running(); ok {
			return errAnother
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return fmt.Errorf("wait for the processes of a killed server: %w", err)
		}
	}
	if err := os.Remove(filepath.Join(s.data(), "postmaster.pid")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove stale postmaster.pid: %w", err)
	}
	return nil
}

// own gives the data folder's files to the account, where another one ran the
// server before (inside a chroot, and then outside of it).
func (s *server) own() error {
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid := s.account.owner()
	err := filepath.WalkDir(s.data(), func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, uid, gid)
	})
	if err != nil {
		return fmt.Errorf("give data folder to %s: %w", s.account.name, err)
	}
	return nil
}

// command is one of PostgreSQL's programs, run on the data folder.
type command struct {
	*exec.Cmd
	folder *os.File
}

func (c *command) release() { c.folder.Close() }

// command prepares a program. A user we switch to may have no way to the data
// folder (the home of root is closed), so it is handed over as an open
// descriptor, and named by that.
func (s *server) command(program, data string, args ...string) (*command, error) {
	folder, err := os.Open(data)
	if err != nil {
		return nil, fmt.Errorf("open data folder: %w", err)
	}
	name := data
	if s.account.switched {
		name = "/proc/self/fd/3"
		if _, err := os.Stat("/proc/self/fd"); err != nil {
			folder.Close()
			return nil, fmt.Errorf("%w: %s cannot be handed to %s without /proc; hint: mount -t proc proc /proc", ErrUnreachable, data, s.account.name)
		}
	}
	cmd := exec.Command(filepath.Join(s.bin, program), append([]string{"-D", name}, args...)...)
	cmd.Dir = "/"
	cmd.ExtraFiles = []*os.File{folder}
	// Nothing of our environment: it may hold secrets, and PG* variables.
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = s.account.sysProcAttr()
	return &command{cmd, folder}, nil
}

// await returns when the server answers, with errEnded when it has ended.
func (c *cluster) await(ctx context.Context, ended func() bool) error {
	for {
		conn, err := pgx.Connect(ctx, c.superDSN("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		if ended() {
			return errEnded
		}
		if sleep(ctx, 15*time.Millisecond) != nil {
			return fmt.Errorf("wait for the server: %w (%v)", ctx.Err(), err)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// lastLines is the end of a program's output, for an error.
func lastLines(b []byte) string {
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-6):], " | ")
}
