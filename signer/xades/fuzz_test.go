package xades

import (
	"bytes"
	"crypto/elliptic"
	"testing"

	"chop/internal/xmldsig"
	"chop/signer/pades"
	"chop/signer/signertest"
)

// FuzzEnveloped signs anything: it is refused, or what comes out holds, and the original's
// bytes are all in it.
func FuzzEnveloped(f *testing.F) {
	f.Add([]byte(letter))
	f.Add([]byte(`<p:a xmlns:p="urn:u" b="/>" /><!-- after -->`))
	f.Add([]byte(`<a><![CDATA[</a>]]><b>` + coveringAll(f) + `</b></a>`))
	w := signertest.New(f)
	key := signertest.ECKey(f, elliptic.P256())
	id, err := pades.NewIdentity(w.Signer("陳大文", key.Public()), nil, "", 5)
	if err != nil {
		f.Fatal(err)
	}
	c := credential{"P-256", key, id}
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) > 1<<16 {
			return
		}
		r := request(w, c, Enveloped)
		r.In, r.Level = in, pades.LevelB
		out, err := trySign(t.Context(), c, r)
		if err != nil {
			return
		}
		results, err := xmldsig.Verify(t.Context(), out, xmldsig.Options{})
		if err != nil || len(results) == 0 {
			t.Fatalf("%v\n%q", err, out)
		}
		held := false
		for _, r := range results {
			held = held || r.Err == nil
		}
		if !held {
			t.Fatalf("it does not hold\n%q", out)
		}
		prefix := 0
		for prefix < len(in) && in[prefix] == out[prefix] {
			prefix++
		}
		if !bytes.HasSuffix(out, in[prefix:]) && !bytes.Contains(in, []byte("/>")) {
			t.Fatalf("the original's bytes are not all there\n%q\n%q", in, out)
		}
	})
}
