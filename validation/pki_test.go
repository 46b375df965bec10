package validation_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"

	"chop/internal/cms"
	"chop/internal/ocsp"
)

// day is the time at which the tests' documents are signed, unless they say another.
var day = time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)

func years(n int) time.Time { return day.AddDate(n, 0, 0) }

// A person, or a unit or authority, has a key and a certificate.
type person struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// A world is a PKI of made-up people. All times are given by the tests.
type world struct {
	t                        testing.TB
	root, ca, responder, tsu *person
	numbers                  int64
}

func newWorld(t testing.TB) *world {
	w := &world{t: t}
	authority := func(name string, to time.Time) *x509.Certificate {
		return &x509.Certificate{
			Subject: pkix.Name{Country: []string{"HK"}, CommonName: name}, NotBefore: years(-1), NotAfter: to,
			IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
			SignatureAlgorithm: x509.ECDSAWithSHA384,
		}
	}
	w.root = w.issue(authority("Harbour Root", years(40)), nil)
	w.ca = w.issue(authority("Harbour Issuing", years(30)), w.root)
	w.responder = w.issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "Harbour OCSP"}, NotBefore: day.Add(-time.Hour), NotAfter: day.AddDate(0, 1, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 5}, Value: []byte{5, 0}}},
	}, w.ca)
	w.tsu = w.unit("Harbour TSU 1", years(-1), years(15))
	return w
}

func key(t testing.TB) crypto.Signer {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// issue certifies a new key; a nil issuer makes it self-signed.
func (w *world) issue(c *x509.Certificate, by *person) *person {
	p := &person{key: key(w.t)}
	w.certify(p, c, by)
	return p
}

func (w *world) certify(p *person, c *x509.Certificate, by *person) {
	if c.SerialNumber == nil {
		w.numbers++
		c.SerialNumber = big.NewInt(1000 + w.numbers)
	}
	if c.NotAfter.IsZero() {
		c.NotBefore, c.NotAfter = years(-1), years(2)
	}
	parent, signer := c, p.key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, p.key.Public(), signer)
	if err != nil {
		w.t.Fatal(err)
	}
	if p.cert, err = x509.ParseCertificate(der); err != nil {
		w.t.Fatal(err)
	}
}

// signer is a person who signs documents, with a certificate of two years to come.
func (w *world) signer(name string) *person {
	return w.issue(&x509.Certificate{Subject: pkix.Name{CommonName: name}, KeyUsage: x509.KeyUsageContentCommitment}, w.ca)
}

var ekuTimeStamping = []byte{0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08}

// unit is a time-stamping unit.
func (w *world) unit(name string, from, to time.Time) *person {
	return w.issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: to, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: ekuTimeStamping}},
	}, w.ca)
}

// An answer is what an OCSP response says.
type answer struct {
	revoked time.Time // zero: good
	reason  int
	by      *person // zero: the delegated responder
	cutoff  time.Time
	days    int // until nextUpdate; zero: 1
}

// ocsp answers for a certificate of the issuing CA, as of at.
func (w *world) ocsp(of *x509.Certificate, at time.Time, a answer) []byte {
	id, err := ocsp.NewCertID(crypto.SHA256, w.ca.cert, of.SerialNumber)
	if err != nil {
		w.t.Fatal(err)
	}
	s := ocsp.Single{
		CertID: id, ThisUpdate: at, NextUpdate: at.AddDate(0, 0, max(1, a.days)), ArchiveCutoff: a.cutoff, Reason: ocsp.ReasonAbsent,
	}
	if !a.revoked.IsZero() {
		s.Status, s.RevokedAt, s.Reason = ocsp.Revoked, a.revoked, a.reason
	}
	by := w.responder
	if a.by != nil {
		by = a.by
	}
	der, err := ocsp.Sign(ocsp.Template{Singles: []ocsp.Single{s}, ProducedAt: at}, by.cert, by.key)
	if err != nil {
		w.t.Fatal(err)
	}
	return der
}

// A list is what a CRL holds.
type list struct {
	number  int64
	entries []x509.RevocationListEntry
	extra   []pkix.Extension
	days    int // until nextUpdate; zero: 30
	alg     x509.SignatureAlgorithm
}

func (w *world) crl(by *person, at time.Time, l list) []byte {
	if l.days == 0 {
		l.days = 30
	}
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(l.number + 1), ThisUpdate: at, NextUpdate: at.AddDate(0, 0, l.days),
		RevokedCertificateEntries: l.entries, ExtraExtensions: l.extra, SignatureAlgorithm: l.alg,
	}, by.cert, by.key)
	if err != nil {
		w.t.Fatal(err)
	}
	return der
}

// arl is the root's list, which clears the issuing CA.
func (w *world) arl(at time.Time) []byte { return w.crl(w.root, at, list{}) }

// token makes a time-stamp token.
func (w *world) token(unit *person, h crypto.Hash, imprint []byte, at time.Time) []byte {
	w.numbers++
	info, err := (&cms.TSTInfo{
		Version: 1, Policy: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 32473, 1}, HashAlgorithm: h, Imprint: imprint,
		Serial: big.NewInt(w.numbers), GenTime: at, Accuracy: time.Second,
	}).Marshal()
	if err != nil {
		w.t.Fatal(err)
	}
	return w.message(unit, h, cms.OIDTSTInfo, info, nil, [][]byte{unit.cert.Raw, w.ca.cert.Raw}, nil)
}

// message signs content, or for nil content the digest given, as CMS.
func (w *world) message(by *person, h crypto.Hash, kind asn1.ObjectIdentifier, content, sum []byte, certs [][]byte, extra []cms.Attribute) []byte {
	if content != nil {
		sum = digestOf(h, content)
	}
	attrs, err := cms.SignedAttributes{
		ContentType: kind, MessageDigest: sum, Certificate: by.cert, Hash: h, Extra: extra,
	}.Marshal()
	if err != nil {
		w.t.Fatal(err)
	}
	signature, err := by.key.Sign(rand.Reader, digestOf(h, attrs), h)
	if err != nil {
		w.t.Fatal(err)
	}
	der, err := cms.Build(cms.BuildParams{
		ContentType: kind, Content: content, Certificates: certs, Certificate: by.cert,
		Hash: h, Scheme: cms.ECDSA, SignedAttrs: attrs, Signature: signature,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return der
}

func digestOf(h crypto.Hash, b []byte) []byte {
	d := h.New()
	d.Write(b)
	return d.Sum(nil)
}

func sha(b []byte) []byte {
	s := sha256.Sum256(b)
	return s[:]
}
