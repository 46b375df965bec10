package ocsp

import (
	"encoding/asn1"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Request asks for the status of certificates (RFC 6960, 4.1.1).
type Request struct {
	// CertIDs are the certificates asked about, at least one.
	CertIDs []CertID
	// Nonce is to be echoed; nil when the request has none.
	Nonce []byte
}

// ParseRequest reads an OCSPRequest in DER. A requestor's name and signature
// are stepped over: everyone may ask, so there is nothing that they could prove.
func ParseRequest(der []byte) (*Request, error) {
	if len(der) > MaxRequestSize {
		return nil, fmt.Errorf("%w: request of %d octets", ErrMalformed, len(der))
	}
	bad := func(what string) (*Request, error) { return nil, fmt.Errorf("%w: %s", ErrMalformed, what) }
	s := cryptobyte.String(der)
	var outer, tbs, list, skipped, exts cryptobyte.String
	var hasExts bool
	if !s.ReadASN1(&outer, cbasn1.SEQUENCE) || !s.Empty() ||
		!outer.ReadASN1(&tbs, cbasn1.SEQUENCE) ||
		!outer.ReadOptionalASN1(&skipped, nil, tag0) || !outer.Empty() {
		return bad("OCSPRequest")
	}
	if !readVersion(&tbs) ||
		!tbs.ReadOptionalASN1(&skipped, nil, tag1) ||
		!tbs.ReadASN1(&list, cbasn1.SEQUENCE) ||
		!tbs.ReadOptionalASN1(&exts, &hasExts, tag2) || !tbs.Empty() {
		return bad("TBSRequest")
	}
	r := new(Request)
	for !list.Empty() {
		var one, extensions cryptobyte.String
		if len(r.CertIDs) == MaxRequests {
			return bad("too many certificates in one request")
		}
		if !list.ReadASN1(&one, cbasn1.SEQUENCE) {
			return bad("Request")
		}
		id, ok := readCertID(&one)
		var has bool
		if !ok || !one.ReadOptionalASN1(&extensions, &has, tag0) || !one.Empty() {
			return bad("CertID")
		}
		if has {
			if err := readExtensions(extensions, nil); err != nil {
				return nil, err
			}
		}
		r.CertIDs = append(r.CertIDs, id)
	}
	if len(r.CertIDs) == 0 {
		return bad("no certificate")
	}
	if hasExts {
		return r, readExtensions(exts, func(oid asn1.ObjectIdentifier, value cryptobyte.String) (known bool, err error) {
			if !oid.Equal(oidNonce) {
				return false, nil
			}
			r.Nonce, err = readNonce(value)
			return true, err
		})
	}
	return r, nil
}

// Marshal encodes the request. Every CertID needs its Raw, as NewCertID sets it.
func (r *Request) Marshal() ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				for _, id := range r.CertIDs {
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(id.Raw) })
				}
			})
			if r.Nonce != nil {
				b.AddASN1(tag2, func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { addNonce(b, r.Nonce) })
				})
			}
		})
	})
	return b.Bytes()
}

// readVersion steps over version [0] DEFAULT v1. DER leaves a default out, but
// peers exist that write it.
func readVersion(s *cryptobyte.String) bool {
	var explicit cryptobyte.String
	var present bool
	version := 0
	return s.ReadOptionalASN1(&explicit, &present, tag0) &&
		(!present || (explicit.ReadASN1Integer(&version) && explicit.Empty() && version == 0))
}

// readNonce reads Nonce ::= OCTET STRING (SIZE(1..128)) (RFC 9654, 2.1).
func readNonce(value cryptobyte.String) ([]byte, error) {
	var nonce []byte
	if !value.ReadASN1Bytes(&nonce, cbasn1.OCTET_STRING) || !value.Empty() || len(nonce) == 0 || len(nonce) > MaxNonce {
		return nil, fmt.Errorf("%w: nonce", ErrMalformed)
	}
	return nonce, nil
}

func addNonce(b *cryptobyte.Builder, nonce []byte) {
	addExtension(b, oidNonce, func(b *cryptobyte.Builder) { b.AddASN1OctetString(nonce) })
}

func addExtension(b *cryptobyte.Builder, oid asn1.ObjectIdentifier, value func(*cryptobyte.Builder)) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oid)
		b.AddASN1(cbasn1.OCTET_STRING, value)
	})
}

// readExtensions walks Extensions (inside its explicit tag), calls read for
// each, and refuses a repeated one and a critical one that read does not know.
func readExtensions(s cryptobyte.String, read func(asn1.ObjectIdentifier, cryptobyte.String) (bool, error)) error {
	var list cryptobyte.String
	if !s.ReadASN1(&list, cbasn1.SEQUENCE) || !s.Empty() || list.Empty() {
		return fmt.Errorf("%w: extensions", ErrMalformed)
	}
	seen := make(map[string]bool)
	for !list.Empty() {
		var ext, value cryptobyte.String
		var oid asn1.ObjectIdentifier
		critical := false
		if !list.ReadASN1(&ext, cbasn1.SEQUENCE) || !ext.ReadASN1ObjectIdentifier(&oid) ||
			(ext.PeekASN1Tag(cbasn1.BOOLEAN) && !ext.ReadASN1Boolean(&critical)) ||
			!ext.ReadASN1(&value, cbasn1.OCTET_STRING) || !ext.Empty() {
			return fmt.Errorf("%w: extension", ErrMalformed)
		}
		if seen[oid.String()] {
			return fmt.Errorf("%w: extension %s occurs twice", ErrMalformed, oid)
		}
		seen[oid.String()] = true
		known := false
		if read != nil {
			var err error
			if known, err = read(oid, value); err != nil {
				return err
			}
		}
		if critical && !known {
			return fmt.Errorf("%w: critical extension %s is not known", ErrMalformed, oid)
		}
	}
	return nil
}
