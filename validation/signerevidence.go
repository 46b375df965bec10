package validation

import (
	"crypto/x509"
	"time"
)

// SignerEvidence is what was found of the signer's certificate and of the time at which
// it was used, for those who ask more of a signature than EN 319 102-1 does.
type SignerEvidence struct {
	Certificate *x509.Certificate
	// Bound: the signature names the certificate by its digest, so it is not older.
	Bound bool
	// At is the time of validation; Hypothetical, that the caller chose it.
	At           time.Time
	Hypothetical bool
	// Lists: trusted lists were consulted.
	Lists bool
	// NotEarlier is the latest valid content time-stamp: the signature was made after it.
	NotEarlier *time.Time
	// Revoked is the earliest time of a final revocation that is known.
	Revoked *time.Time
	// Holds are the suspensions that are known.
	Holds []Hold
	// StatusKnown: some evidence speaks for the time that was judged.
	StatusKnown bool
}

// A Hold is a suspension: since when, when it was last seen, and by when it was over, if
// anything says so.
type Hold struct{ From, Seen, Until time.Time }

// evidence collects it, after the certificate was judged.
func (r *run) evidence(s *subject) *SignerEvidence {
	e := &SignerEvidence{
		Certificate: s.cert, Bound: s.form.binds(), At: r.now, Hypothetical: r.hypothetical, Lists: len(r.trusted) > 0,
	}
	if after := r.contentTime(s); !after.IsZero() {
		e.NotEarlier = &after
	}
	if len(s.trail.chain) < 2 || r.revocation == RevocationNone {
		return e
	}
	e.StatusKnown = s.trail.proofs[0] != nil && !s.trail.proofs[0].hold
	list := r.statuses(s.cert, s.trail.chain[1])
	for _, one := range list {
		switch {
		case one.revoked && !one.hold:
			if at := one.at; e.Revoked == nil || at.Before(*e.Revoked) {
				e.Revoked = &at
			}
		case one.hold:
			h := Hold{From: one.at, Seen: one.this}
			for _, later := range list {
				if !later.revoked && later.this.After(one.this) && (h.Until.IsZero() || later.this.Before(h.Until)) {
					h.Until = later.this
				}
			}
			e.Holds = append(e.Holds, h)
		}
	}
	return e
}
