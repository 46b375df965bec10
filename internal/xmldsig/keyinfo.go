package xmldsig

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// KeyInfo is what a signature says about its key (4.5). All of it is a hint: whether the
// key is the signer's is for whoever verifies to find out.
type KeyInfo struct {
	// Certificates are in DER, as they stand there.
	Certificates [][]byte
	// Keys are bare keys: *rsa.PublicKey, *ecdsa.PublicKey, *dsa.PublicKey.
	Keys []crypto.PublicKey

	serials  []*big.Int
	subjects []string
	skis     [][]byte
	digests  []certDigest
	parts    int // that were looked at
}

type certDigest struct {
	hash  crypto.Hash
	value []byte
}

const (
	maxKeyInfo = 256 // certificates, keys and hints
	// maxParts is how many elements are looked at. References may lead to the same ones
	// again and again, and from there to others.
	maxParts = 4096
)

// ReadKeyInfo reads KeyInfo. Parts that are not understood are left out; ErrMalformed and
// ErrLimit are for what is understood and wrong.
func (s *Signature) ReadKeyInfo() (*KeyInfo, error) {
	k := &KeyInfo{}
	if s.KeyInfo == nil {
		return k, nil
	}
	return k, k.read(s.doc, s.KeyInfo, 2)
}

func (k *KeyInfo) read(d *Document, e *Element, hops int) error {
	for _, part := range Elements(e) {
		err := k.count()
		if err != nil {
			return err
		}
		switch {
		case Is(part, NS, "X509Data"):
			err = k.readX509(part)
		case Is(part, NS, "KeyValue"):
			err = k.readKeyValue(part)
		case Is(part, NS11, "DEREncodedKeyValue"):
			err = k.readDER(part)
		case Is(part, NS, "RetrievalMethod"), Is(part, NS11, "KeyInfoReference"):
			err = k.follow(d, part, hops)
		}
		if err != nil {
			return err
		}
		if len(k.Certificates)+len(k.Keys)+len(k.serials)+len(k.subjects)+len(k.skis)+len(k.digests) > maxKeyInfo {
			return fmt.Errorf("%w: KeyInfo", ErrLimit)
		}
	}
	return nil
}

func (k *KeyInfo) count() error {
	if k.parts++; k.parts > maxParts {
		return fmt.Errorf("%w: KeyInfo", ErrLimit)
	}
	return nil
}

// follow follows a reference within the document, without transforms.
func (k *KeyInfo) follow(d *Document, e *Element, hops int) error {
	uri, _ := Attr(e, "URI")
	id, same := strings.CutPrefix(uri, "#")
	if !same || hops == 0 || len(Elements(e)) > 0 {
		return nil
	}
	target, err := d.ByID(id)
	if err != nil {
		return nil //nolint:nilerr // a hint that leads nowhere is none
	}
	switch {
	case Is(target, NS, "KeyInfo"):
		return k.read(d, target, hops-1)
	case Is(target, NS, "X509Data"):
		return k.readX509(target)
	case Is(target, NS, "KeyValue"):
		return k.readKeyValue(target)
	}
	return nil
}

func (k *KeyInfo) readX509(e *Element) error {
	for _, part := range Elements(e) {
		if err := k.count(); err != nil {
			return err
		}
		switch {
		case Is(part, NS, "X509Certificate"):
			der, err := Bytes(part)
			if err != nil {
				return err
			}
			k.Certificates = append(k.Certificates, der)
		case Is(part, NS, "X509IssuerSerial"):
			if n, err := Child(part, NS, "X509SerialNumber"); err == nil && n != nil {
				text, err := Text(n)
				if serial, ok := new(big.Int).SetString(trim(text), 10); err == nil && ok && len(text) < 100 {
					k.serials = append(k.serials, serial)
				}
			}
		case Is(part, NS, "X509SubjectName"):
			if text, err := Text(part); err == nil {
				k.subjects = append(k.subjects, plainName(text))
			}
		case Is(part, NS, "X509SKI"):
			if b, err := Bytes(part); err == nil {
				k.skis = append(k.skis, b)
			}
		case Is(part, NS11, "X509Digest"):
			uri, _ := Attr(part, "Algorithm")
			h, err := ParseDigest(uri)
			if err != nil {
				continue
			}
			if b, err := Bytes(part); err == nil {
				k.digests = append(k.digests, certDigest{h, b})
			}
		}
	}
	return nil
}

// plainName makes names comparable as hints.
func plainName(s string) string {
	return strings.ToLower(strings.Join(strings.Fields(s), ""))
}

// Matches reports whether KeyInfo hints at the certificate.
func (k *KeyInfo) Matches(cert *x509.Certificate) bool {
	if slices.ContainsFunc(k.Certificates, func(der []byte) bool { return string(der) == string(cert.Raw) }) ||
		slices.ContainsFunc(k.serials, func(n *big.Int) bool { return n.Cmp(cert.SerialNumber) == 0 }) ||
		slices.ContainsFunc(k.skis, func(b []byte) bool { return len(b) > 0 && string(b) == string(cert.SubjectKeyId) }) ||
		slices.Contains(k.subjects, plainName(cert.Subject.String())) {
		return true
	}
	return slices.ContainsFunc(k.digests, func(d certDigest) bool { return string(sum(d.hash, cert.Raw)) == string(d.value) })
}
