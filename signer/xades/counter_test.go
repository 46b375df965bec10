package xades

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"chop/internal/xmldsig"
	"chop/signer/pades"
	"chop/signer/signertest"
)

// counterSign signs the value of a signature in a document.
func counterSign(t testing.TB, c credential, r Request, target string) (doc []byte, id string) {
	t.Helper()
	d, err := PrepareCounter(t.Context(), r, target)
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
	return d.Bytes(), d.Field()
}

func on(r Request, doc []byte, level Level) Request {
	r.In, r.Name, r.Packaging, r.Level = doc, "", "", level
	return r
}

// ids lists the ids of the signatures in a document, in its order.
func ids(t testing.TB, doc []byte) (list []string) {
	t.Helper()
	d, err := xmldsig.Open(t.Context(), doc, xmldsig.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	elements, err := d.SignatureElements()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range elements {
		id, _ := xmldsig.Attr(e, "Id")
		list = append(list, id)
	}
	return list
}

// A counter-signature at each level, in each packaging, on signatures at each level, and on a
// counter-signature; the stranger verifies it by itself, and what was there holds.
func TestCounterSignature(t *testing.T) {
	t.Parallel()
	w := signertest.New(t)
	list := credentials(t, w)
	files := xmldsig.Sources{File: func(string) ([]byte, bool) { return []byte(letter), true }}
	for _, p := range []Packaging{Enveloped, Enveloping, Detached} {
		for i, level := range []Level{pades.LevelB, pades.LevelT, pades.LevelLT, pades.LevelLTA} {
			r := request(w, list[0], p)
			r.Level = level
			doc := sign(t, list[0], r)
			by := list[1+i%2] // P-384 and RSA
			r.Identity = by.id
			first := ids(t, doc)[0]
			doc, second := counterSign(t, by, on(r, doc, []Level{pades.LevelB, pades.LevelT, pades.LevelLT, pades.LevelLT}[i]), first)
			r.Identity = list[0].id
			doc, third := counterSign(t, list[0], on(r, doc, pades.LevelB), second)
			results := verified(t, doc, files)
			if len(results) != 3 {
				t.Fatalf("%s %s: %d signatures\n%s", p, level, len(results), doc)
			}
			for n, one := range results[1:] {
				s := one.Signature
				if ref := s.References[0]; ref.Type != xmldsig.TypeCountersigned || ref.Signed.Apex() != results[n].Signature.ValueElement {
					t.Errorf("%s %s: counter-signature %d signs %s of type %q", p, level, n+1, ref.URI, ref.Type)
				}
				props, err := s.ReadProperties()
				if err != nil || props.Reference == nil {
					t.Fatalf("%+v, %v", props, err)
				}
				imprints(t, s, props, files)
			}
			for _, id := range []string{second, third} {
				xmlsec1Node(t, w, doc, id)
			}
			if strings.Count(string(doc), "DataObjectFormat ") != 1 {
				t.Errorf("a value is called data\n%s", doc)
			}
			if level == pades.LevelLTA {
				continue
			}
			// The archive timestamp of the signature covers both counter-signatures.
			out, _, err := Extend(t.Context(), ExtendRequest{In: doc, Level: pades.LevelLTA, Timestamper: w, Evidence: w, File: files.File})
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range verified(t, out, files)[:1] {
				props, err := one.Signature.ReadProperties()
				if err != nil {
					t.Fatal(err)
				}
				imprints(t, one.Signature, props, files)
			}
		}
	}
}

// xmlsec1Node has the stranger verify one signature of a document.
func xmlsec1Node(t testing.TB, w *signertest.World, doc []byte, id string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "signed.xml")
	if err := os.WriteFile(path, doc, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--verify", "--trusted-pem", w.RootFile(t), "--enabled-key-data", "x509", "--node-id", id}
	for _, name := range []string{"Signature", "SignatureValue", "Object"} {
		args = append(args, "--id-attr:Id", xmldsig.NS+":"+name)
	}
	args = append(args, "--id-attr:Id", xmldsig.XAdES+":SignedProperties", path)
	if out, err := exec.Command("xmlsec1", args...).CombinedOutput(); err != nil {
		t.Errorf("xmlsec1: %v\n%s\n%s", err, out, doc)
	}
}

func TestCounterSignatureRefuses(t *testing.T) {
	t.Parallel()
	w := signertest.New(t)
	c := credentials(t, w)[0]
	r := request(w, c, Enveloped)
	r.Level = pades.LevelB
	doc := sign(t, c, r)
	id := ids(t, doc)[0]
	covered := strings.Replace(string(doc), "<ds:Signature ", covering(t, string(doc))+"<ds:Signature ", 1)
	value := `<ds:SignatureValue Id="v-` + id + `">`
	for name, x := range map[string]struct {
		doc    string
		target string
		change func(*Request)
		want   error
	}{
		"another name":           {string(doc), "chop-x", nil, ErrDocument},
		"no XML":                 {"plan", id, nil, ErrDocument},
		"B-LTA":                  {string(doc), id, func(r *Request) { r.Level = pades.LevelLTA }, pades.ErrRequest},
		"a file":                 {string(doc), id, func(r *Request) { r.Name = "x" }, pades.ErrRequest},
		"a packaging":            {string(doc), id, func(r *Request) { r.Packaging = Detached }, pades.ErrRequest},
		"no time":                {string(doc), id, func(r *Request) { *r = Request{In: r.In, Identity: r.Identity, Level: r.Level} }, pades.ErrRequest},
		"a value without Id":     {strings.Replace(string(doc), value, "<ds:SignatureValue>", 1), id, nil, ErrDocument},
		"an Id that is twice":    {strings.Replace(string(doc), "<to>", `<to Id="v-`+id+`">`, 1), id, nil, ErrDocument},
		"it would break another": {covered, id, nil, ErrBreaks},
	} {
		q := on(r, []byte(x.doc), pades.LevelB)
		if x.change != nil {
			x.change(&q)
		}
		if _, err := PrepareCounter(t.Context(), q, x.target); !errors.Is(err, x.want) {
			t.Errorf("%s: %v, want %v", name, err, x.want)
		}
	}
}
