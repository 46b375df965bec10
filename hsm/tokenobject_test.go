package hsm

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// tokenObject is the object of a fresh token, as SoftHSM wrote it.
func tokenObject(t testing.TB) []byte {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "token")
	if err := CreateSoftHSM(t.Context(), dir, "test", "1234-user", "1234-so"); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "softhsm", "*", "token.object"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// withoutUserPIN is the object of a token whose user has no PIN yet: its last attribute is missing, and the flags say so.
func withoutUserPIN(t testing.TB, b []byte) []byte {
	t.Helper()
	name := binary.BigEndian.AppendUint64(nil, softUserPIN)
	flags := binary.BigEndian.AppendUint64(nil, softTokenFlags)
	b = slices.Clone(b[:bytes.Index(b, name)])
	at := bytes.Index(b, flags) + 16
	if at < 16 {
		t.Fatalf("no flags in %x", b)
	}
	binary.BigEndian.PutUint64(b[at:], binary.BigEndian.Uint64(b[at:])&^flagUserPIN)
	return b
}

// What SoftHSM has written is whole, and no part of it is; nor are zeros that a disk without power left, but for those
// within the last value.
func TestWhole(t *testing.T) {
	b := tokenObject(t)
	if !whole(b) {
		t.Fatalf("not whole: %x", b)
	}
	for n := range b {
		if whole(b[:n]) {
			t.Errorf("the first %d of %d octets are whole", n, len(b))
		}
		if zeros := append(slices.Clone(b[:n]), make([]byte, len(b)-n)...); n < len(b)-72 && whole(zeros) {
			t.Errorf("zeros after %d octets are whole", n)
		}
	}
	for name, b := range map[string][]byte{
		"an octet more":   append(slices.Clone(b), 0),
		"twice":           append(slices.Clone(b), b[8:]...),
		"an endless PIN":  append(slices.Clone(b[:len(b)-80]), bytes.Repeat([]byte{0xff}, 80)...),
		"too much of all": append(slices.Clone(b), make([]byte, maxTokenObject)...),
	} {
		if whole(b) {
			t.Errorf("%s is whole", name)
		}
	}
	if short := withoutUserPIN(t, b); !whole(short) {
		t.Errorf("without a user PIN: not whole: %x", short)
	}
}

// The copy is of the last whole one, whatever its length; what is not whole takes nothing's place.
func TestKeptByStructure(t *testing.T) {
	full := tokenObject(t)
	short := withoutUserPIN(t, full)
	zeros := make([]byte, len(full))
	other := slices.Clone(full)
	other[7]++ // the generation
	for name, c := range map[string]struct{ now, kept, wantNow, wantKept []byte }{
		"the first time":         {full, nil, full, full},
		"cut":                    {full[:len(full)-1], full, full, full},
		"empty":                  {nil, full, full, full},
		"cut between attributes": {short[:len(short)-88], short, short, short},
		"zeros":                  {zeros, full, full, full},
		"longer garbage":         {append(zeros, zeros...), full, full, full},
		"shorter, and whole":     {short, full, short, short},
		"changed":                {other, full, other, other},
		"the copy was cut":       {full, full[:9], full, full},
		"the copy is garbage":    {full, append(zeros, zeros...), full, full},
		"both are cut":           {full[:20], full[:30], full[:20], full[:30]},
	} {
		dir := t.TempDir()
		path, kept := filepath.Join(dir, "token.object"), filepath.Join(dir, "kept")
		for file, b := range map[string][]byte{path: c.now, kept: c.kept} {
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := keepTokenObject(path, kept); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for file, want := range map[string][]byte{path: c.wantNow, kept: c.wantKept} {
			if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %s has %d octets, want %d; %v", name, filepath.Base(file), len(got), len(want), err)
			}
		}
	}
}

// What is whole has its attributes to the end: no octet can be taken away or added.
func FuzzWhole(f *testing.F) {
	b := tokenObject(f)
	f.Add(b)
	f.Add(b[:len(b)-1])
	f.Add(withoutUserPIN(f, b))
	f.Add(make([]byte, 64))
	f.Fuzz(func(t *testing.T, b []byte) {
		if whole(b) && (whole(b[:len(b)-1]) || whole(append(slices.Clone(b), 0))) {
			t.Fatalf("whole with an octet less or more: %x", b)
		}
	})
}
