package validation

import (
	"bytes"
	"crypto"

	"chop/internal/cms"
)

// What the process asks of a CMS signature in a PDF file, beside what it asks of any.

// verify is cryptographic verification (5.2.7).
func (s *signature) verify(_ *run, raw []byte) conclusion {
	if s.timestamp() {
		if !bytes.Equal(s.content[s.stamp.Info.HashAlgorithm], s.stamp.Info.Imprint) || len(s.stamp.Info.Imprint) == 0 {
			return fail(HashFailure, "message imprint differs from the digest of the document")
		}
		return cryptographic(s.stamp.VerifySignature(raw))
	}
	if why := misnamed(s.signer); why != "" {
		return fail(FormatFailure, "%s", why)
	}
	key, err := cms.PublicKey(raw)
	if err != nil {
		return undecided(CryptoConstraintsFailure, "key of the signing certificate: %v", err)
	}
	sum := s.content[s.signer.Digest]
	if s.format == FormatPKCS7SHA1 {
		if !bytes.Equal(s.content[crypto.SHA1], s.message.Content) {
			return fail(HashFailure, "encapsulated digest differs from the digest of the document")
		}
		if !s.signer.Digest.Available() {
			return undecided(CryptoConstraintsFailure, "digest algorithm %v", s.signer.DigestAlgorithm.OID)
		}
		h := s.signer.Digest.New()
		h.Write(s.message.Content)
		sum = h.Sum(nil)
	}
	if sum == nil {
		return undecided(CryptoConstraintsFailure, "digest algorithm %v", s.signer.DigestAlgorithm.OID)
	}
	return cryptographic(s.signer.Verify(key, sum))
}

func (s *signature) complete() conclusion {
	if ref, err := s.signer.SigningCertificate(); err == nil && ref == nil && s.format == FormatCAdES {
		return undecided(SigConstraintsFailure, "no signing-certificate attribute, which EN 319 142-1 demands")
	}
	return pass()
}
