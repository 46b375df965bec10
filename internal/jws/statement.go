package jws

import "crypto"

// A Policy is the signature policy that a signer names (TS 119 182-1, 5.2.7).
type Policy struct {
	// ID is a URI or an object identifier; empty if it cannot be read.
	ID string
	// Hash and Digest are of the policy's document. 0: none, or one that is not known here.
	Hash   crypto.Hash
	Digest []byte
	// Derived: the digest is taken in a way that the policy itself describes (digPSp).
	Derived bool
}

// readPolicy reads sigPId.
func (s *Signature) readPolicy(v *value) error {
	p := v.get("sigPId")
	if p == nil {
		return nil
	}
	if p.kind != '{' {
		return malformed("sigPId is not an object")
	}
	out := &Policy{}
	s.Header.Policy = out
	if out.ID, _ = p.get("id").str("id"); out.ID == "" {
		s.breach("sigPId does not identify a policy")
		return nil
	}
	if d := p.get("digPSp"); d != nil {
		out.Derived = d.text != "false"
	}
	// A digest that cannot be read is none.
	name, _ := p.str("digAlg")
	text, _ := p.str("digVal")
	if digest, err := decode(text); err == nil && text != "" {
		out.Hash, out.Digest = hashByName(name), digest
	}
	return nil
}

// maxStated is how many commitments, or roles, are read of one signature.
const maxStated = 64

// readStatement reads srCms and the claimed attributes of srAts that are texts (5.2.3, 5.2.5).
// What cannot be read is not stated.
func (h *Header) readStatement(v *value) error {
	commitments, _ := v.list("srCms", '{', maxStated)
	for _, c := range commitments {
		if id, _ := c.get("commId").str("id"); id != "" {
			h.Commitments = append(h.Commitments, id)
		}
	}
	attributes := v.get("srAts")
	if attributes == nil || attributes.kind != '{' {
		return nil
	}
	claimed, _ := attributes.list("claimed", '{', maxStated)
	for _, c := range claimed {
		values, _ := c.list("qVals", '"', maxStated)
		for _, text := range values {
			if len(h.Roles) < maxStated {
				h.Roles = append(h.Roles, text.text)
			}
		}
	}
	return nil
}
