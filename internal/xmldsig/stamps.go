package xmldsig

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Stamp is a time-stamp property: tokens over an octet string that is made from parts of
// the signature.
type Stamp struct {
	Element *Element
	C14N    C14N
	// Tokens are RFC 3161 tokens, DER.
	Tokens [][]byte
}

// ReadStamp reads a time-stamp property. XML time-stamps are not understood: ErrUndecided.
func ReadStamp(e *Element) (Stamp, error) { return readStamp(e) }

func readStamp(e *Element) (Stamp, error) {
	t := Stamp{Element: e, C14N: C14N{uri: C14N10}}
	method, err := Child(e, NS, "CanonicalizationMethod")
	if err != nil {
		return t, err
	}
	if method != nil {
		if t.C14N, err = readC14N(method); err != nil {
			return t, err
		}
	}
	for _, c := range Elements(e) {
		if c.LocalName() != "EncapsulatedTimeStamp" {
			continue
		}
		der, err := Bytes(c)
		if err != nil {
			return t, err
		}
		t.Tokens = append(t.Tokens, der)
	}
	if len(t.Tokens) == 0 || len(t.Tokens) > 16 {
		return t, fmt.Errorf("%w: time-stamp with %d tokens", ErrUndecided, len(t.Tokens))
	}
	return t, nil
}

// SignatureImprint writes what a SignatureTimeStamp is over (EN 319 132-1, 5.3):
// the SignatureValue element.
func (s *Signature) SignatureImprint(w io.Writer, m C14N) error {
	return s.doc.Canonical(w, s.ValueElement, m)
}

// ContentImprint writes what a content time-stamp is over (5.2.8): the signed data, or
// those of the references that it includes.
func (s *Signature) ContentImprint(w io.Writer, p *Properties, t Stamp, src Sources) error {
	included := map[string]bool{}
	for _, e := range Elements(t.Element) {
		if e.LocalName() == "Include" {
			uri, _ := Attr(e, "URI")
			included[strings.TrimPrefix(uri, "#")] = true
		}
	}
	all := t.Element.LocalName() == "AllDataObjectsTimeStamp"
	for _, r := range s.References {
		if all && r != p.Reference || !all && r.ID != "" && included[r.ID] {
			if err := s.octets(w, r, src, t.C14N); err != nil {
				return err
			}
		}
	}
	return nil
}

// ArchiveImprint writes what an ArchiveTimeStamp is over (5.5.2.2): the signed data, the
// signature but for its Objects, the unsigned properties before it, and the Objects other
// than its own; in the older namespace of version 1.3.2 only those that no reference leads
// to. Before nil, it is one to be appended.
func (s *Signature) ArchiveImprint(w io.Writer, p *Properties, before *Element, m C14N, src Sources) error {
	for _, r := range s.References {
		if err := s.octets(w, r, src, m); err != nil {
			return err
		}
	}
	parts := []*Element{s.SignedInfo, s.ValueElement}
	if s.KeyInfo != nil {
		parts = append(parts, s.KeyInfo)
	}
	for _, e := range p.Unsigned {
		if e == before {
			break
		}
		parts = append(parts, e)
	}
	for _, o := range s.Objects {
		if o != p.Object && (before == nil || before.URI() == XAdES141 || !s.covers(o)) {
			parts = append(parts, o)
		}
	}
	for _, e := range parts {
		if err := s.doc.Canonical(w, e, m); err != nil {
			return err
		}
	}
	return nil
}

// covers reports whether a reference leads to the element itself.
func (s *Signature) covers(e *Element) bool {
	id, ok := Attr(e, "Id")
	return ok && slices.ContainsFunc(s.References, func(r *Reference) bool { return r.URI == "#"+id })
}
