package validation

import (
	"slices"
	"strings"

	"chop/internal/xmldsig"
)

// What stands in a signature and is not signed by it: KeyInfo and the unsigned properties.
// Readers look there for keys and evidence; who hides a text there has it shown as part of
// a signed document. So all that is no key, certificate, time-stamp or evidence is named.

// A part is what an element of a signature may hold.
type part byte

const (
	holder part = iota + 1 // elements, and white space between them
	octets                 // base64
	words                  // a name, a number, a time
)

const (
	// maxWords is how long a name in KeyInfo may be, in octets, and any attribute; maxAllWords
	// all names in a signature together.
	maxWords    = 512
	maxAllWords = 4096
	// minLine is how long a line of base64 is, but for the last.
	minLine = 32
)

// prose reports whether base64 is broken into pieces as words are, and not into lines.
func prose(base64 string) bool {
	lines := strings.Fields(base64)
	return len(lines) > 1 && slices.ContainsFunc(lines[:len(lines)-1], func(l string) bool { return len(l) < minLine })
}

// parts are the unsigned elements of XML Signature 1.1, 4.5, and of EN 319 132-1, 5.3 to 5.5,
// by the kind of namespace that they are in.
var parts = func() map[string]part {
	m := map[string]part{}
	for _, list := range []struct {
		ns, names string
		is        part
	}{
		{"ds", "Signature KeyInfo KeyValue RSAKeyValue DSAKeyValue RetrievalMethod Transforms Transform X509Data X509IssuerSerial " +
			"DigestMethod CanonicalizationMethod PGPData", holder},
		{"ds", "Modulus Exponent P Q G Y J Seed PgenCounter X509SKI X509Certificate X509CRL DigestValue SignatureValue PGPKeyID PGPKeyPacket", octets},
		{"ds", "KeyName X509IssuerName X509SerialNumber X509SubjectName XPath", words},
		{"ds11", "ECKeyValue NamedCurve KeyInfoReference", holder},
		{"ds11", "PublicKey DEREncodedKeyValue X509Digest", octets},
		{"ec", "InclusiveNamespaces", holder},
		{"xades", "QualifyingProperties UnsignedProperties UnsignedSignatureProperties UnsignedDataObjectProperties CounterSignature SignatureTimeStamp " +
			"RefsOnlyTimeStamp RefsOnlyTimeStampV2 SigAndRefsTimeStamp SigAndRefsTimeStampV2 ArchiveTimeStamp ArchiveTimeStampV2 Include HashDataInfo " +
			"TimeStampValidationData AnyValidationData CertificateValues RevocationValues AttrAuthoritiesCertValues AttributeRevocationValues " +
			"CRLValues OCSPValues CompleteCertificateRefs CompleteCertificateRefsV2 CompleteRevocationRefs AttributeCertificateRefs " +
			"AttributeCertificateRefsV2 AttributeRevocationRefs CertRefs Cert CertDigest IssuerSerial CRLRefs CRLRef DigestAlgAndValue " +
			"CRLIdentifier OCSPRefs OCSPRef OCSPIdentifier DigestMethod SignaturePolicyStore SPDocSpecification", holder},
		{"xades", "EncapsulatedTimeStamp EncapsulatedX509Certificate EncapsulatedCRLValue EncapsulatedOCSPValue IssuerSerialV2 ByKey DigestValue " +
			"SignaturePolicyDocument", octets},
		{"xades", "Issuer IssueTime Number ResponderID ByName ProducedAt Identifier SigPolDocLocalURI", words},
	} {
		for name := range strings.FieldsSeq(list.names) {
			m[list.ns+" "+name] = list.is
		}
	}
	return m
}()

func partOf(e *xmldsig.Element) part {
	kind := ""
	switch ns := e.URI(); {
	case ns == xmldsig.NS:
		kind = "ds"
	case ns == xmldsig.NS11:
		kind = "ds11"
	case ns == xmldsig.Exclusive:
		kind = "ec"
	case xmldsig.IsXAdES(ns):
		kind = "xades"
	}
	return parts[kind+" "+e.LocalName()]
}

// attributes are those of these elements.
var attributes = map[string]bool{
	"Id": true, "URI": true, "uri": true, "Type": true, "Algorithm": true, "Target": true, "Encoding": true, "MimeType": true,
	"referencedData": true, "Qualifier": true, "PrefixList": true, "Order": true,
}

// attributeSpaces are namespaces of attributes that any element may have.
var attributeSpaces = map[string]bool{
	"http://www.w3.org/XML/1998/namespace":                                               true,
	"http://www.w3.org/2001/XMLSchema-instance":                                          true,
	"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd": true,
}

// oddAttribute names an attribute that is none of a signature's, or that holds a text.
func oddAttribute(e *xmldsig.Element) string {
	for _, a := range xmldsig.Attributes(e) {
		if known := attributes[a.LocalName()] && a.URI() == "" || attributeSpaces[a.URI()]; !known || len(a.Value()) > maxWords {
			return a.Name()
		}
	}
	return ""
}

// surplus yields what stands in the signature without being part of one, until yield says
// no. What is signed, by whomever, is no surplus.
func (s *xmlSignature) surplus(signed *coverage, yield func(e *xmldsig.Element, note string) bool) {
	if s.signature == nil {
		return // it did not pass, and is told so
	}
	all := 0 // octets of names so far
	var walk func(e *xmldsig.Element, is part) bool
	walk = func(e *xmldsig.Element, is part) bool {
		loose, instructions := xmldsig.Loose(e)
		if is == words {
			all += len(loose)
		}
		switch {
		case is == 0:
			return yield(e, "")
		case is == holder && strings.Trim(loose, " \t\r\n") != "":
			return yield(e, ", text in it")
		case is == words && (len(loose) > maxWords || all > maxAllWords):
			return yield(e, ", a long text in it")
		case len(instructions) > 0:
			return yield(e, ", instruction "+instructions[0])
		}
		if _, err := xmldsig.Bytes(e); is == octets && (err != nil || prose(loose)) {
			return yield(e, ", text in it")
		}
		if a := oddAttribute(e); a != "" {
			return yield(e, ", attribute "+a)
		}
		for _, c := range xmldsig.Elements(e) {
			// Another signature, a counter-signature say, is looked at for itself.
			if signed.covers(c, false) || xmldsig.Is(c, xmldsig.NS, "Signature") || c == s.signature.SignedInfo {
				continue
			}
			is := partOf(c)
			switch {
			case s.props != nil && c == s.props.Object:
				is = holder
			case signed.decoded[c] && xmldsig.Is(c, xmldsig.NS, "Object"):
				is = octets // which are signed
			}
			if !walk(c, is) {
				return false
			}
		}
		return true
	}
	walk(s.element, holder)
}
