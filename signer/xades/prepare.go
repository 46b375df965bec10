package xades

import (
	"bytes"
	"context"
	"crypto"
	"encoding/base64"
	"fmt"
	"slices"

	"chop/internal/xmldsig"
)

// Prepare composes the signature and returns what the key is to sign. Whatever can be
// refused is refused here, before the key is used.
func Prepare(ctx context.Context, r Request) (*Document, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	d := &Document{req: r, hash: r.Identity.Hash()}
	if err := d.place(ctx); err != nil {
		return nil, err
	}
	return d.prepare(ctx)
}

// prepare digests what is signed, once it is known where the signature goes.
func (d *Document) prepare(ctx context.Context) (*Document, error) {
	// With empty digests first: what they are of does not depend on them.
	s, err := d.read(ctx, d.with(d.text.write(nil, nil)))
	if err != nil {
		return nil, err
	}
	for _, ref := range s.References {
		var b bytes.Buffer
		if err := s.Octets(&b, ref, d.sources()); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDocument, err)
		}
		d.digests = append(d.digests, sum(d.hash, b.Bytes()))
	}
	if s, err = d.read(ctx, d.with(d.text.write(d.digests, nil))); err != nil {
		return nil, err
	}
	signed, err := s.SignedOctets()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	d.dtbsr = sum(d.hash, signed)
	return d, nil
}

// place decides where the signature goes: before and after are the bytes around it.
func (d *Document) place(ctx context.Context) error {
	r := &d.req
	parsed, xmlErr := xmldsig.Open(ctx, r.In, xmldsig.Limits{})
	id, err := newID()
	if err != nil {
		return err
	}
	data := reference{mimeType: mimeOf(r.MimeType, xmlErr == nil)}
	var more []reference
	object := ""
	switch r.Packaging {
	case Enveloped:
		if xmlErr != nil {
			return fmt.Errorf("%w: %w", ErrDocument, xmlErr)
		}
		if err := d.envelop(r.In, parsed); err != nil {
			return err
		}
		data.transforms = `<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116">` +
			`<ds:XPath>not(ancestor-or-self::ds:Signature)</ds:XPath></ds:Transform>` + transform(r.C14N.uri())
	case Enveloping:
		data.uri, data.kind = "#o-"+id, xmldsig.NS+"Object"
		if xmlErr == nil {
			if root, ok := moved(parsed, r.In); ok {
				data.transforms = transform(r.C14N.uri())
				object = `<ds:Object Id="o-` + id + `">` + root + "</ds:Object>"
				break
			}
		}
		data.transforms = transform(xmldsig.Base64)
		object = `<ds:Object Id="o-` + id + `" Encoding="` + xmldsig.Base64 + `">` + base64.StdEncoding.EncodeToString(r.In) + "</ds:Object>"
	case Detached:
		data.uri = fileURI(r.Name)
		for _, f := range r.More {
			_, err := xmldsig.Open(ctx, f.Data, xmldsig.Limits{})
			more = append(more, reference{uri: fileURI(f.Name), mimeType: mimeOf(f.MimeType, err == nil)})
		}
		if r.Beside != nil {
			if err := d.beside(ctx); err != nil {
				return err
			}
		} else if r.Container {
			d.before = []byte(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<asic:XAdESSignatures xmlns:asic="` + asic + `">`)
			d.after = []byte("</asic:XAdESSignatures>\n")
		}
	}
	d.text, err = newText(r, id, append([]reference{data}, more...), object)
	return err
}

// asic is the namespace of containers (EN 319 162-1, A.6).
const asic = "http://uri.etsi.org/02918/v1.2.1#"

func mimeOf(given string, isXML bool) string {
	switch {
	case given != "":
		return given
	case isXML:
		return "text/xml"
	}
	return "application/octet-stream"
}

// moved returns the root of a document that can stand in another one: with nothing beside
// it that would be lost, no comments, which would not be signed, and no signatures, which
// would be over something else then.
func moved(parsed *xmldsig.Document, in []byte) (string, bool) {
	signatures, err := parsed.SignatureElements()
	if err != nil || len(signatures) > 0 || !parsed.Bare() {
		return "", false
	}
	spans, err := parsed.Locate(in, parsed.Root())
	if err != nil {
		return "", false
	}
	return string(in[spans[0].Start:spans[0].End]), true
}

// beside puts the signature behind the others of a container's file.
func (d *Document) beside(ctx context.Context) error {
	parsed, err := xmldsig.Open(ctx, d.req.Beside, xmldsig.Limits{})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDocument, err)
	}
	if !xmldsig.Is(parsed.Root(), asic, "XAdESSignatures") {
		return fmt.Errorf("%w: its root is %.80q, in which only one signature stands", ErrDocument, parsed.Root().Name())
	}
	return d.envelop(d.req.Beside, parsed)
}

// envelop puts the signature at the end of the root's content.
func (d *Document) envelop(in []byte, parsed *xmldsig.Document) error {
	root := parsed.Root()
	spans, err := parsed.Locate(in, root)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDocument, err)
	}
	span := spans[0]
	d.before, d.after = in[:span.Close], in[span.Close:]
	if span.Empty() { // <a/> becomes <a></a>, which is the same in canonical form
		slash := bytes.LastIndexByte(in[:span.End], '/')
		d.before = append(append([]byte{}, in[:slash]...), '>')
		d.after = append([]byte("</"+root.Name()+">"), in[span.End:]...)
	}
	d.earlier, err = holding(parsed)
	return err
}

// holding returns the references of a document's signatures that hold, by the signature's
// value and their number.
func holding(doc *xmldsig.Document) (map[string]bool, error) {
	elements, err := doc.SignatureElements()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	found := map[string]bool{}
	for _, e := range elements {
		s, err := doc.ReadSignature(e)
		if err != nil {
			continue
		}
		s.Check(xmldsig.Sources{})
		for i, r := range s.References {
			if r.Err == nil {
				found[fmt.Sprintf("%x %d", s.Value, i)] = true
			}
		}
	}
	return found, nil
}

// lost returns ErrBreaks if a reference that held does not hold in the document.
func lost(parsed *xmldsig.Document, held map[string]bool) error {
	if len(held) == 0 {
		return nil
	}
	now, err := holding(parsed)
	if err != nil {
		return err
	}
	for id := range held {
		if !now[id] {
			return ErrBreaks
		}
	}
	return nil
}

// stillHold is lost for a document that is not parsed yet.
func stillHold(ctx context.Context, doc []byte, held map[string]bool) error {
	parsed, err := xmldsig.Open(ctx, doc, xmldsig.Limits{})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDocument, err)
	}
	return lost(parsed, held)
}

// read reads a whole document and our signature in it.
func (d *Document) read(ctx context.Context, doc []byte) (*xmldsig.Signature, error) {
	parsed, err := xmldsig.Open(ctx, doc, xmldsig.Limits{})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	if err := lost(parsed, d.earlier); err != nil {
		return nil, err
	}
	e, err := parsed.ByID(d.text.id)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	s, err := parsed.ReadSignature(e)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	return s, nil
}

// with returns the document around a Signature element.
func (d *Document) with(signature string) []byte {
	if d.before == nil {
		return []byte(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + signature + "\n")
	}
	return append(append(append(make([]byte, 0, len(d.before)+len(signature)+len(d.after)), d.before...), signature...), d.after...)
}

// sources are what the signature refers to outside its document: its files.
func (d *Document) sources() xmldsig.Sources {
	return xmldsig.Sources{File: func(uri string) ([]byte, bool) {
		if d.req.Packaging != Detached {
			return nil, false
		}
		i := slices.IndexFunc(d.text.data, func(r reference) bool { return r.uri == uri })
		switch {
		case i < 0:
			return nil, false
		case i == 0:
			return d.req.In, true
		}
		return d.req.More[i-1].Data, true
	}}
}

// DTBSR returns the digest that the key signs and the hash that it was made with.
func (d *Document) DTBSR() (crypto.Hash, []byte) { return d.hash, d.dtbsr }

// Digest returns the digest of what is signed, as the reference has it.
func (d *Document) Digest() []byte { return d.digests[0] }

// Field returns the id of the Signature element.
func (d *Document) Field() string { return d.text.id }
