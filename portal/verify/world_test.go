package verify

import (
	"bytes"
	"context"
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/go-chi/chi/v5"

	"chop/internal/pdf"
	"chop/policies"
	"chop/signer/asic"
	"chop/signer/cades"
	"chop/signer/jades"
	"chop/signer/pades"
	"chop/signer/signertest"
	"chop/signer/xades"
	"chop/validation"
	"chop/validation/service"
)

// A desk is a site over real validation, with people whose signatures it receives.
type desk struct {
	*signertest.World
	t       testing.TB
	site    *Site
	handler http.Handler
	good    *pades.Identity
	key     crypto.Signer
	// revoked's certificate is on the list that the validator fetches.
	revoked    *pades.Identity
	revokedKey crypto.Signer
}

// records answers for the world's certificates as its CA would.
type records struct {
	w       *signertest.World
	revoked func() *x509.Certificate
}

func (f records) Issuers(context.Context, *x509.Certificate) ([][]byte, error) {
	return nil, errors.New("no issuers are fetched")
}

func (f records) Revocation(ctx context.Context, cert, _ *x509.Certificate) (crls, ocsps [][]byte, err error) {
	if r := f.revoked(); r != nil && cert.Equal(r) {
		return nil, [][]byte{f.w.Revoked(cert)}, nil
	}
	if cert.Equal(f.w.Issuer) {
		_, _, crls, err = f.w.Evidence(ctx, f.w.TSU, f.w.Now())
		return crls, nil, err
	}
	_, ocsps, _, err = f.w.Evidence(ctx, cert, f.w.Now())
	return nil, ocsps, err
}

func newDesk(t testing.TB, change func(*Config)) *desk {
	t.Helper()
	d := &desk{World: signertest.New(t), t: t, key: signertest.ECKey(t, elliptic.P256()), revokedKey: signertest.ECKey(t, elliptic.P256())}
	d.good = d.identity("CHAN Tai Man 陳大文", d.key)
	d.revoked = d.identity("WONG Siu Ming", d.revokedKey)
	set, err := policies.Load()
	if err != nil {
		t.Fatal(err)
	}
	suite, err := set.Suite("default")
	if err != nil {
		t.Fatal(err)
	}
	v, err := validation.New(validation.Config{
		Suite: suite, Trust: []*x509.Certificate{d.Root}, Fetcher: records{d.World, func() *x509.Certificate { return d.revoked.Certificate() }},
	})
	if err != nil {
		t.Fatal(err)
	}
	judge, err := service.New(service.Config{Validator: v, Policies: set})
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Judge: judge, Policies: set, Version: "test"}
	if change != nil {
		change(&c)
	}
	if d.site, err = New(c); err != nil {
		t.Fatal(err)
	}
	r := chi.NewRouter()
	d.site.Routes(r)
	d.handler = r
	return d
}

func (d *desk) identity(name string, key crypto.Signer) *pades.Identity {
	d.t.Helper()
	id, err := pades.NewIdentity(d.Signer(name, key.Public()), []*x509.Certificate{d.Issuer}, "", crypto.SHA256)
	if err != nil {
		d.t.Fatal(err)
	}
	return id
}

// signable is what every signer of ours makes before the key is used.
type signable interface {
	DTBSR() (crypto.Hash, []byte)
	Finish(context.Context, []byte) error
}

func (d *desk) finish(id *pades.Identity, doc signable, err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
	key := d.key
	if id == d.revoked {
		key = d.revokedKey
	}
	_, dtbsr := doc.DTBSR()
	value, err := key.Sign(rand.Reader, dtbsr, id.SignerOpts())
	if err != nil {
		d.t.Fatal(err)
	}
	if err := doc.Finish(context.Background(), value); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) xml(id *pades.Identity, text string) []byte {
	doc, err := xades.Prepare(context.Background(), xades.Request{In: []byte("<letter><text>" + text + "</text></letter>"), Packaging: xades.Enveloped, Identity: id, Level: pades.LevelT, Timestamper: d, Evidence: d, Time: d.Now()})
	d.finish(id, doc, err)
	return doc.Bytes()
}

func (d *desk) cms(id *pades.Identity, text string, detached bool) []byte {
	doc, err := cades.Prepare(cades.Request{In: []byte(text), Detached: detached, Identity: id, Level: pades.LevelT, Timestamper: d, Evidence: d, Time: d.Now()})
	d.finish(id, doc, err)
	return doc.Bytes()
}

func (d *desk) json(id *pades.Identity, text string) []byte {
	doc, err := jades.Prepare(jades.Request{In: []byte(`{"text": "` + text + `"}`), Identity: id, Level: pades.LevelT, Timestamper: d, Evidence: d, Time: d.Now()})
	d.finish(id, doc, err)
	return doc.Bytes()
}

func (d *desk) asic(id *pades.Identity, text string) []byte {
	doc, err := asic.Prepare(context.Background(), asic.Request{Kind: asic.Extended, Form: asic.XAdES, Files: []asic.File{{Name: "letter.txt", Data: []byte(text)}}, Identity: id, Level: pades.LevelT, Timestamper: d, Evidence: d, Time: d.Now()})
	d.finish(id, doc, err)
	return doc.Bytes()
}

// pdf is signed in the field that its first page has.
func (d *desk) pdf(id *pades.Identity, text string) []byte {
	in, out := blank(text), pades.NewBuffer(nil)
	doc, err := pades.Prepare(context.Background(), pades.Request{In: bytes.NewReader(in), Size: int64(len(in)), Out: out, Field: "Signature", Identity: id, Level: pades.LevelT, Timestamper: d, Evidence: d, Time: d.Now()})
	d.finish(id, doc, err)
	return out.Bytes()
}

// changedPDF has a text stuck over its second page after it was signed.
func (d *desk) changedPDF(text string) []byte {
	signed := d.pdf(d.good, text)
	f, err := pdf.Open(bytes.NewReader(signed), int64(len(signed)), pdf.Limits{})
	if err != nil {
		d.t.Fatal(err)
	}
	page, err := pdf.PageAt(f.Latest(), 1)
	if err != nil {
		d.t.Fatal(err)
	}
	u := pdf.NewUpdate(f)
	note := u.Add(pdf.Dict{
		"Type": pdf.Name("Annot"), "Subtype": pdf.Name("FreeText"), "Rect": pdf.Array{int64(70), int64(600), int64(400), int64(700)},
		"Contents": pdf.String("Pay 900 dollars"), "P": page.Ref,
	})
	o, err := u.Get(page.Ref)
	if err != nil {
		d.t.Fatal(err)
	}
	changed := o.(pdf.Dict).Clone()
	changed["Annots"] = pdf.Array{note}
	u.Set(page.Ref, changed)
	inc, err := u.Build()
	if err != nil {
		d.t.Fatal(err)
	}
	return append(bytes.Clone(signed), inc.Bytes...)
}

// blank is a PDF of two pages with a line of text on each, and a place for a signature on the first.
func blank(text string) []byte {
	var b bytes.Buffer
	var at []int
	object := func(s string) {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", len(at), s)
	}
	b.WriteString("%PDF-1.7\n")
	object("<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [7 0 R] /SigFlags 3 >> >>")
	object("<< /Type /Pages /Kids [3 0 R 6 0 R] /Count 2 >>")
	page := "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> %s>>"
	object(fmt.Sprintf(page, "/Annots [7 0 R] "))
	line := "BT /F1 24 Tf 72 720 Td (" + text + ") Tj ET"
	object(fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(line), line))
	object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
	object(fmt.Sprintf(page, ""))
	object("<< /Type /Annot /Subtype /Widget /FT /Sig /T (Signature) /Rect [300 60 540 150] /F 4 /P 3 0 R >>")
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, a := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", a)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, start)
	return b.Bytes()
}
