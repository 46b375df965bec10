package adobe

import (
	"bytes"
	"context"
	"crypto"
	"encoding/hex"
	"fmt"

	"chop/internal/cms"
	"chop/internal/pdf"
	"chop/signer/pades"
)

// A Document is a file between Prepare and Finish.
type Document struct {
	req    Request
	size   int64
	field  string
	gap    pdf.Span // of Contents
	digest []byte
	attrs  []byte
	dtbsr  []byte
	used   bool
}

// DTBSR returns the digest that the key signs, and the hash it was made with.
func (d *Document) DTBSR() (crypto.Hash, []byte) { return d.req.Identity.Hash(), d.dtbsr }

// SignedAttributes returns the DER SET OF whose digest is the DTBSR.
func (d *Document) SignedAttributes() []byte { return d.attrs }

// Digest returns the digest of the document.
func (d *Document) Digest() []byte { return d.digest }

// Field returns the name of the field that holds the signature.
func (d *Document) Field() string { return d.field }

// Size returns the length of the file in bytes.
func (d *Document) Size() int64 { return d.size }

// Finish verifies the signature, has it timestamped if that was asked for, and puts it
// into the file.
func (d *Document) Finish(ctx context.Context, signature []byte) error {
	if d.used {
		return pades.ErrFinished
	}
	d.used = true
	id := d.req.Identity
	if err := id.Verify(d.dtbsr, signature); err != nil {
		return err
	}
	var unsigned []cms.Attribute
	if d.req.Timestamper != nil {
		h := id.Hash().New()
		h.Write(signature)
		token, err := pades.Stamp(ctx, d.req.Timestamper, id.Hash(), h.Sum(nil))
		if err != nil {
			return fmt.Errorf("timestamp signature: %w", err)
		}
		unsigned = []cms.Attribute{{Type: cms.OIDSignatureTimestamp, Values: [][]byte{token}}}
	}
	der, err := cms.Build(cms.BuildParams{
		ContentType: cms.OIDData, Certificates: id.Certificates(), Certificate: id.Certificate(), Hash: id.Hash(),
		Scheme: id.Scheme(), SignedAttrs: d.attrs, Signature: signature, Unsigned: unsigned,
	})
	if err != nil {
		return fmt.Errorf("build CMS: %w", err)
	}
	room := int(d.gap.Len()-2) / 2
	if len(der) > room {
		return fmt.Errorf("%w: %d bytes for a place of %d", pades.ErrTooLarge, len(der), room)
	}
	text := bytes.Repeat([]byte{'0'}, int(d.gap.Len()))
	text[0], text[len(text)-1] = '<', '>'
	hex.Encode(text[1:], der)
	if _, err := d.req.Out.WriteAt(text, d.gap.Start); err != nil {
		return fmt.Errorf("write signature: %w", err)
	}
	return nil
}
