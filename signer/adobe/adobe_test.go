package adobe

import (
	"bytes"
	"context"
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chop/internal/cms"
	"chop/internal/pdf"
	"chop/signer/pades"
	"chop/signer/signertest"
)

// document is one page; catalog and page take more entries, more objects count from 4.
func document(catalog string, more ...string) []byte {
	var b bytes.Buffer
	var at []int
	add := func(body string) {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", len(at), body)
	}
	b.WriteString("%PDF-1.6\n%\xe2\xe3\xcf\xd3\n")
	add("<< /Type /Catalog /Pages 2 0 R " + catalog + " >>")
	add("<< /Type /Pages /Kids [3 0 R] /Count 1 >>")
	add("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>")
	for _, o := range more {
		add(o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, off := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", off)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R /ID [<00> <00>] >>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, start)
	return b.Bytes()
}

type scene struct {
	*signertest.World
	key crypto.Signer
	id  *pades.Identity
}

func newScene(t *testing.T, key crypto.Signer, scheme cms.Scheme) *scene {
	t.Helper()
	w := signertest.New(t)
	id, err := pades.NewIdentity(w.Signer("Department of Tests 測試署", key.Public()), []*x509.Certificate{w.Issuer, w.Root}, scheme, crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return &scene{w, key, id}
}

func (s *scene) sign(t *testing.T, in []byte, change func(*Request)) ([]byte, error) {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "out.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	r := Request{
		In: bytes.NewReader(in), Size: int64(len(in)), Out: out, Identity: s.id, Evidence: s, Timestamper: s,
		Time: time.Date(2026, 11, 23, 14, 5, 0, 0, time.UTC),
	}
	if change != nil {
		change(&r)
	}
	ctx := context.Background()
	doc, err := Prepare(ctx, r)
	if err != nil {
		return nil, err
	}
	_, dtbsr := doc.DTBSR()
	sig, err := s.key.Sign(rand.Reader, dtbsr, s.id.SignerOpts())
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Finish(ctx, sig); err != nil {
		return nil, err
	}
	if err := doc.Finish(ctx, sig); !errors.Is(err, pades.ErrFinished) {
		t.Errorf("a second Finish: %v", err)
	}
	b, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return b, nil
}

func TestStrangersAcceptIt(t *testing.T) {
	t.Parallel()
	rsa := signertest.RSAKey(t, 2048)
	for _, c := range []struct {
		name   string
		key    crypto.Signer
		scheme cms.Scheme
	}{
		{"p256", signertest.ECKey(t, elliptic.P256()), ""}, {"p384", signertest.ECKey(t, elliptic.P384()), ""},
		{"rsa", rsa, ""}, {"pss", rsa, cms.PSS},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, c.key, c.scheme)
			in := document("/Lang (en)")
			out, err := s.sign(t, in, func(r *Request) { r.Reason, r.Location = "Because (it is so)", "香港" })
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(out, in) {
				t.Error("the original's bytes were changed")
			}
			if _, err := s.sign(t, out, nil); !errors.Is(err, ErrUnsupported) {
				t.Errorf("a second signature: %v, want ErrUnsupported", err)
			}
			path := filepath.Join(t.TempDir(), "signed.pdf")
			if err := os.WriteFile(path, out, 0o600); err != nil {
				t.Fatal(err)
			}
			if text, err := exec.Command("qpdf", "--check", path).CombinedOutput(); err != nil {
				t.Errorf("qpdf --check: %v\n%s", err, text)
			}
			text, _ := exec.Command("pdfsig", "-nocert", path).CombinedOutput()
			if n := strings.Count(string(text), "Signature is Valid."); n != 1 {
				t.Errorf("pdfsig: %d valid signatures, want 1\n%s", n, text)
			}
			for _, want := range []string{"adbe.pkcs7.detached", "Department of Tests 測試署"} {
				if !strings.Contains(string(text), want) {
					t.Errorf("pdfsig does not say %q:\n%s", want, text)
				}
			}
			if s.Timestamps != 1 {
				t.Errorf("%d timestamps for one signature", s.Timestamps)
			}
		})
	}
}

func TestTheArchiveIsThere(t *testing.T) {
	t.Parallel()
	s := newScene(t, signertest.ECKey(t, elliptic.P256()), "")
	out, err := s.sign(t, document(""), nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := pdf.Open(bytes.NewReader(out), int64(len(out)), pdf.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	sigs, err := pdf.Signatures(f.Latest())
	if err != nil || len(sigs) != 1 {
		t.Fatalf("%d signatures, %v", len(sigs), err)
	}
	der, err := cms.TrimContents(sigs[0].Value["Contents"].(pdf.String))
	if err != nil {
		t.Fatal(err)
	}
	sd, err := cms.Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	si := sd.SignerInfos[0]
	archive, err := si.AdobeRevocation()
	if err != nil || archive == nil || len(archive.OCSPs) != 1 || len(archive.CRLs) != 1 {
		t.Errorf("archive %+v, %v; want an OCSP response and a CRL", archive, err)
	}
	if n := len(si.SignatureTimestamps()); n != 1 {
		t.Errorf("%d signature timestamps", n)
	}
	if !bytes.Equal(si.Issuer, s.Issuer.RawSubject) {
		t.Error("the signer is named by another issuer")
	}
	if at, err := si.SigningTime(); err != nil || at.IsZero() {
		t.Errorf("signing time %v, %v", at, err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := newScene(t, signertest.ECKey(t, elliptic.P256()), "")
	plain := document("")
	for _, c := range []struct {
		name   string
		in     []byte
		change func(*Request)
		want   error
	}{
		{"no PDF", []byte("hello"), nil, pades.ErrNotPDF},
		{"too large", plain, func(r *Request) { r.Size = MaxSize + 1 }, ErrUnsupported},
		{"a text that would be corrupted", plain, func(r *Request) { r.Reason = "Шевченко" }, ErrUnsupported},
		{"a control character", plain, func(r *Request) { r.Location = "a\x00b" }, ErrUnsupported},
		{"form resources", document("/AcroForm << /Fields [] /DA (/Helv 0 Tf) >>"), nil, ErrUnsupported},
		{"XFA", document("/AcroForm << /Fields [] /XFA 4 0 R >>", "<< /Length 0 >>\nstream\n\nendstream"), nil, ErrUnsupported},
		{"a text field", document("/AcroForm << /Fields [4 0 R] >>", "<< /FT /Tx /T (Name) >>"), nil, ErrUnsupported},
		{"a string in the catalog that would be corrupted", document(`/Lang (a\)b\(c)`), nil, ErrUnsupported},
		{"certified as final", document("/AcroForm << /Fields [4 0 R] >> /Perms << /DocMDP 5 0 R >>",
			"<< /FT /Sig /T (A) /V 5 0 R >>",
			"<< /Type /Sig /Reference [<< /TransformMethod /DocMDP /TransformParams << /P 1 >> >>] >>"), nil, pades.ErrForbidden},
		{"no evidence", plain, func(r *Request) { r.Evidence = nil }, pades.ErrRequest},
	} {
		_, err := s.sign(t, c.in, c.change)
		if !errors.Is(err, c.want) && !(c.want == ErrUnsupported && errors.Is(err, ErrDamaged)) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestTexts(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		"": true, "plain (ASCII) \\ text": true, "香港": true, "Ёлка": true, "Шевченко": false,
		"\u2028": false, "naïve)": false, "a\rb": false, "\U00020001": true,
	} {
		if err := checkText(text); (err == nil) != ok {
			t.Errorf("%q: %v, want accepted %v", text, err, ok)
		}
	}
}

// The library must not get a second digest signed, whatever it does.
func TestWitnessSignsOnce(t *testing.T) {
	t.Parallel()
	w := new(witness)
	if _, err := w.Sign(nil, []byte{1}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Sign(nil, []byte{2}, nil); !errors.Is(err, errTwice) || w.digest[0] != 1 {
		t.Errorf("second signature: %v, digest %x", err, w.digest)
	}
}

// What comes from pdfsign is compared with the original: changes of any kind are found.
func TestDamageIsFound(t *testing.T) {
	t.Parallel()
	original := document("/Lang (en) /Metadata 4 0 R", "<< /Length 4 >>\nstream\n<x/>\nendstream")
	open := func(b []byte) *pdf.File {
		f, err := pdf.Open(bytes.NewReader(b), int64(len(b)), pdf.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	before := open(original)
	for name, change := range map[string]func(*pdf.Update, pdf.Dict){
		"a page":           func(u *pdf.Update, _ pdf.Dict) { u.Set(pdf.Ref{Num: 3}, pdf.Dict{"Type": pdf.Name("Page")}) },
		"a stream":         func(u *pdf.Update, _ pdf.Dict) { u.Set(pdf.Ref{Num: 4}, pdf.NewStream(pdf.Dict{}, []byte("y"))) },
		"an entry altered": func(_ *pdf.Update, c pdf.Dict) { c["Lang"] = pdf.String("fr") },
		"an entry removed": func(_ *pdf.Update, c pdf.Dict) { delete(c, "Metadata") },
		"an entry added":   func(_ *pdf.Update, c pdf.Dict) { c["OpenAction"] = pdf.Dict{"S": pdf.Name("JavaScript")} },
		"two fields of a name": func(u *pdf.Update, c pdf.Dict) {
			field := pdf.Dict{"FT": pdf.Name("Sig"), "T": pdf.String("Same")}
			c["AcroForm"] = pdf.Dict{"Fields": pdf.Array{u.Add(field), u.Add(field)}}
		},
	} {
		u := pdf.NewUpdate(before)
		catalog, err := before.Latest().Catalog()
		if err != nil {
			t.Fatal(err)
		}
		catalog = catalog.Clone()
		change(u, catalog)
		u.Set(before.Latest().CatalogRef(), catalog)
		inc, err := u.Build()
		if err != nil {
			t.Fatal(err)
		}
		output := append(bytes.Clone(original), inc.Bytes...)
		if err := compare(before, open(output), original, output); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v, want ErrDamaged", name, err)
		}
	}
}

func FuzzAttributesOf(f *testing.F) {
	f.Add([]byte{0x30, 0x80})
	f.Add([]byte{0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02})
	f.Fuzz(func(t *testing.T, der []byte) {
		set, err := attributesOf(der)
		if err == nil && (len(set) < 2 || set[0] != 0x31 || len(set) > len(der)) {
			t.Errorf("%x gives the set %x", der, set)
		}
	})
}
