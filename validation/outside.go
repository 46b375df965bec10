package validation

import (
	"fmt"
	"slices"
	"strings"

	"chop/internal/asic"
	"chop/internal/xmldsig"
)

// What lies outside of what a signature signs is told with its verdict: who changes a byte there changes nothing that
// was signed, and the document passes as it did before.
func (l *checks) outside(parts []string) {
	l.add("FC", Passed, "outside of what is signed: %s", strings.Join(parts, "; "))
}

// outside are the parts of a CMS message that a signature in it leaves out (RFC 5652, 5.4).
func (s *cmsSigner) outside() []string {
	list := []string{"how the message is encoded, its version numbers, and what it says of algorithms twice"}
	if len(s.message.Certificates)+len(s.message.CRLs)+len(s.message.OCSPs) > 0 {
		list = append(list, "certificates and revocation data beside the signature")
	}
	var names []string
	for _, a := range s.signer.UnsignedAttrs {
		if n := a.Type.String(); !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	if len(names) > 0 {
		list = append(list, fmt.Sprintf("unsigned attributes (%.200s)", strings.Join(names, ", ")))
	}
	return append(list, "but for what time-stamps cover of these")
}

// outside are the places in the file: the Contents that the ByteRange leaves out, and what was appended.
func (s *signature) outside(more bool) []string {
	list := []string{fmt.Sprintf("in bytes %d to %d, the Contents: padding, white space, the case of digits", s.byteRange[0].End, s.byteRange[1].Start)}
	list = append(list, s.cmsSigner.outside()...)
	if more {
		list = append(list, fmt.Sprintf("what follows byte %d, judged as modifications", s.byteRange[1].End))
	}
	return list
}

// outside are the parts of an XML document that no reference of the signature leads to, and
// what canonicalisation makes the same.
func (s *xmlSignature) outside() []string {
	list := []string{"what canonicalisation does not keep of the XML, and how its base64 is written"}
	signed := func(name string) bool {
		return slices.ContainsFunc(s.signature.References, func(r *xmldsig.Reference) bool {
			return r.Signed != nil && !r.Signed.Whole() && xmldsig.Is(r.Signed.Apex(), xmldsig.NS, name)
		})
	}
	if !signed("KeyInfo") {
		list = append(list, "KeyInfo")
	}
	list = append(list, "space and attributes of the elements of the signature around what it signs")
	if s.props == nil {
		return list
	}
	var names []string
	for _, e := range s.props.Unsigned {
		if n := e.LocalName(); !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	if len(names) > 0 {
		list = append(list, fmt.Sprintf("unsigned properties (%.200s), but for what time-stamps cover", strings.Join(names, ", ")))
	}
	return list
}

// outside are the parts of the container that none of its signatures signs: what the ZIP file
// says beyond the files, and those of them that the standard leaves unsigned.
func (c *container) outside() []string {
	list := []string{"of the ZIP file, times, attributes and versions"}
	for _, f := range c.Files {
		if r := asic.RoleOf(f.Name); r == asic.MediaType || r == asic.Package {
			list = append(list, fmt.Sprintf("how %.100s is written", f.Name))
		}
	}
	return list
}
