package ca_test

import (
	"errors"
	"sync"
	"testing"

	"chop/ca"
	"chop/ca/catest"
)

// Of several who revoke one certificate at the same moment one does it, and each of the others learns that it is
// revoked already: a serial that is ours is never said to be unknown.
func TestTransitionsAtOnce(t *testing.T) {
	t.Parallel()
	c := catest.New(t, catest.Options{})
	for range 10 {
		serial := c.Resident(t, newKey(t, "p256")).SerialNumber
		const officers = 4
		var (
			wg    sync.WaitGroup
			start = make(chan struct{})
			errs  [officers]error
		)
		for i := range officers {
			wg.Go(func() {
				<-start
				errs[i] = c.Revoke(t.Context(), "officer:1", serial, ca.Reason{Code: ca.KeyCompromise})
			})
		}
		close(start)
		wg.Wait()
		done := 0
		for _, err := range errs {
			switch {
			case err == nil:
				done++
			case !errors.Is(err, ca.ErrTransition):
				t.Errorf("revoke: %v, want %v", err, ca.ErrTransition)
			}
		}
		if done != 1 {
			t.Errorf("%d revocations of one certificate succeeded, want 1", done)
		}
	}
}

// A key that was compromised gets no certificate again, whoever asks; one whose certificate ended for another reason
// may.
func TestCompromisedKey(t *testing.T) {
	t.Parallel()
	c := catest.New(t, catest.Options{})
	for code, want := range map[ca.ReasonCode]error{
		ca.KeyCompromise: ca.ErrCompromised,
		ca.CACompromise:  ca.ErrCompromised,
		ca.Superseded:    nil,
		ca.Unspecified:   nil,
	} {
		key := newKey(t, "p256")
		if err := c.Revoke(t.Context(), "officer:1", c.Resident(t, key).SerialNumber, ca.Reason{Code: code}); err != nil {
			t.Fatal(err)
		}
		subject := ca.Subject{CommonName: "CHAN, Siu Ming", Surname: "CHAN", GivenName: "Siu Ming", SerialNumber: "SRN0000000042"}
		proof, err := ca.NewCSR(key, subject)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Issue(t.Context(), ca.Request{Profile: "resident", CSR: proof, Subject: subject, Actor: "officer:1"})
		if !errors.Is(err, want) {
			t.Errorf("after %s: %v, want %v", code, err, want)
		}
	}
}
