package main_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"strings"
	"testing"
	"time"

	"chop/internal/cms"
)

// Forgeries that need no key of ours: each leaves a file that some viewers call validly signed. None may pass.
func TestForgeries(t *testing.T) {
	t.Parallel()
	a := shared.open(t)
	seal := shared.seal(t, "p256", "")
	signed := readFile(t, a.sign(t, seal, "B-LT", saved(t, "letter.pdf", letter("Pay HKD 100"))))
	other := readFile(t, a.sign(t, seal, "B-LT", saved(t, "other.pdf", letter("Pay HKD 900"))))
	sig := parts(t, signed)[0]

	for name, forged := range map[string][]byte{
		"zeroed Contents":                 sig.put(t, signed, nil),
		"the CMS of another file":         sig.put(t, signed, parts(t, other)[0].der),
		"signed bytes in another file":    transplanted(signed, sig),
		"a trusted certificate put first": sig.put(t, signed, byStranger(t, sig)),
		"cut within what is signed":       signed[:sig.end-8],
		"a second page over the first":    update(t, signed, map[int]string{5: pageText("Pay HKD 900")}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := saved(t, "forged.pdf", forged)
			r := a.run(t, "validate --json", file)
			switch {
			case r.code == 2 && strings.HasPrefix(r.stderr, "chop: "):
			case r.code != 1:
				t.Errorf("%v", r)
			default:
				report := a.judged(t, file)
				if len(report.Signatures) == 0 {
					t.Errorf("the signature is not even listed: %v", r)
				}
				for _, s := range report.Signatures {
					if s.Indication == "TOTAL-PASSED" && report.Document.Modifications != "suspicious" {
						t.Errorf("%s passed: %v", s.Field, r)
					}
				}
			}
		})
	}
}

// transplanted is a file that says something else, and carries a signed one in a stream, whose bytes its
// signature's ByteRange names: the digest is right.
func transplanted(signed []byte, sig part) []byte {
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [6 0 R] /SigFlags 3 >> >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 4 0 R >> >> /Contents 5 0 R /Annots [6 0 R] >>",
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
		pageText("Pay HKD 900"),
		"<< /Type /Annot /Subtype /Widget /FT /Sig /T (Signature1) /V 7 0 R /F 132 /P 3 0 R /Rect [0 0 0 0] >>",
		"<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached /ByteRange [%010d %010d %010d %010d] /Contents <%x> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(signed), signed),
	}
	place := func(at int) []byte {
		filled := append([]string(nil), objects...)
		filled[6] = fmt.Sprintf(objects[6], at, sig.gap, at+sig.resume, sig.end-sig.resume, sig.der)
		return makePDF(filled...)
	}
	return place(bytes.Index(place(0), signed))
}

// byStranger is a right CMS over what sig signs, by a key and certificate of nobody, who names himself as the
// department does and puts the department's certificate before his own.
func byStranger(t *testing.T, sig part) []byte {
	t.Helper()
	genuine := sig.parsed(t)
	department := genuine.SignerInfos[0].FindCertificate(genuine.Certificates)
	real, err := x509.ParseCertificate(department)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	// A set is sorted in DER, a shorter element first: the long name, which is also the issuer's, makes this one the last.
	tmpl := &x509.Certificate{
		SerialNumber: real.SerialNumber, KeyUsage: x509.KeyUsageContentCommitment,
		Subject:   pkix.Name{CommonName: real.Subject.CommonName, OrganizationalUnit: []string{strings.Repeat("x", len(department)/2)}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	content := sha256.Sum256(sig.signed)
	attributes, err := cms.SignedAttributes{
		ContentType: cms.OIDData, MessageDigest: content[:], Certificate: cert, Hash: crypto.SHA256,
	}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(attributes)
	value, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	forged, err := cms.Build(cms.BuildParams{
		ContentType: cms.OIDData, Certificates: [][]byte{department, der}, Certificate: cert,
		Hash: crypto.SHA256, Scheme: cms.ECDSA, SignedAttrs: attributes, Signature: value,
	})
	if err != nil {
		t.Fatal(err)
	}
	return forged
}
