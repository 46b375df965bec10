package registration

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"chop/internal/audit"
	"chop/internal/postgres"
)

// Photos lie in the memory of one process, the case's holder. It erases them, whoever ends the case: another process leaves
// the mark, and the holder's housekeeping finds it. Another process's photos count as lost only when the
// person's browser asks here, where they are not: then they are taken again, and the holder erases its own.

// photosLongest is how long a mark is believed whose holder does not come back: nothing that holds photos holds them longer.
const photosLongest = 24 * time.Hour

// keptPhotos are the cases whose photos this process may have.
type keptPhotos struct {
	mu  sync.Mutex
	all map[string]struct{}
}

func (k *keptPhotos) add(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.all == nil {
		k.all = map[string]struct{}{}
	}
	k.all[id] = struct{}{}
}

func (k *keptPhotos) remove(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.all, id)
}

func (k *keptPhotos) ids() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Collect(maps.Keys(k.all))
}

// elsewhere: another process has the case's photos.
func (r *Registry) elsewhere(row *remoteRow) bool {
	return row.Holder != nil && *row.Holder != r.holder
}

// keepPhotos says first that there may be photos, and where, and then keeps them: at most for as long as the case can last, if
// nothing erases them before. A case that ended in between did not find them; it is looked at once more.
func (r *Registry) keepPhotos(ctx context.Context, row *remoteRow, pictures map[string][]byte) error {
	err := r.store.changeRemote(ctx, row.ID, func(_ postgres.Tx, c *remoteRow) ([]audit.Event, error) {
		if c.State != row.State {
			return nil, fmt.Errorf("%w: the case has moved", ErrState)
		}
		c.Photos, c.Holder = true, &r.holder
		*row = *c
		return nil, nil
	})
	if err != nil {
		return wrap("keep photos", err)
	}
	r.kept.add(row.ID)
	err = r.cfg.Remote.Photos.Keep(row.ID, row.ExpiresAt.Add(referralLife), pictures)
	now, failed := r.store.remote(ctx, row.ID)
	if failed == nil && (!now.Photos || r.elsewhere(now) || now.State != RemoteNoticed && !now.State.pictured()) {
		failed = fmt.Errorf("%w: the case is over", ErrState)
	}
	if failed != nil {
		r.dropPhotos(row.ID)
	}
	return wrap("keep photos", errors.Join(err, failed))
}

// dropPhotos erases what this process has of a case.
func (r *Registry) dropPhotos(id string) {
	r.cfg.Remote.Photos.Erase(id)
	r.kept.remove(id)
}

// erasePhotos erases what there may be, and records it. What another process has is left to that.
func (r *Registry) erasePhotos(ctx context.Context, row *remoteRow) error {
	if !row.Photos || r.elsewhere(row) && r.cfg.Now().Before(row.ChangedAt.Add(photosLongest)) {
		return nil
	}
	r.dropPhotos(row.ID)
	err := r.store.changeRemote(ctx, row.ID, func(_ postgres.Tx, c *remoteRow) ([]audit.Event, error) {
		c.Photos, c.Holder = false, nil
		*row = *c
		return []audit.Event{r.event(System, "registration.photos-erased", caseSubject(row.ID), "", nil)}, nil
	})
	return wrap("erase photos", err)
}

// missPhotos takes a case whose photos are not here back to where they are taken.
func (r *Registry) missPhotos(ctx context.Context, row *remoteRow) (*remoteRow, error) {
	if !row.State.pictured() || r.cfg.Remote.Photos.Has(row.ID) {
		return row, nil
	}
	r.tries.end(row.ID)
	err := r.stepRemote(ctx, row, actLose, func(_ postgres.Tx, c *remoteRow) ([]audit.Event, error) {
		e := r.event(System, "registration.photos-lost", caseSubject(c.ID), "", map[string]any{"from": c.State, "elsewhere": r.elsewhere(c)})
		c.Reasons, c.Waiting, c.Photos, c.Holder = nil, "", false, nil
		return []audit.Event{e}, nil
	})
	if errors.Is(err, ErrState) { // it moved on meanwhile: its photos were erased, not lost
		return r.store.remote(ctx, row.ID)
	}
	return row, wrap("miss photos", err)
}

// sweepPhotos erases what this process has of cases that need no photos any more, or have them elsewhere: whoever ended
// them was another process, or did not come so far.
func (r *Registry) sweepPhotos(ctx context.Context) error {
	ids := r.kept.ids()
	if len(ids) == 0 {
		return nil
	}
	needed, err := r.store.needPhotos(ctx, ids, r.holder)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if !slices.Contains(needed, id) || !r.cfg.Remote.Photos.Has(id) {
			r.dropPhotos(id)
		}
	}
	return nil
}
