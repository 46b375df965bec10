package solecontrol

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"time"
)

// oidAAGUID is id-fido-gen-ce-aaguid: which model an attestation certificate is
// for. WebAuthn Level 3, 8.2.1.
var oidAAGUID = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 4}

// VerifyPacked checks a "packed" attestation statement with certificates
// (WebAuthn Level 3, 8.2): that a maker whose root is given vouches for the model
// that holds this passkey. Self attestation vouches for nothing and is refused,
// as every other format is. Revocation of a model is for who keeps the list.
func (c *Created) VerifyPacked(roots *x509.CertPool, now time.Time) error {
	if c.Format != "packed" || roots == nil {
		return fmt.Errorf("%w: attestation is not packed", ErrAssertion)
	}
	chain, err := c.attestationChain()
	if err != nil {
		return fmt.Errorf("%w: attestation: %w", ErrAssertion, err)
	}
	signature, _, err := cborString(c.statement["sig"], cborBytes)
	if err != nil {
		return fmt.Errorf("%w: attestation: %w", ErrAssertion, err)
	}
	leaf := chain[0]
	if alg := c.statement["alg"]; len(alg) != 1 || alg[0] != 0x26 { // ES256
		return fmt.Errorf("%w: attestation algorithm", ErrAssertion)
	}
	signed := append(bytes.Clone(c.authData), c.client[:]...)
	if err := leaf.CheckSignature(x509.ECDSAWithSHA256, signed, signature); err != nil {
		return fmt.Errorf("%w: attestation signature", ErrAssertion)
	}
	if err := checkAttestationLeaf(leaf, c.Attested.AAGUID); err != nil {
		return fmt.Errorf("%w: attestation certificate: %w", ErrAssertion, err)
	}
	between := x509.NewCertPool()
	for _, cert := range chain[1:] {
		between.AddCert(cert)
	}
	_, err = leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		return fmt.Errorf("%w: attestation certificate does not chain to the model's roots", ErrAssertion)
	}
	return nil
}

// attestationChain reads x5c: the attestation certificate first.
func (c *Created) attestationChain() ([]*x509.Certificate, error) {
	kind, n, rest, err := cborHead(c.statement["x5c"])
	if err != nil || kind != cborArray || n < 1 || n > 8 {
		return nil, errors.New("no certificates")
	}
	var chain []*x509.Certificate
	for range n {
		var der []byte
		if der, rest, err = cborString(rest, cborBytes); err != nil {
			return nil, err
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, errors.New("a certificate that does not parse")
		}
		chain = append(chain, cert)
	}
	return chain, nil
}

// checkAttestationLeaf: WebAuthn Level 3, 8.2.1.
func checkAttestationLeaf(leaf *x509.Certificate, aaguid [16]byte) error {
	if leaf.Version != 3 || leaf.IsCA || len(leaf.Subject.OrganizationalUnit) != 1 || leaf.Subject.OrganizationalUnit[0] != "Authenticator Attestation" {
		return errors.New("not one for attestation")
	}
	for _, ext := range leaf.Extensions {
		if !ext.Id.Equal(oidAAGUID) {
			continue
		}
		var value []byte
		if rest, err := asn1.Unmarshal(ext.Value, &value); err != nil || len(rest) > 0 || !bytes.Equal(value, aaguid[:]) {
			return errors.New("of another model")
		}
	}
	return nil
}
