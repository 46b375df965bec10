package cms

import (
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Parse reads a ContentInfo with SignedData. b must hold the message and nothing after it (see TrimContents).
// The result refers to b, which must not be changed afterwards.
func Parse(b []byte) (*SignedData, error) {
	der, ber, err := normalise(b, 0)
	if err != nil {
		return nil, fmt.Errorf("parse CMS: %w", err)
	}
	sd := &SignedData{Raw: b, BER: ber}
	if err := sd.parseContentInfo(der); err != nil {
		return nil, fmt.Errorf("parse CMS: %w", err)
	}
	return sd, nil
}

func (sd *SignedData) parseContentInfo(der []byte) error {
	input := cryptobyte.String(der)
	var info, explicit, body cryptobyte.String
	if !input.ReadASN1(&info, cbasn1.SEQUENCE) || !input.Empty() {
		return fmt.Errorf("%w: ContentInfo", ErrMalformed)
	}
	oid, _, ok := readOID(&info)
	if !ok {
		return fmt.Errorf("%w: content type", ErrMalformed)
	}
	if !oid.Equal(OIDSignedData) {
		return fmt.Errorf("%w: content type %v is not SignedData", ErrMalformed, oid)
	}
	if !info.ReadASN1(&explicit, tagConstructed0) || !info.Empty() ||
		!explicit.ReadASN1(&body, cbasn1.SEQUENCE) || !explicit.Empty() {
		return fmt.Errorf("%w: SignedData", ErrMalformed)
	}
	return sd.parseBody(body)
}

// parseBody reads SignedData, RFC 5652, 5.1.
func (sd *SignedData) parseBody(s cryptobyte.String) error {
	start := []byte(s)
	var algs, encap, signers cryptobyte.String
	if !s.ReadASN1Integer(&sd.Version) || !s.ReadASN1(&algs, cbasn1.SET) || !s.ReadASN1(&encap, cbasn1.SEQUENCE) {
		return fmt.Errorf("%w: version, digestAlgorithms or encapContentInfo", ErrMalformed)
	}
	for !algs.Empty() {
		a, ok := readAlgorithm(&algs)
		if !ok {
			return fmt.Errorf("%w: digestAlgorithms", ErrMalformed)
		}
		if sd.DigestAlgorithms = append(sd.DigestAlgorithms, a); len(sd.DigestAlgorithms) > maxSigners {
			return fmt.Errorf("%w: more than %d digest algorithms", ErrLimit, maxSigners)
		}
	}
	if err := sd.parseContent(encap); err != nil {
		return err
	}
	var certs, crls cryptobyte.String
	var present bool
	if !s.ReadOptionalASN1(&certs, &present, tagConstructed0) || !s.ReadOptionalASN1(&crls, &present, tagConstructed1) {
		return fmt.Errorf("%w: certificates or crls", ErrMalformed)
	}
	if err := sd.parseCertificates(certs); err != nil {
		return err
	}
	if err := sd.parseRevocation(crls); err != nil {
		return err
	}
	sd.head = start[:len(start)-len(s)]
	if !s.ReadASN1(&signers, cbasn1.SET) || !s.Empty() {
		return fmt.Errorf("%w: signerInfos", ErrMalformed)
	}
	for i := 0; !signers.Empty(); i++ {
		if i == maxSigners {
			return fmt.Errorf("%w: more than %d signers", ErrLimit, maxSigners)
		}
		si := &SignerInfo{contentType: sd.ContentType}
		if err := si.parse(&signers); err != nil {
			return fmt.Errorf("signer %d: %w", i, err)
		}
		sd.SignerInfos = append(sd.SignerInfos, si)
	}
	return nil
}

func (sd *SignedData) parseContent(encap cryptobyte.String) error {
	var ok bool
	if sd.ContentType, _, ok = readOID(&encap); !ok || sd.ContentType == nil {
		return fmt.Errorf("%w: eContentType", ErrMalformed)
	}
	if encap.Empty() {
		return nil
	}
	var explicit, content cryptobyte.String
	if !encap.ReadASN1(&explicit, tagConstructed0) || !encap.Empty() ||
		!explicit.ReadASN1(&content, cbasn1.OCTET_STRING) || !explicit.Empty() {
		return fmt.Errorf("%w: eContent", ErrMalformed)
	}
	if sd.Content = content; sd.Content == nil {
		sd.Content = []byte{}
	}
	return nil
}

// parseCertificates keeps the X.509 certificates of a CertificateSet and passes over the other, tagged choices
// (attribute certificates and the like, RFC 5652, 10.2.2).
func (sd *SignedData) parseCertificates(s cryptobyte.String) error {
	for n := 0; !s.Empty(); n++ {
		var element cryptobyte.String
		var tag cbasn1.Tag
		if !s.ReadAnyASN1Element(&element, &tag) {
			return fmt.Errorf("%w: certificates", ErrMalformed)
		}
		if n == maxCerts {
			return fmt.Errorf("%w: more than %d certificates", ErrLimit, maxCerts)
		}
		sd.certElements = append(sd.certElements, element)
		if tag == cbasn1.SEQUENCE {
			sd.Certificates = append(sd.Certificates, element)
		}
	}
	return nil
}

// parse reads one SignerInfo, RFC 5652, 5.3.
func (si *SignerInfo) parse(in *cryptobyte.String) error {
	var s cryptobyte.String
	if !in.ReadASN1(&s, cbasn1.SEQUENCE) {
		return fmt.Errorf("%w: SignerInfo", ErrMalformed)
	}
	start := []byte(s)
	if !s.ReadASN1Integer(&si.Version) || !si.parseSID(&s) {
		return fmt.Errorf("%w: version or signer identifier", ErrMalformed)
	}
	var ok, present bool
	if si.DigestAlgorithm, ok = readAlgorithm(&s); !ok {
		return fmt.Errorf("%w: digestAlgorithm", ErrMalformed)
	}
	si.Digest = si.DigestAlgorithm.Hash()
	var signed, unsigned cryptobyte.String
	var err error
	if !s.ReadOptionalASN1(&signed, &present, tagConstructed0) {
		return fmt.Errorf("%w: signedAttrs", ErrMalformed)
	}
	if present {
		if si.signedAttrs = signed; si.signedAttrs == nil {
			si.signedAttrs = []byte{}
		}
		if si.SignedAttrs, err = readAttributes(signed); err != nil {
			return fmt.Errorf("signedAttrs: %w", err)
		}
	}
	algorithm, ok := readAlgorithm(&s)
	if !ok {
		return fmt.Errorf("%w: signatureAlgorithm", ErrMalformed)
	}
	si.SignatureAlgorithm = signatureAlgorithm(algorithm)
	if !s.ReadASN1Bytes(&si.Signature, cbasn1.OCTET_STRING) {
		return fmt.Errorf("%w: signature", ErrMalformed)
	}
	si.head = start[:len(start)-len(s)]
	if !s.ReadOptionalASN1(&unsigned, &present, tagConstructed1) || !s.Empty() {
		return fmt.Errorf("%w: unsignedAttrs", ErrMalformed)
	}
	if si.UnsignedAttrs, err = readAttributes(unsigned); err != nil {
		return fmt.Errorf("unsignedAttrs: %w", err)
	}
	return nil
}

func (si *SignerInfo) parseSID(s *cryptobyte.String) bool {
	if s.PeekASN1Tag(tagContext0) {
		return s.ReadASN1Bytes(&si.SKI, tagContext0) && len(si.SKI) > 0
	}
	var sid, issuer, serial cryptobyte.String
	if !s.ReadASN1(&sid, cbasn1.SEQUENCE) || !sid.ReadASN1Element(&issuer, cbasn1.SEQUENCE) ||
		!sid.ReadASN1(&serial, cbasn1.INTEGER) || !sid.Empty() || len(serial) == 0 {
		return false
	}
	si.Issuer, si.serial, si.Serial = issuer, serial, signedInteger(serial)
	return true
}
