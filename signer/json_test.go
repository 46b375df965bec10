package signer

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"chop/internal/jws"
	"chop/signer/jades"
	"chop/signer/pades"
)

// jsonStructure is a WholeChecker that reads what was made; it stands in for validation.
type jsonStructure struct{ refuse error }

func (j jsonStructure) CheckWhole(_ context.Context, doc []byte, field, _ string, file []byte) error {
	d, err := jws.Open(doc, jws.Limits{})
	if err != nil {
		return err
	}
	s := d.Signatures[0]
	if _, err := s.SigningInput(jws.Sources{}); err != nil || s.Critical != nil || field != "Signature 1" {
		return errors.Join(err, s.Critical)
	}
	if (s.Header.Files == nil) != (file == nil) {
		return errors.New("a file for an attached signature, or none for a detached one")
	}
	return j.refuse
}

func (r *rig) jsonRequest(t testing.TB, seal *Credential) JSONRequest {
	t.Helper()
	in := filepath.Join(r.folder, "in.json")
	if err := os.WriteFile(in, []byte(`{"name": "陳大文"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	return JSONRequest{Credential: seal.ID, Level: "B-B", Operator: "local:alice", In: in, Out: filepath.Join(r.folder, "out.jws")}
}

func TestSignJSON(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ spec, scheme, alg, hash string }{
		{"p256", "", "ES256", "sha256"}, {"p384", "", "ES384", "sha384"}, {"rsa2048", "", "RS256", "sha256"}, {"rsa2048", "pss", "PS256", "sha256"},
	} {
		r := newRig(t, func(c *Config) { c.WholeChecker = jsonStructure{} })
		seal := r.seal(t, c.spec, c.scheme)
		for _, form := range []jades.Serialization{jades.Compact, jades.Flattened, jades.General} {
			for _, detached := range []bool{false, true} {
				req := r.jsonRequest(t, seal)
				req.Serialization, req.Detached = form, detached
				before := r.keys.uses.Load()
				if err := r.SignJSON(context.Background(), req); err != nil {
					t.Fatalf("%v %s: %v", c, form, err)
				}
				if n := r.keys.uses.Load() - before; n != 1 {
					t.Errorf("%v: the key was used %d times", c, n)
				}
				got, err := os.ReadFile(req.Out)
				if err != nil {
					t.Fatal(err)
				}
				d, err := jws.Open(got, jws.Limits{})
				if err != nil || d.Serialization != form || d.Signatures[0].Header.Algorithm.Name != c.alg {
					t.Errorf("%v %s: %v\n%s", c, form, err, got)
				}
			}
		}
		records, events := r.states(t)
		if !maps.Equal(records, map[string]int{"signed": 6}) || events["signer.prepare"] != 6 || events["signer.sign"] != 6 {
			t.Errorf("%v: records %v, events %v", c, records, events)
		}
		var n int
		if err := r.db.Pool.QueryRow(context.Background(), `SELECT count(*) FROM signer_signature WHERE hash = $1 AND octet_length(document_digest) = octet_length(dtbsr)`, c.hash).Scan(&n); err != nil || n != 6 {
			t.Errorf("%v: %d records with %s, %v", c, n, c.hash, err)
		}
	}
}

// What cannot be signed leaves no key used; what was signed and is refused is recorded, and
// not handed out.
func TestJSONIsNotHandedOut(t *testing.T) {
	t.Parallel()
	refusal := errors.New("I do not like it")
	for name, c := range map[string]struct {
		checker WholeChecker
		change  func(*JSONRequest)
		want    error
		uses    int64
		records map[string]int
	}{
		"refused":                {jsonStructure{refusal}, func(*JSONRequest) {}, ErrRefused, 1, map[string]int{"failed": 1}},
		"a policy for XML":       {jsonStructure{}, func(r *JSONRequest) { r.Policy = "xades-seal" }, ErrPolicy, 0, map[string]int{}},
		"no operator":            {jsonStructure{}, func(r *JSONRequest) { r.Operator = "" }, pades.ErrRequest, 0, map[string]int{}},
		"no checker":             {nil, func(*JSONRequest) {}, pades.ErrRequest, 0, map[string]int{}},
		"over the document":      {jsonStructure{}, func(r *JSONRequest) { r.Detached, r.Out = true, r.In }, pades.ErrRequest, 0, map[string]int{}},
		"compact with a time":    {jsonStructure{}, func(r *JSONRequest) { r.Serialization, r.Level = jades.Compact, "B-T" }, pades.ErrRequest, 0, map[string]int{}},
		"no timestamp to be had": {jsonStructure{}, func(r *JSONRequest) { r.Level = "B-T" }, errUnused, 1, map[string]int{"failed": 1}},
	} {
		r := newRig(t, func(conf *Config) { conf.WholeChecker = c.checker })
		req := r.jsonRequest(t, r.seal(t, "p256", ""))
		c.change(&req)
		before := r.keys.uses.Load()
		if err := r.SignJSON(context.Background(), req); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if n := r.keys.uses.Load() - before; n != c.uses {
			t.Errorf("%s: the key was used %d times, want %d", name, n, c.uses)
		}
		if records, _ := r.states(t); !maps.Equal(records, c.records) {
			t.Errorf("%s: records %v, want %v", name, records, c.records)
		}
		if b, err := os.ReadFile(filepath.Join(r.folder, "in.json")); err != nil || !bytes.Contains(b, []byte("陳大文")) {
			t.Errorf("%s: the document became %q, %v", name, b, err)
		}
		if _, err := os.Stat(filepath.Join(r.folder, "out.jws")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: there is an output: %v", name, err)
		}
	}
}
