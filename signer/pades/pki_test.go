package pades

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
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

// A world is a small PKI of made-up people: a root, an issuing CA with an OCSP answer
// for everyone, a timestamping unit, and signers. It counts what it is asked for.
type world struct {
	t            testing.TB
	root, issuer *x509.Certificate
	rootKey      crypto.Signer
	issuerKey    crypto.Signer
	tsu          *x509.Certificate
	tsuKey       crypto.Signer

	mu         sync.Mutex
	timestamps int
	evidence   []time.Time // the "after" of each question
	lie        func(token []byte) []byte
	now        func() time.Time
}

var worldEpoch = time.Now().UTC().Truncate(time.Second)

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, now: func() time.Time { return time.Now().UTC() }}
	w.rootKey, w.issuerKey, w.tsuKey = ecKey(t, elliptic.P384()), ecKey(t, elliptic.P256()), ecKey(t, elliptic.P256())
	w.root = w.certify(&x509.Certificate{
		Subject: pkix.Name{Country: []string{"HK"}, Organization: []string{"Chop Test"}, CommonName: "Chop Test Root"},
		IsCA:    true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, nil, w.rootKey.Public(), w.rootKey)
	w.issuer = w.certify(&x509.Certificate{
		Subject: pkix.Name{Country: []string{"HK"}, Organization: []string{"Chop Test"}, CommonName: "Chop Test Issuing CA"},
		IsCA:    true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, w.root, w.issuerKey.Public(), w.rootKey)
	w.tsu = w.certify(&x509.Certificate{
		Subject:         pkix.Name{Country: []string{"HK"}, Organization: []string{"Chop Test"}, CommonName: "Chop Test TSU"},
		KeyUsage:        x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: []byte{0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08}}},
	}, w.issuer, w.tsuKey.Public(), w.issuerKey)
	return w
}

func ecKey(t testing.TB, c elliptic.Curve) crypto.Signer {
	t.Helper()
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func rsaKey(t testing.TB, bits int) crypto.Signer {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (w *world) certify(c, issuer *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) *x509.Certificate {
	w.t.Helper()
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126))
	if err != nil {
		w.t.Fatal(err)
	}
	c.SerialNumber = serial
	c.NotBefore, c.NotAfter = worldEpoch.Add(-time.Hour), worldEpoch.AddDate(5, 0, 0)
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

// signer is somebody with a key and a certificate. It counts its uses.
type signer struct {
	*Identity
	key  crypto.Signer
	uses int
}

func (w *world) signer(name string, key crypto.Signer, scheme cms.Scheme, h crypto.Hash) *signer {
	w.t.Helper()
	cert := w.certify(&x509.Certificate{
		Subject:  pkix.Name{Country: []string{"HK"}, CommonName: name},
		KeyUsage: x509.KeyUsageContentCommitment,
	}, w.issuer, key.Public(), w.issuerKey)
	id, err := NewIdentity(cert, []*x509.Certificate{w.issuer, w.root}, scheme, h)
	if err != nil {
		w.t.Fatal(err)
	}
	return &signer{Identity: id, key: key}
}

func (w *world) ecSigner(name string) *signer {
	return w.signer(name, ecKey(w.t, elliptic.P256()), "", crypto.SHA256)
}

func (s *signer) sign(dtbsr []byte) ([]byte, error) {
	s.uses++
	return s.key.Sign(rand.Reader, dtbsr, s.SignerOpts())
}

// Timestamp makes a token as the timestamping unit.
func (w *world) Timestamp(_ context.Context, h crypto.Hash, imprint []byte) ([]byte, error) {
	w.mu.Lock()
	w.timestamps++
	serial := big.NewInt(int64(w.timestamps))
	w.mu.Unlock()
	info, err := (&cms.TSTInfo{
		Version: 1, Policy: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 1}, HashAlgorithm: h, Imprint: imprint,
		Serial: serial, GenTime: w.now().Truncate(time.Millisecond), Accuracy: time.Second,
	}).Marshal()
	if err != nil {
		return nil, err
	}
	attrs, err := cms.SignedAttributes{
		ContentType: cms.OIDTSTInfo, MessageDigest: digestOf(crypto.SHA256, info),
		SigningTime: w.now(), Certificate: w.tsu, Hash: crypto.SHA256,
	}.Marshal()
	if err != nil {
		return nil, err
	}
	sig, err := w.tsuKey.Sign(rand.Reader, digestOf(crypto.SHA256, attrs), crypto.SHA256)
	if err != nil {
		return nil, err
	}
	token, err := cms.Build(cms.BuildParams{
		ContentType: cms.OIDTSTInfo, Content: info, Certificates: [][]byte{w.tsu.Raw, w.issuer.Raw},
		Certificate: w.tsu, Hash: crypto.SHA256, Scheme: cms.ECDSA, SignedAttrs: attrs, Signature: sig,
	})
	if w.lie != nil && err == nil {
		token = w.lie(token)
	}
	return token, err
}

// Evidence answers for everyone that the issuing CA certified, and for nobody else.
func (w *world) Evidence(_ context.Context, cert *x509.Certificate, after time.Time) (certs, ocsps, crls [][]byte, err error) {
	if !bytes.Equal(cert.RawIssuer, w.issuer.RawSubject) || cert.CheckSignatureFrom(w.issuer) != nil {
		return nil, nil, nil, fmt.Errorf("certificate %x is of another issuer", cert.SerialNumber)
	}
	w.mu.Lock()
	w.evidence = append(w.evidence, after)
	w.mu.Unlock()
	now := w.now()
	resp, err := ocsp.CreateResponse(w.issuer, w.issuer, ocsp.Response{
		Status: ocsp.Good, SerialNumber: cert.SerialNumber, ThisUpdate: now, NextUpdate: now.Add(time.Hour),
		IssuerHash: crypto.SHA1,
	}, w.issuerKey)
	if err != nil {
		return nil, nil, nil, err
	}
	arl, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: worldEpoch, NextUpdate: worldEpoch.AddDate(0, 6, 0),
	}, w.root, w.rootKey)
	if err != nil {
		return nil, nil, nil, err
	}
	return [][]byte{cert.Raw, w.issuer.Raw, w.root.Raw}, [][]byte{resp}, [][]byte{arl}, nil
}

// rootFile writes the root as PEM and returns its path.
func (w *world) rootFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "root.pem")
	b := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.root.Raw})
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
