package cms

import (
	"bytes"
	"crypto"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// TSTInfo is what a timestamp token says, RFC 3161, 2.4.2.
type TSTInfo struct {
	Version       int
	Policy        asn1.ObjectIdentifier
	HashAlgorithm crypto.Hash // 0 if not one of ours
	HashOID       asn1.ObjectIdentifier
	Imprint       []byte
	Serial        *big.Int
	GenTime       time.Time
	Accuracy      time.Duration // 0: not stated
	Ordering      bool
	Nonce         *big.Int // nil: absent
	TSA           []byte   // GeneralName, DER; nil: absent
	Extensions    [][]byte // DER
}

// ParseTSTInfo reads the content of a timestamp token. Only version 1 exists.
func ParseTSTInfo(der []byte) (*TSTInfo, error) {
	t := new(TSTInfo)
	in := cryptobyte.String(der)
	var s cryptobyte.String
	if !in.ReadASN1(&s, cbasn1.SEQUENCE) || !in.Empty() || !s.ReadASN1Integer(&t.Version) || t.Version != 1 {
		return nil, fmt.Errorf("parse TSTInfo: %w: version", ErrMalformed)
	}
	var ok bool
	if t.Policy, _, ok = readOID(&s); !ok {
		return nil, fmt.Errorf("parse TSTInfo: %w: policy", ErrMalformed)
	}
	imprint, ok := readImprint(&s)
	if !ok {
		return nil, fmt.Errorf("parse TSTInfo: %w: messageImprint", ErrMalformed)
	}
	t.HashAlgorithm, t.HashOID, t.Imprint = imprint.hash, imprint.oid, imprint.digest
	t.Serial = new(big.Int)
	if !s.ReadASN1Integer(t.Serial) {
		return nil, fmt.Errorf("parse TSTInfo: %w: serialNumber", ErrMalformed)
	}
	if t.GenTime, ok = readGenTime(&s); !ok {
		return nil, fmt.Errorf("parse TSTInfo: %w: genTime", ErrMalformed)
	}
	if t.Accuracy, ok = readAccuracy(&s); !ok {
		return nil, fmt.Errorf("parse TSTInfo: %w: accuracy", ErrMalformed)
	}
	// DER leaves out DEFAULT FALSE, yet some authorities write it: both are read.
	if s.PeekASN1Tag(cbasn1.BOOLEAN) && !s.ReadASN1Boolean(&t.Ordering) {
		return nil, fmt.Errorf("parse TSTInfo: %w: ordering", ErrMalformed)
	}
	if t.Nonce, ok = readNonce(&s); !ok {
		return nil, fmt.Errorf("parse TSTInfo: %w: nonce", ErrMalformed)
	}
	var tsa cryptobyte.String
	var present bool
	if !s.ReadOptionalASN1(&tsa, &present, tagConstructed0) {
		return nil, fmt.Errorf("parse TSTInfo: %w: tsa", ErrMalformed)
	}
	if present {
		t.TSA = tsa
	}
	if t.Extensions, ok = readExtensions(&s, tagConstructed1); !ok || !s.Empty() {
		return nil, fmt.Errorf("parse TSTInfo: %w: extensions", ErrMalformed)
	}
	return t, nil
}

// Marshal encodes t. The fraction of GenTime is cut at milliseconds.
func (t *TSTInfo) Marshal() ([]byte, error) {
	if len(t.Extensions) > 0 {
		return nil, fmt.Errorf("marshal TSTInfo: extensions are not made")
	}
	b := cryptobyte.NewBuilder(make([]byte, 0, 192))
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1ObjectIdentifier(t.Policy)
		addImprint(b, t.HashAlgorithm, t.Imprint)
		b.AddASN1BigInt(t.Serial)
		b.AddASN1(cbasn1.GeneralizedTime, func(b *cryptobyte.Builder) { b.AddBytes(appendGenTime(nil, t.GenTime)) })
		b.AddBytes(EncodeAccuracy(t.Accuracy))
		if t.Ordering {
			b.AddASN1Boolean(true)
		}
		if t.Nonce != nil {
			b.AddASN1BigInt(t.Nonce)
		}
		if t.TSA != nil {
			b.AddASN1(tagConstructed0, func(b *cryptobyte.Builder) { b.AddBytes(t.TSA) })
		}
	})
	der, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("marshal TSTInfo: %w", err)
	}
	return der, nil
}

// Covers is nil if the imprint is the digest of data.
func (t *TSTInfo) Covers(data []byte) error {
	if t.HashAlgorithm == 0 {
		return fmt.Errorf("timestamp: %w: hash %v", ErrAlgorithm, t.HashOID)
	}
	h := t.HashAlgorithm.New()
	h.Write(data)
	if !bytes.Equal(h.Sum(nil), t.Imprint) {
		return fmt.Errorf("timestamp: %w", ErrDigest)
	}
	return nil
}

// imprint is MessageImprint, RFC 3161, 2.4.1.
type imprint struct {
	hash   crypto.Hash
	oid    asn1.ObjectIdentifier
	digest []byte
}

func readImprint(s *cryptobyte.String) (imprint, bool) {
	var i imprint
	var seq cryptobyte.String
	if !s.ReadASN1(&seq, cbasn1.SEQUENCE) {
		return i, false
	}
	a, ok := readAlgorithm(&seq)
	if !ok || !seq.ReadASN1Bytes(&i.digest, cbasn1.OCTET_STRING) || !seq.Empty() {
		return i, false
	}
	i.hash, i.oid = a.Hash(), a.OID
	return i, true
}

func addImprint(b *cryptobyte.Builder, h crypto.Hash, digest []byte) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		addHashAlgorithm(b, h)
		b.AddASN1OctetString(digest)
	})
}

func addHashAlgorithm(b *cryptobyte.Builder, h crypto.Hash) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(OIDOfHash(h))
		b.AddASN1NULL() // as clients expect it echoed: OpenSSL and others write it so
	})
}

// readNonce reads an optional INTEGER of either sign.
func readNonce(s *cryptobyte.String) (*big.Int, bool) {
	if !s.PeekASN1Tag(cbasn1.INTEGER) {
		return nil, true
	}
	n := new(big.Int)
	return n, s.ReadASN1Integer(n)
}

// readExtensions gives the elements of an optional IMPLICIT Extensions.
func readExtensions(s *cryptobyte.String, tag cbasn1.Tag) ([][]byte, bool) {
	var seq cryptobyte.String
	var present bool
	if !s.ReadOptionalASN1(&seq, &present, tag) {
		return nil, false
	}
	var list [][]byte
	for !seq.Empty() {
		var ext cryptobyte.String
		if !seq.ReadASN1Element(&ext, cbasn1.SEQUENCE) || len(list) == maxAttributes {
			return nil, false
		}
		list = append(list, ext)
	}
	return list, true
}
