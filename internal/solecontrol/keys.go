package solecontrol

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"
)

// ParseSPKI reads a P-256 SubjectPublicKeyInfo, in the one encoding that it has.
func ParseSPKI(der []byte) (*ecdsa.PublicKey, error) {
	pub, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("%w: not a public key", ErrFormat)
	}
	k, ok := pub.(*ecdsa.PublicKey)
	if !ok || k.Curve != elliptic.P256() {
		return nil, fmt.Errorf("%w: not a P-256 key", ErrFormat)
	}
	if again, err := x509.MarshalPKIXPublicKey(k); err != nil || !bytes.Equal(again, der) {
		return nil, fmt.Errorf("%w: public key is not in DER", ErrFormat)
	}
	return k, nil
}

// A COSE_Key for ES256 (RFC 9052, 7; RFC 9053, 2.1 and 7.1) has one encoding in
// CTAP2 canonical CBOR, which WebAuthn demands (Level 3, 6.5.1):
// {1: 2, 3: -7, -1: 1, -2: x, -3: y}.
const (
	coseHead = "\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20"
	coseMid  = "\x22\x58\x20"
	coseSize = len(coseHead) + 32 + len(coseMid) + 32
)

// ParseCOSE reads a passkey's public key. ES256 only.
func ParseCOSE(b []byte) (*ecdsa.PublicKey, error) {
	if len(b) != coseSize || string(b[:len(coseHead)]) != coseHead || string(b[len(coseHead)+32:][:len(coseMid)]) != coseMid {
		return nil, fmt.Errorf("%w: not a COSE key for ES256", ErrFormat)
	}
	point := append([]byte{4}, b[len(coseHead):][:32]...)
	point = append(point, b[coseSize-32:]...)
	k, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return nil, fmt.Errorf("%w: COSE key is not a point of P-256", ErrFormat)
	}
	return k, nil
}

// MarshalCOSE encodes a P-256 key.
func MarshalCOSE(k *ecdsa.PublicKey) ([]byte, error) {
	point, err := k.Bytes()
	if err != nil || k.Curve != elliptic.P256() {
		return nil, fmt.Errorf("%w: not a P-256 key", ErrFormat)
	}
	out := append([]byte(coseHead), point[1:33]...)
	out = append(out, coseMid...)
	return append(out, point[33:]...), nil
}

// SignRaw signs a message by ES256; the signature is r‖s, 64 bytes, as
// WebCrypto and JWS have it (RFC 7518, 3.4).
func SignRaw(key crypto.Signer, message []byte) ([]byte, error) {
	if k, ok := key.Public().(*ecdsa.PublicKey); !ok || k.Curve != elliptic.P256() {
		return nil, fmt.Errorf("sign: %w: not a P-256 key", ErrFormat)
	}
	digest := sha256.Sum256(message)
	der, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	var sig struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &sig); err != nil || len(rest) > 0 || sig.R.Sign() <= 0 || sig.S.Sign() <= 0 ||
		sig.R.BitLen() > 256 || sig.S.BitLen() > 256 {
		return nil, fmt.Errorf("sign: %w: the key made something else", ErrSignature)
	}
	raw := make([]byte, 64)
	sig.R.FillBytes(raw[:32])
	sig.S.FillBytes(raw[32:])
	return raw, nil
}

// VerifyRaw checks a signature of SignRaw. ErrSignature.
func VerifyRaw(key *ecdsa.PublicKey, message, sig []byte) error {
	if len(sig) != 64 {
		return fmt.Errorf("%w: %d bytes", ErrSignature, len(sig))
	}
	digest := sha256.Sum256(message)
	if !ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
		return ErrSignature
	}
	return nil
}
