package jws

import (
	"bytes"
	"errors"
)

// An Unsigned is one element of etsiU, the unsigned header parameter of TS 119 182-1, 5.3.1.
type Unsigned struct {
	// Name is what it is: sigTst, xVals, rVals, arcTst, …
	Name string
	// Encoded is the element as it is written, if in base64url; it may also be plain JSON.
	Encoded string
	content *value
	text    []byte // in which content stands
}

// Counter returns the counter-signature in a cSig (5.3.2): a JWS on the value of the
// signature that holds the element, compact or flattened. If it has that value in it, it is
// the same; its Sources need give it otherwise, under no name.
func (u *Unsigned) Counter(of *Signature) (*Document, error) {
	if u.Name != "cSig" || u.content == nil {
		return nil, malformed("no counter-signature")
	}
	text := []byte(u.content.text)
	if u.content.kind == '{' {
		text = u.text[u.content.start:u.content.end]
	}
	d, err := Open(text, Limits{})
	if err != nil {
		return nil, err
	}
	for _, s := range d.Signatures {
		switch {
		case s.Err != nil:
		case s.Header.Files != nil:
			s.Err = malformed("a counter-signature on files")
		case d.Payload != "" && !bytes.Equal(s.Content(), of.Value):
			s.Err = errorf(ErrDigest, "of the counter-signature: it is on another signature")
		}
	}
	return d, nil
}

// readUnsigned reads etsiU. What cannot be read in it is a breach, and no element: nothing
// of it was signed, so it says nothing about the signature itself.
func (s *Signature) readUnsigned() error {
	if s.etsiU == nil {
		return nil
	}
	if s.etsiU.kind != '[' {
		s.breach("etsiU is not an array")
		return nil
	}
	if len(s.etsiU.items) > maxUnsigned {
		return limit("etsiU has more than %d elements", maxUnsigned)
	}
	for i, item := range s.etsiU.items {
		if item.kind != s.etsiU.items[0].kind {
			s.breach("etsiU mixes base64url and plain elements")
		}
		u := &Unsigned{Name: "?", text: s.doc.text}
		s.Unsigned = append(s.Unsigned, u)
		if item.kind == '"' {
			u.Encoded = item.text
			raw, err := decode(item.text)
			u.text = raw
			if err == nil {
				item, err = parseJSON(raw, Limits{}.withDefaults())
			}
			if errors.Is(err, ErrLimit) {
				return err
			}
			if err != nil {
				s.breach("an element of etsiU: " + err.Error())
				continue
			}
		}
		if item.kind != '{' || len(item.members) != 1 {
			s.breach("an element of etsiU is not an object with one member")
			continue
		}
		s.Unsigned[i].Name, s.Unsigned[i].content = item.members[0].name, item.members[0].value
	}
	return nil
}

// Tokens returns the time-stamp tokens, DER, of a sigTst or arcTst.
func (u *Unsigned) Tokens() ([][]byte, error) {
	if u.content == nil {
		return nil, malformed("the element cannot be read")
	}
	return tokens(u.content)
}

// tokens reads a container of time-stamps (5.4.3.3).
func tokens(v *value) ([][]byte, error) {
	if v.kind != '{' {
		return nil, malformed("a container of time-stamps is not an object")
	}
	items, err := v.list("tstTokens", '{', maxTokens)
	if err != nil {
		return nil, err
	}
	var list [][]byte
	for _, item := range items {
		kind, err := item.str("type")
		if err != nil {
			return nil, err
		}
		text, err := item.str("val")
		if err != nil {
			return nil, err
		}
		der, err := decodeStd(text)
		if err != nil {
			return nil, err
		}
		if kind == "" || kind == "rfc3161" {
			list = append(list, der)
		}
	}
	if len(list) == 0 {
		return nil, malformed("a container of time-stamps holds no RFC 3161 token")
	}
	return list, nil
}

// A Kind is what a piece of evidence is.
type Kind string

// Kinds.
const (
	Certificate Kind = "certificate"
	CRL         Kind = "CRL"
	OCSP        Kind = "OCSP response"
	Token       Kind = "time-stamp token"
)

// kinds are the members under which evidence stands (5.3.5.2 to 5.3.5.5).
var kinds = map[string]Kind{"x509Cert": Certificate, "crlVals": CRL, "ocspVals": OCSP, "tstTokens": Token}

// Evidence calls add with each certificate, CRL, OCSP response and token in the element.
// What is not base64 is left out.
func (u *Unsigned) Evidence(add func(Kind, []byte)) {
	if u.Name == "cSig" {
		return // another signature's
	}
	var walk func(v *value, kind Kind)
	walk = func(v *value, kind Kind) {
		if v == nil {
			return
		}
		for _, item := range v.items {
			walk(item, kind)
		}
		for _, m := range v.members {
			if m.name == "val" && kind != "" && m.value.kind == '"' {
				if der, err := decodeStd(m.value.text); err == nil {
					add(kind, der)
				}
				continue
			}
			walk(m.value, kinds[m.name])
		}
	}
	walk(u.content, kinds[u.Name])
}

// ContentImprint returns the octets that an adoTst is over (5.2.6): what is signed, as it
// is signed.
func (s *Signature) ContentImprint(src Sources) ([]byte, error) { return s.data(src) }

// SignatureImprint returns the octets that a sigTst is over (5.3.4).
func (s *Signature) SignatureImprint() []byte { return []byte(s.Encoded) }

// ArchiveImprint returns the octets that an arcTst is over that stands, or will stand, at
// index i of etsiU (5.3.6.3): all that is signed, the signature, and the elements before it.
func (s *Signature) ArchiveImprint(i int, src Sources) ([]byte, error) {
	if i < len(s.Unsigned) && s.Unsigned[i].content != nil {
		if what, err := s.Unsigned[i].content.str("timeStamped"); err != nil || what != "" && what != "all" {
			return nil, errorf(ErrUndecided, "an archive time-stamp over %.80q alone", what)
		}
	}
	b, err := s.data(src)
	if err != nil {
		return nil, err
	}
	b = append(append(append(append(append([]byte{}, b...), '.'), s.Protected...), '.'), s.Encoded...)
	b = append(b, '.')
	for _, u := range s.Unsigned[:i] {
		if u.Encoded == "" {
			return nil, errorf(ErrUndecided, "an archive time-stamp over plain JSON, whose canonical form is not known here")
		}
		b = append(b, u.Encoded...)
	}
	return b, nil
}

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }
