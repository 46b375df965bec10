package xmldsig

import (
	"crypto"
	"fmt"
	"strings"
)

// A Signature is a ds:Signature element (XML Signature 1.1, 4.2), read strictly: each part
// once and in its place, so that no reader can take another one for it.
type Signature struct {
	Element    *Element
	ID         string
	SignedInfo *Element
	// Err says why SignatureMethod or CanonicalizationMethod cannot be followed.
	Err        error
	Method     Method
	C14N       C14N
	References []*Reference
	// ValueElement is the SignatureValue, Value its octets.
	ValueElement *Element
	Value        []byte
	KeyInfo      *Element // or nil
	Objects      []*Element

	doc    *Document
	signed []byte // what SignedOctets returned
}

// A Reference is what a signature says about one thing that it signs (4.4.3).
type Reference struct {
	Element  *Element
	ID, Type string
	// URI is what it refers to; without one (HasURI false) the application knows.
	URI    string
	HasURI bool
	// Hash and Digest are the digest that it promises.
	Hash   crypto.Hash
	Digest []byte
	// Err is why it does not hold, nil after Check if it does.
	Err error
	// Signed are the nodes that were digested; nil if it was a file, whose name is File. With
	// Decoded only the octets were that the element's text says in base64: nothing else of
	// it is signed, neither its name nor its attributes.
	Signed  *Nodes
	Decoded bool
	File    string
	// Octets are what was digested, if it was base64 or a file.
	Octets []byte

	transforms []*Element
	form       C14N // of Signed
}

// SignatureElements lists all signatures of the document, in its order. ErrLimit.
func (d *Document) SignatureElements() ([]*Element, error) {
	if d.signatures != nil {
		return d.signatures, nil
	}
	list := []*Element{}
	all(d.Root(), func(e *Element) bool {
		if Is(e, NS, "Signature") {
			list = append(list, e)
		}
		return len(list) <= d.limits.Signatures
	})
	if len(list) > d.limits.Signatures {
		return nil, fmt.Errorf("%w: more than %d signatures", ErrLimit, d.limits.Signatures)
	}
	d.signatures = list
	return list, nil
}

// ReadSignature reads a signature. ErrMalformed, ErrLimit.
func (d *Document) ReadSignature(e *Element) (*Signature, error) {
	s := &Signature{Element: e, doc: d}
	s.ID, _ = Attr(e, "Id")
	parts := Elements(e)
	if len(parts) < 2 || !Is(parts[0], NS, "SignedInfo") || !Is(parts[1], NS, "SignatureValue") {
		return nil, fmt.Errorf("%w: a Signature starts with SignedInfo and SignatureValue", ErrMalformed)
	}
	s.SignedInfo, s.ValueElement = parts[0], parts[1]
	parts = parts[2:]
	if len(parts) > 0 && Is(parts[0], NS, "KeyInfo") {
		s.KeyInfo, parts = parts[0], parts[1:]
	}
	for _, o := range parts {
		if !Is(o, NS, "Object") {
			return nil, fmt.Errorf("%w: %s in a Signature", ErrMalformed, o.LocalName())
		}
		s.Objects = append(s.Objects, o)
	}
	var err error
	if s.Value, err = Bytes(s.ValueElement); err != nil {
		return nil, err
	}
	return s, s.readSignedInfo()
}

func (s *Signature) readSignedInfo() error {
	parts := Elements(s.SignedInfo)
	if len(parts) < 3 || !Is(parts[0], NS, "CanonicalizationMethod") || !Is(parts[1], NS, "SignatureMethod") {
		return fmt.Errorf("%w: SignedInfo has a canonicalization method, a signature method and references", ErrMalformed)
	}
	if len(parts)-2 > s.doc.limits.References {
		return fmt.Errorf("%w: %d references", ErrLimit, len(parts)-2)
	}
	s.C14N, s.Err = readC14N(parts[0])
	var err error
	if s.Method, err = parseMethod(parts[1]); s.Err == nil {
		s.Err = err
	}
	for _, e := range parts[2:] {
		r, err := readReference(e)
		if err != nil {
			return err
		}
		s.References = append(s.References, r)
	}
	return nil
}

// readC14N reads a canonicalisation method with its PrefixList.
func readC14N(e *Element) (C14N, error) {
	uri, _ := Attr(e, "Algorithm")
	m, err := ParseC14N(uri)
	if err != nil {
		return m, err
	}
	list, err := Child(e, Exclusive, "InclusiveNamespaces")
	if err != nil || list == nil {
		return m, err
	}
	prefixes, _ := Attr(list, "PrefixList")
	if m.uri != Exclusive {
		return m, nil // means nothing there
	}
	for p := range strings.FieldsSeq(prefixes) {
		if p == "#default" {
			p = ""
		}
		if m.inclusive = append(m.inclusive, p); len(m.inclusive) > maxScope {
			return m, fmt.Errorf("%w: PrefixList", ErrLimit)
		}
	}
	return m, nil
}

func readReference(e *Element) (*Reference, error) {
	if !Is(e, NS, "Reference") {
		return nil, fmt.Errorf("%w: %s in place of a Reference", ErrMalformed, e.LocalName())
	}
	r := &Reference{Element: e}
	r.ID, _ = Attr(e, "Id")
	r.Type, _ = Attr(e, "Type")
	r.URI, r.HasURI = Attr(e, "URI")
	parts := Elements(e)
	if len(parts) > 0 && Is(parts[0], NS, "Transforms") {
		r.transforms = Elements(parts[0])
		for _, t := range r.transforms {
			if !Is(t, NS, "Transform") {
				return nil, fmt.Errorf("%w: %s in Transforms", ErrMalformed, t.LocalName())
			}
		}
		parts = parts[1:]
	}
	if len(parts) != 2 || !Is(parts[0], NS, "DigestMethod") || !Is(parts[1], NS, "DigestValue") {
		return nil, fmt.Errorf("%w: a Reference has one DigestMethod and one DigestValue", ErrMalformed)
	}
	var err error
	if r.Digest, err = Bytes(parts[1]); err != nil {
		return nil, err
	}
	uri, _ := Attr(parts[0], "Algorithm")
	r.Hash, r.Err = ParseDigest(uri)
	return r, nil
}

func trim(s string) string { return strings.Trim(s, " \t\r\n") }
