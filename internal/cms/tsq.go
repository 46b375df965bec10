package cms

import (
	"crypto"
	"encoding/asn1"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// TimestampRequest is TimeStampReq, RFC 3161, 2.4.1.
type TimestampRequest struct {
	Version       int         // as sent; only 1 exists, and the authority says so
	HashAlgorithm crypto.Hash // 0 if not one of ours
	HashOID       asn1.ObjectIdentifier
	Imprint       []byte
	Policy        asn1.ObjectIdentifier // nil: any
	Nonce         *big.Int              // nil: absent
	CertReq       bool
	Extensions    [][]byte // DER
}

// maxRequest is far above any request: a SHA-512 imprint, a nonce and a policy take some 150 bytes.
const maxRequest = 64 << 10

// ParseTimestampRequest reads a request, DER. It checks the form, not what is asked for.
func ParseTimestampRequest(der []byte) (*TimestampRequest, error) {
	if len(der) > maxRequest {
		return nil, fmt.Errorf("parse timestamp request: %w: %d bytes", ErrLimit, len(der))
	}
	r := new(TimestampRequest)
	in := cryptobyte.String(der)
	var s cryptobyte.String
	if !in.ReadASN1(&s, cbasn1.SEQUENCE) || !in.Empty() || !s.ReadASN1Integer(&r.Version) {
		return nil, fmt.Errorf("parse timestamp request: %w: version", ErrMalformed)
	}
	i, ok := readImprint(&s)
	if !ok {
		return nil, fmt.Errorf("parse timestamp request: %w: messageImprint", ErrMalformed)
	}
	r.HashAlgorithm, r.HashOID, r.Imprint = i.hash, i.oid, i.digest
	if s.PeekASN1Tag(cbasn1.OBJECT_IDENTIFIER) {
		if r.Policy, _, ok = readOID(&s); !ok {
			return nil, fmt.Errorf("parse timestamp request: %w: reqPolicy", ErrMalformed)
		}
		if r.Policy == nil {
			r.Policy = asn1.ObjectIdentifier{} // asked for, and none that anyone could have
		}
	}
	if r.Nonce, ok = readNonce(&s); !ok {
		return nil, fmt.Errorf("parse timestamp request: %w: nonce", ErrMalformed)
	}
	// An explicit FALSE is not DER, but harmless and written by some clients.
	if s.PeekASN1Tag(cbasn1.BOOLEAN) && !s.ReadASN1Boolean(&r.CertReq) {
		return nil, fmt.Errorf("parse timestamp request: %w: certReq", ErrMalformed)
	}
	if r.Extensions, ok = readExtensions(&s, tagConstructed0); !ok || !s.Empty() {
		return nil, fmt.Errorf("parse timestamp request: %w: extensions", ErrMalformed)
	}
	return r, nil
}

// Marshal encodes a request of version 1 without extensions.
func (r *TimestampRequest) Marshal() ([]byte, error) {
	if OIDOfHash(r.HashAlgorithm) == nil {
		return nil, fmt.Errorf("marshal timestamp request: %w: %v", ErrAlgorithm, r.HashAlgorithm)
	}
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		addImprint(b, r.HashAlgorithm, r.Imprint)
		if r.Policy != nil {
			b.AddASN1ObjectIdentifier(r.Policy)
		}
		if r.Nonce != nil {
			b.AddASN1BigInt(r.Nonce)
		}
		if r.CertReq {
			b.AddASN1Boolean(true)
		}
	})
	der, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("marshal timestamp request: %w", err)
	}
	return der, nil
}
