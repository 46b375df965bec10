// Package photos holds the pictures of a case that waits for an officer, and makes
// them go: with the decision, with refusal, when nobody decides in time, and with
// the process, however it ends. Photos are deleted immediately after verification (the
// promise of the founding paper); this is where that is kept.
//
// Everything is in the memory of this process. Each case has a key of its own (AES-256)
// in memory that is locked, so that no key is swapped out, and the pictures lie sealed under it beside. Nothing
// is written to the database, to a file or to a log, so no backup can hold it. Core dumps
// are switched off, and where something dumps nevertheless, without the heap.
//
// A restart therefore loses the pictures: the case asks for them again. It is no place
// for what must survive, and no protection against who can read this process's memory.
package photos

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"
)

var (
	// ErrGone says that there are no pictures of that case: erased, run out, or lost with a process.
	ErrGone = errors.New("the pictures are gone")
	// ErrFull says that as many pictures wait for officers as there is room for.
	ErrFull = errors.New("no room for more pictures")
)

// Limits of one case.
const (
	maxPhoto  = 2 << 20 // bytes of one picture
	maxPhotos = 4
)

// Config of a Store.
type Config struct {
	// Most is how many bytes of sealed pictures are held. 0: 256 MB.
	Most int64
	// Longest is the longest time for which a case may have its pictures held. 0: 24 hours.
	Longest time.Duration
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
}

// Store holds pictures. It is safe for concurrent use.
type Store struct {
	config Config
	mu     sync.Mutex
	keys   *keyring
	cases  map[string]*held
	size   int64
	closed bool // the keys' memory is no more
}

// held is one case's: the key's slot, and sealed pictures by name.
type held struct {
	slot   int
	until  time.Time
	sealed map[string][]byte // nonce, ciphertext, tag
}

// New makes a store, and switches core dumps off for the whole process. It fails
// where memory cannot be locked.
func New(c Config) (*Store, error) {
	if c.Most == 0 {
		c.Most = 256 << 20
	}
	if c.Longest == 0 {
		c.Longest = 24 * time.Hour
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Most < 0 || c.Longest < 0 {
		return nil, errors.New("photos: a limit is negative")
	}
	if err := noCoreDumps(); err != nil {
		return nil, err
	}
	keys, err := newKeyring()
	if err != nil {
		return nil, err
	}
	return &Store{config: c, keys: keys, cases: map[string]*held{}}, nil
}

// Keep seals a referred case's pictures, by name, until then at most, and overwrites
// what it was given: whether it succeeds or not. Pictures that the case had before are erased. It fails with ErrFull, and with ErrGone after Close.
func (s *Store) Keep(caseID string, until time.Time, pictures map[string][]byte) error {
	defer func() {
		for _, p := range pictures {
			Wipe(p)
		}
	}()
	if caseID == "" || len(pictures) == 0 || len(pictures) > maxPhotos {
		return fmt.Errorf("keep pictures: %d of them, at most %d for a case", len(pictures), maxPhotos)
	}
	for name, p := range pictures {
		if len(p) == 0 || len(p) > maxPhoto {
			return fmt.Errorf("keep picture %q: it has %d bytes, at most %d", name, len(p), maxPhoto)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrGone
	}
	s.sweep()
	s.erase(caseID)
	if latest := s.config.Now().Add(s.config.Longest); until.After(latest) {
		until = latest
	}
	slot, err := s.keys.take()
	if err != nil {
		return err
	}
	h := &held{slot: slot, until: until, sealed: map[string][]byte{}}
	s.cases[caseID] = h
	gcm, err := s.aead(h)
	if err != nil {
		s.erase(caseID)
		return err
	}
	for name, p := range pictures {
		need := int64(gcm.NonceSize() + len(p) + gcm.Overhead())
		if s.size+need > s.config.Most {
			s.erase(caseID)
			return ErrFull
		}
		nonce := make([]byte, gcm.NonceSize(), need)
		rand.Read(nonce) // never fails (Go 1.24)
		h.sealed[name] = gcm.Seal(nonce, nonce, p, bound(caseID, name))
		s.size += need
	}
	return nil
}

// Open returns a picture of a case, or ErrGone. The caller wipes it after use.
func (s *Store) Open(caseID, name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep()
	h := s.cases[caseID]
	if h == nil || h.sealed[name] == nil {
		return nil, ErrGone
	}
	gcm, err := s.aead(h)
	if err != nil {
		return nil, err
	}
	sealed := h.sealed[name]
	plain, err := gcm.Open(nil, sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():], bound(caseID, name))
	if err != nil {
		return nil, fmt.Errorf("open a picture: %w", err)
	}
	return plain, nil
}

// Has reports whether a case's pictures are still here: after a restart they are not, and the case asks again.
func (s *Store) Has(caseID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep()
	return s.cases[caseID] != nil
}

// Erase overwrites a case's key and pictures: with the decision, the refusal, or when it was given up.
func (s *Store) Erase(caseID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase(caseID)
}

func (s *Store) erase(caseID string) {
	h := s.cases[caseID]
	if h == nil {
		return
	}
	s.keys.give(h.slot)
	for _, sealed := range h.sealed {
		s.size -= int64(len(sealed))
		Wipe(sealed)
	}
	delete(s.cases, caseID)
}

func (s *Store) aead(h *held) (cipher.AEAD, error) {
	block, err := aes.NewCipher(s.keys.key(h.slot))
	if err != nil {
		return nil, fmt.Errorf("key of a case: %w", err)
	}
	return cipher.NewGCM(block)
}

// bound ties a sealed picture to its case and its name.
func bound(caseID, name string) []byte {
	return fmt.Appendf(nil, "chop photo\x00%d\x00%s%s", len(caseID), caseID, name)
}

// Wipe overwrites bytes.
func Wipe(b []byte) { clear(b) }
