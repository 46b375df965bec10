package validation

import (
	"chop/internal/xmldsig"
)

// countersigned returns the signature whose value an element is, or nil.
func countersigned(value *xmldsig.Element) *xmldsig.Element {
	if p := xmldsig.Parent(value); xmldsig.Is(value, xmldsig.NS, "SignatureValue") && p != nil && xmldsig.Is(p, xmldsig.NS, "Signature") {
		return p
	}
	return nil
}

// around returns the signature in whose CounterSignature property an element stands, or nil.
func around(signature *xmldsig.Element) *xmldsig.Element {
	p := xmldsig.Parent(signature)
	if p == nil || p.LocalName() != "CounterSignature" || !xmldsig.IsXAdES(p.URI()) {
		return nil
	}
	for p != nil && !xmldsig.Is(p, xmldsig.NS, "Signature") {
		p = xmldsig.Parent(p)
	}
	return p
}

// readCounter checks that a counter-signature is on the signature that it stands in, and that
// what it calls a signature is one (EN 319 132-1, 5.2.7): one that was moved there from another
// says nothing about this.
func (s *xmlSignature) readCounter() {
	of, found := around(s.element), false
	for _, r := range s.signature.References {
		if r.Signed == nil || r.Signed.Whole() {
			continue
		}
		on := countersigned(r.Signed.Apex())
		found = found || on != nil && on == of && !r.Decoded && r.Signed.Complete()
		if r.Type == xmldsig.TypeCountersigned && on == nil {
			s.breach("a reference that should lead to the value of a signature leads to %.100q", r.Signed.Apex().Name())
		}
	}
	if of != nil && !found {
		s.breach("it stands in signature %.100q as its counter-signature, and is not on its value", fieldName(of, 0))
	}
}
