package archive

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/google/uuid"
)

// A room is the folder of one document, held alone: the kernel lets go of it however its
// holder ends. A file in it is named by the SHA-256 of what it holds, sealed.
type room struct {
	dir  string
	id   uuid.UUID
	lock *os.File
	aead cipher.AEAD
}

// folderOf spreads documents over 4096 folders, by the random end of their ids.
func (s *Store) folderOf(id uuid.UUID) string {
	text := id.String()
	return filepath.Join(s.c.Dir, text[len(text)-3:], text)
}

func keyLabel(id uuid.UUID) []byte { return []byte("chop/archive-key/v1\x00" + id.String()) }

// newKey makes a data key, and seals it for the row.
func (s *Store) newKey(ctx context.Context, id uuid.UUID) ([]byte, error) {
	key := make([]byte, 32)
	rand.Read(key)
	sealed, err := s.c.Sealer.Seal(ctx, key, keyLabel(id))
	if err != nil {
		return nil, fmt.Errorf("seal data key: %w", err)
	}
	return sealed, nil
}

// enter takes the folder of a document, and makes it. ErrBusy.
func (s *Store) enter(ctx context.Context, id uuid.UUID, sealedKey []byte) (_ *room, err error) {
	r := &room{dir: s.folderOf(id), id: id}
	if err := s.makeFolder(r.dir); err != nil {
		return nil, err
	}
	if r.lock, err = os.Open(r.dir); err != nil {
		return nil, fmt.Errorf("open the document's folder: %w", err)
	}
	defer func() {
		if err != nil {
			r.leave()
		}
	}()
	if err := syscall.Flock(int(r.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrBusy
		}
		return nil, fmt.Errorf("lock the document's folder: %w", err)
	}
	key, err := s.c.Sealer.Open(ctx, sealedKey, keyLabel(id))
	if err != nil {
		return nil, fmt.Errorf("open data key: %w", err)
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("use data key: %w", err)
	}
	r.aead, err = cipher.NewGCM(block)
	return r, err
}

func (r *room) leave() { r.lock.Close() }

// makeFolder makes both levels, for good, and for whoever has the store's folder: a command
// of root's works beside a server that is another user.
func (s *Store) makeFolder(dir string) error {
	for _, one := range []string{filepath.Dir(dir), dir} {
		err := os.Mkdir(one, 0o700)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err == nil {
			err = s.give(one)
		}
		if err == nil {
			err = syncFolder(filepath.Dir(one))
		}
		if err != nil {
			return diskError("make the document's folder", err)
		}
	}
	return nil
}

// give gives what root made to the owner of the store's folder.
func (s *Store) give(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(s.c.Dir)
	if err != nil {
		return err
	}
	owner := info.Sys().(*syscall.Stat_t)
	return os.Chown(path, int(owner.Uid), int(owner.Gid))
}

// label ties bytes to their place: exchanged files do not open.
func (r *room) label(sum []byte) []byte {
	return fmt.Appendf(nil, "chop/archive-file/v1\x00%s/%x", r.id, sum)
}

const partial = ".making"

// write puts bytes on the disk: whole, or not there at all. Writing them again is no error.
func (s *Store) write(r *room, plain []byte) (Digest, error) {
	sum := sha256.Sum256(plain)
	sealed := make([]byte, r.aead.NonceSize(), r.aead.NonceSize()+len(plain)+r.aead.Overhead())
	rand.Read(sealed)
	sealed = r.aead.Seal(sealed, sealed, plain, r.label(sum[:]))
	path := filepath.Join(r.dir, fmt.Sprintf("%x", sum))
	f, err := os.OpenFile(path+partial, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, diskError("write to the store", err)
	}
	_, err = f.Write(sealed)
	s.at("half")
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(path + partial) // what is left the next one in this folder sweeps
		return nil, diskError("write to the store", err)
	}
	if err := s.give(path + partial); err != nil {
		return nil, diskError("write to the store", err)
	}
	if err := os.Rename(path+partial, path); err != nil {
		return nil, diskError("write to the store", err)
	}
	if err := syncFolder(r.dir); err != nil {
		return nil, diskError("write to the store", err)
	}
	return sum[:], nil
}

// read opens one file of the folder. ErrDamaged.
func (r *room) read(sum Digest) ([]byte, error) {
	sealed, err := os.ReadFile(filepath.Join(r.dir, sum.String()))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: the bytes with the digest %s are not there", ErrDamaged, sum)
	}
	if err != nil {
		return nil, fmt.Errorf("read from the store: %w", err)
	}
	n := r.aead.NonceSize()
	if len(sealed) < n {
		return nil, fmt.Errorf("%w: the file of %s is cut off", ErrDamaged, sum)
	}
	plain, err := r.aead.Open(nil, sealed[:n], sealed[n:], r.label(sum))
	if err != nil {
		return nil, fmt.Errorf("%w: the file of %s does not open", ErrDamaged, sum)
	}
	if got := sha256.Sum256(plain); !bytes.Equal(got[:], sum) {
		return nil, fmt.Errorf("%w: the file of %s holds something else", ErrDamaged, sum)
	}
	return plain, nil
}

// sweep removes what is none of these: the halves and the unrecorded generations of those who were killed.
func (r *room) sweep(wanted []Digest) error {
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return fmt.Errorf("sweep the document's folder: %w", err)
	}
	known := map[string]bool{}
	for _, d := range wanted {
		known[d.String()] = true
	}
	removed := false
	for _, e := range entries {
		if known[e.Name()] || len(strings.TrimSuffix(e.Name(), partial)) != 2*sha256.Size {
			continue
		}
		if err := os.Remove(filepath.Join(r.dir, e.Name())); err != nil {
			return fmt.Errorf("sweep the document's folder: %w", err)
		}
		removed = true
	}
	if removed {
		return syncFolder(r.dir)
	}
	return nil
}

// diskError names a full disk.
func diskError(what string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%s: %w: %w", what, ErrFull, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
