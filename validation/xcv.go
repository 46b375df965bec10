package validation

import (
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"chop/validation/certpath"
)

// An occasion is what a certificate has to have been good for.
type occasion struct {
	role role
	// use is when the key was used: best-signature-time, or a token's genTime.
	use time.Time
	// seen is when the signed object is known to have existed. A certificate that had
	// expired or was revoked by then proves nothing, for its key may have been used
	// by anyone meanwhile. For a signature it is use itself; for a time-stamp token,
	// whose genTime is only its own word, it is now or the genTime of an archive
	// time-stamp over it.
	seen time.Time
	// archived wants proof that the revocation data existed at seen too.
	archived bool
	// bound says that the signed object itself names the certificate by its digest,
	// so that the certificate is as old as the object.
	bound bool
}

// A trail is what a conclusion about a chain rests on.
type trail struct {
	chain chain
	// proofs are the statuses that count, from the certificate on upwards; those of
	// certificates without a usable status are nil.
	proofs []*status
}

// complete reports whether the document itself holds all that the trail needs:
// every certificate below the anchor and a status for each, as level B-LT demands.
func (t trail) complete(p *pool) bool {
	for i, s := range t.proofs {
		if s == nil || s.held == never || !p.holdsEmbedded(t.chain[i]) {
			return false
		}
	}
	return len(t.chain) > 0
}

// place is the place of the last piece of evidence that the trail needs.
func (t trail) place(p *pool) int {
	last := 0
	for i, s := range t.proofs {
		last = max(last, p.place(t.chain[i].Raw))
		if s != nil {
			last = max(last, s.held)
		}
	}
	return last
}

// xcv is X.509 certificate validation (EN 319 102-1, 5.2.6) over all chains that
// can be built; the most favourable one counts.
func (r *run) xcv(cert *x509.Certificate, o occasion, l *checks) (conclusion, trail) {
	chains := r.builder.chains(cert)
	if len(chains) == 0 && r.fetchIssuers(cert, l) {
		chains = r.builder.chains(cert)
	}
	best := undecided(NoCertificateChainFound, "no chain from %s to a trust anchor", name(cert))
	var bestTrail trail
	var bestChecks checks
	for _, c := range chains {
		r.fetchRevocation(c, o, l)
		var cl checks
		got, t := r.judgeChain(c, o, &cl)
		if bestTrail.chain == nil || got.rank() > best.rank() {
			best, bestTrail, bestChecks = got, t, cl
		}
		if got.passed() {
			break
		}
	}
	*l = append(*l, bestChecks...)
	return best, bestTrail
}

// judgeChain judges one chain from its top down.
func (r *run) judgeChain(c chain, o occasion, l *checks) (conclusion, trail) {
	t := trail{chain: c, proofs: make([]*status, len(c)-1)}
	if got := r.checkPath(c, o.role, o.use); !got.passed() {
		return got, t
	}
	if got := r.granted(c, o.role, o.use); !got.passed() {
		return got, t
	}
	limit := time.Time{} // revocation of a CA above: evidence below must be older
	var materials []material
	for i := len(c) - 2; i >= 0; i-- {
		cert, issuer := c[i], c[i+1]
		got, s := r.judgeCertificate(cert, issuer, i == 0, limit, o, l)
		t.proofs[i] = s
		if !got.passed() {
			return got, t
		}
		if s != nil && s.revoked && !s.hold && i > 0 && (limit.IsZero() || s.at.Before(limit)) {
			limit = s.at
		}
		known := r.timeline.earliest(r.pool.place(cert.Raw))
		if i == 0 && o.bound && o.seen.Before(known) {
			known = o.seen
		}
		materials = append(materials, signedMaterial(name(cert), issuer.PublicKey, cert.SignatureAlgorithm, known))
		if s != nil {
			for _, m := range s.made {
				m.known = r.timeline.earliest(s.place)
				materials = append(materials, m)
			}
		}
	}
	return r.reliable(materials), t
}

// judgeCertificate judges the validity period and the revocation of one certificate.
func (r *run) judgeCertificate(cert, issuer *x509.Certificate, leaf bool, limit time.Time, o occasion, l *checks) (conclusion, *status) {
	var list []status
	if r.revocation != RevocationNone {
		list = r.statuses(cert, issuer)
	}
	isFinal := func(s status) bool { return s.revoked && !s.hold }
	final, revoked := newest(list, isFinal)
	if revoked && !final.at.After(o.seen) {
		sub := RevokedNoPOE
		if !leaf {
			sub = RevokedCANoPOE
		}
		got := undecided(sub, "%s was %s, and nothing proves that it was used before", name(cert), final.describe())
		got.revoked = final.at
		return got, &final
	}
	if o.seen.After(cert.NotAfter) || leaf && o.use.Before(cert.NotBefore) || !leaf && o.seen.Before(cert.NotBefore) {
		at := o.seen
		if leaf && o.use.Before(cert.NotBefore) {
			at = o.use
		}
		return undecided(OutOfBoundsNoPOE, "%s is valid from %s to %s, not proven to have been used in that time (%s)",
			name(cert), stamp(cert.NotBefore), stamp(cert.NotAfter), stamp(at)), nil
	}
	if revoked {
		// Used before the revocation, which at the same time proves that it was good till then.
		l.add("XCV", Passed, "%s: %s, used before that", name(cert), final.describe())
		final.held = held(list, isFinal)
		return pass(), &final
	}
	if r.revocation == RevocationNone {
		l.add("RFC", Ignored, "%s: revocation was not asked for", name(cert))
		return pass(), nil
	}
	good := func(s status) bool { return r.counts(s, cert, limit, o) && r.sound(s) }
	s, found := newest(list, func(s status) bool { return s.hold || good(s) })
	if !found { // and then let the weak algorithm be the reason
		good = func(s status) bool { return r.counts(s, cert, limit, o) }
		s, found = newest(list, good)
	}
	switch {
	case found && s.hold && !s.at.After(o.seen):
		return undecided(TryLater, "%s: %s", name(cert), s.describe()), &s
	case found:
		l.add("RFC", Passed, "%s: %s", name(cert), s.describe())
		s.held = held(list, good)
		return pass(), &s
	case r.revocation == RevocationSoft && !(r.rules.strict && r.listedBy(issuer)):
		l.add("RFC", Warning, "%s: no revocation information for %s", name(cert), stamp(o.use))
		return pass(), nil
	case !limit.IsZero():
		return undecided(RevokedCANoPOE, "%s: no revocation information that is proven older than the revocation of its CA at %s", name(cert), stamp(limit)), nil
	}
	return undecided(TryLater, "%s: %s", name(cert), missing(list, o)), nil
}

// counts reports whether a good answer is good enough: it speaks for the time of
// use, was given while the issuer still kept the certificate on its list, and is
// proven old enough where that is asked.
func (r *run) counts(s status, cert *x509.Certificate, limit time.Time, o occasion) bool {
	if s.revoked || !s.speaksFor(o.use) {
		return false
	}
	if s.this.After(cert.NotAfter) && (s.retains.IsZero() || s.retains.After(cert.NotAfter)) {
		return false // expired certificates drop off lists: absence says nothing
	}
	known := r.timeline.earliest(s.place)
	return (limit.IsZero() || known.Before(limit)) && (!o.archived || !known.After(o.seen))
}

// sound reports whether the algorithms that a status rests on were suitable when it is
// first proven to have existed.
func (r *run) sound(s status) bool {
	for _, m := range s.made {
		if m.known = r.timeline.earliest(s.place); m.weak(r.v.cfg.Suite) != nil {
			return false
		}
	}
	return true
}

func missing(list []status, o occasion) string {
	if len(list) == 0 {
		return "no revocation information"
	}
	latest := list[0]
	for _, s := range list {
		if s.this.After(latest.this) {
			latest = s
		}
	}
	return fmt.Sprintf("no revocation information that answers for %s (the latest: %s)", stamp(o.use), latest.describe())
}

// listedBy reports whether a list of the issuer's name is there at all.
func (r *run) listedBy(issuer *x509.Certificate) bool {
	key := certpath.Canonical(issuer.RawSubject)
	return slices.ContainsFunc(r.pool.crls, func(p *pooled[*crl]) bool { return p.value.issuer == key })
}
