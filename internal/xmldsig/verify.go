package xmldsig

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
)

// Options are for Verify.
type Options struct {
	Limits Limits
	// Keys are the only keys tried, if there are any: *rsa.PublicKey, *ecdsa.PublicKey,
	// *dsa.PublicKey, Secret. Otherwise those that the signature's KeyInfo brings or hints
	// at. A Secret is never taken from a document.
	Keys []crypto.PublicKey
	// Certificates are what KeyInfo may hint at, DER.
	Certificates [][]byte
	// MinHMAC is as in Signature.VerifyValue.
	MinHMAC int
	Sources Sources
}

// A Result is the verdict on one signature: cryptography, and nothing about whose it is.
type Result struct {
	Signature *Signature
	KeyInfo   *KeyInfo
	// Key verified the signature value; nil if none did.
	Key crypto.PublicKey
	// Err is nil if the value verifies and all references hold; ErrUndecided and the other
	// errors of the package say why not.
	Err error
}

// Verify verifies all signatures of a document (3.2). An error means that the document
// cannot be read; a document without signatures has no results.
func Verify(ctx context.Context, data []byte, o Options) ([]Result, error) {
	d, err := Open(ctx, data, o.Limits)
	if err != nil {
		return nil, err
	}
	elements, err := d.SignatureElements()
	if err != nil {
		return nil, err
	}
	var results []Result
	for _, e := range elements {
		r := Result{}
		if r.Signature, r.Err = d.ReadSignature(e); r.Err == nil {
			r.Err = r.verify(o)
		}
		results = append(results, r)
	}
	return results, nil
}

func (r *Result) verify(o Options) (err error) {
	if r.KeyInfo, err = r.Signature.ReadKeyInfo(); err != nil {
		return err
	}
	if err := r.verifyValue(o); err != nil {
		return err
	}
	r.Signature.Check(o.Sources)
	for _, ref := range r.Signature.References {
		if ref.Err != nil {
			return ref.Err
		}
	}
	return nil
}

// verifyValue tries the keys; a key that fits nothing here is passed over.
func (r *Result) verifyValue(o Options) error {
	err := fmt.Errorf("%w: no key for the signature", ErrUndecided)
	for _, key := range r.keys(o) {
		got := r.Signature.VerifyValue(key, o.MinHMAC)
		if got == nil {
			r.Key = key
			return nil
		}
		if !errors.Is(got, ErrKey) && !errors.Is(err, ErrSignature) {
			err = got
		}
	}
	return err
}

func (r *Result) keys(o Options) []crypto.PublicKey {
	if len(o.Keys) > 0 {
		return o.Keys
	}
	keys := r.KeyInfo.Keys
	for _, der := range append(append([][]byte{}, r.KeyInfo.Certificates...), o.Certificates...) {
		cert, err := x509.ParseCertificate(der)
		if err == nil && r.KeyInfo.Matches(cert) {
			keys = append(keys, cert.PublicKey)
		}
	}
	return keys
}
