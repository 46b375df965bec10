package xades

import (
	"crypto"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/url"
	"strings"

	"chop/internal/cms"
	"chop/internal/xmldsig"
)

// A text is the signature as it is written: all but the digests and the value.
type text struct {
	id        string
	c14n      string
	digestURI string
	method    string
	data      []reference
	keyInfo   string
	object    string // with the data, if enveloping
	signed    string // SignedProperties
}

type reference struct{ id, uri, kind, transforms, mimeType string }

// families name how values are made.
var families = map[cms.Scheme]xmldsig.Family{
	cms.ECDSA: xmldsig.ECDSA, cms.PKCS1: xmldsig.RSAPKCS1, cms.PSS: xmldsig.RSAPSS,
}

// newID makes the id of a signature.
func newID() (string, error) {
	raw := make([]byte, 16)
	if _, err := rand.Read(raw); err != nil {
		return "", fmt.Errorf("make an id: %w", err)
	}
	return "chop-" + hex.EncodeToString(raw), nil
}

// newText composes a signature for a request.
func newText(r *Request, id string, data []reference, object string) (*text, error) {
	h := r.Identity.Hash()
	t := &text{
		id: id, c14n: r.C14N.uri(), digestURI: xmldsig.DigestURI(h), data: data,
		method: xmldsig.MethodURI(families[r.Identity.Scheme()], h),
	}
	if t.method == "" || t.digestURI == "" {
		return nil, bad("XML signatures with %s and %v have no name", r.Identity.Scheme(), h)
	}
	for i := range t.data {
		if t.data[i].id = "r-" + id; i > 0 {
			t.data[i].id += fmt.Sprintf("-%d", i+1)
		}
	}
	t.object = object
	var b strings.Builder
	for _, der := range r.Identity.Certificates() {
		b.WriteString("<ds:X509Certificate>" + base64.StdEncoding.EncodeToString(der) + "</ds:X509Certificate>")
	}
	t.keyInfo = "<ds:KeyInfo><ds:X509Data>" + b.String() + "</ds:X509Data></ds:KeyInfo>"
	var err error
	t.signed, err = signedProperties(r, t.id, t.data)
	return t, err
}

// write returns the Signature element. The digests are those of the data and, last, of the
// properties; nil: not known yet.
func (t *text) write(digests [][]byte, value []byte) string {
	var b strings.Builder
	b.WriteString(`<ds:Signature xmlns:ds="` + xmldsig.NS + `" Id="` + t.id + `"><ds:SignedInfo>` +
		`<ds:CanonicalizationMethod Algorithm="` + t.c14n + `"/><ds:SignatureMethod Algorithm="` + t.method + `"/>`)
	properties := reference{uri: "#p-" + t.id, kind: xmldsig.TypeSignedProperties, transforms: transform(t.c14n)}
	for i, r := range append(t.data[:len(t.data):len(t.data)], properties) {
		var sum []byte
		if digests != nil {
			sum = digests[i]
		}
		b.WriteString("<ds:Reference")
		for _, a := range [][2]string{{"Id", r.id}, {"Type", r.kind}} {
			if a[1] != "" {
				b.WriteString(" " + a[0] + `="` + a[1] + `"`)
			}
		}
		b.WriteString(` URI="` + escape(r.uri) + `">`)
		if r.transforms != "" {
			b.WriteString("<ds:Transforms>" + r.transforms + "</ds:Transforms>")
		}
		b.WriteString(digest(t.digestURI, sum) + "</ds:Reference>")
	}
	b.WriteString(`</ds:SignedInfo><ds:SignatureValue Id="v-` + t.id + `">` + base64.StdEncoding.EncodeToString(value) + "</ds:SignatureValue>" +
		t.keyInfo + t.object + `<ds:Object><xades:QualifyingProperties xmlns:xades="` + xmldsig.XAdES + `" Target="#` + t.id + `">` +
		t.signed + "</xades:QualifyingProperties></ds:Object></ds:Signature>")
	return b.String()
}

func transform(uri string) string { return `<ds:Transform Algorithm="` + uri + `"/>` }

func digest(uri string, value []byte) string {
	return `<ds:DigestMethod Algorithm="` + uri + `"/><ds:DigestValue>` + base64.StdEncoding.EncodeToString(value) + "</ds:DigestValue>"
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}

// fileURI is the name of a file as a relative reference: one that has a colon is not taken
// for a scheme.
func fileURI(name string) string { return (&url.URL{Path: name}).String() }

func sum(h crypto.Hash, b []byte) []byte {
	w := h.New()
	w.Write(b)
	return w.Sum(nil)
}
