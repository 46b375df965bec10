package validation

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"chop/internal/cms"
	"chop/internal/jws"
)

// A jsonSignature is one signature of a JSON web signature: JAdES (TS 119 182-1), or plain
// JWS without its header parameters.
type jsonSignature struct {
	subject
	doc       *jws.Document
	signature *jws.Signature
	src       jws.Sources
	files     []File // the caller's
	on        string // the signature that it countersigns
	// held is set when the value verifies: only then it is known what was signed.
	held bool
	// work is how many octets may still be digested for time-stamps of the document.
	work *int64
	// fetches are the document's: one signature more is no reason to ask more.
	fetches *fetches
}

// errWork means that a document's time-stamps cover more, together, than honest ones do.
var errWork = errors.New("its time-stamps cover too much to be computed")

// read is format checking (5.2.2).
func (s *jsonSignature) read() {
	s.format = FormatJWS
	h := s.signature.Header
	if h != nil && h.JAdES {
		s.format = FormatJAdES
	}
	if s.signature.Err != nil {
		s.fatal = jsonConclusion(s.signature.Err)
		return
	}
	if !h.SigningTime.IsZero() {
		s.claimed = &h.SigningTime
	}
	for _, why := range s.signature.Breaches {
		s.breach("%s", why)
	}
	if err := s.signature.Critical; err != nil {
		s.breach("%v", err)
	}
	for _, u := range s.signature.Unsigned {
		if u.Name == "sigTst" { // its signer meant it to be dated
			if _, err := u.Tokens(); err != nil {
				s.breach("signature time-stamp: %v", err)
			}
		}
	}
	s.checks.outside(s.outside())
}

// outside tells where in the text a change is none of the signature's business.
func (s *jsonSignature) outside() []string {
	if s.doc.Serialization == jws.Compact {
		return []string{"nothing"}
	}
	list := []string{"whitespace, escapes and order of members of the JSON"}
	var names []string
	for _, u := range s.signature.Unsigned {
		if !slices.Contains(names, u.Name) {
			names = append(names, u.Name)
		}
	}
	if len(names) > 0 {
		list = append(list, fmt.Sprintf("etsiU (%.200s), but for what its time-stamps cover", strings.Join(names, ", ")))
	}
	if len(s.signature.Foreign) > 0 {
		list = append(list, "the rest of the unprotected header")
	}
	if len(s.doc.Foreign) > 0 {
		list = append(list, "members that are no part of a JWS")
	}
	return list
}

// gather fills the pool. What lies in the signature itself is at place 0, element i of etsiU
// at place i+1: an archive time-stamp at i covers all places up to i.
func (s *jsonSignature) gather(r *run) {
	if s.signature.Err != nil {
		return
	}
	for _, der := range s.signature.Header.Chain {
		r.pool.addCertificate(der, 0, true)
	}
	r.gatherTokens(s.signature.Header.Content, 0)
	for i, u := range s.signature.Unsigned {
		u.Evidence(func(kind jws.Kind, der []byte) {
			switch kind {
			case jws.Certificate:
				r.pool.addCertificate(der, i+1, true)
			case jws.CRL:
				r.pool.addCRL(der, i+1, true)
			case jws.OCSP:
				r.pool.addOCSP(der, i+1, true)
			case jws.Token:
				r.gatherTokens([][]byte{der}, i+1)
			}
		})
	}
}

// archive validates the archive time-stamps, newest first (5.6.2.3). One that is over
// something else was never a time-stamp of this signature.
func (s *jsonSignature) archive(r *run) {
	for i := len(s.signature.Unsigned) - 1; i >= 0; i-- {
		u := s.signature.Unsigned[i]
		if s.signature.Err != nil || u.Name != "arcTst" {
			continue
		}
		list, err := u.Tokens()
		if err != nil {
			s.breach("archive time-stamp: %v", err)
			continue
		}
		for _, der := range list {
			parsed, err := cms.ParseTimestampToken(der)
			if err == nil {
				err = s.over(parsed.Info, func() ([]byte, error) { return s.signature.ArchiveImprint(i, s.src) })
			}
			if errors.Is(err, jws.ErrNotFound) || errors.Is(err, jws.ErrUndecided) { // verification says so, or nobody knows
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

// over checks a token's imprint against octets.
func (s *jsonSignature) over(info *cms.TSTInfo, octets func() ([]byte, error)) error {
	if *s.work <= 0 {
		return errWork
	}
	b, err := octets()
	if err != nil {
		return err
	}
	*s.work -= int64(len(b))
	if !info.HashAlgorithm.Available() {
		return errImprint
	}
	h := info.HashAlgorithm.New()
	h.Write(b)
	if !bytes.Equal(h.Sum(nil), info.Imprint) {
		return errImprint
	}
	return nil
}

// identify takes the certificate that the protected header names by its digest. Several may
// be named, and the one whose key verifies the value is meant. A signature that names none
// has the word of x5c for it, which is signed too.
func (s *jsonSignature) identify(r *run) ([]byte, conclusion) {
	h := s.signature.Header
	if !s.binds() {
		if len(h.Chain) == 0 {
			return nil, undecided(NoSigningCertificateFound, "the signature brings no certificate and names none")
		}
		return h.Chain[0], pass()
	}
	var first []byte
	tried := 0
	for _, der := range append(append([][]byte{}, h.Chain...), r.pool.raw()...) {
		if !slices.ContainsFunc(h.Names, func(c jws.CertificateDigest) bool { return c.Matches(der) }) {
			continue
		}
		if first == nil {
			first = der
		}
		if tried++; tried > maxCandidates {
			break
		}
		if key, err := cms.PublicKey(der); err == nil && s.signature.VerifyValue(key, s.src) == nil {
			return der, pass()
		}
	}
	if first == nil {
		return nil, undecided(NoSigningCertificateFound, "no certificate has the digest that the signature names")
	}
	return first, pass()
}
