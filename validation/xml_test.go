package validation_test

import (
	"bytes"
	"context"
	"crypto"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"chop/internal/xmldsig"
	"chop/signer/pades"
	"chop/signer/xades"
	"chop/validation"
)

func encode(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func TestXMLLevels(t *testing.T) {
	w := newWorld(t)
	by := w.signer("Chan Tai Man")
	for _, p := range []xades.Packaging{xades.Enveloped, xades.Enveloping, xades.Detached} {
		for _, level := range allLevels {
			doc := string(w.signXML(by, xades.Request{Level: level, Packaging: p, Name: "order.xml"}))
			o := w.given(by, level)
			if p == xades.Detached {
				if r := w.validateXML(t, doc, o); verdict(r.Signatures[0]) != "INDETERMINATE/SIGNED_DATA_NOT_FOUND" {
					t.Errorf("without the file: %s", tell(r))
				}
				altered := strings.Replace(doc, "2026-", "2025-", 1) // in the signed properties
				if r := w.validateXML(t, altered, o); verdict(r.Signatures[0]) != "TOTAL-FAILED/HASH_FAILURE" {
					t.Errorf("without the file, and with properties that do not match: %s", tell(r))
				}
				o.Detached = []validation.File{{Name: "other.xml"}, {Name: "order.xml", Content: []byte(order + " ")}}
				if r := w.validateXML(t, doc, o); verdict(r.Signatures[0]) != "TOTAL-FAILED/HASH_FAILURE" {
					t.Errorf("with another file: %s", tell(r))
				}
				o.Detached[1].Content = []byte(order)
				if r := w.validateXML(t, doc, o); verdict(r.Signatures[0]) != passed || r.Passed() || !slices.Equal(r.Document.Unsigned, []string{"file other.xml"}) {
					t.Errorf("with a file that nothing refers to: %s", tell(r))
				}
				o.Detached = o.Detached[1:]
			} else {
				o.Detached = []validation.File{{Name: "order.xml", Content: []byte(order)}}
				if r := w.validateXML(t, doc, o); verdict(r.Signatures[0]) != passed || r.Passed() || !slices.Contains(r.Document.Unsigned, "file order.xml") {
					t.Errorf("%s, with a file that nothing refers to: %s", p, tell(r))
				}
				o.Detached = nil
			}
			r := w.validateXML(t, doc, o)
			want := map[xades.Packaging]string{xades.Enveloped: "the whole document but for signatures", xades.Enveloping: "/ds:Signature/ds:Object[1]", xades.Detached: "file order.xml"}[p]
			if s := r.Signatures[0]; !r.Passed() || s.Level != string(level) || s.Format != validation.FormatXAdES || len(s.Signed) != 1 || s.Signed[0] != want {
				t.Errorf("%s %s: %s", p, level, tell(r))
			}
		}
	}
}

// Every kind of key and canonical form; the digest algorithm is the identity's.
func TestXMLKeys(t *testing.T) {
	w := newWorld(t)
	for name, k := range w.keys() {
		for _, m := range []xades.C14N{xades.Exclusive, xades.Inclusive} {
			for _, p := range []xades.Packaging{xades.Enveloped, xades.Enveloping} {
				doc := w.signXML(&k.person, xades.Request{Level: pades.LevelLTA, Packaging: p, C14N: m, Identity: w.identity(&k.person, k.scheme, k.hash)})
				r := w.validateXML(t, string(doc), validation.Options{Revocation: validation.RevocationRequired})
				if !r.Passed() || r.Signatures[0].Level != validation.LevelLTA {
					t.Errorf("%s %s %s: %s", name, m, p, tell(r))
				}
			}
		}
	}
}

// Two departments sign one record; a counter-signature is judged as a row of its own.
func TestXMLParallel(t *testing.T) {
	w := newWorld(t)
	first := w.signXML(w.signer("Chan Tai Man"), xades.Request{Level: pades.LevelLTA})
	second := string(w.signXML(w.signer("Wong Siu Ming"), xades.Request{Level: pades.LevelLTA, In: first}))
	if r := w.validateXML(t, second, validation.Options{Revocation: validation.RevocationRequired}); len(r.Signatures) != 2 || !r.Passed() {
		t.Errorf("%s", tell(r))
	}
	broken := strings.Replace(second, "100<", "101<", 1)
	if r := w.validateXML(t, broken, validation.Options{}); verdict(r.Signatures[0]) != "TOTAL-FAILED/HASH_FAILURE" || verdict(r.Signatures[1]) != "TOTAL-FAILED/HASH_FAILURE" {
		t.Errorf("%s", tell(r))
	}
}

// A counter-signature is a row of its own, on the value of the signature that holds it; one that
// was moved there from another signature makes the document not pass.
func TestXMLCounterSignature(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two, three := w.signer("Chan Tai Man"), w.signer("Wong Siu Ming"), w.signer("Lee Ka Yan")
	doc := w.signXML(one, xades.Request{Level: pades.LevelLT})
	r := w.validateXML(t, string(doc), validation.Options{})
	first := r.Signatures[0].Field
	for _, level := range []pades.Level{pades.LevelB, pades.LevelT, pades.LevelLT} {
		once, id := w.counterXML(two, doc, first, level)
		twice, again := w.counterXML(three, once, id, pades.LevelB)
		o := validation.Options{Revocation: validation.RevocationRequired, CRLs: [][]byte{w.arl(day.AddDate(0, 0, -3))}}
		for _, p := range []*person{one, two, three, w.tsu} {
			o.OCSPs = append(o.OCSPs, w.ocsp(p.cert, day.Add(time.Second), answer{}))
		}
		for _, x := range [][]byte{once, twice, w.extendXML(twice, crypto.SHA256, w.tsu, day)} {
			r := w.validateXML(t, string(x), o)
			if !r.Passed() || r.Signatures[1].Field != id || r.Signatures[1].Level != string(level) || !slices.Equal(r.Signatures[1].Signed, []string{"the value of " + first}) {
				t.Errorf("%s: %s", level, tell(r))
			}
		}
		if r := w.validateXML(t, string(twice), o); len(r.Signatures) != 3 || !slices.Equal(r.Signatures[2].Signed, []string{"the value of " + id}) || r.Signatures[2].Field != again {
			t.Errorf("%s", tell(r))
		}
		// Another value, with its signature.
		other := w.signXML(three, xades.Request{Level: pades.LevelB, In: once})
		start, end := "<xades:CounterSignature", "</xades:CounterSignature>"
		counter := string(once[bytes.Index(once, []byte(start)) : bytes.Index(once, []byte(end))+len(end)])
		moved := strings.Replace(string(other), counter, "", 1)
		moved = strings.Replace(moved, "</xades:SignedProperties></xades:QualifyingProperties></ds:Object></ds:Signature></order>",
			"</xades:SignedProperties><xades:UnsignedProperties><xades:UnsignedSignatureProperties>"+counter+
				"</xades:UnsignedSignatureProperties></xades:UnsignedProperties></xades:QualifyingProperties></ds:Object></ds:Signature></order>", 1)
		r := w.validateXML(t, moved, o)
		if len(r.Signatures) != 3 || verdict(r.Signatures[0]) != passed || verdict(r.Signatures[1]) != passed || verdict(r.Signatures[2]) != "INDETERMINATE/SIG_CONSTRAINTS_FAILURE" || r.Passed() {
			t.Errorf("moved: %s\n%s", tell(r), moved)
		}
		if !strings.Contains(tell(r), "is not on its value") {
			t.Errorf("moved: %s", tell(r))
		}
		broken := strings.Replace(string(once), `<ds:SignatureValue Id="v-`+first+`">`, `<ds:SignatureValue Id="v-`+first+`"> `, 1)
		if r := w.validateXML(t, broken, o); verdict(r.Signatures[1]) != "TOTAL-FAILED/HASH_FAILURE" {
			t.Errorf("broken: %s", tell(r))
		}
	}
}

// said is what a document says, its signatures apart, in canonical form.
func said(t testing.TB, doc []byte) string {
	t.Helper()
	d, err := xmldsig.Open(t.Context(), doc, xmldsig.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	m, err := xmldsig.ParseC14N(xmldsig.C14N10)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range xmldsig.Elements(d.Root()) {
		if !xmldsig.Is(e, xmldsig.NS, "Signature") {
			if err := d.Canonical(&b, e, m); err != nil {
				t.Fatal(err)
			}
		}
	}
	return d.Root().Name() + " " + b.String()
}

func TestXMLErrors(t *testing.T) {
	v := newValidator(t, validation.Config{})
	for name, c := range map[string]struct {
		doc  string
		o    validation.Options
		want error
	}{
		"not well-formed":     {"<a>", validation.Options{}, validation.ErrFormat},
		"entities":            {"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", validation.Options{}, validation.ErrFormat},
		"two files of a name": {order, validation.Options{Detached: []validation.File{{Name: "a/order.xml"}, {Name: "b/order.xml"}}}, validation.ErrOptions},
		"a file for a PDF":    {string(blank(0)), validation.Options{Detached: []validation.File{{Name: "a"}}}, validation.ErrOptions},
	} {
		_, err := v.Validate(context.Background(), strings.NewReader(c.doc), int64(len(c.doc)), c.o)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	r, err := v.Validate(context.Background(), strings.NewReader(order), int64(len(order)), validation.Options{})
	if err != nil || len(r.Signatures) != 0 || r.Passed() {
		t.Errorf("an unsigned document: %+v, %v", r, err)
	}
}

// FuzzXML feeds anything; what passes must say what was signed.
func FuzzXML(f *testing.F) {
	w := newWorld(f)
	doc := w.signXML(w.signer("Chan Tai Man"), xades.Request{Level: pades.LevelLTA})
	f.Add(doc)
	f.Add([]byte(order))
	f.Add(w.signXML(w.signer("Chan Tai Man"), xades.Request{Level: pades.LevelT, Packaging: xades.Enveloping}))
	v := newValidator(f, validation.Config{})
	want := said(f, doc)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 || len(data) > 1<<20 || !bytes.HasPrefix(bytes.TrimSpace(data), []byte("<")) {
			return
		}
		r, err := v.Validate(context.Background(), bytes.NewReader(data), int64(len(data)), validation.Options{Trust: readTrust(w), At: day.Add(time.Minute), Revocation: validation.RevocationNone})
		if err != nil || !r.Passed() || !strings.HasPrefix(r.Signatures[0].Signed[0], "the whole") {
			return
		}
		if got := said(t, data); got != want {
			t.Fatalf("passes, and says\n%s", got)
		}
	})
}
