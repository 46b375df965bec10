package xades

import (
	"errors"
	"strings"
	"testing"

	"chop/internal/xmldsig"
	"chop/signer/pades"
	"chop/signer/signertest"
)

// What is enveloped keeps its bytes and its signatures: as XML if it is a bare root, else
// in base64.
func TestEnvelopingKeepsTheDocument(t *testing.T) {
	t.Parallel()
	w := signertest.New(t)
	c := credentials(t, w)[0]
	bare := `<a xmlns:x="urn:x" t="x:y"><b/>text<?p i?></a>`
	r := request(w, c, Enveloped)
	r.In, r.Level = []byte(bare), pades.LevelB
	signed := string(sign(t, c, r))
	for name, x := range map[string]struct {
		in     string
		base64 bool
	}{
		"a bare root":        {bare, false},
		"with a declaration": {`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + bare + "\n", false},
		"signed":             {signed, true},
		"a comment before":   {"<!-- c -->" + bare, true},
		"a comment behind":   {bare + "<!-- c -->", true},
		"a comment within":   {"<a><b><!-- c --></b></a>", true},
		"an instruction":     {"<?xml-stylesheet href='a'?>" + bare, true},
		"Latin 1":            {"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>", true},
		"a document type":    {"<!DOCTYPE a [<!ATTLIST a b ID #IMPLIED>]><a/>", true},
	} {
		r := request(w, c, Enveloping)
		r.In, r.Level = []byte(x.in), pades.LevelB
		out := sign(t, c, r)
		ref := verified(t, out, xmldsig.Sources{})[0].Signature.References[0]
		switch {
		case ref.Decoded != x.base64:
			t.Errorf("%s: in base64 is %t, want %t\n%s", name, ref.Decoded, x.base64, out)
		case x.base64 && string(ref.Octets) != x.in:
			t.Errorf("%s: signed are %q", name, ref.Octets)
		case !x.base64 && !strings.Contains(string(out), bare):
			t.Errorf("%s: not in it: %s", name, out)
		}
	}
}

// A name is signed as it is, whatever it looks like.
func TestNamesAreNoPlaceholders(t *testing.T) {
	t.Parallel()
	w := signertest.New(t)
	c := credentials(t, w)[0]
	for name, uri := range map[string]string{"ID-card.pdf": "ID-card.pdf", "C14N ID.xml": "C14N%20ID.xml", "a:ID": "./a:ID"} {
		r := request(w, c, Detached)
		r.Name, r.Level = name, pades.LevelB
		out := sign(t, c, r)
		got := verified(t, out, xmldsig.Sources{File: func(string) ([]byte, bool) { return r.In, true }})[0].Signature.References[0]
		if got.URI != uri {
			t.Errorf("%s: the reference is to %q", name, got.URI)
		}
	}
	r := request(w, c, Enveloping)
	r.In, r.Level = []byte(`<ID>o-ID</ID>`), pades.LevelB
	if out := string(sign(t, c, r)); !strings.Contains(out, string(r.In)) {
		t.Errorf("%s", out)
	}
}

// Inclusive is the default where XML is signed: a prefix that only content uses is bound.
func TestDefaultC14N(t *testing.T) {
	t.Parallel()
	w := signertest.New(t)
	c := credentials(t, w)[0]
	for p, inclusive := range map[Packaging]bool{Enveloped: true, Enveloping: true, Detached: false} {
		r := request(w, c, p)
		r.In, r.Level = []byte(`<a xmlns:x="urn:x" t="x:y"/>`), pades.LevelB
		out := string(sign(t, c, r))
		if got := strings.Contains(out, xmldsig.C14N10) && !strings.Contains(out, xmldsig.Exclusive); got != inclusive {
			t.Errorf("%s: inclusive is %t", p, got)
		}
		if !inclusive {
			continue
		}
		results, err := xmldsig.Verify(t.Context(), []byte(strings.Replace(out, "urn:x", "urn:y", 1)), xmldsig.Options{})
		if err != nil || !errors.Is(results[0].Err, xmldsig.ErrSignature) && !errors.Is(results[0].Err, xmldsig.ErrDigest) {
			t.Errorf("%s: bound anew, it holds: %v %v", p, results, err)
		}
	}
}

// Only UTF-8 is added to: a role in it would be read as something else.
func TestOtherEncodingsAreNotAddedTo(t *testing.T) {
	t.Parallel()
	w := signertest.New(t)
	c := credentials(t, w)[0]
	r := request(w, c, Enveloped)
	r.In, r.Roles = []byte("<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>"), []string{"署長"}
	if _, err := Prepare(t.Context(), r); !errors.Is(err, ErrDocument) {
		t.Errorf("%v, want ErrDocument", err)
	}
}
