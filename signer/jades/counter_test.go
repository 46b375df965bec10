package jades

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"

	"chop/internal/jws"
	"chop/signer/pades"
	"chop/signer/signertest"
)

func counterSign(t testing.TB, c credential, r Request, target string) []byte {
	t.Helper()
	d, err := PrepareCounter(r, target)
	if err != nil {
		t.Fatal(err)
	}
	_, dtbsr := d.DTBSR()
	value, err := c.key.Sign(rand.Reader, dtbsr, c.id.SignerOpts())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Finish(context.Background(), value); err != nil {
		t.Fatal(err)
	}
	return d.Bytes()
}

func on(r Request, doc []byte, form Serialization, level Level) Request {
	r.In, r.Name, r.Detached, r.Beside, r.Serialization, r.Level = nil, "", false, doc, form, level
	return r
}

// A counter-signature at each level, on signatures in each form and at each level; strangers
// verify it, with the value that it is on as its payload, and what was there stays as it was.
func TestCounterSignature(t *testing.T) {
	t.Parallel()
	w := signertest.New(t)
	list := credentials(t, w)
	for n, x := range []struct {
		form     Serialization
		detached bool
		of       Level
		counter  Serialization
		level    Level
	}{
		{Compact, false, pades.LevelB, Compact, pades.LevelB}, {Compact, true, pades.LevelB, "", pades.LevelLT},
		{Flattened, false, pades.LevelT, "", pades.LevelT}, {General, false, pades.LevelLT, Flattened, pades.LevelLT},
		{Flattened, true, pades.LevelLTA, "", pades.LevelB},
	} {
		r := request(w, list[0], x.form, x.detached)
		r.Level = x.of
		doc := sign(t, list[0], r)
		old := verified(t, list[0], doc)
		by := list[1+n%3]
		r.Identity = by.id
		doc = counterSign(t, by, on(r, doc, x.counter, x.level), "Signature 1")
		r.Identity = list[0].id
		doc = counterSign(t, list[0], on(r, doc, "", pades.LevelT), "Signature 1")
		s := verified(t, list[0], doc)
		imprints(t, s)
		if s.Protected != old.Protected || s.Encoded != old.Encoded || len(s.Unsigned) != len(old.Unsigned)+2 {
			t.Errorf("%+v: the signature changed\n%s", x, doc)
		}
		for i, who := range []credential{by, list[0]} {
			c := counterIn(t, s, s.Unsigned[len(old.Unsigned)+i])
			if err := c.Verify(who.key.Public(), jws.Sources{File: func(string) ([]byte, bool) { return s.Value, true }}); err != nil {
				t.Errorf("%+v: %v\n%s", x, err, doc)
			}
			if c.Header.ContentType != "" || c.Header.Files != nil || len(c.Breaches) > 0 {
				t.Errorf("%+v: %+v %q", x, c.Header, c.Breaches)
			}
			joseReads(t, who, fmt.Appendf(nil, `{"payload":"%s","protected":"%s","signature":"%s"}`, s.Encoded, c.Protected, c.Encoded), string(s.Value))
		}
		// The archive timestamp of the signature covers both.
		out, _, err := Extend(t.Context(), ExtendRequest{In: doc, Level: pades.LevelLTA, Timestamper: w, Evidence: w, File: files.File})
		if err != nil {
			t.Fatal(err)
		}
		imprints(t, verified(t, list[0], out))
	}
}

func counterIn(t testing.TB, of *jws.Signature, u *jws.Unsigned) *jws.Signature {
	t.Helper()
	d, err := u.Counter(of)
	if err != nil || len(d.Signatures) != 1 || d.Signatures[0].Err != nil {
		t.Fatalf("%+v, %v", d, err)
	}
	return d.Signatures[0]
}

func TestCounterSignatureRefuses(t *testing.T) {
	t.Parallel()
	w := signertest.New(t)
	c := credentials(t, w)[0]
	doc := sign(t, c, func() Request { r := request(w, c, Flattened, false); r.Level = pades.LevelT; return r }())
	plain := strings.Replace(string(doc), `"etsiU":["`, `"etsiU":[{"sigTst":{}},"`, 1)
	for name, x := range map[string]struct {
		doc, target string
		change      func(*Request)
		want        error
	}{
		"another name":   {string(doc), "Signature 2", nil, pades.ErrRequest},
		"no number":      {string(doc), "signer one", nil, pades.ErrRequest},
		"no JWS":         {"plan", "Signature 1", nil, ErrDocument},
		"plain JSON":     {plain, "Signature 1", nil, ErrDocument},
		"B-LTA":          {string(doc), "Signature 1", func(r *Request) { r.Level = pades.LevelLTA }, pades.ErrRequest},
		"a file":         {string(doc), "Signature 1", func(r *Request) { r.In = []byte("x") }, pades.ErrRequest},
		"general":        {string(doc), "Signature 1", func(r *Request) { r.Serialization = General }, pades.ErrRequest},
		"compact, B-T":   {string(doc), "Signature 1", func(r *Request) { r.Serialization, r.Level = Compact, pades.LevelT }, pades.ErrRequest},
		"no timestamper": {string(doc), "Signature 1", func(r *Request) { r.Timestamper, r.Level = nil, pades.LevelT }, pades.ErrRequest},
	} {
		r := on(request(w, c, "", false), []byte(x.doc), "", pades.LevelB)
		if x.change != nil {
			x.change(&r)
		}
		if _, err := PrepareCounter(r, x.target); !errors.Is(err, x.want) {
			t.Errorf("%s: %v, want %v", name, err, x.want)
		}
	}
}
