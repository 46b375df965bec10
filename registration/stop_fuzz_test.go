package registration

import (
	"encoding/base64"
	"errors"
	"testing"
)

// FuzzStop: a token that can be read says what was written, and nothing else is ErrToken.
func FuzzStop(f *testing.F) {
	f.Add("")
	f.Add(base64.RawURLEncoding.EncodeToString(append([]byte{1}, make([]byte, 72)...)))
	f.Fuzz(func(t *testing.T, s string) {
		token, err := parseStop(s)
		if err != nil {
			if !errors.Is(err, ErrToken) {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		if again := base64.RawURLEncoding.EncodeToString(append(token.said(), token.mac...)); again != s {
			t.Fatalf("%q was read as %q", s, again)
		}
	})
}
