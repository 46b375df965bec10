package asic

import (
	"context"
	"crypto"
	"fmt"
	"time"

	"chop/internal/asic"
	"chop/signer/cades"
	"chop/signer/pades"
	"chop/signer/xades"
)

// A File is a data object.
type File struct {
	Name     string
	Data     []byte
	MIMEType string // optional
}

// A Request is one signed container to be made.
type Request struct {
	Kind  Kind
	Form  Form
	Files []File
	// Beside is a container to which the signature is added, over all files in it: Files is
	// empty then, and Kind and Form may be. In an ASiC-S it stands in the same file as the
	// others (EN 319 162-1, 4.3.3.2), in an ASiC-E in a file of its own (4.4.3.2).
	Beside []byte

	// Identity, Level, Timestamper, Evidence and Time are as in packages xades and cades.
	Identity    *Identity
	Level       Level
	Timestamper Timestamper
	Evidence    EvidenceSource
	Time        time.Time
	// Commitment ("origin", "approval", "creation"), Roles and City are optional.
	Commitment string
	Roles      []string
	City       string
}

// A Document is a container between Prepare and Finish. It belongs to one goroutine and is
// used up by Finish.
type Document struct {
	req       Request
	content   content
	signature signature
	name      string // of the file that will hold the signature
	out       []byte
}

// A signature is a Document of the package of its form.
type signature interface {
	DTBSR() (crypto.Hash, []byte)
	Digest() []byte
	Field() string
	Finish(ctx context.Context, signature []byte) error
	Bytes() []byte
}

var xadesCommitments = map[string]xades.Commitment{
	"": "", "origin": xades.ProofOfOrigin, "approval": xades.ProofOfApproval, "creation": xades.ProofOfCreation,
}

// Prepare composes the signature and returns what the key is to sign. Whatever can be
// refused is refused here, before the key is used.
func Prepare(ctx context.Context, r Request) (*Document, error) {
	d := &Document{req: r, content: content{mimeType: asic.MIMEExtended}}
	if r.Beside != nil {
		if err := d.open(); err != nil {
			return nil, err
		}
		if err := d.prepare(ctx); err != nil {
			return nil, err
		}
		return d, nil
	}
	var err error
	if d.content, err = fill(r.Kind, r.Files); err != nil {
		return nil, err
	}
	switch {
	case r.Form != XAdES && r.Form != CAdES:
		return nil, bad("no form %q, there are xades and cades", r.Form)
	case r.Identity == nil:
		return nil, bad("no identity")
	}
	if err := d.prepare(ctx); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *Document) prepare(ctx context.Context) error {
	r := &d.req
	first := r.Files[0]
	var err error
	if r.Form == XAdES {
		if d.name = simpleXAdES; r.Kind == Extended {
			d.name = d.content.free(extendedXAdES)
		}
		commitment, ok := xadesCommitments[r.Commitment]
		if !ok {
			return bad("no commitment %q, there are origin, approval, creation", r.Commitment)
		}
		req := xades.Request{
			In: first.Data, Name: first.Name, MimeType: first.MIMEType, Packaging: xades.Detached, Container: true, Identity: r.Identity,
			Level: r.Level, Timestamper: r.Timestamper, Evidence: r.Evidence, Time: r.Time,
			Commitment: commitment, Roles: r.Roles, Place: xades.Place{City: r.City},
		}
		if b, ok := d.content.file(d.name); ok {
			req.Beside = b
		}
		for _, f := range r.Files[1:] {
			req.More = append(req.More, xades.File{Name: f.Name, Data: f.Data, MimeType: f.MIMEType})
		}
		d.signature, err = xades.Prepare(ctx, req)
		return err
	}
	req := cades.Request{
		In: first.Data, MIMEType: first.MIMEType, Detached: true, Identity: r.Identity, Level: r.Level,
		Timestamper: r.Timestamper, Evidence: r.Evidence, Time: r.Time,
		Commitment: cades.Commitment(r.Commitment), Roles: r.Roles, Place: cades.Place{City: r.City},
	}
	if b, ok := d.content.file(simpleCAdES); ok && r.Kind == Simple {
		req.Beside = b
	}
	if d.name = simpleCAdES; r.Kind == Extended {
		d.name = d.content.free(extendedCAdES)
		if req.In, err = d.manifest(); err != nil {
			return err
		}
		req.MIMEType = "text/xml"
		if d.archives() {
			req.Level = pades.LevelLT
		}
	}
	d.signature, err = cades.Prepare(req)
	return err
}

// archives reports whether the container's own time-stamp makes it B-LTA.
func (d *Document) archives() bool {
	return d.req.Kind == Extended && d.req.Form == CAdES && d.req.Level.AtLeast(pades.LevelLTA)
}

// manifest adds the manifest of the files, which is what is signed.
func (d *Document) manifest() ([]byte, error) {
	h := d.req.Identity.Hash()
	m := asic.ASiCManifest{Signature: d.name}
	for _, f := range d.req.Files {
		m.Objects = append(m.Objects, asic.DataObject{URI: f.Name, MIMEType: f.MIMEType, Hash: h, Digest: sum(h, f.Data)})
	}
	b, err := m.Marshal(mimeCAdES)
	if err != nil {
		return nil, err
	}
	d.content.set(d.content.free(manifestName), b)
	return b, nil
}

// DTBSR returns the digest that the key signs and the hash that it was made with.
func (d *Document) DTBSR() (crypto.Hash, []byte) { return d.signature.DTBSR() }

// Digest returns the digest of what is signed: of the first file, or of the manifest.
func (d *Document) Digest() []byte { return d.signature.Digest() }

// Field returns the signature's name, as validation reports it.
func (d *Document) Field() string { return d.name + ": " + d.signature.Field() }

// Bytes returns the container, after Finish.
func (d *Document) Bytes() []byte { return d.out }

// Size returns how long it is.
func (d *Document) Size() int64 { return int64(len(d.out)) }

// Finish puts the signature into the container and brings it to the level asked for. The
// value is verified first.
func (d *Document) Finish(ctx context.Context, value []byte) error {
	if err := d.signature.Finish(ctx, value); err != nil {
		return err
	}
	d.content.set(d.name, d.signature.Bytes())
	if d.archives() {
		if err := d.content.archive(ctx, d.req.Timestamper, d.req.Identity.Hash()); err != nil {
			return err
		}
	}
	var err error
	if d.out, err = d.content.write(); err != nil {
		return fmt.Errorf("write container: %w", err)
	}
	return nil
}
