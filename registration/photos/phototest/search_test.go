package phototest

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
)

// Every form is found, at whatever place, and whatever stands before it.
func TestSearch(t *testing.T) {
	t.Parallel()
	secret := make([]byte, 3000)
	rand.Read(secret)
	for name, content := range map[string][]byte{
		"as it is":   secret,
		"a part":     secret[590:700],
		"hex":        []byte(hex.EncodeToString(secret)),
		"upper hex":  bytes.ToUpper([]byte(hex.EncodeToString(secret))),
		"base64":     []byte(base64.StdEncoding.EncodeToString(secret)),
		"base64 + 1": []byte(base64.StdEncoding.EncodeToString(append([]byte{1}, secret...))),
		"base64 + 2": []byte(base64.RawURLEncoding.EncodeToString(append([]byte{1, 2}, secret...))),
	} {
		for before := range 5 {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "file"), append(make([]byte, before), content...), 0o600); err != nil {
				t.Fatal(err)
			}
			if found := Search(t, map[string][]byte{"it": secret}, dir); len(found) != 1 {
				t.Errorf("%s after %d bytes: %q", name, before, found)
			}
		}
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "file"), make([]byte, 5000), 0o600); err != nil {
		t.Fatal(err)
	}
	if found := Search(t, map[string][]byte{"it": secret}, other, filepath.Join(other, "missing")); len(found) != 0 {
		t.Errorf("found in zeros: %q", found)
	}
}

// What is in any file says nothing of a picture.
func TestPlainParts(t *testing.T) {
	t.Parallel()
	wall := bytes.Repeat([]byte{0x28, 0xa2, 0x8a}, 1000)
	if n := Needles(wall); len(n) != 0 {
		t.Errorf("%d needles of a grey wall", len(n))
	}
	picture := make([]byte, 2*step)
	copy(picture[step:], "0123456789abcdefghijklmnopqrstuvwxyz")
	if n := Needles(picture); len(n) == 0 {
		t.Error("no needles of what stands in the midst of it")
	}
}
