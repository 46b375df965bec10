package validation

import (
	"crypto"
	"errors"
	"fmt"
	"slices"

	"chop/internal/cms"
)

// A cadesSignature is one signature of a CMS file: CAdES (EN 319 122-1) if it names its
// certificate by a digest, else plain CMS; or a counter-signature on one.
type cadesSignature struct {
	subject
	cmsSigner
	data *signedData     // nil: it is not there
	on   *cadesSignature // the signature that this one countersigns, or nil
	// manifest, if there is one, is what is signed, and names files by their digests.
	manifest *manifestCheck
	archives []*archiveStamp // archive time-stamps over it, in the order of their times
	outer    []*outerStamp   // those over the whole message, newer than all of them
	level    string
	holds    bool // value and digests
}

// read is format checking (5.2.2).
func (s *cadesSignature) read() {
	s.format = FormatCMS
	if s.binds() {
		s.format = FormatCAdESFile
	}
	s.content = nil
	if s.data != nil {
		s.content = sumsOf(s.data, s.wanted())
	}
	if at, err := s.signer.SigningTime(); err == nil && !at.IsZero() {
		s.claimed = &at
	}
	switch {
	case s.signer.SignedAttrs == nil:
		// The attributes of another signature could be passed off as such a one's content.
		s.breach("no signed attributes")
	case s.on == nil && !s.message.ContentType.Equal(cms.OIDData):
		s.breach("content type is %v, not data", s.message.ContentType)
	}
	// Strangers state several commitments; they contradict nothing.
	if err := errors.Join(s.checkSingleValued(cms.OIDCommitmentType), once(s.signer.SignedAttrs)); err != nil {
		s.fatal = fail(FormatFailure, "%v", err)
		return
	}
	s.checks.outside(s.outside())
	if n := len(s.signer.SignatureTimestamps()) + len(s.signer.ContentTimestamps()) + len(s.archiveTokens()); n > maxTokens {
		s.fatal = undecided(SigConstraintsFailure, "%d time-stamps, at most %d are looked at", n, maxTokens)
	}
}

// once refuses a signed attribute that occurs twice (RFC 5652, 11; EN 319 122-1, 5): there
// is no one signature then that all readers see.
func once(list []cms.Attribute) error {
	for i, a := range list {
		if a.Type == nil || a.Type.Equal(cms.OIDContentTimestamp) {
			continue
		}
		if slices.ContainsFunc(list[:i], func(b cms.Attribute) bool { return b.Type.Equal(a.Type) }) {
			return fmt.Errorf("signed attribute %v occurs twice", a.Type)
		}
	}
	return nil
}

// verify is cryptographic verification (5.2.7).
func (s *cadesSignature) verify(_ *run, raw []byte) conclusion {
	if why := misnamed(s.signer); why != "" {
		return fail(FormatFailure, "%s", why)
	}
	key, err := cms.PublicKey(raw)
	if err != nil {
		return undecided(CryptoConstraintsFailure, "key of the signing certificate: %v", err)
	}
	if s.data == nil {
		return s.withoutData(key)
	}
	sum := s.content[s.signer.Digest]
	if sum == nil && s.data.given {
		return undecided(SignedDataNotFound, "the digest of the file under %v was not given", s.signer.Digest)
	}
	if sum == nil {
		return undecided(CryptoConstraintsFailure, "digest algorithm %v", s.signer.DigestAlgorithm.OID)
	}
	if got := s.value(key, sum); !got.passed() {
		return got
	}
	if s.manifest != nil {
		if got := s.manifest.check(); !got.passed() {
			return got
		}
	}
	s.holds = true
	return pass()
}

// value verifies the signature value, over attributes in DER: over the order that some
// signers sent, one reader's signature is another's forgery.
func (s *cadesSignature) value(key crypto.PublicKey, sum []byte) conclusion {
	err := s.signer.InDER().Verify(key, sum)
	if errors.Is(err, cms.ErrSignature) && s.signer.Verify(key, sum) == nil {
		return fail(SigCryptoFailure, "the value is over attributes that are not in DER, as RFC 5652, 5.4 demands")
	}
	if errors.Is(err, cms.ErrProtection) {
		return fail(SigCryptoFailure, "%v (RFC 6211, 4)", err)
	}
	return cryptographic(err)
}

// withoutData tells a value that is wrong whatever was signed from one that may be right.
func (s *cadesSignature) withoutData(key crypto.PublicKey) conclusion {
	digest, err := s.signer.MessageDigest()
	if err == nil && len(digest) > 0 {
		if got := s.value(key, digest); !got.passed() {
			return got
		}
	}
	return undecided(SignedDataNotFound, "the file that the signature covers was not given")
}

func (s *cadesSignature) complete() conclusion { return pass() }

// stamps are the signature time-stamps, each at the place where its attribute is covered.
func (s *cadesSignature) stamps() []stamped {
	var list []stamped
	for _, a := range s.signer.UnsignedAttrs {
		if !a.Type.Equal(cms.OIDSignatureTimestamp) {
			continue
		}
		for _, value := range a.Values {
			after := 0 // that of a counter-signature lies in the same attribute as itself
			if s.on == nil {
				after = s.placeOf(func(x *archiveStamp) bool { return x.coversAttribute(a, value) })
			}
			list = append(list, stamped{der: value, covers: func(info *cms.TSTInfo) error { return info.Covers(s.signer.Signature) }, after: after})
		}
	}
	return list
}

func (s *cadesSignature) reported() Signature {
	row := s.row()
	row.Level = s.level
	if s.holds && s.manifest != nil {
		row.Signed = s.manifest.signed()
	} else if s.holds {
		row.Signed = []string{s.data.name}
	}
	return row
}
