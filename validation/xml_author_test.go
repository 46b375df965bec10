package validation_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"chop/internal/cms"
	"chop/internal/xmldsig"
	"chop/signer/pades"
	"chop/signer/xades"
	"chop/validation"
)

const order = `<?xml version="1.0"?>
<order xmlns="urn:example:order" xml:lang="en"><payment Id="pay"><to>Chan Tai Man</to><amount>100</amount></payment></order>
`

// A notary gives a world's time-stamps and evidence at a time.
type notary struct {
	*world
	unit *person
	at   time.Time
}

func (n notary) Timestamp(_ context.Context, h crypto.Hash, imprint []byte) ([]byte, error) {
	return n.token(n.unit, h, imprint, n.at), nil
}

func (n notary) Evidence(_ context.Context, cert *x509.Certificate, after time.Time) (certs, ocsps, crls [][]byte, err error) {
	return [][]byte{cert.Raw, n.ca.cert.Raw}, [][]byte{n.ocsp(cert, after.Add(time.Second), answer{by: n.ca})}, [][]byte{n.arl(n.at.AddDate(0, 0, -3))}, nil
}

// signXML signs with our own signer, and SHA-256 unless r has an identity.
func (w *world) signXML(by *person, r xades.Request) []byte {
	w.t.Helper()
	if r.Identity == nil {
		r.Identity = w.identity(by, "", crypto.SHA256)
	}
	n := notary{w, w.tsu, day}
	r.Timestamper, r.Evidence, r.Time = n, n, day
	if r.In == nil {
		r.In = []byte(order)
	}
	if r.Packaging == "" {
		r.Packaging = xades.Enveloped
	}
	d, err := xades.Prepare(w.t.Context(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	_, dtbsr := d.DTBSR()
	value, err := by.key.Sign(rand.Reader, dtbsr, r.Identity.SignerOpts())
	if err != nil {
		w.t.Fatal(err)
	}
	if err := d.Finish(context.Background(), value); err != nil {
		w.t.Fatal(err)
	}
	return d.Bytes()
}

// counterXML signs the value of a signature in a document, and returns its own id.
func (w *world) counterXML(by *person, on []byte, target string, level pades.Level) ([]byte, string) {
	w.t.Helper()
	n := notary{w, w.tsu, day}
	id := w.identity(by, "", crypto.SHA256)
	d, err := xades.PrepareCounter(w.t.Context(), xades.Request{In: on, Level: level, Identity: id, Timestamper: n, Evidence: n, Time: day}, target)
	if err != nil {
		w.t.Fatal(err)
	}
	_, dtbsr := d.DTBSR()
	value, err := by.key.Sign(rand.Reader, dtbsr, id.SignerOpts())
	if err != nil {
		w.t.Fatal(err)
	}
	if err := d.Finish(context.Background(), value); err != nil {
		w.t.Fatal(err)
	}
	return d.Bytes(), d.Field()
}

func (w *world) identity(by *person, scheme cms.Scheme, h crypto.Hash) *pades.Identity {
	w.t.Helper()
	id, err := pades.NewIdentity(by.cert, []*x509.Certificate{w.ca.cert}, scheme, h)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w *world) extendXML(doc []byte, h crypto.Hash, unit *person, at time.Time) []byte {
	w.t.Helper()
	n := notary{w, unit, at}
	out, _, err := xades.Extend(context.Background(), xades.ExtendRequest{In: doc, Level: pades.LevelLTA, Hash: h, Timestamper: n, Evidence: n})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// signBare makes an XML signature without properties, as other software does: in is a
// document with SIGNATURE in its place, uri and transforms are its one reference.
func (w *world) signBare(by *person, in, uri, transforms string) string {
	w.t.Helper()
	write := func(digest, value []byte) string {
		return strings.Replace(in, "SIGNATURE", `<ds:Signature xmlns:ds="`+xmldsig.NS+`" Id="sig"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="`+xmldsig.Exclusive+
			`"/><ds:SignatureMethod Algorithm="`+xmldsig.MethodURI(xmldsig.ECDSA, crypto.SHA256)+`"/><ds:Reference URI="`+uri+`"><ds:Transforms>`+transforms+`</ds:Transforms><ds:DigestMethod Algorithm="`+xmldsig.DigestURI(crypto.SHA256)+`"/><ds:DigestValue>`+
			base64.StdEncoding.EncodeToString(digest)+`</ds:DigestValue></ds:Reference></ds:SignedInfo><ds:SignatureValue>`+base64.StdEncoding.EncodeToString(value)+
			`</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>`+base64.StdEncoding.EncodeToString(by.cert.Raw)+
			`</ds:X509Certificate><ds:X509Certificate>`+base64.StdEncoding.EncodeToString(w.ca.cert.Raw)+`</ds:X509Certificate></ds:X509Data></ds:KeyInfo>OBJECT</ds:Signature>`, 1)
	}
	if !strings.Contains(transforms, xmldsig.Base64) {
		transforms += `<ds:Transform Algorithm="` + xmldsig.Exclusive + `"/>`
	}
	read := func(text string) *xmldsig.Signature {
		d, err := xmldsig.Open(w.t.Context(), []byte(text), xmldsig.Limits{})
		if err != nil {
			w.t.Fatal(err)
		}
		e, err := d.ByID("sig")
		if err != nil {
			w.t.Fatal(err)
		}
		s, err := d.ReadSignature(e)
		if err != nil {
			w.t.Fatal(err)
		}
		return s
	}
	in, object, _ := strings.Cut(in, "OBJECT=")
	write = func(inner func([]byte, []byte) string) func([]byte, []byte) string {
		return func(a, b []byte) string { return strings.Replace(inner(a, b), "OBJECT", object, 1) }
	}(write)
	s := read(write(nil, nil))
	var octets bytes.Buffer
	if err := s.Octets(&octets, s.References[0], xmldsig.Sources{}); err != nil {
		w.t.Fatal(err)
	}
	digest := sha(octets.Bytes())
	signed, err := read(write(digest, nil)).SignedOctets()
	if err != nil {
		w.t.Fatal(err)
	}
	der, err := by.key.Sign(rand.Reader, sha(signed), crypto.SHA256)
	if err != nil {
		w.t.Fatal(err)
	}
	var rs struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &rs); err != nil {
		w.t.Fatal(err)
	}
	return write(digest, append(rs.R.FillBytes(make([]byte, 32)), rs.S.FillBytes(make([]byte, 32))...))
}

// validateXML validates offline; revocation is not looked at unless o says.
func (w *world) validateXML(t testing.TB, doc string, o validation.Options) *validation.Report {
	t.Helper()
	if o.Revocation == "" {
		o.Revocation = validation.RevocationNone
	}
	if o.At.IsZero() {
		o.At = day.Add(time.Minute)
	}
	o.Trust = []*x509.Certificate{w.root.cert}
	v := newValidator(t, validation.Config{})
	r, err := v.Validate(context.Background(), strings.NewReader(doc), int64(len(doc)), o)
	if err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	return r
}

// tell is a report in short, for a message.
func tell(r *validation.Report) string {
	var b strings.Builder
	for _, s := range r.Signatures {
		fmt.Fprintf(&b, "%s %s %s signs %v\n%s", s.Field, verdict(s), s.Level, s.Signed, explain(s))
	}
	fmt.Fprintf(&b, "unsigned: %v\n", r.Document.Unsigned)
	return b.String()
}

func readTrust(w *world) []*x509.Certificate { return []*x509.Certificate{w.root.cert} }
