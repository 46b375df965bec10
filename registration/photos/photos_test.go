package photos

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func store(t testing.TB, c Config) *Store {
	t.Helper()
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func picture(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func TestKeepOpenErase(t *testing.T) {
	t.Parallel()
	s := store(t, Config{})
	in := time.Now().Add(time.Hour)
	card, selfie := picture(100_000), picture(50_000)
	given := map[string][]byte{"card": bytes.Clone(card), "selfie": bytes.Clone(selfie)}
	if err := s.Keep("case 1", in, given); err != nil {
		t.Fatal(err)
	}
	if err := s.Keep("case 2", in, map[string][]byte{"card": bytes.Clone(card)}); err != nil {
		t.Fatal(err)
	}
	for name, b := range given {
		if !bytes.Equal(b, make([]byte, len(b))) {
			t.Errorf("%s was not overwritten where it came from", name)
		}
	}
	if got, err := s.Open("case 1", "selfie"); err != nil || !bytes.Equal(got, selfie) {
		t.Errorf("open: %v", err)
	}
	first, second := s.cases["case 1"], s.cases["case 2"]
	if bytes.Equal(s.keys.key(first.slot), s.keys.key(second.slot)) {
		t.Error("two cases have one key")
	}
	// A picture of another case, or under another name, does not open.
	second.sealed["selfie"] = first.sealed["selfie"]
	if _, err := s.Open("case 2", "selfie"); err == nil {
		t.Error("another case's picture opened")
	}
	delete(second.sealed, "selfie")
	first.sealed["card"], first.sealed["selfie"] = first.sealed["selfie"], first.sealed["card"]
	if _, err := s.Open("case 1", "card"); err == nil {
		t.Error("a picture opened under another name")
	}

	sealed, slot := first.sealed["card"], first.slot
	s.Erase("case 1")
	if !bytes.Equal(s.keys.key(slot), make([]byte, keySize)) || !bytes.Equal(sealed, make([]byte, len(sealed))) {
		t.Error("key or picture were not overwritten")
	}
	if _, err := s.Open("case 1", "card"); !errors.Is(err, ErrGone) || s.Has("case 1") {
		t.Errorf("after erasing: %v", err)
	}
	s.Erase("case 1")
	if got, err := s.Open("case 2", "card"); err != nil || !bytes.Equal(got, card) {
		t.Errorf("the other case: %v", err)
	}
	if _, err := s.Open("case 2", "selfie"); !errors.Is(err, ErrGone) {
		t.Errorf("a picture that never was: %v", err)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	s := store(t, Config{Most: 100_000})
	in := time.Now().Add(time.Hour)
	for name, p := range map[string]map[string][]byte{
		"none": {}, "empty": {"card": {}}, "large": {"card": make([]byte, maxPhoto+1)},
		"many": {"1": {1}, "2": {1}, "3": {1}, "4": {1}, "5": {1}},
	} {
		if err := s.Keep("case", in, p); err == nil {
			t.Errorf("%s: kept", name)
		}
	}
	if err := s.Keep("one", in, map[string][]byte{"card": picture(60_000)}); err != nil {
		t.Fatal(err)
	}
	p := picture(60_000)
	if err := s.Keep("two", in, map[string][]byte{"card": p}); !errors.Is(err, ErrFull) || s.Has("two") {
		t.Fatalf("over the limit: %v", err)
	}
	if !bytes.Equal(p, make([]byte, len(p))) {
		t.Error("what was refused was not overwritten")
	}
	// The same case again takes its own place.
	if err := s.Keep("one", in, map[string][]byte{"card": picture(90_000)}); err != nil {
		t.Fatal(err)
	}
	s.Erase("one")
	if s.size != 0 || len(s.keys.free) != slots {
		t.Errorf("%d bytes and %d keys are still taken", s.size, slots-len(s.keys.free))
	}
	for i := range slots {
		if err := s.Keep(fmt.Sprint(i), in, map[string][]byte{"card": {1}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Keep("one more", in, map[string][]byte{"card": {1}}); !errors.Is(err, ErrFull) {
		t.Errorf("more cases than keys: %v", err)
	}
}

// Nobody decides: the pictures go by themselves, not later than they may be held at all.
func TestSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t, Config{Longest: 2 * time.Hour})
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() { s.Run(ctx) })
		for id, d := range map[string]time.Duration{"soon": 30 * time.Minute, "late": 100 * time.Hour} {
			if err := s.Keep(id, time.Now().Add(d), map[string][]byte{"card": picture(1000)}); err != nil {
				t.Fatal(err)
			}
		}
		held := func() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.cases) } // not Has, which sweeps
		time.Sleep(29 * time.Minute)
		if held() != 2 {
			t.Errorf("%d cases after 29 minutes", held())
		}
		time.Sleep(3 * time.Minute)
		if held() != 1 {
			t.Errorf("%d cases after 32 minutes", held())
		}
		time.Sleep(90 * time.Minute)
		if held() != 0 {
			t.Errorf("%d cases after 2 hours and 2 minutes", held())
		}
		if err := s.Keep("at the end", time.Now().Add(time.Hour), map[string][]byte{"card": picture(1000)}); err != nil {
			t.Fatal(err)
		}
		cancel()
		wg.Wait()
		if held() != 0 || s.size != 0 {
			t.Error("pictures outlived Run")
		}
	})
}

func TestTogether(t *testing.T) {
	t.Parallel()
	s := store(t, Config{})
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			id := fmt.Sprint(i % 4)
			for range 50 {
				p := picture(3000)
				want := bytes.Clone(p)
				if err := s.Keep(id+"own"+fmt.Sprint(i), time.Now().Add(time.Hour), map[string][]byte{"card": p}); err != nil {
					t.Error(err)
				}
				if got, err := s.Open(id+"own"+fmt.Sprint(i), "card"); err != nil || !bytes.Equal(got, want) {
					t.Error("another picture", err)
				}
				s.Erase(id + "own" + fmt.Sprint(i))
			}
		})
	}
	wg.Wait()
	if s.size != 0 {
		t.Errorf("%d bytes left", s.size)
	}
}

// Requests that are still under way when the server stops find the store closed, and no memory that is gone.
func TestClose(t *testing.T) {
	t.Parallel()
	s := store(t, Config{})
	var wg sync.WaitGroup
	for i := range 8 {
		id := fmt.Sprint(i)
		if err := s.Keep(id, time.Now().Add(time.Hour), map[string][]byte{"card": picture(3000)}); err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for {
				switch err := s.Keep(id, time.Now().Add(time.Hour), map[string][]byte{"card": picture(3000)}); {
				case errors.Is(err, ErrGone):
					return
				case err != nil:
					t.Error(err)
					return
				}
				if _, err := s.Open(id, "card"); err != nil && !errors.Is(err, ErrGone) {
					t.Error(err)
				}
			}
		})
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	p := picture(100)
	if err := s.Keep("late", time.Now().Add(time.Hour), map[string][]byte{"card": p}); !errors.Is(err, ErrGone) || !bytes.Equal(p, make([]byte, 100)) {
		t.Errorf("kept after the end: %v", err)
	}
	if _, err := s.Open("0", "card"); !errors.Is(err, ErrGone) || s.Has("0") {
		t.Errorf("opened after the end: %v", err)
	}
	s.Erase("0")
	if err := s.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

// The key's memory is locked, and the process dumps nothing.
func TestMemory(t *testing.T) {
	s := store(t, Config{})
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("%x-", &s.keys.memory[0])
	address = strings.TrimPrefix(address, "0x")
	_, entry, found := strings.Cut(string(maps), "\n"+address)
	if !found {
		t.Fatalf("no mapping at %s", address)
	}
	_, flags, _ := strings.Cut(entry, "VmFlags:")
	flags, _, _ = strings.Cut(flags, "\n")
	for _, flag := range []string{" lo ", " dd ", " dc "} { // locked; not dumped; not inherited
		if !strings.Contains(flags+" ", flag) {
			t.Errorf("flags of the keys' memory: %s, want %s", flags, flag)
		}
	}
	if filter, err := os.ReadFile("/proc/self/coredump_filter"); err != nil || strings.Trim(string(filter), "0\n") != "" {
		t.Errorf("coredump_filter %q, %v", filter, err)
	}
}
