package hsm

import (
	"crypto"
	"crypto/sha256"
	"testing"
)

// A signature and a tag are one question to the module each: their lengths are not asked for first.
func TestSignaturesAreAskedForOnce(t *testing.T) {
	f := newFaulty(t)
	l := openFor(t, f.cfg)
	digest := sha256.Sum256(nil)
	for _, spec := range []KeySpec{P256, P384, RSA2048} {
		k, err := l.GenerateKey(t.Context(), spec, spec)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.Sign(nil, digest[:], crypto.SHA256); err != nil {
			t.Errorf("%s: %v", spec, err)
		}
	}
	m, err := l.MAC(t.Context(), "mac")
	if err != nil {
		t.Fatal(err)
	}
	for _, message := range [][]byte{nil, {}, []byte("message")} {
		if _, err := m.Sum(t.Context(), message); err != nil {
			t.Errorf("tag of %d bytes: %v", len(message), err)
		}
	}
	if n := f.calls(t, "length"); n != 0 {
		t.Errorf("the module was asked for a length %d times", n)
	}
}
