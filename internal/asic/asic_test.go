package asic

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var two = []File{{Name: "a/信.txt", Data: []byte(strings.Repeat("letter ", 100))}, {Name: "empty", Data: nil}}

func written(t testing.TB, files ...File) []byte {
	t.Helper()
	b, err := Write(MIMEExtended, files)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What is written is read, by strangers too.
func TestRoundTrip(t *testing.T) {
	b := written(t, two...)
	if string(b[30:38]) != MIMEFile || string(b[38:38+len(MIMEExtended)]) != MIMEExtended {
		t.Errorf("it begins with %q", b[:80])
	}
	c, err := Open(b)
	if err != nil {
		t.Fatal(err)
	}
	if kind, unknown := c.Kind(); kind != Extended || unknown != "" || !c.Stored || len(c.Files) != 3 {
		t.Errorf("%s %q, stored %v, %d files", kind, unknown, c.Stored, len(c.Files))
	}
	stranger, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil || len(stranger.File) != 3 {
		t.Fatal(err)
	}
	for _, f := range two {
		got, ok := c.File(f.Name)
		if !ok || !bytes.Equal(got, f.Data) {
			t.Errorf("%s: %q", f.Name, got)
		}
	}
	path := filepath.Join(t.TempDir(), "c.asice")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("python3", "-m", "zipfile", "-t", path).CombinedOutput(); err != nil || !strings.Contains(string(out), "Done testing") {
		t.Errorf("python3: %v\n%s", err, out)
	}
}

// made is a ZIP file of Go's own writer, with descriptors.
func made(t testing.TB, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range names {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte("content")); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRefuses(t *testing.T) {
	good := written(t, two...)
	edit := func(change func([]byte) []byte) []byte { return change(bytes.Clone(good)) }
	at := func(b []byte, s string, n int) int {
		i := 0
		for ; n >= 0; n-- {
			i = bytes.Index(b[i:], []byte(s)) + i + 1
		}
		return i - 1
	}
	for name, b := range map[string][]byte{
		"empty":            {},
		"no ZIP":           []byte("PK\x03\x04 and nothing"),
		"twice":            made(t, "a", "a"),
		"twice to Windows": made(t, "a.txt", "A.TXT"),
		"twice to a Mac":   made(t, "\u00e9", "e\u0301"),
		"folder and file":  bytes.ReplaceAll(made(t, "a", "aa"), []byte("aa"), []byte("a/")),
		"up":               made(t, "../a"),
		"up inside":        made(t, "a/../../b"),
		"absolute":         made(t, "/a"),
		"backslash":        made(t, `a\b`),
		"drive":            made(t, "C:a"),
		"control":          made(t, "a\x00b"),
		"turned text":      made(t, "a\u202etxt.exe"),
		"before the first": append([]byte("MZ"), good...),
		"after the end":    append(bytes.Clone(good), 'x'),
		"between": edit(func(b []byte) []byte {
			i := at(b, localMagic, 1)
			return append(append(bytes.Clone(b[:i]), 'x'), b[i:]...)
		}),
		"own name":            edit(func(b []byte) []byte { b[at(b, "empty", 0)] = 'E'; return b }),
		"directory's name":    edit(func(b []byte) []byte { b[at(b, "empty", 1)] = 'E'; return b }),
		"own size":            edit(func(b []byte) []byte { b[22]++; return b }),
		"own method":          edit(func(b []byte) []byte { b[8] = methodDeflated; return b }),
		"encrypted":           edit(func(b []byte) []byte { b[6] |= 1; b[at(b, centralMagic, 0)+8] |= 1; return b }),
		"method 99":           edit(func(b []byte) []byte { b[8] = 99; b[at(b, centralMagic, 0)+10] = 99; return b }),
		"checksum":            edit(func(b []byte) []byte { b[40]++; return b }),
		"declared larger":     edit(func(b []byte) []byte { return sized(b, at(b, localMagic, 1), at(b, centralMagic, 1), 701) }),
		"declared smaller":    edit(func(b []byte) []byte { return sized(b, at(b, localMagic, 1), at(b, centralMagic, 1), 699) }),
		"two ends":            append(bytes.Clone(good), good[len(good)-endSize:]...),
		"a link":              edit(func(b []byte) []byte { i := at(b, centralMagic, 1); b[i+5] = 3; b[i+41] = 0xa0; return b }),
		"an entry twice":      overlapping(good),
		"a bomb":              edit(func(b []byte) []byte { return sized(b, at(b, localMagic, 1), at(b, centralMagic, 1), 1<<30) }),
		"a name that is none": edit(func(b []byte) []byte { b[at(b, "信", 0)] = 0xff; b[at(b, "\xa1.txt", 1)-2] = 0xff; return b }),
	} {
		if c, err := Open(b); !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrLimit) {
			t.Errorf("%s: %v, %v", name, c, err)
		}
	}
	if _, err := Open(bytes.ReplaceAll(made(t, "mimetype", "b!"), []byte("b!"), []byte("b/"))); err == nil {
		t.Error("a folder with a content is read")
	}
	if _, err := Open(made(t, "mimetype", "a", "b/c")); err != nil {
		t.Errorf("with descriptors: %v", err)
	}
}

// sized declares another size of an entry.
func sized(b []byte, local, central int, size uint32) []byte {
	binary.LittleEndian.PutUint32(b[local+22:], size)
	binary.LittleEndian.PutUint32(b[central+24:], size)
	return b
}

// overlapping lets two names in the directory be one entry.
func overlapping(b []byte) []byte {
	b = bytes.Clone(b)
	i := bytes.Index(b, []byte(centralMagic))
	j := i + 4 + bytes.Index(b[i+4:], []byte(centralMagic))
	copy(b[j+42:j+46], b[i+42:i+46])
	return b
}

func TestManifest(t *testing.T) {
	m := &ASiCManifest{Signature: "META-INF/signature001.p7s", Objects: []DataObject{
		{URI: "a/信 & 50%.txt", MIMEType: "text/plain", Hash: crypto.SHA256, Digest: make([]byte, 32)}, {URI: "bb:c", Hash: crypto.SHA512, Digest: make([]byte, 64)},
	}}
	b, err := m.Marshal("application/pkcs7-signature")
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseManifest(context.Background(), b)
	if err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	c, err := Open(written(t, File{Name: "a/信 & 50%.txt"}, File{Name: "bb:c"}, File{Name: m.Signature}, File{Name: "x y"}, File{Name: "x%20y"}))
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range got.Objects {
		if name := c.Resolve(o.URI); name != m.Objects[i].URI || o.Hash != m.Objects[i].Hash || !bytes.Equal(o.Digest, m.Objects[i].Digest) {
			t.Errorf("%d: %+v is %q", i, o, name)
		}
	}
	if c.Resolve(got.Signature) != m.Signature || c.Resolve("x%20y") != "" || c.Resolve("x+y") != "" || c.Resolve("nothing") != "" {
		t.Error("references lead elsewhere")
	}
	for name, s := range map[string]string{
		"another root": strings.ReplaceAll(string(b), "ASiCManifest", "Manifest"),
		"no digest":    strings.ReplaceAll(string(b), "DigestValue", "Digest"),
		"twice":        strings.Replace(string(b), "</asic:ASiCManifest>", string(b[bytes.Index(b, []byte("<asic:DataObject")):]), 1),
		"no signature": strings.ReplaceAll(string(b), "SigReference", "Reference"),
		"MD5 and more": strings.ReplaceAll(string(b), "sha256", "none"),
		"doctype":      "<!DOCTYPE a>" + string(b),
	} {
		if _, err := ParseManifest(context.Background(), []byte(s)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRoles(t *testing.T) {
	for name, want := range map[string]Role{
		"mimetype": MediaType, "a.txt": Data, "META-INF/signatures0.xml": XAdES, "META-INF/signature.p7s": CAdES,
		"META-INF/timestamp.tst": Timestamp, "META-INF/ASiCManifest1.xml": Manifest, "META-INF/ASiCArchiveManifest.xml": ArchiveManifest,
		"META-INF/manifest.xml": Package, "META-INF/evidencerecord.ers": EvidenceRecord, "META-INF/x": Other, "meta-inf/signature.p7s": Data,
		"signatures.xml": Data,
	} {
		if got := RoleOf(name); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
}

// FuzzOpen: what is read is what Go's own reader reads, where that reads it.
func FuzzOpen(f *testing.F) {
	f.Add(written(f, two...))
	f.Add(made(f, "mimetype", "a", "b/c"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Open(b)
		if err != nil {
			return
		}
		for _, file := range c.Files {
			if err := CheckName(file.Name); err != nil {
				t.Error(err)
			}
		}
		r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		for _, other := range r.File {
			if got, ok := c.File(other.Name); ok && uint64(len(got)) != other.UncompressedSize64 {
				t.Errorf("%s: %d bytes, and %d to others", other.Name, len(got), other.UncompressedSize64)
			}
		}
	})
}

func FuzzParseManifest(f *testing.F) {
	m := &ASiCManifest{Signature: "s", Objects: []DataObject{{URI: "a", Hash: crypto.SHA256, Digest: make([]byte, 32)}}}
	b, err := m.Marshal("x/y")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := ParseManifest(context.Background(), b); err == nil && len(m.Objects) == 0 {
			t.Error("a manifest of nothing")
		}
	})
}
