package cms_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"chop/internal/cms"
	"chop/internal/corpus"
)

// Each kind of certificate under its own key, under another's, and with a bit turned.
func TestVerifySigned(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		key crypto.Signer
		alg x509.SignatureAlgorithm
	}{
		"PKCS1": {rsaKey, x509.SHA256WithRSA}, "PSS": {rsaKey, x509.SHA384WithRSAPSS},
		"ECDSA": {ec, x509.ECDSAWithSHA256}, "Ed25519": {ed, x509.PureEd25519},
	} {
		t.Run(name, func(t *testing.T) {
			template := &x509.Certificate{
				SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "A"}, NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1e9, 0), SignatureAlgorithm: c.alg,
				KeyUsage: x509.KeyUsageCRLSign, SubjectKeyId: []byte{1},
			}
			der, err := x509.CreateCertificate(rand.Reader, template, template, c.key.Public(), c.key)
			if err != nil {
				t.Fatal(err)
			}
			list, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
				Number: big.NewInt(1), ThisUpdate: time.Unix(0, 0), NextUpdate: time.Unix(1e9, 0), SignatureAlgorithm: c.alg,
			}, template, c.key)
			if err != nil {
				t.Fatal(err)
			}
			for _, signed := range [][]byte{der, list} {
				if err := cms.VerifySigned(c.key.Public(), signed); err != nil {
					t.Errorf("under its key: %v", err)
				}
				other := crypto.PublicKey(&ec.PublicKey)
				if c.key == crypto.Signer(ec) {
					other = &rsaKey.PublicKey
				}
				if err := cms.VerifySigned(other, signed); !errors.Is(err, cms.ErrAlgorithm) {
					t.Errorf("under another kind of key: %v", err)
				}
				for _, at := range []int{30, len(signed) - 1} {
					bad := append([]byte{}, signed...)
					bad[at] ^= 1
					if cms.VerifySigned(c.key.Public(), bad) == nil {
						t.Errorf("byte %d turned: verifies", at)
					}
				}
				if err := cms.VerifySigned(c.key.Public(), append(append([]byte{}, signed...), 0)); !errors.Is(err, cms.ErrMalformed) {
					t.Errorf("a byte more: %v", err)
				}
			}
		})
	}
}

// DSA, by a stranger's certificates: one below its CA, and one with a wrong signature.
func TestVerifySignedDSA(t *testing.T) {
	dir := corpus.Dir(t, "pkits")
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, "certs", name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	ca, err := x509.ParseCertificate(read("DSACACert.crt"))
	if err != nil {
		t.Fatal(err)
	}
	if err := cms.VerifySigned(ca.PublicKey, read("ValidDSASignaturesTest4EE.crt")); err != nil {
		t.Errorf("a certificate that the CA signed: %v", err)
	}
	if err := cms.VerifySigned(ca.PublicKey, read("InvalidDSASignatureTest6EE.crt")); err == nil {
		t.Error("one that it did not sign verifies")
	}
}

func FuzzVerifySigned(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{0x30, 3, 0x30, 1, 0})
	f.Fuzz(func(t *testing.T, der []byte) {
		if cms.VerifySigned(&key.PublicKey, der) == nil {
			t.Errorf("%x verifies under a key that signed nothing", der)
		}
	})
}
