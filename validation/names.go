package validation

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// keywords are the attributes that people know by a word: RFC 4514, 3, RFC 4519, and the natural persons' and
// organizations' of EN 319 412. Others are written by their numbers.
var keywords = map[string]string{
	"2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.9": "STREET",
	"2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "title", "2.5.4.17": "postalCode", "2.5.4.42": "GN", "2.5.4.65": "pseudonym",
	"2.5.4.97": "organizationIdentifier", "0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC",
	"1.2.840.113549.1.9.1": "emailAddress",
}

// name names a certificate in a report: its subject as text, the last attribute first (RFC 4514, 2).
func name(cert *x509.Certificate) string {
	var names []attributeSET
	if rest, err := asn1.Unmarshal(cert.RawSubject, &names); err != nil || len(rest) > 0 {
		return "#" + hex.EncodeToString(cert.RawSubject)
	}
	parts := make([]string, 0, len(names))
	for i := len(names) - 1; i >= 0; i-- {
		var set []string
		for _, a := range names[i] {
			word, known := keywords[a.Type.String()]
			if !known {
				word = a.Type.String()
			}
			set = append(set, word+"="+nameValue(a.Value))
		}
		parts = append(parts, strings.Join(set, "+"))
	}
	return strings.Join(parts, ",")
}

type attributeSET []struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// nameValue writes a value; one that is no string that can be read, as its bytes.
func nameValue(v asn1.RawValue) string {
	var value any
	rest, err := asn1.Unmarshal(v.FullBytes, &value)
	text, ok := value.(string)
	if err != nil || len(rest) > 0 || !ok {
		return "#" + hex.EncodeToString(v.FullBytes)
	}
	return escapeName(text)
}

// hidden reports characters that could move a terminal's cursor, turn the direction of
// writing, or are not seen.
func hidden(r rune) bool {
	return unicode.IsControl(r) || r == 0x61c || r >= 0x200b && r <= 0x200f || r >= 0x2028 && r <= 0x202e || r >= 0x2060 && r <= 0x206f ||
		r == 0xfeff || r == utf8.RuneError || r >= 0xe0000 && r <= 0xe007f
}

// Plain returns what a stranger wrote as a person can be shown it on one line: characters
// that are not what they seem are written as their numbers.
func Plain(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case !hidden(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// escapeName writes a value so that it can be told from what stands around it: RFC 4514, 2.4. What is hidden is
// written as bytes.
func escapeName(v string) string {
	var b strings.Builder
	for i, r := range v {
		switch {
		case strings.ContainsRune(`"+,;<>\`, r), i == 0 && (r == '#' || r == ' '), r == ' ' && i == len(v)-1:
			b.WriteByte('\\')
			b.WriteRune(r)
		case hidden(r):
			for _, c := range []byte(string(r)) {
				fmt.Fprintf(&b, `\%02X`, c)
			}
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
