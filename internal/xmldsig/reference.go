package xmldsig

import (
	"bytes"
	"crypto/subtle"
	"fmt"
	"io"
	"strings"
)

// Sources are what a document may refer to outside itself: only what the caller gives.
type Sources struct {
	// File returns the octets of a reference's URI, and whether there are any; nil: none.
	// A Reference without a URI asks for "".
	File func(uri string) ([]byte, bool)
}

// Check processes the references of the signature (XML Signature 1.1, 3.2.1): each one's
// Err, Signed, File and Octets are set.
func (s *Signature) Check(src Sources) {
	for _, r := range s.References {
		if r.Err == nil {
			r.Err = s.check(r, src)
		}
	}
}

func (s *Signature) check(r *Reference, src Sources) error {
	c, err := s.dereference(r, src)
	if err != nil {
		return err
	}
	h := r.Hash.New()
	if err := s.process(r, c, h, C14N{uri: C14N10}); err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(h.Sum(nil), r.Digest) != 1 {
		return fmt.Errorf("%w: reference %q", ErrDigest, clip(r.URI))
	}
	return nil
}

// Octets writes what a reference is digested from: what dereferencing and its transforms
// yield.
func (s *Signature) Octets(w io.Writer, r *Reference, src Sources) error {
	return s.octets(w, r, src, C14N{uri: C14N10})
}

// octets is the same with the canonicalisation that applies where the transforms end with
// nodes.
func (s *Signature) octets(w io.Writer, r *Reference, src Sources, last C14N) error {
	again := *r // what was found out about r stays
	c, err := s.dereference(&again, src)
	if err != nil {
		return err
	}
	return s.process(&again, c, w, last)
}

// content is what flows between transforms: nodes or octets.
type content struct {
	nodes  *Nodes
	octets []byte
}

// Outside reports whether a reference leads out of its document: to a file.
func (r *Reference) Outside() bool { return !r.HasURI || r.URI != "" && r.URI[0] != '#' }

// dereference resolves the URI (4.4.3.2). Only this document, and what the caller gives,
// is ever read.
func (s *Signature) dereference(r *Reference, src Sources) (content, error) {
	file := func() (content, error) {
		if src.File != nil {
			if b, ok := src.File(r.URI); ok {
				s.doc.budget.give(b)
				r.File, r.Octets = r.URI, b
				return content{octets: b}, nil
			}
		}
		return content{}, fmt.Errorf("%w: %q is outside the document and was not given", ErrNotFound, clip(r.URI))
	}
	fragment := strings.TrimPrefix(r.URI, "#")
	switch {
	case r.Outside():
		return file()
	case r.URI == "":
		return content{nodes: &Nodes{doc: s.doc}}, nil
	case fragment == "xpointer(/)":
		return content{nodes: &Nodes{doc: s.doc, comments: true}}, nil
	}
	n := Nodes{doc: s.doc}
	if id, ok := xpointerID(fragment); ok {
		fragment, n.comments = id, true
	} else if strings.ContainsAny(fragment, "()") {
		return content{}, fmt.Errorf("%w: XPointer %q", ErrUndecided, clip(fragment))
	}
	var err error
	if n.apex, err = s.doc.ByID(fragment); err != nil {
		return content{}, err
	}
	return content{nodes: &n}, nil
}

// xpointerID reads xpointer(id('x')).
func xpointerID(s string) (string, bool) {
	for _, quote := range []string{"'", `"`} {
		if rest, ok := strings.CutPrefix(s, "xpointer(id("+quote); ok {
			if id, ok := strings.CutSuffix(rest, quote+"))"); ok && !strings.ContainsAny(id, `'"`) {
				return id, true
			}
		}
	}
	return "", false
}

// process runs the transforms in their order (4.4.3.4) and writes the octets that come out.
func (s *Signature) process(r *Reference, c content, w io.Writer, last C14N) error {
	if len(r.transforms) > 8 {
		return fmt.Errorf("%w: %d transforms", ErrLimit, len(r.transforms))
	}
	for i, t := range r.transforms {
		uri, _ := Attr(t, "Algorithm")
		if m, err := readC14N(t); err == nil {
			n, err := s.asNodes(c)
			if err != nil {
				return err
			}
			if err := r.signs(n); err != nil {
				return err
			}
			r.form = m
			if i == len(r.transforms)-1 {
				return n.Canonical(w, m)
			}
			var b bytes.Buffer
			if err := n.Canonical(&b, m); err != nil {
				return err
			}
			c = content{octets: b.Bytes()}
			continue
		} else if known, _ := ParseC14N(uri); known.uri != "" {
			return err
		}
		if uri == Base64 {
			if r.Signed = nil; c.nodes != nil {
				if err := r.signs(c.nodes); err != nil {
					return err
				}
				r.Decoded = true
			}
		}
		var err error
		if c, err = s.transform(uri, t, c); err != nil {
			return err
		}
	}
	if c.nodes != nil {
		if err := r.signs(c.nodes); err != nil {
			return err
		}
		r.form = last
		return c.nodes.Canonical(w, last)
	}
	if err := s.doc.budget.spend(len(c.octets)); err != nil {
		return err
	}
	if r.Octets == nil {
		r.Octets = c.octets
	}
	_, err := w.Write(c.octets)
	return err
}

// signs notes what is digested. Where nothing is left, the digest is of nothing, and holds
// for any document: refused.
func (r *Reference) signs(n *Nodes) error {
	if n.Empty() {
		return fmt.Errorf("%w: nothing is left of what %q leads to", ErrRefused, clip(r.URI))
	}
	r.Signed = n
	return nil
}

// parseShare is what parsing an octet costs.
const parseShare = 4

// asNodes parses octets where a transform wants nodes.
func (s *Signature) asNodes(c content) (*Nodes, error) {
	if c.nodes != nil {
		return c.nodes, nil
	}
	if err := s.doc.budget.spend(parseShare * len(c.octets)); err != nil {
		return nil, err
	}
	d, err := open(c.octets, s.doc.limits, s.doc.budget)
	if err != nil {
		return nil, err
	}
	return &Nodes{doc: d, comments: true}, nil
}
