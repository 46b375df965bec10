package pades

import (
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"time"

	"chop/internal/cms"
)

// unsignedOverhead is what the unsigned attribute around a timestamp token takes: its
// OID and headers, and the longer lengths of what contains it.
const unsignedOverhead = 64

// A Document is a file between Prepare and Finish: written, but for the signature. It
// belongs to one goroutine and is used up by Finish.
type Document struct {
	req    Request
	out    *appender
	field  string
	digest []byte
	attrs  []byte
	dtbsr  []byte
	used   bool
	stamp  *token // of the signature; nil before Finish, and at B-B
}

// DTBSR returns the data to be signed representation: the digest that the key signs,
// and the hash it was made with.
func (d *Document) DTBSR() (crypto.Hash, []byte) { return d.req.Identity.hash, d.dtbsr }

// SignedAttributes returns the DER SET OF whose digest is the DTBSR, for whoever wants
// to know what it signs.
func (d *Document) SignedAttributes() []byte { return d.attrs }

// Digest returns the digest of the document itself, as the signed attributes have it.
func (d *Document) Digest() []byte { return d.digest }

// Field returns the full name of the field that holds the signature.
func (d *Document) Field() string { return d.field }

// Size returns how long the output is; after Finish, in all.
func (d *Document) Size() int64 { return d.out.n }

// Finish puts the signature into the file and brings it to the level asked for. The
// signature is verified first. Evidence is asked for after the timestamp, so that it
// can prove that the certificate was good at that time. When Finish fails, what was
// written is no signed file, and the signature must not be made again for it.
func (d *Document) Finish(ctx context.Context, signature []byte) error {
	if d.used {
		return ErrFinished
	}
	d.used = true
	id := d.req.Identity
	if err := id.Verify(d.dtbsr, signature); err != nil {
		return err
	}
	var unsigned []cms.Attribute
	var stamped *token
	if d.req.Level.AtLeast(LevelT) {
		var err error
		if stamped, err = d.clock().stamp(ctx, digestOf(id.hash, signature)); err != nil {
			return fmt.Errorf("timestamp signature: %w", err)
		}
		d.stamp = stamped
		unsigned = []cms.Attribute{{Type: cms.OIDSignatureTimestamp, Values: [][]byte{stamped.der}}}
	}
	content, err := id.build(d.attrs, signature, unsigned)
	if err != nil {
		return fmt.Errorf("build CMS: %w", err)
	}
	contents, err := d.out.fill(content)
	if err != nil {
		return err
	}
	if !d.req.Level.AtLeast(LevelLT) {
		return nil
	}
	return d.keep(ctx, contents, stamped)
}

// keep appends the evidence (B-LT) and the document timestamp over it (B-LTA).
func (d *Document) keep(ctx context.Context, contents []byte, stamped *token) error {
	tsu, err := stamped.certificate()
	if err != nil {
		return err
	}
	e := new(evidence)
	for _, cert := range []*x509.Certificate{d.req.Identity.cert, tsu} {
		if err := e.gather(ctx, d.req.Evidence, cert, stamped.genTime()); err != nil {
			return err
		}
	}
	if err := d.out.appendDSS(map[string]*evidence{vriKey(contents): e}); err != nil {
		return fmt.Errorf("append evidence: %w", err)
	}
	if !d.req.Level.AtLeast(LevelLTA) {
		return nil
	}
	if err := d.out.appendTimestamp(ctx, d.clock()); err != nil {
		return fmt.Errorf("timestamp document: %w", err)
	}
	return nil
}

// Timestamp returns the signature's timestamp token and its time, after Finish; nil at B-B.
func (d *Document) Timestamp() (der []byte, at time.Time) {
	if d.stamp == nil {
		return nil, time.Time{}
	}
	return d.stamp.der, d.stamp.genTime()
}

func (d *Document) clock() clock {
	return clock{d.req.Timestamper, d.req.Identity.hash, tokenSize(d.req.TokenSize)}
}

func digestOf(h crypto.Hash, b []byte) []byte {
	w := h.New()
	w.Write(b)
	return w.Sum(nil)
}
