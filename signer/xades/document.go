package xades

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"encoding/asn1"
	"fmt"
	"math/big"

	"chop/internal/xmldsig"
	"chop/signer/pades"
)

// A Document is a signature between Prepare and Finish. It belongs to one goroutine and is
// used up by Finish.
type Document struct {
	req           Request
	hash          crypto.Hash
	text          *text
	before, after []byte          // of the document around it; nil: it is all of it
	earlier       map[string]bool // references of other signatures that hold
	digests       [][]byte        // of the data, and of the properties
	dtbsr         []byte
	used          bool
	out           []byte
}

// Finish puts the signature value into the document and brings it to the level asked for.
// The value is verified first. Evidence is asked for after the timestamp, so that it can
// prove that the certificate was good at that time.
func (d *Document) Finish(ctx context.Context, signature []byte) error {
	if d.used {
		return pades.ErrFinished
	}
	d.used = true
	if err := d.req.Identity.Verify(d.dtbsr, signature); err != nil {
		return err
	}
	value, err := d.value(signature)
	if err != nil {
		return err
	}
	doc := d.with(d.text.write(d.digests, value))
	s, err := d.read(ctx, doc)
	if err != nil {
		return err
	}
	s.Check(d.sources())
	for _, r := range s.References {
		if r.Err != nil {
			return fmt.Errorf("%w: %w", ErrDocument, r.Err)
		}
	}
	x := extender{
		doc: doc, id: d.text.id, c14n: d.req.C14N.uri(), hash: d.hash, sources: d.sources(),
		timestamper: d.req.Timestamper, evidence: d.req.Evidence, signer: d.req.Identity.Certificate(),
	}
	if err := x.raise(ctx, d.req.Level); err != nil {
		return err
	}
	d.out = x.doc
	return nil
}

// Bytes returns the signed document, after Finish.
func (d *Document) Bytes() []byte { return d.out }

// Size returns how long it is.
func (d *Document) Size() int64 { return int64(len(d.out)) }

// value brings a signature value into the form of XML: of ECDSA r‖s (XML Signature 1.1,
// 6.4.3).
func (d *Document) value(signature []byte) ([]byte, error) {
	key, ok := d.req.Identity.Certificate().PublicKey.(*ecdsa.PublicKey)
	if !ok {
		return signature, nil
	}
	var rs struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(signature, &rs); err != nil || len(rest) > 0 {
		return nil, pades.ErrSignature
	}
	n := (key.Curve.Params().N.BitLen() + 7) / 8
	return append(rs.R.FillBytes(make([]byte, n)), rs.S.FillBytes(make([]byte, n))...), nil
}

// imprint digests what write writes.
func imprint(h crypto.Hash, write func(*bytes.Buffer) error) ([]byte, error) {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	return sum(h, b.Bytes()), nil
}

func parseC14N(uri string) xmldsig.C14N {
	m, err := xmldsig.ParseC14N(uri)
	if err != nil {
		panic(err) // our own constants
	}
	return m
}
