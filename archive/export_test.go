package archive

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"chop/internal/audit"
	"chop/validation"
)

// An export is judged without the store, and whatever of it is changed shows. So is what is changed on the disk.
func TestExport(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := r.store()
	files := r.signed()
	d := r.add(s, clerk, files["detached.xml"])
	dir := filepath.Join(t.TempDir(), "out")
	if _, err := s.Export(t.Context(), stranger, d.ID, dir); !errors.Is(err, ErrNotFound) {
		t.Errorf("a stranger's export: %v", err)
	}
	if _, err := s.Export(t.Context(), clerk, d.ID, dir); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Export(t.Context(), clerk, d.ID, dir); !errors.Is(err, ErrRequest) {
		t.Errorf("over another export: %v", err)
	}
	offline, err := validation.New(validation.Config{Suite: r.suite, Trust: []*x509.Certificate{r.Root}, Now: r.clock})
	if err != nil {
		t.Fatal(err)
	}
	log, err := audit.Verify(t.Context(), r.db)
	if err != nil {
		t.Fatal(err)
	}
	look := func(kept ...audit.Head) (*Verification, error) {
		v, _, err := VerifyExport(t.Context(), offline, validation.Options{}, dir, kept...)
		return v, err
	}
	v, err := look(log.Head)
	if err != nil || !v.OK || v.Events != 3 || v.Indication != validation.TotalPassed {
		t.Fatalf("%+v, %v", v, err)
	}
	other := log.Head
	other.Hash[3] ^= 1
	if v, err := look(other); err != nil || v.OK {
		t.Errorf("a head of another log: %+v, %v", v, err)
	}
	for _, name := range []string{"document/detached.xml", "original/detached.xml", "covered/letter.txt", "evidence.zip", "audit.json", "store.json"} {
		path := filepath.Join(dir, name)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		changed := bytes.Clone(b)
		switch name {
		case "store.json":
			changed = bytes.Replace(b, []byte(`"transport"`), []byte(`"lands"`), 1)
		case "audit.json":
			changed = bytes.Replace(b, []byte("department:transport"), []byte("department:lands"), 1)
		default:
			changed[len(b)/2] ^= 1
		}
		if bytes.Equal(b, changed) {
			t.Fatalf("%s was not changed", name)
		}
		os.WriteFile(path, changed, 0o600)
		if v, err := look(); err != nil || v.OK {
			t.Errorf("%s was changed: %+v, %v", name, v, err)
		}
		os.WriteFile(path, b, 0o600)
	}
	// Each octet of the evidence counts, also one that says nothing: the time of a file in the ZIP's directory.
	path := filepath.Join(dir, "evidence.zip")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(b)
	changed[bytes.LastIndex(b, []byte("PK\x01\x02"))+12] ^= 1
	os.WriteFile(path, changed, 0o600)
	if v, err := look(); err != nil || v.OK {
		t.Errorf("the time of a file in evidence.zip was changed: %+v, %v", v, err)
	}
	os.WriteFile(path, b, 0o600)
	nobody, err := validation.New(validation.Config{Suite: r.suite, Now: r.clock})
	if err != nil {
		t.Fatal(err)
	}
	if v, _, err := VerifyExport(t.Context(), nobody, validation.Options{}, dir); err != nil || v.OK {
		t.Errorf("trusting nobody: %+v, %v", v, err)
	}
	if _, _, err := VerifyExport(t.Context(), offline, validation.Options{}, t.TempDir()); !errors.Is(err, ErrExport) {
		t.Errorf("an empty folder: %v", err)
	}

	r.good(s, d.ID)
	for _, path := range r.files() {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		changed := bytes.Clone(b)
		changed[len(b)-1] ^= 1
		os.WriteFile(path, changed, 0o600)
		if v, err := s.Verify(t.Context(), operator, d.ID); err != nil || v.OK {
			t.Errorf("%s was changed: %+v, %v", path, v, err)
		}
		os.Remove(path)
		if v, err := s.Verify(t.Context(), operator, d.ID); err != nil || v.OK {
			t.Errorf("%s is gone: %+v, %v", path, v, err)
		}
		os.WriteFile(path, b, 0o600)
	}
	r.good(s, d.ID)
}

func FuzzReadRecord(f *testing.F) {
	sum := Digest(bytes.Repeat([]byte{7}, 32))
	b, err := json.Marshal(Record{Version: 1, ID: "x", Name: "a.pdf", Format: "pdf", Original: sum, Generations: []Generation{{Number: 1, SHA256: sum}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := readRecord(data)
		if err != nil {
			return
		}
		r.proven([]audit.Entry{{Subject: "stored:" + r.ID, Action: "archive.add", Detail: data}})
		if r.newest().Number != len(r.Generations) {
			t.Errorf("%+v", r)
		}
	})
}
