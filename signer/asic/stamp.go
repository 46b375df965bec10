package asic

import (
	"context"
	"crypto"
	"crypto/x509"
	"fmt"

	"chop/internal/asic"
	"chop/internal/cms"
	"chop/signer/pades"
)

// A StampRequest is a container with a time-stamp and no signature.
type StampRequest struct {
	Kind  Kind
	Files []File
	// Hash is for the imprint and the digests in a manifest; 0 means SHA-256.
	Hash        crypto.Hash
	Timestamper Timestamper
	// Evidence gives the status of the time-stamping unit, which is put into the token; nil:
	// none is.
	Evidence EvidenceSource
}

// Stamp returns a container with a time-stamp over its one file (EN 319 162-1, 4.3.3.2), or
// over a manifest of its files (4.4.3.2), and the name of the time-stamp.
func Stamp(ctx context.Context, r StampRequest) (container []byte, name string, err error) {
	if r.Hash == 0 {
		r.Hash = crypto.SHA256
	}
	if r.Timestamper == nil || !r.Hash.Available() {
		return nil, "", bad("a time-stamp needs a timestamper and a hash")
	}
	c, err := fill(r.Kind, r.Files)
	if err != nil {
		return nil, "", err
	}
	over := c.files[0].Data
	if name = simpleStamp; r.Kind == Extended {
		name = c.free(extendedStamp)
		m := asic.ASiCManifest{Signature: name}
		for _, f := range r.Files {
			m.Objects = append(m.Objects, asic.DataObject{URI: f.Name, MIMEType: f.MIMEType, Hash: r.Hash, Digest: sum(r.Hash, f.Data)})
		}
		if over, err = m.Marshal(mimeStamp); err != nil {
			return nil, "", err
		}
		c.set(c.free(manifestName), over)
	}
	token, err := pades.Stamp(ctx, r.Timestamper, r.Hash, sum(r.Hash, over))
	if err != nil {
		return nil, "", err
	}
	if r.Evidence != nil {
		if token, err = withEvidence(ctx, r.Evidence, name, token); err != nil {
			return nil, "", err
		}
	}
	c.set(name, token)
	container, err = c.write()
	return container, name, err
}

// withEvidence adds what proves the status of its unit to a token, among the token's own
// certificates and CRLs, which nothing signs.
func withEvidence(ctx context.Context, src EvidenceSource, name string, token []byte) ([]byte, error) {
	t, err := cms.ParseTimestampToken(token)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", pades.ErrTimestamp, name, err)
	}
	unit, err := x509.ParseCertificate(t.Signer.FindCertificate(t.Certificates))
	if err != nil {
		return nil, fmt.Errorf("%w: %s lacks its signer's certificate: %w", pades.ErrTimestamp, name, err)
	}
	certs, ocsps, crls, err := src.Evidence(ctx, unit, t.Info.GenTime)
	if err != nil {
		return nil, fmt.Errorf("%w for %q: %w", pades.ErrEvidence, unit.Subject, err)
	}
	if err := t.AddEvidence(certs, crls, ocsps); err != nil {
		return nil, err
	}
	return t.Marshal()
}
