package certpath

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/text/unicode/norm"
)

// SameName reports whether two names, DER, are the same (RFC 5280, 7.1).
func SameName(a, b []byte) bool {
	return bytes.Equal(a, b) || Canonical(a) == Canonical(b)
}

// Canonical is a name in octets of their own, in which names that are the same are
// equal: without case, with white space and kind of string made one. What cannot be
// read is the same as nothing else than its own octets.
func Canonical(name []byte) string {
	out := make([]byte, 0, len(name)+64)
	ok := eachRDN(name, func(set cryptobyte.String) (ok bool) {
		out, ok = appendRDN(out, set)
		return ok
	})
	if !ok {
		return "raw " + string(name)
	}
	return string(out)
}

// relativeNames is the list of canonical RDNs.
func relativeNames(name []byte) ([]string, bool) {
	var rdns []string
	ok := eachRDN(name, func(set cryptobyte.String) bool {
		one, ok := appendRDN(nil, set)
		rdns = append(rdns, string(one))
		return ok
	})
	return rdns, ok
}

func eachRDN(name []byte, do func(cryptobyte.String) bool) bool {
	in := cryptobyte.String(name)
	var seq cryptobyte.String
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !in.Empty() {
		return false
	}
	for !seq.Empty() {
		var set cryptobyte.String
		if !seq.ReadASN1(&set, cbasn1.SET) || set.Empty() || !do(set) {
			return false
		}
	}
	return true
}

// appendRDN writes the attributes of one RDN, sorted, for a SET has no order.
func appendRDN(out []byte, set cryptobyte.String) ([]byte, bool) {
	start := len(out)
	out, ok := appendAttribute(out, &set)
	if set.Empty() || !ok {
		return append(out, '/'), ok
	}
	attrs := []string{string(out[start:])}
	for !set.Empty() {
		one, ok := appendAttribute(nil, &set)
		if !ok {
			return nil, false
		}
		attrs = append(attrs, string(one))
	}
	slices.Sort(attrs)
	out = out[:start]
	for _, a := range attrs {
		out = append(out, a...)
		out = append(out, '+')
	}
	return append(out, '/'), true
}

// appendAttribute writes type and value, each with its length, so that no value passes
// for two.
func appendAttribute(out []byte, in *cryptobyte.String) ([]byte, bool) {
	var attr, value, oid cryptobyte.String
	var tag cbasn1.Tag
	if !in.ReadASN1(&attr, cbasn1.SEQUENCE) || !attr.ReadASN1(&oid, cbasn1.OBJECT_IDENTIFIER) || !attr.ReadAnyASN1(&value, &tag) || !attr.Empty() {
		return nil, false
	}
	out = binary.AppendUvarint(out, uint64(len(oid)))
	out = append(out, oid...)
	out = append(out, byte(cbasn1.UTF8String), 0, 0) // a string, whichever kind, and room for its length
	start := len(out)
	if simple(tag, value) {
		out = appendASCII(out, value)
	} else if text, ok := characters(tag, value); ok {
		out = append(out, strings.Join(strings.Fields(strings.ToLower(norm.NFKC.String(text))), " ")...)
	} else { // not a string: only its own octets are like it
		out[start-3] = byte(tag) | 0x80
		out = append(out, value...)
	}
	n := len(out) - start
	if n > 1<<16-1 {
		return nil, false
	}
	binary.BigEndian.PutUint16(out[start-2:], uint16(n))
	return out, true
}

// simple reports whether a value is ASCII in a type in which that is written as it is.
func simple(tag cbasn1.Tag, value []byte) bool {
	if tag != cbasn1.PrintableString && tag != cbasn1.IA5String && tag != cbasn1.UTF8String {
		return false
	}
	for _, c := range value {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// appendASCII is the essence of RFC 4518 for ASCII: no case, and no white space but one
// space between words.
func appendASCII(out, value []byte) []byte {
	start, gap := len(out), false
	for _, c := range value {
		switch {
		case c == ' ' || c >= '\t' && c <= '\r':
			gap = true
			continue
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		}
		if gap && len(out) > start {
			out = append(out, ' ')
		}
		gap = false
		out = append(out, c)
	}
	return out
}

// characters decodes the string types of X.520's DirectoryString, and IA5String.
func characters(tag cbasn1.Tag, b []byte) (string, bool) {
	switch tag {
	case cbasn1.PrintableString, cbasn1.IA5String, cbasn1.UTF8String:
		return string(b), utf8.Valid(b)
	case cbasn1.T61String: // which writers fill with Latin-1
		out := make([]rune, len(b))
		for i, c := range b {
			out[i] = rune(c)
		}
		return string(out), true
	case cbasn1.Tag(30): // BMPString
		if len(b)%2 != 0 {
			return "", false
		}
		units := make([]uint16, len(b)/2)
		for i := range units {
			units[i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
		}
		return string(utf16.Decode(units)), true
	}
	return "", false
}
