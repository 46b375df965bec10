package validation

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
)

// What is remembered is bounded, and is never another object's; what could not be parsed is parsed again.
func TestRememberedIsBounded(t *testing.T) {
	t.Parallel()
	var p parsed[string]
	calls := 0
	read := func(der []byte) string {
		v, err := p.read(sha256.Sum256(der), der, func(b []byte) (string, error) { calls++; return string(b), nil })
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for range 3 {
		if got := read([]byte("once")); got != "once" || calls != 1 {
			t.Fatalf("%q after %d calls", got, calls)
		}
	}
	for i := range 3 * maxRemembered {
		text := fmt.Sprint(i)
		if got := read([]byte(text)); got != text {
			t.Fatalf("%q is another's: %q", text, got)
		}
		if len(p.known) > maxRemembered {
			t.Fatalf("%d objects are remembered", len(p.known))
		}
	}
	for i := range 2 * maxRememberedBytes / maxRememberedOne {
		one := make([]byte, maxRememberedOne)
		copy(one, fmt.Sprint("large ", i))
		read(one)
		if p.bytes > maxRememberedBytes {
			t.Fatalf("%d bytes are remembered", p.bytes)
		}
	}
	calls = 0
	huge := make([]byte, maxRememberedOne+1)
	read(huge)
	if read(huge); calls != 2 {
		t.Errorf("a huge object was parsed %d times, want 2: it must not be remembered", calls)
	}
	broken := errors.New("broken")
	for range 2 {
		if _, err := p.read(digest{1}, nil, func([]byte) (string, error) { calls++; return "", broken }); !errors.Is(err, broken) {
			t.Error(err)
		}
	}
	if calls != 4 {
		t.Errorf("what is broken was remembered (%d calls)", calls)
	}
}
