package main

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"chop/ca"
)

// ownEvidence gives our own validation the present status of our own certificates, so that a signature without
// evidence inside (B-B, B-T) is judged as strictly as one with it. An answer serves for the second in which it was
// given, as the answers themselves count in seconds.
type ownEvidence struct {
	authority *ca.Authority

	asked singleflight.Group

	mu     sync.Mutex
	second time.Time
	given  map[[sha256.Size]byte]evidence
}

type evidence struct{ crls, ocsps [][]byte }

func newOwnEvidence(authority *ca.Authority) *ownEvidence {
	return &ownEvidence{authority: authority, given: map[[sha256.Size]byte]evidence{}}
}

func (o *ownEvidence) Issuers(context.Context, *x509.Certificate) ([][]byte, error) {
	return [][]byte{o.authority.Issuing().Raw}, nil
}

func (o *ownEvidence) Revocation(ctx context.Context, cert, _ *x509.Certificate) (crls, ocsps [][]byte, err error) {
	id, second := sha256.Sum256(cert.Raw), now().Truncate(time.Second)
	if e, ok := o.known(id, second); ok {
		return e.crls, e.ocsps, nil
	}
	// Each second begins with many who ask at once: one answer is signed for all of them, whoever goes away.
	asked := o.asked.DoChan(fmt.Sprintf("%x %d", id, second.Unix()), func() (any, error) {
		_, ocsps, crls, err := o.authority.Evidence(context.WithoutCancel(ctx), cert, second)
		if err == nil {
			o.keep(id, second, evidence{crls, ocsps})
		}
		return evidence{crls, ocsps}, err
	})
	select {
	case got := <-asked:
		if got.Err != nil {
			return nil, nil, got.Err
		}
		e := got.Val.(evidence)
		return e.crls, e.ocsps, nil
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

func (o *ownEvidence) known(id [sha256.Size]byte, second time.Time) (evidence, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.second.Equal(second) {
		clear(o.given)
		o.second = second
	}
	e, ok := o.given[id]
	return e, ok
}

func (o *ownEvidence) keep(id [sha256.Size]byte, second time.Time, e evidence) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.second.Equal(second) {
		o.given[id] = e
	}
}
