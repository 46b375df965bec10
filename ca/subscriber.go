package ca

import (
	"context"

	"chop/ca/issued"
)

// Issued is one certificate that was issued, and what became of it.
type Issued = issued.Certificate

// CertificatesOf lists all certificates ever issued to a subscriber, by the reference
// number in their subjects, the newest first: also those for keys that the subscriber
// knows nothing of.
func (a *Authority) CertificatesOf(ctx context.Context, reference string) ([]*Issued, error) {
	return issued.ByReference(ctx, a.cfg.DB, reference)
}

// CertificatesFor lists all certificates for a credential's key, the newest first.
func (a *Authority) CertificatesFor(ctx context.Context, credential string) ([]*Issued, error) {
	return issued.ByCredential(ctx, a.cfg.DB, credential)
}
