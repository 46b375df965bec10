package signer

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"chop/internal/cms"
	"chop/signer/cades"
	"chop/signer/pades"
)

// cmsStructure is a checker that verifies what was made; it stands in for validation.
type cmsStructure struct{ refuse error }

func (x cmsStructure) CheckWhole(_ context.Context, doc []byte, id, _ string, file []byte) error {
	m, err := cms.Parse(doc)
	if err != nil {
		return err
	}
	if m.Content != nil {
		file = m.Content
	}
	si := m.SignerInfos[len(m.SignerInfos)-1]
	key, err := cms.PublicKey(si.FindCertificate(m.Certificates))
	if err != nil {
		return err
	}
	h := si.Digest.New()
	h.Write(file)
	return errors.Join(si.Verify(key, h.Sum(nil)), x.refuse)
}

func (r *rig) cmsRequest(t testing.TB, seal *Credential) CMSRequest {
	t.Helper()
	in := filepath.Join(r.folder, "in.xml")
	if err := os.WriteFile(in, []byte(record), 0o644); err != nil {
		t.Fatal(err)
	}
	return CMSRequest{Credential: seal.ID, Level: "B-B", Operator: "local:alice", In: in, Out: filepath.Join(r.folder, "out.p7m")}
}

func TestSignCMS(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ spec, scheme string }{{"p256", ""}, {"rsa2048", "pss"}} {
		r := newRig(t, func(c *Config) { c.WholeChecker = cmsStructure{} })
		seal := r.seal(t, c.spec, c.scheme)
		req := r.cmsRequest(t, seal)
		for i, change := range []func(){
			func() {}, func() { req.Detached, req.Out = true, filepath.Join(r.folder, "out.p7s") },
			func() { req.Detached, req.Beside = false, req.Out },
		} {
			change()
			before := r.keys.uses.Load()
			if err := r.SignCMS(context.Background(), req); err != nil {
				t.Fatalf("%v %d: %v", c, i, err)
			}
			if n := r.keys.uses.Load() - before; n != 1 {
				t.Errorf("%v %d: the key was used %d times", c, i, n)
			}
			got, err := os.ReadFile(req.Out)
			if err != nil || bytes.Contains(got, []byte(record)) != (i == 0) {
				t.Errorf("%v %d: %v\n%x", c, i, err, got)
			}
		}
		records, events := r.states(t)
		if !maps.Equal(records, map[string]int{"signed": 3}) || events["signer.prepare"] != 3 || events["signer.sign"] != 3 {
			t.Errorf("%v: records %v, events %v", c, records, events)
		}
	}
}

// What cannot be signed leaves no key used; what was signed and is refused is recorded, and
// not handed out.
func TestCMSIsNotHandedOut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		refuse  error
		change  func(*CMSRequest)
		want    error
		uses    int64
		records map[string]int
	}{
		"refused":             {errors.New("I do not like it"), func(*CMSRequest) {}, ErrRefused, 1, map[string]int{"failed": 1}},
		"a policy for XML":    {nil, func(r *CMSRequest) { r.Policy = "xades-seal" }, ErrPolicy, 0, map[string]int{}},
		"no operator":         {nil, func(r *CMSRequest) { r.Operator = "" }, pades.ErrRequest, 0, map[string]int{}},
		"over the file":       {nil, func(r *CMSRequest) { r.Out = r.In }, pades.ErrRequest, 0, map[string]int{}},
		"no file":             {nil, func(r *CMSRequest) { r.In = "" }, pades.ErrRequest, 0, map[string]int{}},
		"beside what is none": {nil, func(r *CMSRequest) { r.Beside = r.In }, cades.ErrMessage, 0, map[string]int{}},
	} {
		r := newRig(t, func(conf *Config) { conf.WholeChecker = cmsStructure{c.refuse} })
		req := r.cmsRequest(t, r.seal(t, "p256", ""))
		c.change(&req)
		before := r.keys.uses.Load()
		if err := r.SignCMS(context.Background(), req); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if n := r.keys.uses.Load() - before; n != c.uses {
			t.Errorf("%s: the key was used %d times, want %d", name, n, c.uses)
		}
		if records, _ := r.states(t); !maps.Equal(records, c.records) {
			t.Errorf("%s: records %v, want %v", name, records, c.records)
		}
		if b, err := os.ReadFile(filepath.Join(r.folder, "in.xml")); err != nil || string(b) != record {
			t.Errorf("%s: the file became %q, %v", name, b, err)
		}
		if _, err := os.Stat(filepath.Join(r.folder, "out.p7m")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: there is an output: %v", name, err)
		}
	}
}
