package cms

import (
	"encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Content types.
var (
	OIDData       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	OIDSignedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	OIDTSTInfo    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
)

// Attributes of RFC 5652, RFC 5035, RFC 6211, EN 319 122-1, and Adobe's revocation archive.
var (
	OIDContentType          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	OIDMessageDigest        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	OIDSigningTime          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 5}
	OIDCounterSignature     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 6}
	OIDSigningCertificate   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12}
	OIDSignatureTimestamp   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 14}
	OIDSignaturePolicy      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 15}
	OIDCommitmentType       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 16}
	OIDSignerLocation       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 17}
	OIDContentTimestamp     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 20}
	OIDSigningCertificateV2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	OIDAlgorithmProtection  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 52}
	OIDAdobeRevocation      = asn1.ObjectIdentifier{1, 2, 840, 113583, 1, 1, 8}
	OIDCertificateValues    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 23}
	OIDRevocationValues     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 24}
	OIDArchiveTimestampV1   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 27}
	OIDArchiveTimestampV2   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 48}
	OIDArchiveTimestampV3   = asn1.ObjectIdentifier{0, 4, 0, 1733, 2, 4}
	OIDSignerAttributesV2   = asn1.ObjectIdentifier{0, 4, 0, 19122, 1, 1}
	OIDMIMEType             = asn1.ObjectIdentifier{0, 4, 0, 1733, 2, 1}
)

// Other revocation information: RFC 5940 and the older habit of CAdES.
var (
	oidRevInfoOCSP = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 16, 2}
	oidOCSPBasic   = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 1}
)

// The hash index in an archive timestamp, EN 319 122-1, 5.5.2, and its two predecessors.
var (
	oidHashIndex   = asn1.ObjectIdentifier{0, 4, 0, 1733, 2, 5}
	oidHashIndexV2 = asn1.ObjectIdentifier{0, 4, 0, 19122, 1, 4}
	oidHashIndexV3 = asn1.ObjectIdentifier{0, 4, 0, 19122, 1, 5}
)

var oidTitle = asn1.ObjectIdentifier{2, 5, 4, 12} // X.520: a function in an organisation

var oidSubjectKeyIdentifier = asn1.ObjectIdentifier{2, 5, 29, 14}

var (
	tagContext0     = cbasn1.Tag(0).ContextSpecific()
	tagContext1     = cbasn1.Tag(1).ContextSpecific()
	tagConstructed0 = cbasn1.Tag(0).ContextSpecific().Constructed()
	tagConstructed1 = cbasn1.Tag(1).ContextSpecific().Constructed()
	tagConstructed2 = cbasn1.Tag(2).ContextSpecific().Constructed()
	tagConstructed3 = cbasn1.Tag(3).ContextSpecific().Constructed()
	tagConstructed4 = cbasn1.Tag(4).ContextSpecific().Constructed()
)

// readOID reads an OBJECT IDENTIFIER. Identifiers with arcs over 31 bits (those made of UUIDs) are legal but do not
// fit asn1.ObjectIdentifier: for them oid is nil and octets has the content.
func readOID(s *cryptobyte.String) (oid asn1.ObjectIdentifier, octets []byte, ok bool) {
	var element cryptobyte.String
	if !s.ReadASN1Element(&element, cbasn1.OBJECT_IDENTIFIER) {
		return nil, nil, false
	}
	whole := element
	if element.ReadASN1ObjectIdentifier(&oid) {
		return oid, nil, true
	}
	var content cryptobyte.String
	if !whole.ReadASN1(&content, cbasn1.OBJECT_IDENTIFIER) || len(content) == 0 || content[len(content)-1]&0x80 != 0 {
		return nil, nil, false
	}
	return nil, content, true
}

// element encodes one element around content that is encoded already.
func element(tag cbasn1.Tag, content ...[]byte) []byte {
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(tag, func(b *cryptobyte.Builder) {
		for _, c := range content {
			b.AddBytes(c)
		}
	})
	return b.BytesOrPanic()
}
