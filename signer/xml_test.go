package signer

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"chop/internal/xmldsig"
	"chop/signer/pades"
	"chop/signer/xades"
)

// xmlStructure is a WholeChecker that verifies what was made; it stands in for validation.
type xmlStructure struct{ refuse error }

func (x xmlStructure) CheckWhole(ctx context.Context, doc []byte, id, _ string, file []byte) error {
	results, err := xmldsig.Verify(ctx, doc, xmldsig.Options{Sources: xmldsig.Sources{File: func(string) ([]byte, bool) { return file, file != nil }}})
	if err != nil {
		return err
	}
	for _, r := range results {
		if r.Signature.ID == id && r.Err == nil {
			return x.refuse
		}
	}
	return errors.New("no such signature")
}

const record = `<record xmlns="urn:example:record"><name>陳大文</name></record>`

func (r *rig) xmlRequest(t testing.TB, seal *Credential) XMLRequest {
	t.Helper()
	in := filepath.Join(r.folder, "in.xml")
	if err := os.WriteFile(in, []byte(record), 0o644); err != nil {
		t.Fatal(err)
	}
	return XMLRequest{
		Credential: seal.ID, Level: "B-B", Operator: "local:alice", In: in, Out: filepath.Join(r.folder, "out.xml"),
		Packaging: xades.Enveloped, C14N: xades.Exclusive,
	}
}

func TestSignXML(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ spec, scheme string }{{"p256", ""}, {"p384", ""}, {"rsa2048", ""}, {"rsa2048", "pss"}} {
		r := newRig(t, func(c *Config) { c.WholeChecker = xmlStructure{} })
		seal := r.seal(t, c.spec, c.scheme)
		for _, p := range []xades.Packaging{xades.Enveloped, xades.Enveloping, xades.Detached} {
			req := r.xmlRequest(t, seal)
			req.Packaging = p
			before := r.keys.uses.Load()
			if err := r.SignXML(context.Background(), req); err != nil {
				t.Fatalf("%v %s: %v", c, p, err)
			}
			if n := r.keys.uses.Load() - before; n != 1 {
				t.Errorf("%v: the key was used %d times", c, n)
			}
			got, err := os.ReadFile(req.Out)
			if err != nil || !bytes.Contains(got, []byte("SignedProperties")) {
				t.Errorf("%v %s: %v\n%s", c, p, err, got)
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
func TestXMLIsNotHandedOut(t *testing.T) {
	t.Parallel()
	refusal := errors.New("I do not like it")
	for name, c := range map[string]struct {
		checker WholeChecker
		change  func(*XMLRequest)
		want    error
		uses    int64
		records map[string]int
	}{
		"refused":                {xmlStructure{refusal}, func(*XMLRequest) {}, ErrRefused, 1, map[string]int{"failed": 1}},
		"a policy for PDF":       {xmlStructure{}, func(r *XMLRequest) { r.Policy = "pades-seal" }, ErrPolicy, 0, map[string]int{}},
		"no such policy":         {xmlStructure{}, func(r *XMLRequest) { r.Policy = "nobody" }, ErrPolicy, 0, map[string]int{}},
		"no operator":            {xmlStructure{}, func(r *XMLRequest) { r.Operator = "" }, pades.ErrRequest, 0, map[string]int{}},
		"no checker":             {nil, func(*XMLRequest) {}, pades.ErrRequest, 0, map[string]int{}},
		"over the document":      {xmlStructure{}, func(r *XMLRequest) { r.Packaging, r.Out = xades.Detached, r.In }, pades.ErrRequest, 0, map[string]int{}},
		"a folder":               {xmlStructure{}, func(r *XMLRequest) { r.In = filepath.Dir(r.In) }, xades.ErrDocument, 0, map[string]int{}},
		"no timestamp to be had": {xmlStructure{}, func(r *XMLRequest) { r.Level = "B-T" }, errUnused, 1, map[string]int{"failed": 1}},
	} {
		r := newRig(t, func(conf *Config) { conf.WholeChecker = c.checker })
		req := r.xmlRequest(t, r.seal(t, "p256", ""))
		c.change(&req)
		before := r.keys.uses.Load()
		if err := r.SignXML(context.Background(), req); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if n := r.keys.uses.Load() - before; n != c.uses {
			t.Errorf("%s: the key was used %d times, want %d", name, n, c.uses)
		}
		if records, _ := r.states(t); !maps.Equal(records, c.records) {
			t.Errorf("%s: records %v, want %v", name, records, c.records)
		}
		if b, err := os.ReadFile(filepath.Join(r.folder, "in.xml")); err != nil || string(b) != record {
			t.Errorf("%s: the document became %q, %v", name, b, err)
		}
		if _, err := os.Stat(filepath.Join(r.folder, "out.xml")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: there is an output: %v", name, err)
		}
	}
}
