package jws

import (
	"crypto/elliptic"
	"os"
	"path/filepath"
	"testing"

	"chop/internal/corpus"
)

// FuzzOpen reads anything. What verifies goes on verifying after something was appended to
// it, and is read the same way.
func FuzzOpen(f *testing.F) {
	key := ecKey(f, elliptic.P256())
	header, payload := `{"alg":"ES256","b64":false,"crit":["b64"]}`, "hello"
	f.Add([]byte(compact(f, header, payload, key)))
	f.Add([]byte(`{"payload":"hello","signatures":[{"protected":"` + Encode([]byte(header)) + `","header":{"etsiU":["eyJhIjoxfQ"]},"signature":"` + made(f, header, payload, key) + `"}]}`))
	f.Add([]byte(compact(f, `{"alg":"ES256","sigD":{"mId":"`+ObjectIDByURIHash+`","pars":["a"],"hashM":"S256","hashV":["AAAA"]},"crit":["sigD"]}`, "", key)))
	dir, _ := corpus.Find("esig_dss")
	files, _ := filepath.Glob(filepath.Join(dir, "dss-jades/src/test/resources/validation/*.json"))
	for _, name := range files {
		if b, err := os.ReadFile(name); err == nil && len(b) < 1<<15 {
			f.Add(b)
		}
	}
	src := Sources{File: func(name string) ([]byte, bool) { return []byte(name), len(name) > 3 }}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Open(data, Limits{Size: 1 << 20, Values: 10_000})
		if err != nil {
			return
		}
		if more, err := d.Add([]byte(`{"protected":"e30","signature":"AA"}`)); err == nil {
			again, err := Open(more, Limits{})
			if err != nil || len(again.Signatures) != len(d.Signatures)+1 || len(again.Foreign) != len(d.Foreign) || again.Payload != d.Payload {
				t.Fatalf("%v\n%q\n%q", err, data, more)
			}
		}
		for i, s := range d.Signatures {
			before := s.Verify(&key.PublicKey, src)
			if s.Err != nil {
				continue
			}
			for j, u := range s.Unsigned {
				u.Evidence(func(Kind, []byte) {})
				_, _ = u.Tokens()
				_, _ = u.Counter(s)
				_, _ = s.ArchiveImprint(j, src)
			}
			_, _ = s.ContentImprint(src)
			longer, err := s.Append([]byte(`{"x":1}`))
			if err != nil {
				continue
			}
			again, err := Open(longer, Limits{})
			if err != nil {
				t.Fatalf("%v\n%q\n%q", err, data, longer)
			}
			after := again.Signatures[i]
			if got := after.Verify(&key.PublicKey, src); (got == nil) != (before == nil) || len(after.Unsigned) != len(s.Unsigned)+1 {
				t.Fatalf("%v became %v\n%q\n%q", before, got, data, longer)
			}
		}
	})
}
