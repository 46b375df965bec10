package cades

import (
	"bytes"
	"context"
	"crypto"
	"fmt"

	"chop/internal/cms"
	"chop/signer/pades"
)

// A Document is a signature between Prepare and Finish. It belongs to one goroutine and is
// used up by Finish.
type Document struct {
	req     Request
	beside  *cms.SignedData // nil: a new message
	counter *cms.SignerInfo // the signature that this one countersigns, or nil
	field   string
	digest  []byte
	attrs   []byte
	dtbsr   []byte
	used    bool
	out     []byte
}

// Prepare composes the signed attributes and returns what the key is to sign. Whatever can
// be refused is refused here, before the key is used.
func Prepare(r Request) (*Document, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	d := &Document{req: r, field: field(0), digest: sum(r.Identity.Hash(), r.In)}
	if r.Beside != nil {
		var err error
		if d.beside, err = addable(r.Beside); err != nil {
			return nil, err
		}
		if d.beside.Content != nil && !bytes.Equal(d.beside.Content, r.In) {
			return nil, unfit("its content is not the file to be signed")
		}
		if d.beside.Content == nil && !holds(d.beside, r.In) {
			return nil, unfit("its signatures are not over the file to be signed")
		}
		d.field = field(len(d.beside.SignerInfos))
	}
	return d.prepare(cms.OIDData)
}

// addable opens a message to which signatures and evidence may be added.
func addable(in []byte) (*cms.SignedData, error) {
	m, err := open(in)
	if err != nil {
		return nil, err
	}
	if m.HasOldArchive() {
		return nil, unfit("it has an archive timestamp of an older kind, which an addition would break")
	}
	return m, nil
}

// holds reports whether one of the signatures has the content's digest.
func holds(m *cms.SignedData, content []byte) bool {
	for _, si := range m.SignerInfos {
		if digest, err := si.MessageDigest(); err == nil && si.Digest != 0 && bytes.Equal(digest, sum(si.Digest, content)) {
			return true
		}
	}
	return false
}

func (d *Document) prepare(kind []int) (*Document, error) {
	var err error
	if d.attrs, err = d.req.attributes(kind, d.digest); err != nil {
		return nil, fmt.Errorf("signed attributes: %w", err)
	}
	d.dtbsr = sum(d.req.Identity.Hash(), d.attrs)
	return d, nil
}

// DTBSR returns the digest that the key signs and the hash that it was made with.
func (d *Document) DTBSR() (crypto.Hash, []byte) { return d.req.Identity.Hash(), d.dtbsr }

// Digest returns the digest of what is signed.
func (d *Document) Digest() []byte { return d.digest }

// Field returns the signature's name in the message, as validation reports it.
func (d *Document) Field() string { return d.field }

// Bytes returns the message, DER, after Finish.
func (d *Document) Bytes() []byte { return d.out }

// Size returns how long it is.
func (d *Document) Size() int64 { return int64(len(d.out)) }

// Finish puts the signature value into the message and brings it to the level asked for.
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
	id := d.req.Identity
	params := cms.BuildParams{
		ContentType: cms.OIDData, Certificates: id.Certificates(), Certificate: id.Certificate(), Hash: id.Hash(),
		Scheme: id.Scheme(), SignedAttrs: d.attrs, Signature: signature,
	}
	if d.counter != nil {
		return d.finishCounter(ctx, params)
	}
	if !d.req.Detached {
		params.Content = d.req.In
		if params.Content == nil {
			params.Content = []byte{}
		}
	}
	der, err := cms.Build(params)
	if err != nil {
		return err
	}
	m, err := cms.Parse(der)
	if err != nil {
		return err
	}
	if d.beside != nil {
		if err := d.beside.AddSigner(m); err != nil {
			return err
		}
		m = d.beside
	}
	x := d.extender(m, m.SignerInfos[len(m.SignerInfos)-1])
	if _, err := x.raise(ctx, d.req.Level); err != nil {
		return err
	}
	d.out, err = m.Marshal()
	return err
}

func (d *Document) extender(m *cms.SignedData, si *cms.SignerInfo) *extender {
	return &extender{
		message: m, signer: si, cert: d.req.Identity.Certificate(), content: d.req.In, hash: d.req.Identity.Hash(),
		timestamper: d.req.Timestamper, evidence: d.req.Evidence,
	}
}
