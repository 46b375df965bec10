package photos

import (
	"crypto/rand"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const (
	keySize = 32
	slots   = 2048 // cases at once: 64 KB, which an ordinary user may lock
)

// keyring is memory outside of Go's heap for the cases' keys: locked, left out of
// core dumps, and never copied by the garbage collector.
type keyring struct {
	memory []byte
	free   []int
}

func newKeyring() (*keyring, error) {
	memory, err := unix.Mmap(-1, 0, slots*keySize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("memory for the keys of pictures: %w", err)
	}
	if err := unix.Mlock(memory); err != nil {
		unix.Munmap(memory)
		return nil, fmt.Errorf("lock the memory for the keys of pictures (%d KB; see ulimit -l): %w", len(memory)>>10, err)
	}
	for _, advice := range []int{unix.MADV_DONTDUMP, unix.MADV_DONTFORK} {
		if err := unix.Madvise(memory, advice); err != nil {
			unix.Munmap(memory)
			return nil, fmt.Errorf("keep the keys of pictures out of dumps and children: %w", err)
		}
	}
	k := &keyring{memory: memory}
	for i := range slots {
		k.free = append(k.free, i)
	}
	return k, nil
}

// take makes a new key.
func (k *keyring) take() (slot int, err error) {
	if len(k.free) == 0 {
		return 0, ErrFull
	}
	slot = k.free[len(k.free)-1]
	k.free = k.free[:len(k.free)-1]
	rand.Read(k.key(slot))
	return slot, nil
}

// give erases a key.
func (k *keyring) give(slot int) {
	clear(k.key(slot))
	k.free = append(k.free, slot)
}

func (k *keyring) key(slot int) []byte { return k.memory[slot*keySize:][:keySize:keySize] }

func (k *keyring) close() error {
	clear(k.memory)
	return unix.Munmap(k.memory)
}

// noCoreDumps forbids core files. Where the kernel hands cores to a program, which
// that limit does not stop, they hold no private memory (core(5), coredump_filter). A process that is not dumpable
// (prctl(2), PR_SET_DUMPABLE) has none at all, and its files in /proc are root's.
func noCoreDumps() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("forbid core files: %w", err)
	}
	dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	if err != nil {
		return fmt.Errorf("forbid core dumps: %w", err)
	}
	if dumpable == 0 {
		return nil
	}
	if err := os.WriteFile("/proc/self/coredump_filter", []byte("0"), 0); err != nil {
		return fmt.Errorf("keep memory out of core dumps: %w", err)
	}
	return nil
}
