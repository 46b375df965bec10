package cades

import (
	"context"
	"crypto"
	"crypto/x509"
	"slices"

	"chop/internal/cms"
	"chop/signer/pades"
)

// An ExtendRequest raises the level of a signed message, or renews a B-LTA.
type ExtendRequest struct {
	In []byte
	// Level is B-T, B-LT or B-LTA.
	Level Level
	// Hash is for imprints; 0 means SHA-256.
	Hash crypto.Hash
	// Timestamper is needed, Evidence from B-LT on.
	Timestamper Timestamper
	Evidence    EvidenceSource
	// Content is the file that a detached signature covers; nil: not known. B-LTA needs it.
	Content []byte
	// OnSkip is told of each signature that stays as it is: somebody else's, usually.
	// Without it, such a signature is an error. The last one is never skipped.
	OnSkip func(field string, err error)
}

// Extend returns the message, DER, with what its signatures lack for the level, and the name
// of the last of them. On one that is B-LTA already that is the renewal: evidence for the
// last archive timestamp, and a new one. It returns pades.ErrAtLevel if nothing lacks.
func Extend(ctx context.Context, r ExtendRequest) (message []byte, last string, err error) {
	if r.Hash == 0 {
		r.Hash = crypto.SHA256
	}
	switch {
	case !r.Level.AtLeast(pades.LevelT):
		return nil, "", bad("a message is extended to B-T, B-LT or B-LTA")
	case r.Timestamper == nil || r.Level.AtLeast(pades.LevelLT) && r.Evidence == nil:
		return nil, "", bad("level %s needs a timestamper and a source of evidence", r.Level)
	case r.Hash != crypto.SHA256 && r.Hash != crypto.SHA384 && r.Hash != crypto.SHA512:
		return nil, "", bad("hash")
	}
	m, err := open(r.In)
	if err != nil {
		return nil, "", err
	}
	content := r.Content
	if m.Content != nil {
		content = m.Content
	} else if content != nil && !holds(m, content) {
		return nil, "", unfit("its signatures are not over the file that was given")
	}
	changed := false
	for i, si := range m.SignerInfos {
		x := extender{message: m, signer: si, content: content, hash: r.Hash, timestamper: r.Timestamper, evidence: r.Evidence}
		before, attributes := *m, slices.Clone(si.UnsignedAttrs)
		added := false
		if x.cert, err = certificate(m, si); err == nil {
			added, err = x.raise(ctx, r.Level)
		}
		switch {
		case err == nil:
			changed = changed || added
		case r.OnSkip == nil || i == len(m.SignerInfos)-1 || ctx.Err() != nil:
			return nil, "", err
		default:
			*m, si.UnsignedAttrs = before, attributes
			r.OnSkip(field(i), err)
		}
	}
	if !changed {
		return nil, "", pades.ErrAtLevel
	}
	message, err = m.Marshal()
	return message, field(len(m.SignerInfos) - 1), err
}

// certificate returns the signing certificate, the one that the signature names, and wants
// the signature value to verify with it: what is broken is not worth a timestamp.
func certificate(m *cms.SignedData, si *cms.SignerInfo) (*x509.Certificate, error) {
	raw := si.FindCertificate(m.Certificates)
	if raw == nil {
		return nil, unfit("the signing certificate is not in it")
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		return nil, unfit("signing certificate: %w", err)
	}
	if err := si.BindsCertificate(raw); err != nil {
		return nil, unfit("it is no CAdES signature: %w", err)
	}
	digest, err := si.MessageDigest()
	if err != nil {
		return nil, unfit("%w", err)
	}
	key, err := cms.PublicKey(raw)
	if err != nil {
		return nil, unfit("%w", err)
	}
	if err := si.Verify(key, digest); err != nil {
		return nil, unfit("%w", err)
	}
	return cert, nil
}
