package timestamping

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"chop/policies"
)

// unit is a time-stamping unit under a throwaway authority.
type unit struct {
	key  crypto.Signer
	cert *x509.Certificate
	root *x509.Certificate
}

func testPolicy() *policies.Timestamp {
	return &policies.Timestamp{Name: "test", OID: "1.3.6.1.4.1.99999.3.1", Accuracy: time.Second, Hashes: []string{"sha256", "sha384", "sha512"}}
}

func ecKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// newUnit issues a certificate for key; change may spoil the template.
func newUnit(t testing.TB, key crypto.Signer, change func(*x509.Certificate)) unit {
	t.Helper()
	rootKey := ecKey(t, elliptic.P384())
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test Root"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "Test TSU"},
		NotBefore: root.NotBefore, NotAfter: root.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature,
		// EKU timeStamping, critical: crypto/x509 would not mark it so.
		ExtraExtensions: []pkix.Extension{{Id: oidExtKeyUsage, Critical: true, Value: []byte{0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 8}}}}
	if change != nil {
		change(template)
	}
	u := unit{key: key}
	for _, c := range []struct {
		out              **x509.Certificate
		template, parent *x509.Certificate
		pub              crypto.PublicKey
	}{{&u.root, root, root, rootKey.Public()}, {&u.cert, template, root, key.Public()}} {
		der, err := x509.CreateCertificate(rand.Reader, c.template, c.parent, c.pub, rootKey)
		if err != nil {
			t.Fatal(err)
		}
		if *c.out, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
	}
	return u
}

// usagePeriod is a privateKeyUsagePeriod extension.
func usagePeriod(t testing.TB, from, to time.Time) pkix.Extension {
	t.Helper()
	der, err := asn1.Marshal(struct {
		From time.Time `asn1:"tag:0,generalized"`
		To   time.Time `asn1:"tag:1,generalized"`
	}{from.UTC().Truncate(time.Second), to.UTC().Truncate(time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	return pkix.Extension{Id: oidPrivateKeyUsagePeriod, Value: der}
}

func (u unit) config() Config {
	return Config{Key: u.key, Certificate: u.cert, Policy: testPolicy(), Now: func() (time.Time, error) { return time.Now(), nil }}
}

func newAuthority(t testing.TB, c Config) *Authority {
	t.Helper()
	a, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func pemOf(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
}
