package hsm

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/asn1"
	"fmt"
	"math/big"

	"github.com/miekg/pkcs11"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Named curves, RFC 5480, 2.1.1.1.
var (
	oidP256 = asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}
	oidP384 = asn1.ObjectIdentifier{1, 3, 132, 0, 34}
)

// rsaBits and curves are what a KeySpec may be.
func rsaBits(spec KeySpec) int {
	return map[KeySpec]int{RSA2048: 2048, RSA3072: 3072, RSA4096: 4096}[spec]
}

func curveOID(spec KeySpec) asn1.ObjectIdentifier {
	return map[KeySpec]asn1.ObjectIdentifier{P256: oidP256, P384: oidP384}[spec]
}

// specOf names the specification of a public key, or fails on any other key.
func specOf(pub crypto.PublicKey) (KeySpec, error) {
	switch pub := pub.(type) {
	case *ecdsa.PublicKey:
		switch pub.Curve {
		case elliptic.P256():
			return P256, nil
		case elliptic.P384():
			return P384, nil
		}
	case *rsa.PublicKey:
		switch n := pub.N.BitLen(); n {
		case 2048, 3072, 4096:
			return fmt.Sprintf("rsa%d", n), nil
		}
	}
	return "", fmt.Errorf("%w: %T of another size or curve", ErrKeySpec, pub)
}

// ecPublicKey decodes CKA_EC_PARAMS and CKA_EC_POINT. The standard wraps the
// point in an OCTET STRING (PKCS#11 2.40, 2.3.3); some modules leave that out.
func ecPublicKey(params, point []byte) (*ecdsa.PublicKey, error) {
	var oid asn1.ObjectIdentifier
	in := cryptobyte.String(params)
	if !in.ReadASN1ObjectIdentifier(&oid) || !in.Empty() {
		return nil, fmt.Errorf("EC parameters %x: not a named curve", params)
	}
	var curve elliptic.Curve
	switch {
	case oid.Equal(oidP256):
		curve = elliptic.P256()
	case oid.Equal(oidP384):
		curve = elliptic.P384()
	default:
		return nil, fmt.Errorf("curve %v: %w", oid, ErrKeySpec)
	}
	size := 1 + 2*((curve.Params().BitSize+7)/8)
	if len(point) != size {
		var inner cryptobyte.String
		in := cryptobyte.String(point)
		if !in.ReadASN1(&inner, cbasn1.OCTET_STRING) || !in.Empty() {
			return nil, fmt.Errorf("EC point of %d bytes: neither raw nor an OCTET STRING", len(point))
		}
		point = inner
	}
	pub, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return nil, fmt.Errorf("EC point: %w", err)
	}
	return pub, nil
}

// rsaPublicKey decodes CKA_MODULUS and CKA_PUBLIC_EXPONENT, both big-endian.
func rsaPublicKey(modulus, exponent []byte) (*rsa.PublicKey, error) {
	if len(modulus) > 1024 || len(exponent) > 1024 {
		return nil, fmt.Errorf("RSA key of %d bytes: %w", len(modulus), ErrKeySpec)
	}
	e := new(big.Int).SetBytes(exponent)
	if e.BitLen() > 31 || e.Bit(0) == 0 || e.Cmp(big.NewInt(3)) < 0 {
		return nil, fmt.Errorf("RSA exponent of %d bits: %w", e.BitLen(), ErrKeySpec)
	}
	pub := &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: int(e.Int64())}
	if _, err := specOf(pub); err != nil {
		return nil, err
	}
	if pub.N.Bit(0) == 0 {
		return nil, fmt.Errorf("RSA modulus is even: %w", ErrKeySpec)
	}
	return pub, nil
}

// readPublic reads the public key object h.
func (s *session) readPublic(h pkcs11.ObjectHandle) (crypto.PublicKey, error) {
	kind, err := s.attributes(h, pkcs11.CKA_KEY_TYPE)
	if err != nil {
		return nil, err
	}
	switch keyType := ulong(kind[0]); keyType {
	case pkcs11.CKK_EC:
		v, err := s.attributes(h, pkcs11.CKA_EC_PARAMS, pkcs11.CKA_EC_POINT)
		if err != nil {
			return nil, err
		}
		return ecPublicKey(v[0], v[1])
	case pkcs11.CKK_RSA:
		v, err := s.attributes(h, pkcs11.CKA_MODULUS, pkcs11.CKA_PUBLIC_EXPONENT)
		if err != nil {
			return nil, err
		}
		return rsaPublicKey(v[0], v[1])
	default:
		return nil, fmt.Errorf("key type %#x: %w", keyType, ErrKeySpec)
	}
}

// publicEqual compares two public keys of the kinds that we make.
func publicEqual(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}
