package ocsp

import (
	"crypto"
	"encoding/asn1"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// readData reads ResponseData, the signed part (RFC 6960, 4.2.1).
func (r *Response) readData(s cryptobyte.String) error {
	bad := func(what string) error { return fmt.Errorf("%w: %s", ErrMalformed, what) }
	var data, id, list, exts cryptobyte.String
	var hasExts bool
	if !s.ReadASN1(&data, cbasn1.SEQUENCE) || !s.Empty() || !readVersion(&data) {
		return bad("ResponseData")
	}
	switch {
	case data.PeekASN1Tag(tag1):
		var name cryptobyte.String
		if !data.ReadASN1(&id, tag1) || !id.ReadASN1Element(&name, cbasn1.SEQUENCE) || !id.Empty() {
			return bad("responderID byName")
		}
		r.ResponderID.Name = name
	case data.PeekASN1Tag(tag2):
		if !data.ReadASN1(&id, tag2) || !id.ReadASN1Bytes(&r.ResponderID.KeyHash, cbasn1.OCTET_STRING) ||
			!id.Empty() || len(r.ResponderID.KeyHash) != crypto.SHA1.Size() {
			return bad("responderID byKey")
		}
	default:
		return bad("responderID")
	}
	if !data.ReadASN1GeneralizedTime(&r.ProducedAt) ||
		!data.ReadASN1(&list, cbasn1.SEQUENCE) ||
		!data.ReadOptionalASN1(&exts, &hasExts, tag1) || !data.Empty() {
		return bad("ResponseData")
	}
	for !list.Empty() {
		if len(r.Singles) == MaxSingles {
			return bad("too many answers")
		}
		single, err := readSingle(&list)
		if err != nil {
			return err
		}
		r.Singles = append(r.Singles, single)
	}
	if !hasExts {
		return nil
	}
	return readExtensions(exts, func(oid asn1.ObjectIdentifier, value cryptobyte.String) (known bool, err error) {
		if !oid.Equal(oidNonce) {
			return false, nil
		}
		r.Nonce, err = readNonce(value)
		return true, err
	})
}

func readSingle(list *cryptobyte.String) (Single, error) {
	one := Single{Reason: ReasonAbsent}
	bad := func(what string) (Single, error) { return Single{}, fmt.Errorf("%w: %s", ErrMalformed, what) }
	var s, next, exts cryptobyte.String
	if !list.ReadASN1(&s, cbasn1.SEQUENCE) {
		return bad("SingleResponse")
	}
	var ok, hasNext, hasExts bool
	if one.CertID, ok = readCertID(&s); !ok {
		return bad("CertID")
	}
	if !readStatus(&s, &one) {
		return bad("certStatus")
	}
	if !s.ReadASN1GeneralizedTime(&one.ThisUpdate) ||
		!s.ReadOptionalASN1(&next, &hasNext, tag0) ||
		(hasNext && (!next.ReadASN1GeneralizedTime(&one.NextUpdate) || !next.Empty())) ||
		!s.ReadOptionalASN1(&exts, &hasExts, tag1) || !s.Empty() {
		return bad("SingleResponse")
	}
	if !hasExts {
		return one, nil
	}
	err := readExtensions(exts, func(oid asn1.ObjectIdentifier, value cryptobyte.String) (bool, error) {
		if !oid.Equal(oidArchiveCutoff) {
			return false, nil
		}
		if !value.ReadASN1GeneralizedTime(&one.ArchiveCutoff) || !value.Empty() {
			return true, fmt.Errorf("%w: archiveCutoff", ErrMalformed)
		}
		return true, nil
	})
	return one, err
}

// readStatus reads CertStatus ::= CHOICE { good [0] NULL, revoked [1]
// RevokedInfo, unknown [2] NULL }, all IMPLICIT.
func readStatus(s *cryptobyte.String, one *Single) bool {
	var body cryptobyte.String
	var tag cbasn1.Tag
	if !s.ReadAnyASN1(&body, &tag) {
		return false
	}
	switch tag {
	case cbasn1.Tag(0).ContextSpecific():
		one.Status = Good
		return body.Empty()
	case cbasn1.Tag(2).ContextSpecific():
		one.Status = Unknown
		return body.Empty()
	case tag1:
		one.Status = Revoked
		var reason cryptobyte.String
		var has bool
		if !body.ReadASN1GeneralizedTime(&one.RevokedAt) ||
			!body.ReadOptionalASN1(&reason, &has, tag0) || !body.Empty() {
			return false
		}
		return !has || (reason.ReadASN1Enum(&one.Reason) && reason.Empty() && one.Reason >= 0 && one.Reason <= 10)
	}
	return false
}
