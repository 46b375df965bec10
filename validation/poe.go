package validation

import (
	"math"
	"slices"
	"time"
)

// Proofs of existence (EN 319 102-1, 5.6.2.3). An archive time-stamp proves that
// everything before it in the document existed at its genTime. Documents grow at
// their end, so a place is a number: for a PDF the index of the revision whose
// bytes hold the object. The archive time-stamp at place p covers every object at a
// place up to p. What lies in a signature's own Contents is covered only from the
// next place on, because no signature covers itself.

// never is the place of what no archive time-stamp of the document can cover:
// evidence that the caller gave or that was fetched.
const never = math.MaxInt

// A timeline is what the valid archive time-stamps of one document prove.
type timeline struct {
	now    time.Time
	proofs []proof
}

type proof struct {
	place int
	at    time.Time
}

// prove adds a valid archive time-stamp. They are added newest first.
func (t *timeline) prove(place int, at time.Time) {
	t.proofs = append(t.proofs, proof{place, at})
}

// earliest returns the earliest time at which an object at the place is proven to
// exist; with no proof that is now.
func (t *timeline) earliest(place int) time.Time {
	at, _ := t.proven(place)
	return at
}

// proven is earliest, and whether there is any proof.
func (t *timeline) proven(place int) (at time.Time, ok bool) {
	at = t.now
	for _, p := range t.proofs {
		if p.place >= place {
			ok = true
			if p.at.Before(at) {
				at = p.at
			}
		}
	}
	return at, ok
}

// moments returns the times at which an object at the place is proven to exist, now
// first, then back to the earliest. What is trustworthy as seen from any of them is
// trustworthy: the object has not changed since.
func (t *timeline) moments(place int) []time.Time {
	out := []time.Time{t.now}
	for _, p := range t.proofs {
		if p.place >= place && p.at.Before(t.now) {
			out = append(out, p.at)
		}
	}
	slices.SortFunc(out, func(a, b time.Time) int { return b.Compare(a) })
	return slices.CompactFunc(out, time.Time.Equal)
}
