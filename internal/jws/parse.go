package jws

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
)

// encoding is base64url without padding, with all bits accounted for (RFC 7515, 2).
var encoding = base64.RawURLEncoding.Strict()

// Encode returns b in base64url, as RFC 7515, 2, has it.
func Encode(b []byte) string { return encoding.EncodeToString(b) }

// decode is the inverse of Encode and of nothing else: encoding/base64 skips line ends.
func decode(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, malformed("base64url with a line end")
	}
	b, err := encoding.DecodeString(s)
	if err != nil {
		return nil, malformed("base64url: %v", err)
	}
	return b, nil
}

// Open reads a JWS in any serialisation. Signatures that are malformed by themselves have
// their Err set; an error here means that there is no JWS to speak of. A JSON object that
// has no signature is a Document without any.
func Open(data []byte, l Limits) (*Document, error) {
	l = l.withDefaults()
	if len(data) > l.Size {
		return nil, limit("%d bytes", len(data))
	}
	if start := bytes.TrimLeft(data, " \t\r\n"); len(start) > 0 && start[0] == '{' {
		return openJSON(data, l)
	}
	return openCompact(data)
}

// openCompact reads the compact serialisation (RFC 7515, 7.1); a text editor's line end may
// follow.
func openCompact(data []byte) (*Document, error) {
	text := bytes.TrimSuffix(bytes.TrimSuffix(data, []byte("\n")), []byte("\r"))
	parts := strings.Split(string(text), ".")
	if len(parts) != 3 {
		return nil, malformed("%d parts, not the three of a compact serialisation", len(parts))
	}
	// RFC 7797, 5.2: an unencoded payload is printable ASCII.
	if strings.ContainsFunc(string(text), func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, malformed("a compact serialisation with a character that cannot be in one")
	}
	d := &Document{Serialization: Compact, Payload: parts[1], text: data}
	s := &Signature{doc: d, Protected: parts[0], Encoded: parts[2]}
	s.read(nil)
	d.Signatures = []*Signature{s}
	d.sameEncoding()
	return d, nil
}

// openJSON reads the JSON serialisation, flattened or general (7.2).
func openJSON(data []byte, l Limits) (*Document, error) {
	top, err := parseJSON(data, l)
	if err != nil {
		return nil, err
	}
	d := &Document{Serialization: Flattened, text: data, top: top}
	known := []string{"payload", "protected", "header", "signature"}
	objects := []*value{top}
	switch list := top.get("signatures"); {
	case list != nil:
		d.Serialization, known = General, []string{"payload", "signatures"}
		for _, name := range []string{"protected", "header", "signature"} {
			if top.get(name) != nil {
				return nil, malformed("both %s and signatures", name)
			}
		}
		if objects, err = top.list("signatures", '{', l.Signatures); err != nil {
			return nil, err
		}
		if len(objects) == 0 {
			return nil, malformed("signatures is empty")
		}
	case top.get("signature") == nil:
		return d, nil
	}
	if d.Payload, err = top.str("payload"); err != nil {
		return nil, err
	}
	for _, m := range top.members {
		if !slices.Contains(known, m.name) {
			d.Foreign = append(d.Foreign, m.name)
		}
	}
	for _, o := range objects {
		s := &Signature{doc: d, object: o}
		if s.Protected, s.Err = o.str("protected"); s.Err == nil {
			s.Encoded, s.Err = o.str("signature")
		}
		if d.Serialization == General {
			for _, m := range o.members {
				if !slices.Contains([]string{"protected", "header", "signature"}, m.name) {
					s.Foreign = append(s.Foreign, m.name)
				}
			}
		}
		if s.Err == nil {
			s.read(o.get("header"))
		}
		d.Signatures = append(d.Signatures, s)
	}
	d.sameEncoding()
	return d, nil
}

// read reads both headers and the value.
func (s *Signature) read(unprotected *value) {
	s.header = unprotected
	s.Err = func() error {
		if s.Protected == "" {
			return malformed("no protected header")
		}
		if len(s.Protected) > maxHeader {
			return limit("a protected header of %d characters", len(s.Protected))
		}
		raw, err := decode(s.Protected)
		if err != nil {
			return err
		}
		tree, err := parseJSON(raw, Limits{}.withDefaults())
		if err != nil {
			return err
		}
		if tree.kind != '{' {
			return malformed("the protected header is not an object")
		}
		if s.Value, err = decode(s.Encoded); err != nil {
			return err
		}
		if len(s.Value) == 0 {
			return malformed("no signature value")
		}
		if err := s.readUnprotected(tree); err != nil {
			return err
		}
		return s.readHeader(tree)
	}()
}

// readUnprotected lists what the unprotected header holds. Its names may not occur in the
// protected one (RFC 7515, 4).
func (s *Signature) readUnprotected(protected *value) error {
	if s.header == nil {
		return nil
	}
	if s.header.kind != '{' {
		return malformed("the unprotected header is not an object")
	}
	for _, m := range s.header.members {
		if protected.get(m.name) != nil {
			return malformed("%.80q is in both headers", m.name)
		}
		if m.name == "etsiU" {
			s.etsiU = m.value
			continue
		}
		s.Foreign = append(s.Foreign, m.name)
	}
	return s.readUnsigned()
}

// sameEncoding demands of all signatures that they read the payload alike (RFC 7797, 3),
// and of what they read in base64url that it is.
func (d *Document) sameEncoding() {
	var first *Header
	for _, s := range d.Signatures {
		if s.Err != nil {
			continue
		}
		if first == nil {
			first = s.Header
		}
		switch {
		case s.Header.Unencoded != first.Unencoded:
			s.Err = malformed("b64 differs between signatures of one payload")
		case s.Header.Files != nil && d.Payload != "":
			s.Err = malformed("sigD, and a payload")
		case !s.Header.Unencoded:
			if _, err := decode(d.Payload); err != nil {
				s.Err = err
			}
		}
	}
}

// Content returns the payload's octets, decoded; nothing if it is detached.
func (s *Signature) Content() []byte {
	if s.Err == nil && s.Header.Unencoded {
		return []byte(s.doc.Payload)
	}
	b, err := decode(s.doc.Payload)
	if err != nil {
		return nil
	}
	return b
}
