package validation

import (
	"bytes"
	"crypto"
	"encoding/asn1"
	"fmt"
	"slices"

	"chop/internal/cms"
)

// A cmsSigner is one signature of a CMS message: what the process asks of it wherever the
// message stands.
type cmsSigner struct {
	message *cms.SignedData
	signer  *cms.SignerInfo
	// content holds the digests of what is signed, those that wanted names.
	content map[crypto.Hash][]byte
}

// identify is identification of the signing certificate (5.2.3). The certificate is
// the one that the signer identifier names and the signed ESS attribute binds; where
// it stands in the message, or what else stands there, plays no part.
func (s *cmsSigner) identify(r *run) ([]byte, conclusion) {
	raw := s.signer.FindCertificate(slices.Concat(s.message.Certificates, r.pool.raw()))
	if raw == nil {
		return nil, undecided(NoSigningCertificateFound, "no certificate for the signer identifier")
	}
	if ref, err := s.signer.SigningCertificate(); err == nil && ref == nil {
		return raw, pass() // whether the format demands the attribute is judged by acceptance
	}
	if err := s.signer.BindsCertificate(raw); err != nil {
		return nil, undecided(NoSigningCertificateFound, "%v", err)
	}
	return raw, pass()
}

// misnamed reports algorithm identifiers of another kind of algorithm, under which
// nothing can verify, unlike under one that is merely not supported here.
func misnamed(signer *cms.SignerInfo) string {
	for _, arc := range signatureArcs {
		if under(signer.DigestAlgorithm.OID, arc) {
			return fmt.Sprintf("digest algorithm %v is a signature algorithm", signer.DigestAlgorithm.OID)
		}
	}
	if oid := signer.SignatureAlgorithm.OID; under(oid, curveArc) {
		return fmt.Sprintf("signature algorithm %v is a curve", oid)
	}
	return ""
}

var (
	signatureArcs = []asn1.ObjectIdentifier{{1, 2, 840, 113549, 1, 1}, {1, 2, 840, 10045, 4}}
	curveArc      = asn1.ObjectIdentifier{1, 2, 840, 10045, 3}
)

func under(oid, arc asn1.ObjectIdentifier) bool {
	return len(oid) > len(arc) && oid[:len(arc)].Equal(arc)
}

// binds reports whether the signature names its certificate by a digest, so that a proof
// of the one is a proof of the other.
func (s *cmsSigner) binds() bool {
	ref, err := s.signer.SigningCertificate()
	return err == nil && ref != nil
}

func (s *cmsSigner) stated() statement {
	var said statement
	if slices.ContainsFunc(s.signer.SignedAttrs, func(a cms.Attribute) bool { return a.Type.Equal(cms.OIDSignaturePolicy) }) {
		said.policy = &declared{}
		if p, err := s.signer.SignaturePolicy(); err == nil && p != nil && !p.Implied {
			said.policy = &declared{id: p.OID.String(), hash: p.Hash, digest: p.Digest}
		}
	}
	// What cannot be read is not said; a policy that asks for it is not met.
	if list, err := s.signer.CommitmentTypes(); err == nil {
		for _, oid := range list {
			said.commitments = append(said.commitments, oid.String())
		}
	}
	said.roles, _ = s.signer.ClaimedRoles()
	return said
}

func (s *cmsSigner) algorithms(key crypto.PublicKey) [][]string {
	return [][]string{suiteNames(key, s.signer.SignatureAlgorithm.Scheme == cms.PSS, s.signer.Digest)}
}

func (s *cmsSigner) stamps() []stamped {
	return stampedBy(s.signer.SignatureTimestamps(), func(info *cms.TSTInfo) error { return info.Covers(s.signer.Signature) })
}

func (s *cmsSigner) contentStamps() []stamped {
	return stampedBy(s.signer.ContentTimestamps(), func(info *cms.TSTInfo) error {
		if sum := s.content[info.HashAlgorithm]; sum == nil || !bytes.Equal(sum, info.Imprint) {
			return errImprint
		}
		return nil
	})
}
