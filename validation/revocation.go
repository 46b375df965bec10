package validation

import (
	"crypto/x509"
	"fmt"
	"time"
)

// skew is how far another machine's clock may be ahead of ours.
const skew = time.Minute

// noUpdate is how long information without nextUpdate speaks for the times after
// it: such a responder says that newer information is always to be had (RFC 6960,
// 4.2.2.1), so it serves a question asked just now and nothing else.
const noUpdate = 10 * time.Minute

// A status is what one CRL or OCSP response says of one certificate. Its signature
// was verified with a key that may speak for the issuer.
type status struct {
	revoked  bool
	hold     bool      // certificateHold: revoked for now
	at       time.Time // of the revocation
	this     time.Time // thisUpdate: when this was known to be so
	next     time.Time // nextUpdate; zero if absent
	retains  time.Time // expired certificates stay listed since then; zero if not said
	source   string
	place    int
	embedded bool
	held     int        // the first place in the document of a status that serves as well as this one, set where it counts
	made     []material // signatures that it rests on; known is filled in when judged
}

// speaksFor reports whether the information answers for a certificate that was used
// at t: it was issued after that, or t lies in the period for which the issuer
// promised that nothing newer would be needed (EN 319 102-1, 5.2.5).
func (s status) speaksFor(t time.Time) bool {
	if !s.this.Before(t) {
		return true
	}
	if s.next.IsZero() {
		return !t.After(s.this.Add(noUpdate))
	}
	return !t.After(s.next)
}

// describe is the status as a report shows it.
func (s status) describe() string {
	state := "good"
	switch {
	case s.hold:
		state = "on hold since " + stamp(s.at)
	case s.revoked:
		state = "revoked at " + stamp(s.at)
	}
	return fmt.Sprintf("%s by %s of %s", state, s.source, stamp(s.this))
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// statuses returns everything that the pool knows of a certificate, its issuer being
// the next in its chain. What was issued after now does not exist yet.
func (r *run) statuses(cert, issuer *x509.Certificate) []status {
	key := pair{cert, issuer}
	if known, ok := r.statusOf[key]; ok && known.evidence == len(r.pool.crls)+len(r.pool.ocsps) {
		return known.list
	}
	list := append(r.crlStatuses(cert, issuer), r.ocspStatuses(cert, issuer)...)
	kept := list[:0]
	for _, s := range list {
		if !s.this.After(r.now.Add(skew)) {
			kept = append(kept, s)
		}
	}
	r.statusOf[key] = statusList{len(r.pool.crls) + len(r.pool.ocsps), kept}
	return kept
}

// held is the first place in the document of a status that serves. The level of a signature goes by it: the newest word
// decides the verdict, but evidence that somebody added or fetched later takes nothing from what was preserved before.
func held(list []status, serves func(status) bool) int {
	at := never
	for _, s := range list {
		if s.embedded && serves(s) {
			at = min(at, s.place)
		}
	}
	return at
}

type pair struct{ cert, issuer *x509.Certificate }

type statusList struct {
	evidence int // how much there was in the pool when the list was made
	list     []status
}

// newest picks the status that counts among those that usable accepts: a final
// revocation before everything, since nothing revokes it; else the latest word.
func newest(list []status, usable func(status) bool) (status, bool) {
	var best status
	found := false
	for _, s := range list {
		if !usable(s) {
			continue
		}
		switch final := s.revoked && !s.hold; {
		case !found,
			final && !(best.revoked && !best.hold),
			final && s.at.Before(best.at),
			!final && !(best.revoked && !best.hold) && (s.this.After(best.this) || s.this.Equal(best.this) && s.hold):
			best, found = s, true
		}
	}
	return best, found
}
