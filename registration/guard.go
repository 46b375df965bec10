package registration

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/notification"
	"chop/registration/attempts"
	"chop/registration/hkic"
	"chop/registration/officers"
)

// limitOffShift reports the first act in an hour outside shift and place. None is allowed.
var limitOffShift = attempts.Limit{Kind: "off-shift", Most: 0, Window: time.Hour}

// authorize says whether an officer may do an act now, and counts it against
// the role's hourly limit. A refusal is audited.
func (r *Registry) authorize(ctx context.Context, c Caller, act, subject string) error {
	role, err := r.officers.Authorize(ctx, c, act)
	if errors.Is(err, officers.ErrShift) {
		// Once an hour: whose shift has just ended presses a button or two more.
		if err := r.attempts.Take(ctx, limitOffShift, c.Actor, who(c)); err != nil && !errors.Is(err, ErrTooMany) {
			return err
		}
	}
	if errors.Is(err, ErrForbidden) {
		return r.refuse(ctx, c, act, subject, err)
	}
	if err != nil {
		return err
	}
	if most, limited := role.Hourly[act]; limited {
		return r.attempts.Take(ctx, attempts.Limit{Kind: act, Most: most, Window: time.Hour, Alarm: role.Alarm[act]}, c.Actor, who(c))
	}
	return nil
}

// refuse audits that a caller was refused, and gives the reason back. No reason holds a personal datum.
func (r *Registry) refuse(ctx context.Context, c Caller, act, subject string, why error) error {
	if c.Actor == "" {
		c.Actor = "unknown"
	}
	e := r.event(c, "registration.refused", subject, why.Error(), map[string]any{"act": act})
	if err := r.store.record(ctx, func(postgres.Tx) ([]audit.Event, error) { return []audit.Event{e}, nil }); err != nil {
		return errors.Join(why, err)
	}
	return why
}

// alarm is refuse, and tells supervisors.
func (r *Registry) alarm(ctx context.Context, c Caller, kind, subject string, why error) error {
	err := r.store.record(ctx, func(tx postgres.Tx) ([]audit.Event, error) {
		return nil, r.attempts.Raise(ctx, tx, kind, subject, who(c))
	})
	return errors.Join(why, err)
}

func who(c Caller) attempts.Who { return attempts.Who{Actor: c.Actor, Role: c.Role, Place: c.Place} }

func (r *Registry) event(c Caller, action, subject, reason string, detail map[string]any) audit.Event {
	return audit.Event{
		At: r.cfg.Now(), Actor: c.Actor, Role: c.Role, Place: c.Place, Action: action, Subject: subject, Reason: reason, Detail: detail,
	}
}

// note writes a line that the resident can see. Officers are not named to residents, nor is the hotline's place.
func (r *Registry) note(ctx context.Context, tx postgres.Tx, c Caller, account, what string) error {
	a := Activity{At: r.cfg.Now(), Who: "system", What: what}
	switch {
	case c.Officer() != "":
		a.Who, a.Place = "officer", c.Place
	case isKiosk(c):
		a.Place = c.Place
	case c.Actor == "account:"+account:
		a.Who, a.Place = "you", c.Place
	}
	return addActivity(ctx, tx, account, a)
}

func (r *Registry) notify(ctx context.Context, tx postgres.Tx, account string, kind notification.Kind, params map[string]string) error {
	if r.cfg.Notices == nil {
		return nil
	}
	return r.cfg.Notices.Notify(ctx, tx, notification.Notice{Account: account, Kind: kind, Params: params})
}

// notSelf refuses an officer who works on their own card. ErrSelf, alarmed.
func (r *Registry) notSelf(ctx context.Context, c Caller, officer string, n hkic.Number, subject string) error {
	self, err := r.officers.IsSelf(ctx, officer, n)
	if err != nil {
		return err
	}
	if self {
		return r.alarm(ctx, c, "self", subject, ErrSelf)
	}
	return nil
}

// notOwnAccount is notSelf for an account.
func (r *Registry) notOwnAccount(ctx context.Context, c Caller, officer, account string) error {
	held, err := r.person(ctx, account)
	if err != nil {
		return err
	}
	return r.notSelf(ctx, c, officer, held.card.Number, "account:"+account)
}

// secret makes 32 random bytes as text.
func secret() string {
	b := make([]byte, 32)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// digest is how a secret of 256 bits is kept. It needs no key: nobody can try them all.
func digest(purpose, s string) []byte {
	d := sha256.Sum256([]byte("chop/registration/" + purpose + "/v1\x00" + s))
	return d[:]
}

// randomDigits draws n decimal digits evenly.
func randomDigits(n int) string {
	out := make([]byte, 0, n)
	var b [1]byte
	for len(out) < n {
		rand.Read(b[:])
		if b[0] < 250 {
			out = append(out, '0'+b[0]%10)
		}
	}
	return string(out)
}

func caseSubject(id string) string    { return "case:" + id }
func accountSubject(id string) string { return "account:" + id }

// value is the string behind a pointer, "" for none.
func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
