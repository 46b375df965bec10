package cades

import (
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"time"

	"chop/internal/cms"
	"chop/signer/pades"
)

// An extender raises one signature of a message. Unsigned attributes are appended, and
// evidence is put beside what is there.
type extender struct {
	message     *cms.SignedData
	signer      *cms.SignerInfo
	cert        *x509.Certificate
	content     []byte // nil: not known
	hash        crypto.Hash
	timestamper Timestamper
	evidence    EvidenceSource
}

// raise brings the signature to the level: what lacks is added, and for B-LTA always an
// archive timestamp. It reports whether anything was added.
func (x *extender) raise(ctx context.Context, level Level) (changed bool, err error) {
	if level.AtLeast(pades.LevelT) && len(x.signer.SignatureTimestamps()) == 0 {
		token, err := pades.Stamp(ctx, x.timestamper, x.hash, sum(x.hash, x.signer.Signature))
		if err != nil {
			return false, fmt.Errorf("timestamp signature: %w", err)
		}
		x.signer.AddUnsigned(cms.OIDSignatureTimestamp, token)
		changed = true
	}
	if level.AtLeast(pades.LevelLT) {
		added, err := x.keep(ctx)
		if err != nil {
			return false, err
		}
		changed = changed || added
	}
	if level.AtLeast(pades.LevelLTA) {
		if err := x.archive(ctx); err != nil {
			return false, fmt.Errorf("archive timestamp: %w", err)
		}
		changed = true
	}
	return changed, nil
}

// A unit is a certificate whose status must be known at a time.
type unit struct {
	cert  *x509.Certificate
	after time.Time
}

// units are the signer at the proven time, and the timestamping units at theirs.
func (x *extender) units() ([]unit, error) {
	list := []unit{{cert: x.cert}}
	signatures := x.signer.SignatureTimestamps()
	for i, der := range append(signatures, x.signer.ArchiveTimestamps()...) {
		t, err := cms.ParseTimestampToken(der)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", pades.ErrTimestamp, err)
		}
		cert, err := x509.ParseCertificate(t.Signer.FindCertificate(append(t.Certificates[:len(t.Certificates):len(t.Certificates)], x.message.Certificates...)))
		if err != nil {
			return nil, fmt.Errorf("%w: the token lacks its signer's certificate: %w", pades.ErrTimestamp, err)
		}
		at := t.Info.GenTime
		list = append(list, unit{cert, at})
		if i < len(signatures) && (list[0].after.IsZero() || at.Before(list[0].after)) {
			list[0].after = at
		}
	}
	return list, nil
}

// keep adds the evidence that lacks to the message's certificates and crls (EN 319 122-1,
// 5.4, 6.3).
func (x *extender) keep(ctx context.Context) (added bool, err error) {
	units, err := x.units()
	if err != nil {
		return false, err
	}
	for _, u := range units {
		if known(x.message, u) {
			continue
		}
		if x.message.HasOldArchive() {
			return false, unfit("it has an archive timestamp of an older kind, which an addition would break")
		}
		certs, ocsps, crls, err := x.evidence.Evidence(ctx, u.cert, u.after)
		if err != nil {
			return false, fmt.Errorf("%w for %q: %w", pades.ErrEvidence, u.cert.Subject, err)
		}
		if err := x.message.AddEvidence(certs, crls, ocsps); err != nil {
			return false, err
		}
		added = true
	}
	return added, nil
}

// archive adds an archive-time-stamp-v3 over all that is there (5.5.3).
func (x *extender) archive(ctx context.Context) error {
	if x.content == nil {
		return bad("an archive timestamp of a detached signature needs the file that it covers")
	}
	index, err := x.message.NewHashIndex(x.signer, x.hash)
	if err != nil {
		return err
	}
	octets, err := x.message.ArchiveImprint(x.signer, sum(x.hash, x.content), index)
	if err != nil {
		return err
	}
	der, err := pades.Stamp(ctx, x.timestamper, x.hash, sum(x.hash, octets))
	if err != nil {
		return err
	}
	token, err := cms.ParseTimestampToken(der)
	if err != nil {
		return fmt.Errorf("%w: %w", pades.ErrTimestamp, err)
	}
	a := cms.HashIndexAttribute(index)
	token.Signer.AddUnsigned(a.Type, index)
	if der, err = token.Marshal(); err != nil {
		return err
	}
	x.signer.AddUnsigned(cms.OIDArchiveTimestampV3, der)
	return nil
}
