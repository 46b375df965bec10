package xmldsig

import (
	"crypto/dsa" //lint:ignore SA1019 old signatures are verified, none is made
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"math/big"
)

// maxKey is the longest number of a key, in octets.
const maxKey = 2048

// curves are the named curves of XML Signature 1.1, 4.5.2.3.
var curves = map[string]elliptic.Curve{
	"urn:oid:1.2.840.10045.3.1.7": elliptic.P256(),
	"urn:oid:1.3.132.0.34":        elliptic.P384(),
	"urn:oid:1.3.132.0.35":        elliptic.P521(),
}

// readKeyValue reads a bare key; one of a kind that is not known here is left out.
func (k *KeyInfo) readKeyValue(e *Element) error {
	for _, part := range Elements(e) {
		if err := k.count(); err != nil {
			return err
		}
		switch {
		case Is(part, NS, "RSAKeyValue"):
			n, err := integers(part, "Modulus", "Exponent")
			if err != nil {
				return err
			}
			if !n[1].IsInt64() || n[1].Int64() < 2 || n[1].Int64() > 1<<31-1 {
				continue
			}
			k.Keys = append(k.Keys, &rsa.PublicKey{N: n[0], E: int(n[1].Int64())})
		case Is(part, NS, "DSAKeyValue"):
			n, err := integers(part, "P", "Q", "G", "Y")
			if err != nil {
				return err
			}
			k.Keys = append(k.Keys, &dsa.PublicKey{Parameters: dsa.Parameters{P: n[0], Q: n[1], G: n[2]}, Y: n[3]})
		case Is(part, NS11, "ECKeyValue"):
			if err := k.readEC(part); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k *KeyInfo) readEC(e *Element) error {
	named, err := Child(e, NS11, "NamedCurve")
	if err != nil || named == nil {
		return err
	}
	uri, _ := Attr(named, "URI")
	curve, ok := curves[uri]
	point, err := Child(e, NS11, "PublicKey")
	if err != nil || point == nil || !ok {
		return err
	}
	b, err := Bytes(point)
	if err != nil {
		return err
	}
	key, err := ecdsa.ParseUncompressedPublicKey(curve, b)
	if err != nil {
		return fmt.Errorf("%w: point of an ECKeyValue: %w", ErrMalformed, err)
	}
	k.Keys = append(k.Keys, key)
	return nil
}

func (k *KeyInfo) readDER(e *Element) error {
	der, err := Bytes(e)
	if err != nil {
		return err
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err == nil { // one of a kind that is not known is left out
		k.Keys = append(k.Keys, key)
	}
	return nil
}

func integers(e *Element, names ...string) ([]*big.Int, error) {
	var list []*big.Int
	for _, name := range names {
		c, err := Child(e, NS, name)
		if err != nil {
			return nil, err
		}
		if c == nil {
			return nil, fmt.Errorf("%w: %s without %s", ErrMalformed, e.LocalName(), name)
		}
		b, err := Bytes(c)
		if err != nil {
			return nil, err
		}
		n := new(big.Int).SetBytes(b)
		if len(b) > maxKey || n.Sign() <= 0 {
			return nil, fmt.Errorf("%w: %s of a key", ErrMalformed, name)
		}
		list = append(list, n)
	}
	return list, nil
}
