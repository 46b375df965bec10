package certpath

import (
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Kinds of GeneralName by their tags (RFC 5280, 4.2.1.6).
const (
	OtherName     = 0
	RFC822Name    = 1
	DNSName       = 2
	X400Address   = 3
	DirectoryName = 4
	EDIPartyName  = 5
	URIName       = 6
	IPAddress     = 7
	RegisteredID  = 8
)

var kinds = [...]string{"otherName", "rfc822Name", "dNSName", "x400Address", "directoryName", "ediPartyName", "uniformResourceIdentifier", "iPAddress", "registeredID"}

// A GeneralName is one name: its kind, and the content. Of a directoryName the content
// is the name itself, DER.
type GeneralName struct {
	Kind  int
	Value []byte
}

// ReadGeneralName reads one.
func ReadGeneralName(in *cryptobyte.String) (GeneralName, bool) {
	var value cryptobyte.String
	var tag cbasn1.Tag
	if !in.ReadAnyASN1(&value, &tag) || tag&0xc0 != 0x80 { // context-specific
		return GeneralName{}, false
	}
	n := GeneralName{Kind: int(tag &^ (0x80 | 0x20)), Value: value}
	constructed := n.Kind == OtherName || n.Kind >= X400Address && n.Kind <= EDIPartyName
	if n.Kind > RegisteredID || constructed != (tag&0x20 != 0) {
		return GeneralName{}, false
	}
	if n.Kind == DirectoryName { // an explicit tag, for Name is a CHOICE
		var name cryptobyte.String
		if !value.ReadASN1Element(&name, cbasn1.SEQUENCE) || !value.Empty() {
			return GeneralName{}, false
		}
		n.Value = name
	}
	return n, true
}

// ReadGeneralNames reads names to the end of in.
func ReadGeneralNames(in cryptobyte.String) ([]GeneralName, bool) {
	var out []GeneralName
	for !in.Empty() {
		n, ok := ReadGeneralName(&in)
		if !ok {
			return nil, false
		}
		out = append(out, n)
	}
	return out, true
}

// parseGeneralNames reads an extension that is a SEQUENCE of names.
func parseGeneralNames(der []byte) ([]GeneralName, error) {
	in := cryptobyte.String(der)
	var seq cryptobyte.String
	if in.ReadASN1(&seq, cbasn1.SEQUENCE) && in.Empty() {
		if names, ok := ReadGeneralNames(seq); ok {
			return names, nil
		}
	}
	return nil, fmt.Errorf("%w: general names", ErrMalformed)
}
