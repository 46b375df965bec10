package jades

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"encoding/asn1"
	"fmt"
	"math/big"

	"chop/internal/jws"
	"chop/signer/pades"
)

// A Document is a signature between Prepare and Finish. It belongs to one goroutine and is
// used up by Finish.
type Document struct {
	req       Request
	hash      crypto.Hash
	protected string
	payload   string
	beside    *jws.Document // nil: it stands alone
	counter   *counter      // what it is a counter-signature on, or nil
	encoded   bool          // beside reads a detached file in base64url
	dtbsr     []byte
	used      bool
	out       []byte
}

// room is left for the header, time-stamps and evidence within the size that is read.
const room = 4 << 20

// Prepare composes the signature and returns what the key is to sign. Whatever can be
// refused is refused here, before the key is used.
func Prepare(r Request) (*Document, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	d := &Document{req: r, hash: r.Identity.Hash()}
	if err := d.open(); err != nil {
		return nil, err
	}
	if !d.req.Detached {
		if n := len(r.In)/3*4 + room + len(r.Beside); n > jws.MaxSize {
			return nil, fmt.Errorf("%w: attached it would be larger than %d bytes", ErrDocument, jws.MaxSize)
		}
		d.payload = jws.Encode(r.In)
	}
	return d.prepare()
}

// prepare composes the header, once it is known what is signed and where it will stand.
func (d *Document) prepare() (*Document, error) {
	var err error
	if d.protected, err = newHeader(&d.req, d.encoded, d.counter != nil); err != nil {
		return nil, err
	}
	// Read it as a validator will, with a value that stands in.
	doc, err := d.write([]byte{0})
	if err != nil {
		return nil, err
	}
	s, err := d.read(doc)
	if err != nil {
		return nil, err
	}
	input, err := s.SigningInput(d.sources())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	d.dtbsr = sum(d.hash, input)
	return d, nil
}

// open reads the signatures beside which this one will stand: they are on the same content.
func (d *Document) open() error {
	if d.req.Beside == nil {
		return nil
	}
	var err error
	if d.beside, err = jws.Open(d.req.Beside, jws.Limits{}); err != nil {
		return fmt.Errorf("%w: %w", ErrDocument, err)
	}
	if len(d.beside.Signatures) == 0 {
		return fmt.Errorf("%w: there is no signature beside which to add one", ErrDocument)
	}
	for _, s := range d.beside.Signatures {
		if s.Err != nil {
			return fmt.Errorf("%w: %w", ErrDocument, s.Err)
		}
		d.encoded = !s.Header.Unencoded
	}
	d.req.Detached = d.beside.Payload == ""
	if !d.req.Detached && (!d.encoded || d.beside.Payload != jws.Encode(d.req.In)) {
		return fmt.Errorf("%w: the signatures beside which to add one are on another content, or on one that is not in base64url", ErrDocument)
	}
	if d.req.Detached && d.req.Name == "" {
		return bad("a detached signature needs the name of the file")
	}
	return nil
}

// write returns the JWS with a value.
func (d *Document) write(value []byte) ([]byte, error) {
	signature := jws.Encode(value)
	if d.req.Serialization == Compact {
		return []byte(d.protected + "." + d.payload + "." + signature), nil
	}
	if d.beside != nil && d.counter == nil {
		b, err := d.beside.Add([]byte(`{"protected":"` + d.protected + `","signature":"` + signature + `"}`))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDocument, err)
		}
		return b, nil
	}
	payload := ""
	if !d.req.Detached && d.counter == nil {
		payload = `"payload":"` + d.payload + `",`
	}
	one := `"protected":"` + d.protected + `","signature":"` + signature + `"`
	if d.req.Serialization == General {
		one = `"signatures":[{` + one + `}]`
	}
	return []byte("{" + payload + one + "}"), nil
}

// index is the number of the signature, from 0: the last.
func (d *Document) index() int {
	if d.beside == nil || d.counter != nil {
		return 0
	}
	return len(d.beside.Signatures)
}

// read reads a document and its newest signature, in which nothing may be wrong.
func (d *Document) read(doc []byte) (*jws.Signature, error) {
	parsed, err := jws.Open(doc, jws.Limits{})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	s := parsed.Signatures[d.index()]
	if err := s.Err; err != nil || s.Critical != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, firstOf(err, s.Critical))
	}
	return s, nil
}

func firstOf(list ...error) error {
	for _, err := range list {
		if err != nil {
			return err
		}
	}
	return nil
}

// sources are what the signature covers outside of its document: the one file, or the value
// of another signature.
func (d *Document) sources() jws.Sources {
	return jws.Sources{File: func(string) ([]byte, bool) { return d.req.In, true }}
}

// DTBSR returns the digest that the key signs and the hash that it was made with.
func (d *Document) DTBSR() (crypto.Hash, []byte) { return d.hash, d.dtbsr }

// Digest returns the digest of the file that is signed.
func (d *Document) Digest() []byte { return sum(d.hash, d.req.In) }

// Detached reports whether the file is left out, as asked or as beside which it stands.
func (d *Document) Detached() bool { return d.req.Detached }

// Field names the signature, as validation does.
func (d *Document) Field() string {
	if d.counter != nil {
		return d.counter.field
	}
	return fieldName(d.index())
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
	doc, err := d.write(value)
	if err != nil {
		return err
	}
	s, err := d.read(doc)
	if err != nil {
		return err
	}
	if err := s.Verify(d.req.Identity.Certificate().PublicKey, d.sources()); err != nil {
		return fmt.Errorf("%w: %w", ErrDocument, err)
	}
	x := extender{
		doc: doc, index: d.index(), hash: d.hash, src: d.sources(),
		timestamper: d.req.Timestamper, evidence: d.req.Evidence, signer: d.req.Identity.Certificate(),
	}
	if err := x.raise(ctx, d.req.Level); err != nil {
		return err
	}
	d.out = x.doc
	if d.counter != nil {
		d.out, err = d.counter.put(x.doc)
	}
	return err
}

// Bytes returns the signed document, after Finish.
func (d *Document) Bytes() []byte { return d.out }

// Size returns how long it is.
func (d *Document) Size() int64 { return int64(len(d.out)) }

// value brings a signature value into the form of JSON: of ECDSA r‖s (RFC 7518, 3.4).
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
