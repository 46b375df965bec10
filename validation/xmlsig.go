package validation

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io"

	"chop/internal/cms"
	"chop/internal/xmldsig"
)

// maxCandidates is how many certificates are tried on one signature value.
const maxCandidates = 32

// An xmlSignature is one signature of an XML document: XAdES (EN 319 132-1), or plain
// XMLDSig without its properties.
type xmlSignature struct {
	subject
	doc     *xmldsig.Document
	element *xmldsig.Element
	sources xmldsig.Sources

	signature *xmldsig.Signature
	keyInfo   *xmldsig.KeyInfo
	// props are nil unless the signature signs them: unsigned, they are anybody's word.
	props *xmldsig.Properties
	// verified says that the value verifies with the key of the signing certificate.
	verified bool
	// unrendered are declarations of namespaces that content uses and the signature leaves out.
	unrendered []xmldsig.Declaration
}

// read is format checking (5.2.2), and resolves what is signed, once: the nodes that are
// digested here are those that coverage is told of.
func (s *xmlSignature) read() {
	s.format = FormatXMLDSig
	var err error
	if s.signature, err = s.doc.ReadSignature(s.element); err != nil {
		s.fatal = fail(FormatFailure, "%v", err)
		return
	}
	if s.keyInfo, err = s.signature.ReadKeyInfo(); err != nil {
		s.fatal = fail(FormatFailure, "%v", err)
		return
	}
	s.signature.Check(s.sources)
	s.readCounter()
	defer func() { // once the properties are known
		s.tellUnrendered()
		s.checks.outside(s.outside())
	}()
	props, err := s.signature.ReadProperties()
	if err != nil {
		s.format = FormatXAdES
		s.breach("qualifying properties: %v", err)
		return
	}
	if props == nil {
		return
	}
	s.format = FormatXAdES
	if props.Reference == nil {
		s.breach("the signed properties are not what a reference signs")
		return
	}
	s.props = props
	if !props.SigningTime.IsZero() {
		s.claimed = &props.SigningTime
	}
	if !s.signsData() {
		s.breach("the signature signs its own properties and nothing else")
	}
}

func (s *xmlSignature) signsData() bool {
	for _, r := range s.signature.References {
		if r != s.props.Reference {
			return true
		}
	}
	return false
}

// gather fills the pool. What lies in the signature itself is at place 0, unsigned property
// i at place i+1: an archive time-stamp at i covers all places up to i.
func (s *xmlSignature) gather(r *run) {
	if s.keyInfo == nil {
		return
	}
	for _, der := range s.keyInfo.Certificates {
		r.pool.addCertificate(der, 0, true)
	}
	if s.props == nil {
		return
	}
	for _, t := range s.props.Content {
		r.gatherTokens(t.Tokens, 0)
	}
	for i, e := range s.props.Unsigned {
		r.gatherProperty(e, i+1, 3)
	}
}

// gatherProperty takes the certificates, revocation data and tokens in a property; those
// that hold others (TimeStampValidationData) to a depth.
func (r *run) gatherProperty(e *xmldsig.Element, place, depth int) {
	add := map[string]func([]byte, int, bool){
		"EncapsulatedX509Certificate": r.pool.addCertificate, "EncapsulatedCRLValue": r.pool.addCRL,
		"EncapsulatedOCSPValue": r.pool.addOCSP,
		"EncapsulatedTimeStamp": func(der []byte, place int, _ bool) { r.gatherTokens([][]byte{der}, place) },
	}[e.LocalName()]
	if add != nil {
		if der, err := xmldsig.Bytes(e); err == nil {
			add(der, place, true)
		}
		return
	}
	if depth == 0 || xmldsig.Is(e, xmldsig.NS, "Signature") {
		return
	}
	for _, c := range xmldsig.Elements(e) {
		r.gatherProperty(c, place, depth-1)
	}
}

func (r *run) gatherTokens(tokens [][]byte, place int) {
	for _, der := range tokens {
		if t, err := cms.ParseTimestampToken(der); err == nil {
			r.gatherMessage(t.SignedData, t.Signer, place)
		}
	}
}

// archive validates the archive time-stamps, newest first (5.6.2.3). One that is over
// something else was never a time-stamp of this signature.
func (s *xmlSignature) archive(r *run) {
	if s.props == nil {
		return
	}
	for i := len(s.props.Unsigned) - 1; i >= 0; i-- {
		e := s.props.Unsigned[i]
		if e.LocalName() != "ArchiveTimeStamp" {
			continue
		}
		st, err := xmldsig.ReadStamp(e)
		if err != nil {
			s.checks.add("TSV", Warning, "archive time-stamp: %v", err)
			continue
		}
		for _, der := range st.Tokens {
			parsed, err := cms.ParseTimestampToken(der)
			if err == nil {
				err = s.over(parsed.Info, func(w io.Writer) error {
					return s.signature.ArchiveImprint(w, s.props, e, st.C14N, s.sources)
				})
			}
			if errors.Is(err, xmldsig.ErrNotFound) { // and the signature's own verification says so
				s.checks.add("TSV", Warning, "archive time-stamp: %v", err)
				continue
			}
			if err != nil {
				s.breach("archive time-stamp: %v", err)
				continue
			}
			t := &token{TimestampToken: parsed, place: i + 1}
			r.judgeToken(t, &s.checks)
			if !t.passed() {
				s.checks.add("TSV", Warning, "archive time-stamp of %s: %s: %s", stamp(parsed.Info.GenTime), t.sub, t.why)
				continue
			}
			s.checks.add("TSV", Passed, "archive time-stamp of %s by %s", stamp(parsed.Info.GenTime), name(t.cert))
			r.timeline.prove(i, parsed.Info.GenTime)
			r.archives = append(r.archives, t)
		}
	}
}

// over checks a token's imprint against octets that are written.
func (s *xmlSignature) over(info *cms.TSTInfo, write func(io.Writer) error) error {
	if !info.HashAlgorithm.Available() {
		return errImprint
	}
	h := info.HashAlgorithm.New()
	if err := write(h); err != nil {
		return err
	}
	if !bytes.Equal(h.Sum(nil), info.Imprint) {
		return errImprint
	}
	return nil
}

// identify takes the certificate that the signed properties name by its digest. Several may
// be named, and one may be there that is not the signer's: the one whose key verifies the
// value is meant. A signature without properties has KeyInfo's word for it.
func (s *xmlSignature) identify(r *run) ([]byte, conclusion) {
	var first []byte
	bound := s.binds()
	tried := 0
	for _, der := range append(append([][]byte{}, s.keyInfo.Certificates...), r.pool.raw()...) {
		cert, err := x509.ParseCertificate(der)
		if bound {
			if !s.props.Names(der) {
				continue
			}
		} else if err != nil || !s.keyInfo.Matches(cert) {
			continue
		}
		if first == nil {
			first = der
		}
		if tried++; tried > maxCandidates {
			break
		}
		if key, err := cms.PublicKey(der); err == nil && s.signature.VerifyValue(key, 0) == nil {
			return der, s.named(der)
		}
	}
	switch {
	case first != nil:
		return first, pass()
	case bound:
		return nil, undecided(NoSigningCertificateFound, "no certificate has the digest that the signature names")
	}
	return nil, undecided(NoSigningCertificateFound, "no certificate for what the signature says of its key")
}

// named checks the issuer and serial number that the reference to the certificate gives.
func (s *xmlSignature) named(der []byte) conclusion {
	if !s.binds() {
		return pass()
	}
	if err := s.props.CheckSerial(der); err != nil {
		return undecided(NoSigningCertificateFound, "%v", err)
	}
	return pass()
}
