package cms

import "fmt"

// TimestampToken is a SignedData over a TSTInfo, RFC 3161, 2.4.2.
type TimestampToken struct {
	*SignedData
	Info   *TSTInfo
	Signer *SignerInfo
}

// ParseTimestampToken reads a token, which has exactly one signer.
func ParseTimestampToken(b []byte) (*TimestampToken, error) {
	sd, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("parse timestamp token: %w", err)
	}
	if !sd.ContentType.Equal(OIDTSTInfo) || sd.Content == nil {
		return nil, fmt.Errorf("parse timestamp token: %w: content of type %v", ErrMalformed, sd.ContentType)
	}
	if len(sd.SignerInfos) != 1 {
		return nil, fmt.Errorf("parse timestamp token: %w: %d signers", ErrMalformed, len(sd.SignerInfos))
	}
	info, err := ParseTSTInfo(sd.Content)
	if err != nil {
		return nil, fmt.Errorf("parse timestamp token: %w", err)
	}
	return &TimestampToken{SignedData: sd, Info: info, Signer: sd.SignerInfos[0]}, nil
}

// Covers is nil if the token's imprint is the digest of data.
func (t *TimestampToken) Covers(data []byte) error { return t.Info.Covers(data) }

// VerifySignature checks that the key of cert (DER) signed the token and that the signed attributes bind cert,
// without which another certificate for the same key could be put in its place (RFC 5816). Whether cert may sign
// timestamps, and is trusted, is the caller's to decide.
func (t *TimestampToken) VerifySignature(cert []byte) error {
	pub, err := PublicKey(cert)
	if err != nil {
		return fmt.Errorf("verify timestamp token: %w", err)
	}
	if t.Signer.Digest == 0 {
		return fmt.Errorf("verify timestamp token: %w: digest %v", ErrAlgorithm, t.Signer.DigestAlgorithm.OID)
	}
	h := t.Signer.Digest.New()
	h.Write(t.Content)
	if err := t.Signer.Verify(pub, h.Sum(nil)); err != nil {
		return fmt.Errorf("verify timestamp token: %w", err)
	}
	if err := t.Signer.BindsCertificate(cert); err != nil {
		return fmt.Errorf("verify timestamp token: certificate not bound: %w", err)
	}
	return nil
}
