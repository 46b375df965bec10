package cms

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// signer is a key with a self-signed certificate.
type signer struct {
	key  crypto.Signer
	cert *x509.Certificate
}

var testKeys = sync.OnceValues(func() (map[string]crypto.Signer, error) {
	keys := map[string]crypto.Signer{}
	var err error
	for name, curve := range map[string]elliptic.Curve{"p256": elliptic.P256(), "p384": elliptic.P384()} {
		if keys[name], err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
			return nil, err
		}
	}
	keys["rsa2048"], err = rsa.GenerateKey(rand.Reader, 2048)
	return keys, err
})

func newSigner(t testing.TB, name string) signer {
	t.Helper()
	keys, err := testKeys()
	if err != nil {
		t.Fatal(err)
	}
	key := keys[name]
	template := &x509.Certificate{SerialNumber: big.NewInt(0x80f1), Subject: pkix.Name{CommonName: "Signer " + name, Country: []string{"HK"}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageContentCommitment | x509.KeyUsageDigitalSignature,
		SubjectKeyId: []byte("key " + name), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return signer{key, cert}
}

// message says how sign makes one; change and changeBuild may spoil it.
type message struct {
	scheme      Scheme
	hash        crypto.Hash
	content     []byte
	detached    bool
	keyID       bool
	change      func(*SignedAttributes)
	changeSet   func([]byte) []byte
	changeBuild func(*BuildParams)
}

func (s signer) sign(t testing.TB, m message) []byte {
	t.Helper()
	attributes := SignedAttributes{ContentType: OIDData, MessageDigest: hashOf(m.hash, m.content), Certificate: s.cert, Hash: m.hash}
	if m.change != nil {
		m.change(&attributes)
	}
	set, err := attributes.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if m.changeSet != nil {
		set = m.changeSet(set)
	}
	signature, err := s.key.Sign(rand.Reader, hashOf(m.hash, set), SignerOpts(m.scheme, m.hash))
	if err != nil {
		t.Fatal(err)
	}
	p := BuildParams{ContentType: OIDData, Certificates: [][]byte{s.cert.Raw}, Certificate: s.cert, Hash: m.hash, Scheme: m.scheme,
		SignedAttrs: set, Signature: signature, KeyID: m.keyID}
	if !m.detached {
		p.Content = m.content
	}
	if m.changeBuild != nil {
		m.changeBuild(&p)
	}
	der, err := Build(p)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func parse(t testing.TB, der []byte) *SignedData {
	t.Helper()
	sd, err := Parse(der)
	if err != nil {
		t.Fatalf("%v\n%x", err, der)
	}
	return sd
}

// openssl runs the tool with the inputs as files, whose paths replace {0}, {1}, ... in args.
func openssl(t testing.TB, args []string, files ...[]byte) (string, error) {
	t.Helper()
	dir := t.TempDir()
	for i, b := range files {
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		for j := range args {
			if args[j] == fmt.Sprintf("{%d}", i) {
				args[j] = path
			}
		}
	}
	out, err := exec.Command("openssl", args...).CombinedOutput()
	return string(out), err
}

func pemOf(cert []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
}
