package pades

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"time"

	"chop/internal/cms"
	"chop/internal/pdf"
)

// A clock is a source of timestamps, with the hash for imprints and the room that a
// token may take, in bytes.
type clock struct {
	source Timestamper
	hash   crypto.Hash
	room   int
}

// A token is a timestamp that was checked to be over what was asked.
type token struct {
	der    []byte
	parsed *cms.TimestampToken
	signer []byte // raw certificate
}

// stamp asks for one timestamp. The token's own signature is checked, because one
// that is wrong would make a file that can never be repaired.
func (c clock) stamp(ctx context.Context, imprint []byte) (*token, error) {
	der, err := c.source.Timestamp(ctx, c.hash, imprint)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTimestamp, err)
	}
	t, err := parseToken(der)
	if err != nil {
		return nil, err
	}
	if t.parsed.Info.HashAlgorithm != c.hash || !bytes.Equal(t.parsed.Info.Imprint, imprint) {
		return nil, fmt.Errorf("%w: the token is over something else", ErrTimestamp)
	}
	if err := t.parsed.VerifySignature(t.signer); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTimestamp, err)
	}
	return t, nil
}

// Stamp asks src for a timestamp and returns the token, checked as a PAdES signature's
// own is: over this imprint, carrying its signer's certificate, and rightly signed.
func Stamp(ctx context.Context, src Timestamper, h crypto.Hash, imprint []byte) ([]byte, error) {
	t, err := clock{source: src, hash: h}.stamp(ctx, imprint)
	if err != nil {
		return nil, err
	}
	return t.der, nil
}

func parseToken(der []byte) (*token, error) {
	parsed, err := cms.ParseTimestampToken(der)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTimestamp, err)
	}
	signer := parsed.Signer.FindCertificate(parsed.Certificates)
	if signer == nil {
		return nil, fmt.Errorf("%w: the token lacks its signer's certificate", ErrTimestamp)
	}
	return &token{der: der, parsed: parsed, signer: signer}, nil
}

func (t *token) genTime() time.Time { return t.parsed.Info.GenTime }

func (t *token) certificate() (*x509.Certificate, error) {
	cert, err := x509.ParseCertificate(t.signer)
	if err != nil {
		return nil, fmt.Errorf("read timestamp signer's certificate: %w", err)
	}
	return cert, nil
}

// appendTimestamp appends a document timestamp over all that was written so far,
// EN 319 142-1, clause 5.4.3.
func (a *appender) appendTimestamp(ctx context.Context, c clock) error {
	f, err := a.open()
	if err != nil {
		return err
	}
	r, err := newRevision(f)
	if err != nil {
		return err
	}
	t, err := r.newField("Timestamp")
	if err != nil {
		return err
	}
	if err := r.declareExtension(); err != nil {
		return err
	}
	value := r.up.Add(pdf.Dict{
		"Type":      pdf.Name("DocTimeStamp"),
		"Filter":    filter,
		"SubFilter": subFilterTime,
		"ByteRange": pdf.ByteRangePlaceholder(markByteRange),
		"Contents":  pdf.HexPlaceholder(markContents, c.room),
	})
	if err := r.place(t, value, nil); err != nil {
		return err
	}
	inc, err := r.build()
	if err != nil {
		return err
	}
	digest, err := a.signed(inc)
	if err != nil {
		return err
	}
	stamped, err := c.stamp(ctx, digest)
	if err != nil {
		return err
	}
	_, err = a.fill(stamped.der)
	return err
}
