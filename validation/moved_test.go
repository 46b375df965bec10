package validation_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"chop/internal/asic"
	"chop/internal/cms"
	"chop/internal/jws"
	"chop/internal/xmldsig"
)

// What a changed byte moved, found without the validator: by where it lies, or by reading both documents.

// movedPDF looks where the byte lies: in a signature's ByteRange it is signed.
func movedPDF(t *testing.T, was, now []byte, at int) (parts []string) {
	t.Helper()
	for i, p := range placesOf(t, was) {
		switch {
		case at >= p.end:
			parts = append(parts, fmt.Sprintf("what follows byte %d", p.end))
		case at < p.start || at >= p.resume:
			return nil
		default:
			parts = append(parts, fmt.Sprintf("bytes %d to %d", p.start, p.resume))
			inner := movedCMS(t, p.message(t, was), p.message(t, now), i)
			if inner == nil {
				return nil
			}
			parts = append(parts, inner...)
		}
	}
	return parts
}

// A sigPlace is where a PDF signature lies: it signs all up to end but for start to resume.
type sigPlace struct{ start, resume, end int }

func (p sigPlace) message(t *testing.T, doc []byte) []byte {
	t.Helper()
	digits := strings.Join(strings.FieldsFunc(string(doc[p.start+1:p.resume-1]), func(c rune) bool { return strings.ContainsRune("\x00\t\n\f\r ", c) }), "")
	if len(digits)%2 == 1 { // ISO 32000-2, 7.3.4.3
		digits += "0"
	}
	b, err := hex.DecodeString(digits)
	if err != nil {
		t.Fatal(err)
	}
	der, err := cms.TrimContents(b)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func placesOf(t *testing.T, doc []byte) (list []sigPlace) {
	t.Helper()
	for rest := doc; ; {
		_, after, ok := bytes.Cut(rest, []byte("/ByteRange"))
		if !ok {
			break
		}
		var zero, n, from, length int
		if _, err := fmt.Sscanf(strings.TrimLeft(string(after[:60]), " ["), "%d %d %d %d", &zero, &n, &from, &length); err != nil {
			t.Fatalf("%v: %.60q", err, after)
		}
		list, rest = append(list, sigPlace{n, from, from + length}), after
	}
	if len(list) == 0 {
		t.Fatal("no ByteRange")
	}
	return list
}

func movedCMS(t *testing.T, was, now []byte, _ int) []string {
	t.Helper()
	a, b := readMessage(t, was), readMessage(t, now)
	if !bytes.Equal(a.Content, b.Content) || len(a.SignerInfos) != len(b.SignerInfos) {
		return nil
	}
	unsigned := false
	for i, x := range a.SignerInfos {
		y := b.SignerInfos[i]
		if !bytes.Equal(x.SignedAttributesDER(), y.SignedAttributesDER()) || !bytes.Equal(x.Signature, y.Signature) {
			return nil
		}
		unsigned = unsigned || !slices.EqualFunc(x.UnsignedAttrs, y.UnsignedAttrs, func(p, q cms.Attribute) bool {
			return p.Type.Equal(q.Type) && slices.EqualFunc(p.Values, q.Values, bytes.Equal)
		})
	}
	switch {
	case unsigned:
		return []string{"unsigned attributes ("}
	case !slices.EqualFunc(slices.Concat(a.Certificates, a.CRLs, a.OCSPs), slices.Concat(b.Certificates, b.CRLs, b.OCSPs), bytes.Equal):
		return []string{"certificates and revocation data"}
	}
	return []string{"how the message is encoded"}
}

func readMessage(t *testing.T, der []byte) *cms.SignedData {
	t.Helper()
	m, err := cms.Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// movedXML compares the octets of each reference to the document itself, of SignedInfo, and the value.
func movedXML(t *testing.T, was, now []byte, _ int) []string {
	t.Helper()
	a, b := readXML(t, was), readXML(t, now)
	switch {
	case a.signed != b.signed:
		return nil
	case a.keyInfo != b.keyInfo:
		return []string{"KeyInfo"}
	case a.unsigned != b.unsigned:
		return []string{"unsigned properties ("}
	case a.around != b.around:
		return []string{"space and attributes of the elements of the signature"}
	}
	return []string{"what canonicalisation does not keep"}
}

type xmlParts struct{ signed, keyInfo, unsigned, around string }

func readXML(t *testing.T, doc []byte) (p xmlParts) {
	t.Helper()
	d, err := xmldsig.Open(t.Context(), doc, xmldsig.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := xmldsig.ParseC14N(xmldsig.Exclusive)
	if err != nil {
		t.Fatal(err)
	}
	canonical := func(e *xmldsig.Element) string {
		var b strings.Builder
		if e != nil {
			if err := d.Canonical(&b, e, m); err != nil {
				t.Fatal(err)
			}
		}
		return b.String()
	}
	elements, err := d.SignatureElements()
	if err != nil || len(elements) != 1 {
		t.Fatalf("%d signatures, %v", len(elements), err)
	}
	s, err := d.ReadSignature(elements[0])
	if err != nil {
		t.Fatal(err)
	}
	info, err := s.SignedOctets()
	if err != nil {
		t.Fatal(err)
	}
	var signed bytes.Buffer
	signed.Write(info)
	signed.Write(s.Value)
	// What stands beside the signature is given, and not what is looked at.
	beside := xmldsig.Sources{File: func(string) ([]byte, bool) { return nil, true }}
	for _, r := range s.References {
		if err := s.Octets(&signed, r, beside); err != nil {
			t.Fatal(err)
		}
	}
	props, err := s.ReadProperties()
	if err != nil || props == nil {
		t.Fatalf("properties: %v", err)
	}
	p.signed = signed.String()
	for _, e := range xmldsig.Elements(elements[0]) {
		if xmldsig.Is(e, xmldsig.NS, "KeyInfo") {
			p.keyInfo = canonical(e)
		}
	}
	for _, e := range props.Unsigned {
		p.unsigned += canonical(e)
	}
	p.around = canonical(elements[0])
	return p
}

// movedASiC compares the files, those with signatures by their own format.
func movedASiC(t *testing.T, was, now []byte, at int) []string {
	t.Helper()
	a, err := asic.Open(was)
	if err != nil {
		t.Fatal(err)
	}
	b, err := asic.Open(now)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Files) != len(b.Files) {
		return nil
	}
	for i, f := range a.Files {
		g := b.Files[i]
		if f.Name == g.Name && bytes.Equal(f.Data, g.Data) {
			continue
		}
		switch role := asic.RoleOf(f.Name); {
		case f.Name != g.Name:
			return nil
		case role == asic.XAdES:
			return movedXML(t, f.Data, g.Data, at)
		case role == asic.CAdES, role == asic.Timestamp:
			return movedCMS(t, f.Data, g.Data, at)
		case role == asic.MediaType, role == asic.Package:
			return []string{"how " + f.Name + " is written"}
		}
		return nil
	}
	return []string{"of the ZIP file, times, attributes and versions"}
}

func movedJSON(t *testing.T, was, now []byte, at int) []string {
	t.Helper()
	if why := isSigned(t, was, at); why != "" {
		return nil
	}
	a, err := jws.Open(was, jws.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := jws.Open(now, jws.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(a.Signatures[0].Unsigned, b.Signatures[0].Unsigned, func(x, y *jws.Unsigned) bool { return x.Encoded == y.Encoded }) {
		return []string{"etsiU ("}
	}
	return []string{"whitespace, escapes and order of members of the JSON"}
}
