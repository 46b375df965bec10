package ca

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"chop/internal/audit"
)

// listKind is which list of the issuing CA is meant.
type listKind int

const (
	baseCRL listKind = iota
	deltaCRL
)

// How long the lists live, and the age at which they are replaced although
// nothing changed.
const (
	baseLife, baseRenew   = 24 * time.Hour, 8 * time.Hour
	deltaLife, deltaRenew = 2 * time.Hour, 30 * time.Minute
	// listCheck is how often a list that is served over HTTP is compared with
	// the database, and listPause the least time between two lists of a kind
	// made for HTTP: revoking many certificates must not mean a list for each.
	listCheck = time.Second
	listPause = 3 * time.Second
)

// shard is the one part into which the CRL is cut so far. It is fixed in each
// certificate's record and distribution point when it is issued, so that more
// can be added without touching old certificates.
const shard = 0

// list is the newest CRL of a kind, as this process knows it.
type list struct {
	mu      sync.Mutex
	current storedCRL
	checked time.Time
}

func newLists() map[listKind]*list { return map[listKind]*list{baseCRL: {}, deltaCRL: {}} }

// CRL returns the full list. It holds every change committed before the call:
// where something changed, or the list grew old, a new one is signed first.
func (a *Authority) CRL(ctx context.Context) ([]byte, error) { return a.exact(ctx, baseCRL) }

// DeltaCRL returns the delta to every full list that is still valid.
func (a *Authority) DeltaCRL(ctx context.Context) ([]byte, error) { return a.exact(ctx, deltaCRL) }

// PublishCRL signs a new full list and a new delta, needed or not.
func (a *Authority) PublishCRL(ctx context.Context) error {
	for _, kind := range []listKind{baseCRL, deltaCRL} {
		l := a.lists[kind]
		l.mu.Lock()
		err := a.publish(ctx, kind, l)
		l.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *Authority) exact(ctx context.Context, kind listKind) ([]byte, error) {
	l := a.lists[kind]
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := a.refresh(ctx, kind, l, 0); err != nil {
		return nil, err
	}
	return l.current.CRL, nil
}

// served is the list for HTTP: at most listCheck + listPause behind.
func (a *Authority) served(ctx context.Context, kind listKind) (storedCRL, error) {
	l := a.lists[kind]
	l.mu.Lock()
	defer l.mu.Unlock()
	now := a.cfg.Now()
	if l.current.CRL != nil && now.Sub(l.checked) < listCheck && now.Before(l.current.NextUpdate) {
		return l.current, nil
	}
	err := a.refresh(ctx, kind, l, listPause)
	if err != nil && l.current.CRL != nil && now.Before(l.current.NextUpdate) {
		a.cfg.Log.Error("refresh CRL", "err", err) // the list at hand is still valid
		err = nil
	}
	return l.current, err
}

// refresh takes the newest list from the database, and signs a new one when it
// is old, or when something changed since and pause has passed.
func (a *Authority) refresh(ctx context.Context, kind listKind, l *list, pause time.Duration) error {
	if kind == deltaCRL {
		if err := a.ensureBase(ctx); err != nil {
			return err
		}
	}
	now := a.cfg.Now()
	newest, behind, err := a.store.newestCRL(ctx, a.issuer.id[:], shard, kind == deltaCRL)
	if err != nil && !errors.Is(err, ErrUnknownSerial) {
		return err
	}
	renew := baseRenew
	if kind == deltaCRL {
		renew = deltaRenew
	}
	age := now.Sub(newest.ThisUpdate)
	if newest.CRL == nil || age >= renew || (behind && age >= pause) {
		return a.publish(ctx, kind, l)
	}
	l.current, l.checked = newest, now
	return nil
}

// ensureBase makes sure that there is a full list for a delta to start from.
func (a *Authority) ensureBase(ctx context.Context) error {
	base := a.lists[baseCRL]
	base.mu.Lock()
	defer base.mu.Unlock()
	if base.current.CRL != nil && a.cfg.Now().Sub(base.current.ThisUpdate) < baseRenew {
		return nil
	}
	return a.refresh(ctx, baseCRL, base, listPause)
}

// publish signs a new list: reserve the number, sign, check, store. The status
// changes that it is the first to carry are stamped with its number in the
// transaction that stores it, so that none is ever skipped, whatever the order
// in which transactions commit.
func (a *Authority) publish(ctx context.Context, kind listKind, l *list) error {
	now := a.cfg.Now().UTC().Truncate(time.Second)
	life := baseLife
	if kind == deltaCRL {
		life = deltaLife
	}
	draft, err := a.store.draftCRL(ctx, a.issuer.id[:], shard, kind == deltaCRL, now, now.Add(life))
	if err != nil {
		return err
	}
	der, err := a.issuer.signCRL(draft, scope{point: a.cfg.URLs.CRL, only: onlyUserCerts, delta: a.cfg.URLs.Delta})
	if err != nil {
		return err
	}
	err = a.store.storeCRL(ctx, draft, der, audit.Event{
		At: now, Actor: "system:ca", Action: "ca.crl", Subject: fmt.Sprintf("crl:%d", draft.Number),
		Detail: map[string]any{"entries": len(draft.Entries), "delta": kind == deltaCRL, "shard": shard},
	})
	if err != nil {
		return err
	}
	l.current = storedCRL{Number: draft.Number, ThisUpdate: draft.ThisUpdate, NextUpdate: draft.NextUpdate, CRL: der}
	l.checked = a.cfg.Now()
	return nil
}

// ARL returns the root's newest list of revoked CA certificates, as the last
// ceremony signed it.
func (a *Authority) ARL(ctx context.Context) ([]byte, error) {
	l, err := a.newestARL(ctx)
	return l.CRL, err
}

func (a *Authority) newestARL(ctx context.Context) (storedCRL, error) {
	a.arl.mu.Lock()
	defer a.arl.mu.Unlock()
	now := a.cfg.Now()
	if a.arl.current.CRL != nil && now.Sub(a.arl.checked) < listCheck {
		return a.arl.current, nil
	}
	l, _, err := a.store.newestCRL(ctx, a.root.id[:], shard, false)
	if errors.Is(err, ErrUnknownSerial) {
		return storedCRL{}, ErrNoCeremony
	}
	if err == nil {
		a.arl.current, a.arl.checked = l, now
	}
	return l, err
}
