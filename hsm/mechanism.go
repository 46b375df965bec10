package hsm

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/miekg/pkcs11"
)

// signInput is what goes to C_SignInit and C_Sign.
type signInput struct {
	mech *pkcs11.Mechanism
	data []byte
}

// digestInfo holds DER DigestInfo prefixes, which CKM_RSA_PKCS leaves to the
// caller. RFC 8017, 9.2, note 1. SHA-1 is absent: nothing here signs it.
func digestInfo(h crypto.Hash) []byte {
	switch h {
	case crypto.SHA256:
		return []byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}
	case crypto.SHA384:
		return []byte{0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30}
	case crypto.SHA512:
		return []byte{0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40}
	}
	return nil
}

// signMechanism turns a digest and its options into a mechanism and its input.
// It refuses what it cannot honour before any session is touched.
func signMechanism(pub crypto.PublicKey, digest []byte, opts crypto.SignerOpts) (signInput, error) {
	if opts == nil {
		return signInput{}, fmt.Errorf("%w: no hash named", ErrSignerOpts)
	}
	h := opts.HashFunc()
	prefix := digestInfo(h)
	if prefix == nil {
		return signInput{}, fmt.Errorf("%w: hash %v", ErrSignerOpts, h)
	}
	if len(digest) != h.Size() {
		return signInput{}, fmt.Errorf("%w: digest of %d bytes for %v", ErrSignerOpts, len(digest), h)
	}
	pss, isPSS := opts.(*rsa.PSSOptions)
	switch pub := pub.(type) {
	case *ecdsa.PublicKey:
		if isPSS {
			return signInput{}, fmt.Errorf("%w: PSS with an EC key", ErrSignerOpts)
		}
		// The leftmost bits count (FIPS 186-5, 6.4.1); not every module cuts.
		if size := (pub.Curve.Params().BitSize + 7) / 8; len(digest) > size {
			digest = digest[:size]
		}
		return signInput{pkcs11.NewMechanism(pkcs11.CKM_ECDSA, nil), digest}, nil
	case *rsa.PublicKey:
		if isPSS {
			params, err := pssParams(pub, h, pss)
			if err != nil {
				return signInput{}, err
			}
			return signInput{pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS_PSS, params), digest}, nil
		}
		data := append(append(make([]byte, 0, len(prefix)+len(digest)), prefix...), digest...)
		return signInput{pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS, nil), data}, nil
	}
	return signInput{}, fmt.Errorf("%w: key of type %T", ErrSignerOpts, pub)
}

// pssParams follows crypto/rsa in what the salt lengths 0 and -1 mean.
func pssParams(pub *rsa.PublicKey, h crypto.Hash, opts *rsa.PSSOptions) ([]byte, error) {
	largest := (pub.N.BitLen()-1+7)/8 - 2 - h.Size()
	salt := opts.SaltLength
	switch salt {
	case rsa.PSSSaltLengthAuto:
		salt = largest
	case rsa.PSSSaltLengthEqualsHash:
		salt = h.Size()
	}
	if salt < 0 || salt > largest {
		return nil, fmt.Errorf("%w: PSS salt of %d bytes", ErrSignerOpts, salt)
	}
	var hash, mgf uint
	switch h {
	case crypto.SHA256:
		hash, mgf = pkcs11.CKM_SHA256, pkcs11.CKG_MGF1_SHA256
	case crypto.SHA384:
		hash, mgf = pkcs11.CKM_SHA384, pkcs11.CKG_MGF1_SHA384
	case crypto.SHA512:
		hash, mgf = pkcs11.CKM_SHA512, pkcs11.CKG_MGF1_SHA512
	}
	return pkcs11.NewPSSParams(hash, mgf, uint(salt)), nil
}

// sign asks the token for one signature and encodes it as crypto.Signer does.
func (s *session) sign(key pkcs11.ObjectHandle, pub crypto.PublicKey, in signInput) ([]byte, error) {
	sig, err := s.signOnce(key, in)
	if err != nil {
		return nil, err
	}
	switch pub := pub.(type) {
	case *ecdsa.PublicKey:
		return ecdsaDER(sig, (pub.Curve.Params().BitSize+7)/8)
	case *rsa.PublicKey:
		if len(sig) != pub.Size() {
			return nil, fmt.Errorf("the token made an RSA signature of %d bytes", len(sig))
		}
	}
	return sig, nil
}

// ecdsaDER turns r‖s (PKCS#11 2.40, 2.3.1) into an ECDSA-Sig-Value
// (RFC 3279, 2.2.3). Our curves have halves of at most 48 bytes, so that every
// length takes one byte.
func ecdsaDER(raw []byte, size int) ([]byte, error) {
	if len(raw) != 2*size || size > 48 {
		return nil, fmt.Errorf("the token made an ECDSA signature of %d bytes", len(raw))
	}
	b := make([]byte, 2, 2*size+8)
	for _, half := range [][]byte{raw[:size], raw[size:]} {
		half = bytes.TrimLeft(half, "\x00")
		switch {
		case len(half) == 0:
			return nil, errors.New("the token made an ECDSA signature with a zero half")
		case half[0] >= 0x80: // an INTEGER has a sign
			b = append(b, 0x02, byte(len(half)+1), 0)
		default:
			b = append(b, 0x02, byte(len(half)))
		}
		b = append(b, half...)
	}
	b[0], b[1] = 0x30, byte(len(b)-2)
	return b, nil
}
