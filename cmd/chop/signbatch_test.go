package main_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// inbox makes a folder of documents of every kind, n of each.
func inbox(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, content string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		write(fmt.Sprintf("letters/%d.PDF", i), string(letter(fmt.Sprint("Dear Sir, ", i))))
		write(fmt.Sprintf("%d.xml", i), fmt.Sprintf("<record><mark>ZZ %d</mark></record>", i))
		write(fmt.Sprintf("%d.json", i), fmt.Sprintf(`{"mark":"ZZ %d"}`, i))
		write(fmt.Sprintf("計劃/%d.dwg", i), fmt.Sprint("plan ", i))
	}
	write(".hidden", "not a document")
	return dir
}

// results are the digests of all files below dir that are not hidden.
func results(t *testing.T, dir string) map[string][32]byte {
	t.Helper()
	found := map[string][32]byte{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			return err
		}
		name, err := filepath.Rel(dir, path)
		found[name] = sha256.Sum256(readFile(t, path))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

type batchSaid struct {
	Files, Signed, Already int
	Refused                []struct{ File, Reason string }
}

func said(t *testing.T, r result) (s batchSaid) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.stdout), &s); err != nil {
		t.Fatalf("%v\n%v", err, r)
	}
	return s
}

// oneSignature wants a file to pass, with one signature.
func oneSignature(t *testing.T, a *appliance, path string) {
	t.Helper()
	r := a.run(t, "validate --offline --json", path)
	var report struct {
		Signatures []struct{ Indication string }
	}
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil || r.code != 0 || len(report.Signatures) != 1 {
		t.Errorf("%s: %v, %v", path, err, r)
	}
}

func TestSignBatch(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	seal := a.seal(t, "Transport Department").ID
	in, out := inbox(t, 2), filepath.Join(t.TempDir(), "signed")
	if err := os.WriteFile(filepath.Join(in, "broken.pdf"), []byte("not a PDF"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--credential", seal, "--level", "B-LT", "--in", in, "--out", out}
	r := a.run(t, "sign batch --json", args...)
	s := said(t, r)
	if r.code != 1 || s.Files != 9 || s.Signed != 8 || len(s.Refused) != 1 || s.Refused[0].File != "broken.pdf" || s.Refused[0].Reason == "" {
		t.Errorf("%+v\n%v", s, r)
	}
	first := results(t, out)
	want := []string{"0.json.jws", "0.xml", "1.json.jws", "1.xml", "letters/0.PDF", "letters/1.PDF", "計劃/0.dwg.asics", "計劃/1.dwg.asics"}
	if got := slices.Sorted(maps.Keys(first)); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for name := range first {
		oneSignature(t, a, filepath.Join(out, name))
	}
	if err := os.Remove(filepath.Join(out, "0.xml")); err != nil {
		t.Fatal(err)
	}
	if s := said(t, a.run(t, "sign batch --json", args...)); s.Signed != 1 || s.Already != 7 {
		t.Errorf("once more: %+v", s)
	}
	second := results(t, out)
	delete(first, "0.xml")
	delete(second, "0.xml")
	if !maps.Equal(first, second) {
		t.Error("what was there was written again")
	}
	if r := a.run(t, "sign batch", args...); !strings.Contains(r.stdout, "signed before           8") || !strings.Contains(r.stdout, "broken.pdf: ") || !strings.Contains(r.stderr, "9 of 9 files") {
		t.Errorf("%v", r)
	}
	a.refuses(t, "sign batch", "--credential", seal, "--in", in, "--out", filepath.Join(in, "signed"))
	a.refuses(t, "sign batch", "--credential", seal, "--in", in, "--out", in)
	a.refuses(t, "sign batch", "--credential", "0199aaaa-0000-7000-8000-000000000000", "--in", in, "--out", filepath.Join(t.TempDir(), "other"))
}

// A batch that is killed leaves each file whole or absent; the next run does what is missing, and nothing twice.
func TestKilledWhileSigningBatch(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	seal := a.seal(t, "Transport Department").ID
	in := inbox(t, 5)
	batch := func(out string) []string {
		return []string{"--credential", seal, "--level", "B-LT", "--in", in, "--out", out}
	}
	k := newKiller(t, a, a.timed(t, "sign batch", batch(t.TempDir())...))
	out := t.TempDir()
	var before map[string][32]byte
	for killed := 0; killed < kills(); {
		if len(before) == 20 { // that one is done: begin another
			out, before = t.TempDir(), nil
		}
		if k.kill(t, "sign batch", batch(out)...) {
			killed++
		}
		after := results(t, out)
		for name, was := range before {
			if after[name] != was {
				t.Errorf("%s was there, and was changed", name)
			}
		}
		for name := range after {
			if _, known := before[name]; !known {
				oneSignature(t, a, filepath.Join(out, name))
			}
		}
		before = after
	}
	s := said(t, a.must(t, "sign batch --json", batch(out)...))
	if s.Already != len(before) || s.Signed != 20-len(before) {
		t.Errorf("after %d files: %+v", len(before), s)
	}
	for name, was := range results(t, out) {
		if old, known := before[name]; known && old != was {
			t.Errorf("%s was signed again", name)
		}
		oneSignature(t, a, filepath.Join(out, name))
	}
	a.whole(t)
	a.nobodyLeft(t)
}
