package xades

import (
	"context"
	"fmt"

	"chop/internal/xmldsig"
	"chop/signer/pades"
)

// PrepareCounter prepares a counter-signature (EN 319 132-1, 5.2.7): a signature on the value
// of the one in the document r.In whose Id is target, put into its unsigned properties. It
// reaches B-LT; an archive timestamp of the signature that it is on covers it (Extend).
//
// The value is named by its Id. One without is not countersigned: an Id that is added changes
// what timestamps are over.
func PrepareCounter(ctx context.Context, r Request, target string) (*Document, error) {
	if r.Packaging != "" || r.Name != "" || r.MimeType != "" || len(r.More) > 0 || r.Container {
		return nil, bad("a counter-signature signs no file")
	}
	r.Packaging = Enveloped // in the document that it signs a part of
	if err := r.check(); err != nil {
		return nil, err
	}
	if r.Level.AtLeast(pades.LevelLTA) {
		return nil, bad("a counter-signature reaches B-LT; extend the signature that it is on to B-LTA")
	}
	x := extender{doc: r.In, id: target}
	st, err := x.state(ctx)
	if err != nil {
		return nil, fmt.Errorf("signature %.100q: %w", target, err)
	}
	value, ok := xmldsig.Attr(st.signature.ValueElement, "Id")
	if _, err := st.parsed.ByID(value); !ok || err != nil {
		return nil, fmt.Errorf("%w: the value of signature %.100q has no Id of its own, by which a counter-signature would name it", ErrDocument, target)
	}
	d := &Document{req: r, hash: r.Identity.Hash()}
	if d.earlier, err = holding(st.parsed); err != nil {
		return nil, err
	}
	before, after, err := x.around(ctx)
	if err != nil {
		return nil, err
	}
	d.before = append(before, `<xades:CounterSignature xmlns:xades="`+xmldsig.XAdES+`">`...)
	d.after = append([]byte("</xades:CounterSignature>"), after...)
	id, err := newID()
	if err != nil {
		return nil, err
	}
	on := reference{uri: "#" + value, kind: xmldsig.TypeCountersigned, transforms: transform(r.C14N.uri())}
	if d.text, err = newText(&d.req, id, []reference{on}, ""); err != nil {
		return nil, err
	}
	return d.prepare(ctx)
}
