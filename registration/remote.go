package registration

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/notification"
	"chop/registration/attempts"
)

// Registration on a person's own phone opens Lite accounts. A case is bound to a secret in
// a browser's cookie, and lives half an hour; what is lost on the way (a crash takes the
// photos) is done again in the same case. The number of the card is nobody's until the
// account is active: whoever types somebody else's number keeps nobody out.

// CollectionNotice is the id of the notice's text that this release carries (Cap. 486, schedule 1, principle 1(3)).
const CollectionNotice = "collection-notice-2026-11-26"

// PlaceRemote is the place of accounts that were opened on a phone.
const PlaceRemote = "remote"

const (
	remoteLife   = 30 * time.Minute
	referralLife = time.Hour // how long a referred case waits for an officer
)

// outcomeExpired: nobody came any more.
const outcomeExpired = "expired"

// Limits of registration on phones: cases from one network, cards typed with one number from one network and from all, photos of a card in one case.
// Many phones of a mobile network share one address.
var (
	limitRemote          = attempts.Limit{Kind: "remote-network", Most: 60, Window: time.Hour}
	limitRemoteNumber    = attempts.Limit{Kind: "remote-number", Most: 5, Window: 24 * time.Hour}
	limitRemoteNumberAll = attempts.Limit{Kind: "remote-number-all", Most: 50, Window: 24 * time.Hour}
	limitRemotePhoto     = attempts.Limit{Kind: "remote-photo", Most: 20, Window: time.Hour}
)

// RemoteCase is what a phone's page needs to go on. It holds no personal datum.
type RemoteCase struct {
	ID    string
	State RemoteState
	// Waiting says who does not answer: immigration.
	Waiting string
	// Outcome says why a case ended: too-young, face, registered, portrait, officer, expired, cancelled, or the
	// Immigration Department's word. A page tells no more of it than the person needs: the rest is learnt at a counter.
	Outcome string
	// TriesLeft is how often the face may still be tried.
	TriesLeft  int
	UserHandle []byte // for the passkey
	UserName   string // the SRN
	ExpiresAt  time.Time
}

// errBegun: the browser's secret has a case.
var errBegun = errors.New("case is begun already")

// NewBrowser makes a secret for a browser that may begin a case.
func NewBrowser() string { return secret() }

// BeginRemote opens a case for who has accepted the collection notice, and returns the secret that names
// the browser from now on; only its digest is kept. browser is one of NewBrowser that came with the notice: however
// often and however much at once it is sent, there is one case. Without it a new one is made. network is where the
// request comes from; only its digest is used, for limits. ErrNotice, ErrTooMany, ErrNoRemote.
func (r *Registry) BeginRemote(ctx context.Context, network, language, notice, browser string) (string, error) {
	if r.cfg.Remote == nil {
		return "", ErrNoRemote
	}
	if notice != CollectionNotice {
		return "", ErrNotice
	}
	if b, err := base64.RawURLEncoding.Strict().DecodeString(browser); err != nil || len(b) != 32 {
		browser = NewBrowser() // none of ours: it names nobody
	}
	contact, err := Contact{Language: language}.normal()
	if err != nil {
		return "", err
	}
	d, err := r.people.Digest(ctx, "network", network)
	if err != nil {
		return "", err
	}
	if err := r.attempts.Take(ctx, limitRemote, fmt.Sprintf("%x", d[:16]), who(remoteCaller(""))); err != nil {
		return "", err
	}
	for try := 0; ; try++ {
		err := r.openRemote(ctx, contact.Language, notice, browser)
		if errors.Is(err, errSRN) && try < 5 {
			continue
		}
		if err != nil && !errors.Is(err, errBegun) {
			return "", wrap("begin registration", err)
		}
		return browser, nil
	}
}

func (r *Registry) openRemote(ctx context.Context, language, notice, browser string) error {
	id, err := uuid.NewV7()
	account, err2 := uuid.NewV7()
	if err := errors.Join(err, err2); err != nil {
		return fmt.Errorf("make ids: %w", err)
	}
	now := r.cfg.Now()
	a := &accountRow{ID: account.String(), Kind: Lite, State: Pending, SRN: "SRN" + randomDigits(10), UserHandle: make([]byte, 32), Language: language, Place: PlaceRemote, OpenedAt: now}
	rand.Read(a.UserHandle)
	row := &remoteRow{ID: id.String(), Account: &a.ID, State: RemoteNoticed, Browser: digest("remote", browser), Notice: notice, NoticedAt: now, ExpiresAt: now.Add(remoteLife)}
	return r.store.record(ctx, func(tx postgres.Tx) ([]audit.Event, error) {
		if err := insertAccount(ctx, tx, a); err != nil {
			return nil, err
		}
		e := r.event(remoteCaller(a.ID), "registration.remote", caseSubject(row.ID), "", map[string]any{"notice": notice, "account": a.ID})
		return []audit.Event{e}, insertRemote(ctx, tx, row)
	})
}

// remoteCaller is who holds the phone: nobody known yet, for the account that may come of it.
func remoteCaller(account string) Caller {
	if account == "" {
		return Caller{Actor: "unknown", Role: "resident", Place: PlaceRemote}
	}
	return Caller{Actor: "account:" + account, Role: "resident", Place: PlaceRemote}
}

// Remote is the case of a browser, as it is now. Asking drives it on: what Immigration
// says meanwhile is taken up, and photos that a crash took are missed. ErrNoCase.
func (r *Registry) Remote(ctx context.Context, browser string) (*RemoteCase, error) {
	row, err := r.remoteOf(ctx, browser)
	if err != nil {
		return nil, err
	}
	if row, err = r.driveRemote(ctx, row); err != nil {
		return nil, err
	}
	return r.showRemote(ctx, row)
}

// remoteOf finds a browser's case, and misses what is lost.
func (r *Registry) remoteOf(ctx context.Context, browser string) (*remoteRow, error) {
	if r.cfg.Remote == nil {
		return nil, ErrNoRemote
	}
	if len(browser) == 0 || len(browser) > 100 {
		return nil, ErrNoCase
	}
	row, err := r.store.remoteBy(ctx, digest("remote", browser))
	if err != nil {
		return nil, err
	}
	if !row.State.over() && !r.cfg.Now().Before(row.ExpiresAt) {
		err := r.endRemote(ctx, System, row, actEnd, outcomeExpired)
		if errors.Is(err, ErrState) { // it moved on meanwhile
			return r.store.remote(ctx, row.ID)
		}
		return row, err
	}
	return r.missPhotos(ctx, row)
}

func (r *Registry) showRemote(ctx context.Context, row *remoteRow) (*RemoteCase, error) {
	c := &RemoteCase{ID: row.ID, State: row.State, Waiting: row.Waiting, Outcome: row.Outcome, ExpiresAt: row.ExpiresAt, TriesLeft: max(0, r.cfg.Remote.Tries-row.Tries)}
	if row.Account == nil {
		return c, nil
	}
	a, err := r.store.account(ctx, *row.Account)
	if err != nil {
		return nil, err
	}
	c.UserHandle, c.UserName = a.UserHandle, a.SRN
	return c, nil
}

// over: nothing follows.
func (s RemoteState) over() bool { return s == RemoteDone || s == RemoteRefused || s == RemoteEnded }

// pictured: the case cannot go on without its photos.
func (s RemoteState) pictured() bool {
	return s == RemotePictured || s == RemoteEntered || s == RemoteFaced || s == RemoteReferred
}

// stepRemote moves a case on under its lock, and refuses one that has moved meanwhile or is over. row is what it is then.
func (r *Registry) stepRemote(ctx context.Context, row *remoteRow, a act, fn func(tx postgres.Tx, c *remoteRow) ([]audit.Event, error)) error {
	return r.store.changeRemote(ctx, row.ID, func(tx postgres.Tx, c *remoteRow) ([]audit.Event, error) {
		to, err := next("remote", c.State, a)
		if err != nil {
			return nil, err
		}
		now := r.cfg.Now()
		if a != actEnd && !now.Before(c.ExpiresAt) {
			return nil, fmt.Errorf("%w: the case has run out", ErrState)
		}
		events, err := fn(tx, c)
		if err != nil {
			return nil, err
		}
		c.State, c.ChangedAt = to, now
		*row = *c
		return events, nil
	})
}

// AbandonRemote ends a browser's case at its wish; all that was kept for it is erased.
func (r *Registry) AbandonRemote(ctx context.Context, browser string) error {
	row, err := r.remoteOf(ctx, browser)
	if err != nil || row.State.over() {
		return err
	}
	return r.endRemote(ctx, remoteCaller(value(row.Account)), row, actEnd, "cancelled")
}

// endRemote ends a case without an account: the decision and the deletion of its data are
// one transaction, and then its photos are erased; housekeeping repeats what a crash cut short.
func (r *Registry) endRemote(ctx context.Context, c Caller, row *remoteRow, a act, outcome string) error {
	return r.endRemoteWith(ctx, c, row, a, outcome, nil)
}

// A refusal is about the state in which the case was judged, and an end by time about the time that it has: a case that has
// moved meanwhile (passed, approved) is ErrState.
func (r *Registry) endRemoteWith(ctx context.Context, c Caller, row *remoteRow, a act, outcome string, also func(*remoteRow)) error {
	judged := row.State
	err := r.stepRemote(ctx, row, a, func(tx postgres.Tx, row *remoteRow) ([]audit.Event, error) {
		if a == actRefuse && row.State != judged || outcome == outcomeExpired && r.cfg.Now().Before(row.ExpiresAt) {
			return nil, fmt.Errorf("%w: the case has moved", ErrState)
		}
		e := r.event(c, "registration.remote-end", caseSubject(row.ID), "", map[string]any{"outcome": outcome, "from": row.State})
		row.Outcome, row.Waiting = outcome, ""
		if also != nil {
			also(row)
		}
		if row.Account == nil {
			return []audit.Event{e}, nil
		}
		account := *row.Account
		if err := r.people.Forget(ctx, tx, account); err != nil {
			return nil, err
		}
		if r.cfg.Notices != nil {
			if err := notification.Forget(ctx, tx, account); err != nil {
				return nil, err
			}
		}
		row.Account = nil
		return []audit.Event{e}, dropPending(ctx, tx, account, row.ID)
	})
	if err != nil {
		return wrap("end case", err)
	}
	r.tries.end(row.ID)
	return r.erasePhotos(ctx, row)
}

// sweepRemote does what is due for cases on phones, and returns how many ended.
func (r *Registry) sweepRemote(ctx context.Context) (int, error) {
	if r.cfg.Remote == nil {
		return 0, nil
	}
	now, n := r.cfg.Now(), 0
	r.tries.sweep(now)
	errs := []error{r.sweepPhotos(ctx)}
	due, err := r.store.dueRemote(ctx, now, r.holder)
	errs = append(errs, err)
	for _, row := range due {
		switch {
		case row.State.over() || row.State == RemoteVerified && row.Photos:
			err = r.erasePhotos(ctx, row)
			if err == nil && row.State.over() && row.Browser != nil && !now.Before(row.ExpiresAt) {
				err = r.store.changeRemote(ctx, row.ID, func(_ postgres.Tx, c *remoteRow) ([]audit.Event, error) {
					c.Browser = nil // nothing is shown any more
					return nil, nil
				})
			}
		case !now.Before(row.ExpiresAt):
			if err = r.endRemote(ctx, System, row, actEnd, outcomeExpired); err == nil {
				n++
			}
		default:
			if row, err = r.missPhotos(ctx, row); err == nil {
				_, err = r.driveRemote(ctx, row)
			}
		}
		if errors.Is(err, ErrState) { // it moved on meanwhile
			err = nil
		}
		errs = append(errs, err)
	}
	return n, errors.Join(errs...)
}
