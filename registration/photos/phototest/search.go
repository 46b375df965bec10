// Package phototest looks for pictures where none may be: in files of any kind, as
// they are, in hexadecimal, and in Base64.
package phototest

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// window is how many bytes in a row count as a find; it is looked for every step bytes of a secret.
const window, step = 24, 600

// telling is how many different bytes a part has at least: what a grey wall becomes in a JPEG file, or zeros, is in any file.
const telling = 10

func alike(part []byte) bool {
	different := map[byte]bool{}
	for _, b := range part {
		different[b] = true
	}
	return len(different) < telling
}

// Needles are the forms in which parts of a secret might lie around.
func Needles(secret []byte) [][]byte {
	var all [][]byte
	for at := 0; at+window <= len(secret); at += step {
		w := secret[at : at+window]
		if alike(w) {
			continue
		}
		all = append(all, w, []byte(hex.EncodeToString(w)), bytes.ToUpper([]byte(hex.EncodeToString(w))))
		// Base64 depends on where in the whole the part begins: the three ways.
		for skip := range 3 {
			part := w[skip : skip+(window-skip)/3*3]
			all = append(all, []byte(base64.StdEncoding.EncodeToString(part)), []byte(base64.URLEncoding.EncodeToString(part)))
		}
	}
	return all
}

// index finds any of many needles in one pass: by their first four bytes, of which a
// small table of bits says at once, of nearly all places, that none begins there.
type index struct {
	maybe [1 << 16 / 64]uint64
	first map[uint32][]entry
}

type entry struct {
	secret string
	needle []byte
}

func bit(first uint32) uint32 { return first * 2654435769 >> 16 }

func (x *index) add(secret string, needle []byte) {
	f := binary.LittleEndian.Uint32(needle)
	x.maybe[bit(f)/64] |= 1 << (bit(f) % 64)
	x.first[f] = append(x.first[f], entry{secret, needle})
}

// in returns which secrets have a part in b.
func (x *index) in(b []byte) map[string]bool {
	found := map[string]bool{}
	for i := 0; i+4 <= len(b); i++ {
		f := binary.LittleEndian.Uint32(b[i:])
		if x.maybe[bit(f)/64]&(1<<(bit(f)%64)) == 0 {
			continue
		}
		for _, e := range x.first[f] {
			if bytes.HasPrefix(b[i:], e.needle) {
				found[e.secret] = true
			}
		}
	}
	return found
}

// Search returns the files under the folders that hold a part of one of the
// secrets, by what is found there. Files that go while it looks are not missed: they are gone.
func Search(t testing.TB, secrets map[string][]byte, folders ...string) []string {
	t.Helper()
	x := &index{first: map[uint32][]entry{}}
	for name, s := range secrets {
		if len(s) < window {
			t.Fatalf("%s has %d bytes: too few to look for", name, len(s))
		}
		needles := Needles(s)
		if len(needles) == 0 {
			t.Fatalf("%s has no part that tells it from any other file", name)
		}
		for _, n := range needles {
			x.add(name, n)
		}
	}
	var found []string
	files := 0
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			b, err := os.ReadFile(path)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			} else if err != nil {
				return err
			}
			files++
			for name := range x.in(b) {
				found = append(found, name+" in "+path)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("looked into %d files", files)
	return found
}
