package ca

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"math/big"
	"sync/atomic"
	"time"

	"github.com/smallstep/certificates/cas/apiv1"
	"github.com/smallstep/certificates/cas/softcas"

	"chop/internal/ocsp"
)

// issuer is a CA certificate, the key that signs for it, and the twin: the
// same names and identifiers with a throwaway key of the same type. What the
// twin signs can be linted and is worth nothing.
//
// It signs only what an issuance holds, once, and compares the result with what
// was linted. The signing itself is smallstep's SoftCAS over the key's
// crypto.Signer.
type issuer struct {
	cert      *x509.Certificate
	id        [sha256.Size]byte // of the SPKI: names the issuer in records
	isRoot    bool
	algorithm x509.SignatureAlgorithm
	names     []ocsp.CertID // by each hash, as OCSP requests name it
	real      *softcas.SoftCAS
	twin      *softcas.SoftCAS
}

// newIssuer prepares an issuer. cert may lack its signature: a root that is
// about to sign itself has none yet.
func newIssuer(cert *x509.Certificate, key crypto.Signer, isRoot bool) (*issuer, error) {
	if !samePublicKey(cert.PublicKey, key.Public()) {
		return nil, fmt.Errorf("%w: the key is not the one in its certificate", ErrIssuer)
	}
	spki, err := x509.MarshalPKIXPublicKey(cert.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("encode issuer key: %w", err)
	}
	throwaway, algorithm, err := throwawayKey(cert.PublicKey)
	if err != nil {
		return nil, err
	}
	i := &issuer{cert: cert, id: sha256.Sum256(spki), isRoot: isRoot, algorithm: algorithm}
	if !isRoot {
		if i.names, err = issuerNames(cert); err != nil {
			return nil, err
		}
	}
	twin := *cert
	twin.PublicKey = throwaway.Public()
	i.real = &softcas.SoftCAS{CertificateChain: []*x509.Certificate{cert}, Signer: key}
	i.twin = &softcas.SoftCAS{CertificateChain: []*x509.Certificate{&twin}, Signer: throwaway}
	return i, nil
}

func samePublicKey(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}

// throwawayKey makes a key like pub, and names the algorithm that both sign with.
func throwawayKey(pub crypto.PublicKey) (crypto.Signer, x509.SignatureAlgorithm, error) {
	switch k := pub.(type) {
	case *ecdsa.PublicKey:
		key, err := ecdsa.GenerateKey(k.Curve, rand.Reader)
		if k.Curve == elliptic.P384() {
			return key, x509.ECDSAWithSHA384, err
		}
		return key, x509.ECDSAWithSHA256, err
	case *rsa.PublicKey:
		key, err := rsa.GenerateKey(rand.Reader, k.N.BitLen())
		return key, x509.SHA256WithRSA, err
	}
	return nil, 0, fmt.Errorf("%w: key of type %T", ErrIssuer, pub)
}

// issuance is one certificate that may be signed, once: signing uses it up.
type issuance struct {
	template *x509.Certificate
	linted   []byte // the TBSCertificate that passed
	used     atomic.Bool
}

// tbsDigest is what is recorded before the certificate is signed.
func (s *issuance) tbsDigest() [sha256.Size]byte { return sha256.Sum256(s.linted) }

// prepare lints the template's twin and returns the right to sign it once.
func (i *issuer) prepare(l *linter, template *x509.Certificate, rules lintRules) (*issuance, error) {
	if len(i.cert.Raw) > 0 && (template.NotBefore.Before(i.cert.NotBefore) || template.NotAfter.After(i.cert.NotAfter)) {
		return nil, fmt.Errorf("%w: certificate would outlive the CA, which ends on %s", ErrIssuer, i.cert.NotAfter.Format(time.DateOnly))
	}
	twin, err := create(i.twin, template)
	if err != nil {
		return nil, fmt.Errorf("sign twin: %w", err)
	}
	if err := l.check(twin, rules); err != nil {
		return nil, err
	}
	return &issuance{template: template, linted: twin.RawTBSCertificate}, nil
}

// sign makes the certificate. What the key returns is trusted only when it is
// the linted bytes with a signature that verifies: a token that was exchanged
// or a library that changed its mind shows here and not at a relying party.
func (i *issuer) sign(s *issuance) (*x509.Certificate, error) {
	if s.used.Swap(true) {
		return nil, ErrUsed
	}
	cert, err := create(i.real, s.template)
	if err != nil {
		return nil, fmt.Errorf("sign certificate: %w", err)
	}
	if !bytes.Equal(cert.RawTBSCertificate, s.linted) {
		return nil, fmt.Errorf("%w: TBSCertificate", ErrMismatch)
	}
	if err := i.cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMismatch, err)
	}
	return cert, nil
}

// create has the core sign a copy of the template, because it writes into what
// it is given.
func create(core *softcas.SoftCAS, template *x509.Certificate) (*x509.Certificate, error) {
	t := *template
	r, err := core.CreateCertificate(&apiv1.CreateCertificateRequest{
		Template: &t,
		Lifetime: t.NotAfter.Sub(t.NotBefore),
	})
	if err != nil {
		return nil, err
	}
	return r.Certificate, nil
}

// namedBy reports whether a CertID names this issuer. The hashes are computed
// once for each algorithm.
func (i *issuer) namedBy(id *ocsp.CertID) bool {
	for _, own := range i.names {
		if own.HashAlgorithm == id.HashAlgorithm {
			return bytes.Equal(own.IssuerNameHash, id.IssuerNameHash) && bytes.Equal(own.IssuerKeyHash, id.IssuerKeyHash)
		}
	}
	return false
}

func issuerNames(cert *x509.Certificate) (names []ocsp.CertID, err error) {
	for _, h := range []crypto.Hash{crypto.SHA1, crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		id, err := ocsp.NewCertID(h, cert, new(big.Int))
		if err != nil {
			return nil, fmt.Errorf("name issuer: %w", err)
		}
		names = append(names, id)
	}
	return names, nil
}
