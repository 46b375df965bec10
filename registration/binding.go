package registration

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"time"

	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/registration/attempts"
)

// tokenLife is how long a QR code can be scanned.
const tokenLife = 90 * time.Second

// Limits against guessing and against codes made without end.
var (
	limitOffers  = attempts.Limit{Kind: "qr-offer", Most: 10, Window: 15 * time.Minute}
	limitUnknown = attempts.Limit{Kind: "qr-unknown", Most: 60, Window: time.Minute}
	limitNumbers = attempts.Limit{Kind: "qr-number", Most: 5, Window: 15 * time.Minute}
)

// phoneCaller is a phone that nobody has signed in on.
func phoneCaller(account string) Caller {
	return Caller{Actor: "account:" + account, Role: "applicant", Place: "portal"}
}

// OfferBinding makes the token of a QR code for a verified case. desk names the
// desk's session (kept as a digest): only there can the scan be confirmed. An
// earlier code, and a scan that nobody confirmed, are void.
func (r *Registry) OfferBinding(ctx context.Context, c Caller, id, desk string) (*Offer, error) {
	row, err := r.mine(ctx, c, "bind", id)
	if err != nil {
		return nil, err
	}
	if desk == "" {
		return nil, fmt.Errorf("offer binding: %w: no desk session", ErrForbidden)
	}
	if row.State != Verified && row.State != Scanned {
		return nil, fmt.Errorf("offer binding: %w: the case is %s", ErrState, row.State)
	}
	if err := r.attempts.Take(ctx, limitOffers, id, who(c)); err != nil {
		return nil, err
	}
	token := secret()
	until := r.cfg.Now().Add(tokenLife)
	err = r.store.changeCase(ctx, id, func(_ postgres.Tx, row *caseRow) ([]audit.Event, error) {
		if row.State == Scanned {
			row.State, err = next("case", row.State, actRescan)
			if err != nil {
				return nil, err
			}
		}
		if row.State != Verified || !r.cfg.Now().Before(row.ExpiresAt) {
			return nil, fmt.Errorf("%w: the case is %s", ErrState, row.State)
		}
		row.Token, row.TokenUntil, row.Desk = digest("token", token), &until, digest("desk", desk)
		row.Phone, row.Number, row.ChangedAt = nil, "", r.cfg.Now()
		return []audit.Event{r.event(c, "registration.offer", caseSubject(id), "", nil)}, nil
	})
	if err != nil {
		return nil, wrap("offer binding", err)
	}
	return &Offer{URL: strings.TrimSuffix(r.cfg.PortalURL, "/") + "/bind#" + token, Token: token, NotAfter: until}, nil
}

// BindDevice uses up the token of a QR code and makes the phone known. ErrToken:
// unknown, used or too late. A second scan of a code voids a first one that is not
// confirmed: of two phones one is not in front of the officer.
func (r *Registry) BindDevice(ctx context.Context, token string) (*Phone, error) {
	if len(token) > 100 {
		return nil, ErrToken
	}
	row, err := r.store.caseBy(ctx, "token", digest("token", token))
	if errors.Is(err, ErrToken) {
		// Counted first, so that nobody fills the log with inventions.
		if err := r.attempts.Take(ctx, limitUnknown, "portal", attempts.Who{Actor: "unknown", Place: "portal"}); err != nil {
			return nil, err
		}
		return nil, r.refuse(ctx, Caller{Actor: "unknown", Place: "portal"}, "bind", "", ErrToken)
	}
	if err != nil {
		return nil, err
	}
	phone := secret()
	number := randomDigits(2)
	c := phoneCaller(value(row.Account))
	refused := false
	var found *caseRow
	err = r.store.changeCase(ctx, row.ID, func(tx postgres.Tx, row *caseRow) ([]audit.Event, error) {
		now := r.cfg.Now()
		found, refused = row, true
		e := r.event(c, "registration.refused", caseSubject(row.ID), "", map[string]any{"act": "bind"})
		switch {
		case string(row.Token) != string(digest("token", token)):
			return nil, ErrToken // a new code was shown meanwhile
		case row.Phone != nil || row.State != Verified:
			e.Reason = "second scan of a code"
			if row.State == Scanned {
				row.State, row.Phone, row.Number, row.ChangedAt = Verified, nil, "", now
				row.Token, row.TokenUntil = nil, nil
				e.Reason += "; the first is void"
			}
			return []audit.Event{e}, r.attempts.Raise(ctx, tx, "qr-second-scan", caseSubject(row.ID), who(c))
		case !now.Before(*row.TokenUntil) || !now.Before(row.ExpiresAt):
			e.Reason = "code scanned too late"
			return []audit.Event{e}, nil
		}
		to, err := next("case", row.State, actScan)
		if err != nil {
			return nil, err
		}
		refused = false
		row.State, row.Phone, row.Number, row.ChangedAt = to, digest("phone", phone), number, now
		return []audit.Event{r.event(c, "registration.scan", caseSubject(row.ID), "", nil)}, nil
	})
	switch {
	case err != nil:
		return nil, wrap("bind device", err)
	case refused:
		return nil, ErrToken
	}
	return &Phone{Secret: phone, Case: found.ID, Account: value(found.Account), Number: number}, nil
}

// ConfirmNumber is the officer's word that the phone in front of them shows the
// number, typed from its screen, in the desk session that showed the code.
// ErrNumber: the scan is void. ErrToken: another desk session.
func (r *Registry) ConfirmNumber(ctx context.Context, c Caller, id, desk, number string) (*Case, error) {
	if _, err := r.mine(ctx, c, "bind", id); err != nil {
		return nil, err
	}
	if err := r.attempts.Take(ctx, limitNumbers, id, who(c)); err != nil {
		return nil, err
	}
	var refused error
	var after *caseRow
	err := r.store.changeCase(ctx, id, func(tx postgres.Tx, row *caseRow) ([]audit.Event, error) {
		to, err := next("case", row.State, actNumber)
		if err != nil {
			return nil, err
		}
		e := r.event(c, "registration.refused", caseSubject(id), "", map[string]any{"act": "bind"})
		now := r.cfg.Now()
		after = row
		switch {
		case subtle.ConstantTimeCompare(row.Desk, digest("desk", desk)) != 1:
			refused, e.Reason = ErrToken, "confirmed from another desk session"
			return []audit.Event{e}, r.attempts.Raise(ctx, tx, "qr-other-desk", caseSubject(id), who(c))
		case !now.Before(row.ExpiresAt):
			return nil, fmt.Errorf("%w: the case has run out", ErrState)
		case subtle.ConstantTimeCompare([]byte(row.Number), []byte(number)) != 1:
			refused, e.Reason = ErrNumber, "number differs; the scan is void"
			row.State, row.Phone, row.Number, row.Token, row.TokenUntil, row.ChangedAt = Verified, nil, "", nil, nil, now
			return []audit.Event{e}, nil
		}
		refused = nil
		row.State, row.ChangedAt = to, now
		return []audit.Event{r.event(c, "registration.bind", caseSubject(id), "", nil)}, nil
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return nil, wrap("confirm number", err)
	}
	return r.show(ctx, after), nil
}

// phoneCase is the case of a phone. ErrToken.
func (r *Registry) phoneCase(ctx context.Context, phone string) (*caseRow, error) {
	if phone == "" || len(phone) > 100 {
		return nil, ErrToken
	}
	return r.store.caseBy(ctx, "phone", digest("phone", phone))
}

// PhoneCase tells the phone how far its case is, and drives it on. ErrToken: the
// case is over without an account, or the scan was void.
func (r *Registry) PhoneCase(ctx context.Context, phone string) (*PhoneCase, error) {
	row, err := r.phoneCase(ctx, phone)
	if err != nil {
		return nil, err
	}
	if row, _, err = r.drive(ctx, row); err != nil {
		return nil, err
	}
	return r.phoneView(ctx, row)
}

func (r *Registry) phoneView(ctx context.Context, row *caseRow) (*PhoneCase, error) {
	if row.Account == nil {
		return nil, ErrToken
	}
	a, err := r.store.account(ctx, *row.Account)
	if err != nil {
		return nil, err
	}
	has, err := r.hasPasskey(ctx, row)
	if err != nil {
		return nil, err
	}
	return &PhoneCase{
		Case: row.ID, Account: a.ID, State: row.State, Number: row.Number, UserHandle: a.UserHandle, UserName: a.SRN,
		Agreement: r.cfg.Agreement, Enrolment: value(row.Enrolment), HasPasskey: has, Waiting: row.Waiting,
	}, nil
}

// AcceptAgreement records that the applicant accepts the agreement, by the id of
// the text that was shown, and with it the certificate (Cap. 553, s.2). ErrAgreement.
func (r *Registry) AcceptAgreement(ctx context.Context, phone, agreement string) (*PhoneCase, error) {
	row, err := r.phoneCase(ctx, phone)
	if err != nil {
		return nil, err
	}
	if agreement != r.cfg.Agreement {
		return nil, ErrAgreement
	}
	c := phoneCaller(value(row.Account))
	after, err := r.step(ctx, row.ID, actAccept, func(_ postgres.Tx, row *caseRow) ([]audit.Event, error) {
		now := r.cfg.Now()
		row.Agreement, row.AgreedAt = &agreement, &now
		return []audit.Event{r.event(c, "registration.accept", caseSubject(row.ID), "", map[string]any{"agreement": agreement})}, nil
	})
	if err != nil {
		return nil, wrap("accept agreement", err)
	}
	return r.phoneView(ctx, after)
}

// BindPasskey keeps the phone's sign-in passkey, once the officer has confirmed
// the number and until the enrolment begins. One replaces the other.
func (r *Registry) BindPasskey(ctx context.Context, phone string, p Passkey) (*PhoneCase, error) {
	row, err := r.phoneCase(ctx, phone)
	if err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	c := phoneCaller(value(row.Account))
	var after *caseRow
	err = r.store.changeCase(ctx, row.ID, func(tx postgres.Tx, row *caseRow) ([]audit.Event, error) {
		if row.State != Bound && row.State != Accepted {
			return nil, fmt.Errorf("%w: the case is %s", ErrState, row.State)
		}
		e := r.event(c, "registration.passkey", caseSubject(row.ID), "", nil)
		if row.standing() {
			after = row
			return []audit.Event{e}, r.keepPasskey(ctx, row, p)
		}
		if _, err := putPasskey(ctx, tx, *row.Account, p, r.cfg.Now()); err != nil {
			return nil, err
		}
		if _, _, err := removePasskeys(ctx, tx, *row.Account, nil, p.ID); err != nil {
			return nil, err
		}
		after = row
		return []audit.Event{e}, nil
	})
	if err != nil {
		return nil, wrap("bind passkey", err)
	}
	return r.phoneView(ctx, after)
}

// NotMe is the phone's word that its holder does not want this; the case is closed.
func (r *Registry) NotMe(ctx context.Context, phone string) error {
	row, err := r.phoneCase(ctx, phone)
	if err != nil {
		return err
	}
	c := phoneCaller(value(row.Account))
	if err := r.alarm(ctx, c, "not-me", caseSubject(row.ID), nil); err != nil {
		return err
	}
	return r.end(ctx, c, row.ID, actEnd, "not-me")
}
