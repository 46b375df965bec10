package pades

import (
	"context"
	"fmt"

	"chop/internal/pdf"
)

// Prepare writes the file with an empty place for the signature to req.Out and returns
// what the key is to sign. It reads the original once. Whatever can be refused is
// refused here, before the key is used.
func Prepare(ctx context.Context, req Request) (*Document, error) {
	if err := req.check(); err != nil {
		return nil, err
	}
	f, err := pdf.Open(req.In, req.Size, pdf.Limits{})
	if err != nil {
		return nil, fmt.Errorf("read document: %w", err)
	}
	inc, field, err := signatureRevision(f, &req)
	if err != nil {
		return nil, err
	}
	a := newAppender(req.Out, req.Identity.hash, req.Level.AtLeast(LevelLTA))
	if err := a.copy(ctx, req.In, req.Size); err != nil {
		return nil, err
	}
	digest, err := a.signed(inc)
	if err != nil {
		return nil, err
	}
	attrs, err := req.Identity.attributes(digest)
	if err != nil {
		return nil, fmt.Errorf("build signed attributes: %w", err)
	}
	h := req.Identity.hash.New()
	h.Write(attrs)
	return &Document{req: req, out: a, field: field, digest: digest, attrs: attrs, dtbsr: h.Sum(nil)}, nil
}

// signatureRevision builds the increment that holds the signature dictionary, its
// field and what they need, and names the field.
func signatureRevision(f *pdf.File, req *Request) (*pdf.Increment, string, error) {
	r, err := newRevision(f)
	if err != nil {
		return nil, "", err
	}
	sigs, err := pdf.Signatures(r.view)
	if err != nil {
		return nil, "", fmt.Errorf("read earlier signatures: %w", err)
	}
	rules, err := readRestrictions(r.view, sigs)
	if err != nil {
		return nil, "", err
	}
	t, err := r.chooseField(req.Field)
	if err != nil {
		return nil, "", err
	}
	if err := rules.allowSigning(t.name); err != nil {
		return nil, "", err
	}
	if err := meetSeed(r.view, t.seed, req); err != nil {
		return nil, "", fmt.Errorf("field %q: %w", t.name, err)
	}
	if req.Certify != NotCertified {
		if err := rules.allowCertification(); err != nil {
			return nil, "", err
		}
	}
	drawn, err := r.draw(t, req)
	if err != nil {
		return nil, "", err
	}
	signature := r.up.Add(signatureDictionary(req, t, r.view.CatalogRef()))
	if req.Certify != NotCertified {
		if err := r.certify(signature); err != nil {
			return nil, "", err
		}
	}
	if err := r.place(t, signature, drawn); err != nil {
		return nil, "", err
	}
	if err := r.declareExtension(); err != nil {
		return nil, "", err
	}
	inc, err := r.build()
	return inc, t.name, err
}

func (r *revision) chooseField(name string) (*target, error) {
	if name != "" {
		return r.existingField(name)
	}
	return r.newField("Signature")
}

// signatureDictionary is ISO 32000-1, table 252, with the restrictions of
// EN 319 142-1, clause 6.3.
func signatureDictionary(req *Request, t *target, catalog pdf.Ref) pdf.Dict {
	room := req.Identity.size
	if req.Level.AtLeast(LevelT) {
		room += tokenSize(req.TokenSize) + unsignedOverhead
	}
	d := pdf.Dict{
		"Type":      pdf.Name("Sig"),
		"Filter":    filter,
		"SubFilter": subFilter,
		"ByteRange": pdf.ByteRangePlaceholder(markByteRange),
		"Contents":  pdf.HexPlaceholder(markContents, room),
		"M":         pdf.FormatDate(req.Time),
	}
	for key, text := range map[pdf.Name]string{
		"Name": req.Name, "Reason": req.Reason, "Location": req.Location, "ContactInfo": req.Contact,
	} {
		if text != "" {
			d[key] = pdf.EncodeText(text)
		}
	}
	// A lock may restrict the whole document, too; of two restrictions the stricter holds.
	p := req.Certify
	if t.docMDP != NotCertified && (p == NotCertified || t.docMDP < p) {
		p = t.docMDP
	}
	var refs pdf.Array
	if p != NotCertified {
		refs = append(refs, docMDPReference(p))
	}
	if t.lock != nil {
		refs = append(refs, fieldMDPReference(*t.lock, catalog))
	}
	if refs != nil {
		d["Reference"] = refs
	}
	return d
}
