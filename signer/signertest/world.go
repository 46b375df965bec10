// Package signertest is a small PKI for the tests of whatever signs: a root, an issuing
// CA with an OCSP answer for everyone, and a timestamping unit. All its people are made
// up, and its keys live in memory.
package signertest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // hashes of tokens
	_ "crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"chop/internal/cms"
)

// A World is a small PKI of made-up people: a root, an issuing CA with an OCSP answer
// for everyone, a timestamping unit, and signers. It counts what it is asked for.
type World struct {
	t            testing.TB
	Root, Issuer *x509.Certificate
	rootKey      crypto.Signer
	issuerKey    crypto.Signer
	TSU          *x509.Certificate
	tsuKey       crypto.Signer

	mu sync.Mutex

	// Timestamps counts the tokens made; Asked has the "after" of each question for
	// evidence.
	Timestamps int
	Asked      []time.Time
	// Lie, if set, alters each token. Now is the clock of all that is made.
	Lie func(token []byte) []byte
	Now func() time.Time
	// Hash is what tokens and answers about certificates are signed over.
	Hash crypto.Hash
}

// Epoch is when everything began: the start of the test.
var Epoch = time.Now().UTC().Truncate(time.Second)

// New makes a World.
func New(t testing.TB) *World {
	t.Helper()
	w := &World{t: t, Now: func() time.Time { return time.Now().UTC() }, Hash: crypto.SHA256}
	w.rootKey, w.issuerKey, w.tsuKey = ECKey(t, elliptic.P384()), ECKey(t, elliptic.P256()), ECKey(t, elliptic.P256())
	w.Root = w.certify(&x509.Certificate{
		Subject: pkix.Name{Country: []string{"HK"}, Organization: []string{"Chop Test"}, CommonName: "Chop Test Root"},
		IsCA:    true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, nil, w.rootKey.Public(), w.rootKey)
	w.Issuer = w.certify(&x509.Certificate{
		Subject: pkix.Name{Country: []string{"HK"}, Organization: []string{"Chop Test"}, CommonName: "Chop Test Issuing CA"},
		IsCA:    true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, w.Root, w.issuerKey.Public(), w.rootKey)
	w.TSU = w.certify(&x509.Certificate{
		Subject:         pkix.Name{Country: []string{"HK"}, Organization: []string{"Chop Test"}, CommonName: "Chop Test TSU"},
		KeyUsage:        x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: []byte{0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08}}},
	}, w.Issuer, w.tsuKey.Public(), w.issuerKey)
	return w
}

// ECKey makes a key.
func ECKey(t testing.TB, c elliptic.Curve) crypto.Signer {
	t.Helper()
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// RSAKey makes a key.
func RSAKey(t testing.TB, bits int) crypto.Signer {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (w *World) certify(c, issuer *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) *x509.Certificate {
	w.t.Helper()
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126))
	if err != nil {
		w.t.Fatal(err)
	}
	c.SerialNumber = serial
	if c.NotAfter.IsZero() {
		c.NotBefore, c.NotAfter = Epoch.Add(-time.Hour), Epoch.AddDate(5, 0, 0)
	}
	if issuer == nil {
		issuer = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, issuer, pub, key)
	if err != nil {
		w.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		w.t.Fatal(err)
	}
	return cert
}

// Signer returns the certificate of somebody with that key.
func (w *World) Signer(name string, pub crypto.PublicKey) *x509.Certificate {
	w.t.Helper()
	return w.certify(&x509.Certificate{
		Subject:  pkix.Name{Country: []string{"HK"}, CommonName: name},
		KeyUsage: x509.KeyUsageContentCommitment,
	}, w.Issuer, pub, w.issuerKey)
}

// NewUnit replaces the timestamping unit by one whose certificate lives from one moment to another, and does not
// depend on SHA-256.
func (w *World) NewUnit(name string, from, to time.Time) {
	w.t.Helper()
	key := ECKey(w.t, elliptic.P256())
	unit := w.certify(&x509.Certificate{
		Subject:  pkix.Name{Country: []string{"HK"}, Organization: []string{"Chop Test"}, CommonName: name},
		KeyUsage: x509.KeyUsageDigitalSignature, NotBefore: from, NotAfter: to, SignatureAlgorithm: x509.ECDSAWithSHA384,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: []byte{0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08}}},
	}, w.Issuer, key.Public(), w.issuerKey)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.TSU, w.tsuKey = unit, key
}

// Timestamp makes a token as the timestamping unit.
func (w *World) Timestamp(_ context.Context, h crypto.Hash, imprint []byte) ([]byte, error) {
	w.mu.Lock()
	w.Timestamps++
	serial := big.NewInt(int64(w.Timestamps))
	unit, key, hash := w.TSU, w.tsuKey, w.Hash
	w.mu.Unlock()
	info, err := (&cms.TSTInfo{
		Version: 1, Policy: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 1}, HashAlgorithm: h, Imprint: imprint,
		Serial: serial, GenTime: w.Now().Truncate(time.Millisecond), Accuracy: time.Second,
	}).Marshal()
	if err != nil {
		return nil, err
	}
	attrs, err := cms.SignedAttributes{
		ContentType: cms.OIDTSTInfo, MessageDigest: sumOf(hash, info),
		SigningTime: w.Now(), Certificate: unit, Hash: hash,
	}.Marshal()
	if err != nil {
		return nil, err
	}
	sig, err := key.Sign(rand.Reader, sumOf(hash, attrs), hash)
	if err != nil {
		return nil, err
	}
	token, err := cms.Build(cms.BuildParams{
		ContentType: cms.OIDTSTInfo, Content: info, Certificates: [][]byte{unit.Raw, w.Issuer.Raw},
		Certificate: unit, Hash: hash, Scheme: cms.ECDSA, SignedAttrs: attrs, Signature: sig,
	})
	if w.Lie != nil && err == nil {
		token = w.Lie(token)
	}
	return token, err
}

// Evidence answers for everyone that the issuing CA certified, and for nobody else.
func (w *World) Evidence(_ context.Context, cert *x509.Certificate, after time.Time) (certs, ocsps, crls [][]byte, err error) {
	if !bytes.Equal(cert.RawIssuer, w.Issuer.RawSubject) || cert.CheckSignatureFrom(w.Issuer) != nil {
		return nil, nil, nil, fmt.Errorf("certificate %x is of another issuer", cert.SerialNumber)
	}
	w.mu.Lock()
	w.Asked = append(w.Asked, after)
	w.mu.Unlock()
	now := w.Now()
	resp, err := ocsp.CreateResponse(w.Issuer, w.Issuer, ocsp.Response{
		Status: ocsp.Good, SerialNumber: cert.SerialNumber, ThisUpdate: now, NextUpdate: now.Add(time.Hour),
		IssuerHash: crypto.SHA1, SignatureAlgorithm: map[crypto.Hash]x509.SignatureAlgorithm{crypto.SHA256: x509.ECDSAWithSHA256, crypto.SHA384: x509.ECDSAWithSHA384}[w.Hash],
	}, w.issuerKey)
	if err != nil {
		return nil, nil, nil, err
	}
	listed := Epoch // of the root's list, which lives half a year
	for !now.Before(listed.AddDate(0, 6, 0)) {
		listed = listed.AddDate(0, 6, 0)
	}
	arl, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: listed, NextUpdate: listed.AddDate(0, 6, 0),
	}, w.Root, w.rootKey)
	if err != nil {
		return nil, nil, nil, err
	}
	return [][]byte{cert.Raw, w.Issuer.Raw, w.Root.Raw}, [][]byte{resp}, [][]byte{arl}, nil
}

// Revoked says of somebody that they were revoked before everything began.
func (w *World) Revoked(cert *x509.Certificate) []byte {
	w.t.Helper()
	now := w.Now()
	resp, err := ocsp.CreateResponse(w.Issuer, w.Issuer, ocsp.Response{
		Status: ocsp.Revoked, RevokedAt: Epoch.Add(-30 * time.Minute), RevocationReason: ocsp.KeyCompromise, SerialNumber: cert.SerialNumber,
		ThisUpdate: now, NextUpdate: now.Add(time.Hour), IssuerHash: crypto.SHA1,
	}, w.issuerKey)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp
}

// RootFile writes the root as PEM and returns its path.
func (w *World) RootFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "root.pem")
	b := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.Root.Raw})
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func sumOf(h crypto.Hash, b []byte) []byte {
	d := h.New()
	d.Write(b)
	return d.Sum(nil)
}
