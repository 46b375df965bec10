package forms

import (
	"bytes"
	"context"
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"chop/signer/pades"
	"chop/signer/signertest"
)

// A form is there to be signed: in its own field, with the seal in the box that waits
// for it, so that a stranger calls the signature valid.
func TestFormsAreSigned(t *testing.T) {
	w := signertest.New(t)
	key := signertest.ECKey(t, elliptic.P256())
	id, err := pades.NewIdentity(w.Signer("CHAN, Tai Man 陳大文", key.Public()), []*x509.Certificate{w.Issuer, w.Root}, "", crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	nss := t.TempDir()
	for _, args := range [][]string{
		{"-N", "-d", "sql:" + nss, "--empty-password"},
		{"-A", "-d", "sql:" + nss, "-n", "root", "-t", "CT,C,C", "-a", "-i", w.RootFile(t)},
	} {
		if out, code := tool(t, "certutil", args...); code != 0 {
			t.Fatalf("certutil %v: exit %d\n%s", args, code, out)
		}
	}
	font := func() (*pades.Font, error) { return catalogue(t).faces.han, nil }
	for _, f := range catalogue(t).Forms() {
		for _, level := range []pades.Level{pades.LevelB, pades.LevelLTA} {
			t.Run(f.ID+"/"+string(level), func(t *testing.T) {
				in, err := f.Fill(sample(f), Traditional, day)
				if err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(t.TempDir(), "signed.pdf")
				out, err := os.Create(path)
				if err != nil {
					t.Fatal(err)
				}
				defer out.Close()
				ctx := context.Background()
				doc, err := pades.Prepare(ctx, pades.Request{
					In: bytes.NewReader(in), Size: int64(len(in)), Out: out, Identity: id, Level: level,
					Timestamper: w, Evidence: w, Time: day, Field: SignatureField, Font: font, Reason: f.Title.Hant,
				})
				if err != nil {
					t.Fatal(err)
				}
				_, dtbsr := doc.DTBSR()
				sig, err := key.Sign(rand.Reader, dtbsr, crypto.SHA256)
				if err != nil {
					t.Fatal(err)
				}
				if err := doc.Finish(ctx, sig); err != nil {
					t.Fatal(err)
				}
				if out, code := tool(t, "qpdf", "--check", path); code != 0 {
					t.Errorf("qpdf --check: exit %d\n%s", code, out)
				}
				report, _ := tool(t, "pdfsig", "-nssdir", nss, "-no-ocsp", path)
				if strings.Count(report, "Signature is Valid.") != 1 {
					t.Errorf("pdfsig:\n%s", report)
				}
				text, _ := tool(t, "pdftotext", "-layout", path, "-")
				if !strings.Contains(text, "Digitally signed 數碼簽署") || !strings.Contains(text, "陳大文") {
					t.Errorf("pdftotext does not find the signature's text:\n%s", text)
				}
				if dir := os.Getenv("CHOP_LOOK"); dir != "" && level == pades.LevelB { // for the eye
					b, err := os.ReadFile(path)
					if err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(filepath.Join(dir, f.ID+"-signed.pdf"), b, 0o644); err != nil {
						t.Fatal(err)
					}
				}
			})
		}
	}
}
