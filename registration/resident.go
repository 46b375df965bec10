package registration

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/internal/solecontrol"
	"chop/notification"
	"chop/registration/personal"
)

// maxPasskeys bounds an account's sign-in passkeys.
const maxPasskeys = 5

func (p Passkey) check() error {
	if len(p.ID) == 0 || len(p.ID) > 1023 || len(p.Record) == 0 || len(p.Record) > 16<<10 ||
		utf8.RuneCountInString(p.Name) > 60 || solecontrol.CheckText(p.Name) != nil {
		return fmt.Errorf("%w: id, record or name", ErrPasskey)
	}
	return nil
}

// own refuses whoever is neither the account's holder nor the appliance.
func (r *Registry) own(ctx context.Context, c Caller, account, act string) error {
	if c.Actor == "account:"+account || c.Actor == System.Actor {
		return nil
	}
	return r.refuse(ctx, c, act, accountSubject(account), fmt.Errorf("%w: it is another's account", ErrForbidden))
}

// Account returns an account: to its holder, to the appliance, and to officers who may see accounts. ErrNoAccount.
func (r *Registry) Account(ctx context.Context, c Caller, id string) (*Account, error) {
	var err error
	if c.Officer() != "" {
		err = r.authorize(ctx, c, "view-account", accountSubject(id))
	} else {
		err = r.own(ctx, c, id, "view-account")
	}
	if err != nil {
		return nil, err
	}
	a, err := r.store.account(ctx, id)
	if err != nil {
		return nil, err
	}
	if c.Officer() != "" {
		err = r.store.record(ctx, func(tx postgres.Tx) ([]audit.Event, error) {
			return []audit.Event{r.event(c, "registration.view", accountSubject(id), "", nil)}, r.note(ctx, tx, c, id, "looked-up")
		})
		if err != nil {
			return nil, fmt.Errorf("view account: %w", err)
		}
	}
	return a.view(), nil
}

// AccountByPasskey finds the account of a sign-in passkey, in any state: see MaySignIn. ErrNoAccount.
func (r *Registry) AccountByPasskey(ctx context.Context, passkey []byte) (*Account, *Passkey, error) {
	p, err := r.store.passkey(ctx, passkey)
	if err != nil {
		return nil, nil, err
	}
	a, err := r.store.account(ctx, p.Account)
	if err != nil {
		return nil, nil, err
	}
	v := p.view()
	return a.view(), &v, nil
}

// AccountByUserHandle finds the account of a discoverable passkey, in any state. ErrNoAccount.
func (r *Registry) AccountByUserHandle(ctx context.Context, handle []byte) (*Account, []Passkey, error) {
	a, err := r.store.accountByHandle(ctx, handle)
	if err != nil {
		return nil, nil, err
	}
	keys, err := r.signIn(ctx, a.ID)
	return a.view(), keys, err
}

func (p *passkeyRow) view() Passkey {
	v := Passkey{ID: p.ID, Record: p.Record, Name: p.Name, AddedAt: p.AddedAt}
	if p.UsedAt != nil {
		v.UsedAt = *p.UsedAt
	}
	return v
}

func (r *Registry) signIn(ctx context.Context, account string) ([]Passkey, error) {
	rows, err := r.store.passkeys(ctx, account)
	if err != nil {
		return nil, err
	}
	keys := make([]Passkey, len(rows))
	for i, p := range rows {
		keys[i] = p.view()
	}
	return keys, nil
}

// SignInPasskeys lists an account's.
func (r *Registry) SignInPasskeys(ctx context.Context, c Caller, account string) ([]Passkey, error) {
	if err := r.own(ctx, c, account, "passkeys"); err != nil {
		return nil, err
	}
	return r.signIn(ctx, account)
}

// SetSignInPasskey adds a sign-in passkey to an active account, or replaces the
// record and name of one that it has. The holder is told of a new one. ErrPasskey.
func (r *Registry) SetSignInPasskey(ctx context.Context, c Caller, account string, p Passkey) error {
	if err := r.own(ctx, c, account, "passkeys"); err != nil {
		return err
	}
	if err := p.check(); err != nil {
		return err
	}
	err := r.store.record(ctx, func(tx postgres.Tx) ([]audit.Event, error) {
		a, err := lockAccount(ctx, tx, account)
		if err != nil {
			return nil, err
		}
		if a.State != Active {
			return nil, fmt.Errorf("%w: the account is %s", ErrState, a.State)
		}
		added, err := putPasskey(ctx, tx, account, p, r.cfg.Now())
		if err != nil {
			return nil, err
		}
		e := r.event(c, "registration.passkey", accountSubject(account), "", map[string]any{"added": added})
		if !added {
			return []audit.Event{e}, nil
		}
		if _, n, err := removePasskeys(ctx, tx, account, []byte{}, nil); err != nil {
			return nil, err
		} else if n > maxPasskeys {
			return nil, fmt.Errorf("%w: an account has %d at most", ErrPasskey, maxPasskeys)
		}
		if err := r.note(ctx, tx, c, account, "passkey-added"); err != nil {
			return nil, err
		}
		return []audit.Event{e}, r.notify(ctx, tx, account, notification.SignInNewDevice, map[string]string{"device": p.Name})
	})
	return wrap("set sign-in passkey", err)
}

// PasskeyUsed keeps the record after a sign-in (its counter), and the time.
func (r *Registry) PasskeyUsed(ctx context.Context, account string, passkey, record []byte) error {
	if len(record) == 0 || len(record) > 16<<10 {
		return fmt.Errorf("%w: record", ErrPasskey)
	}
	return r.store.passkeyUsed(ctx, account, passkey, record, r.cfg.Now())
}

// RemoveSignInPasskey takes one away; not the last. ErrPasskey.
func (r *Registry) RemoveSignInPasskey(ctx context.Context, c Caller, account string, passkey []byte) error {
	if err := r.own(ctx, c, account, "passkeys"); err != nil {
		return err
	}
	err := r.store.record(ctx, func(tx postgres.Tx) ([]audit.Event, error) {
		if _, err := lockAccount(ctx, tx, account); err != nil {
			return nil, err
		}
		removed, left, err := removePasskeys(ctx, tx, account, append([]byte{}, passkey...), nil)
		if err != nil {
			return nil, err
		}
		if removed == 0 || left == 0 {
			return nil, ErrPasskey
		}
		return []audit.Event{r.event(c, "registration.passkey-removed", accountSubject(account), "", nil)}, r.note(ctx, tx, c, account, "passkey-removed")
	})
	return wrap("remove sign-in passkey", err)
}

// Data is all that is held of a person, for their own eyes. PDPO (Cap. 486), schedule 1, principle 6.
func (r *Registry) Data(ctx context.Context, c Caller, account string) (*Data, error) {
	if err := r.own(ctx, c, account, "data"); err != nil {
		return nil, err
	}
	a, err := r.store.account(ctx, account)
	if err != nil {
		return nil, err
	}
	held, err := r.person(ctx, account)
	if err != nil {
		return nil, err
	}
	held.contact.Language = a.Language
	return &Data{Card: held.card, Contact: held.contact, Place: a.Place, Account: a.view()}, nil
}

// SetContact changes how a person is reached. ErrContact.
func (r *Registry) SetContact(ctx context.Context, c Caller, account string, contact Contact) error {
	if err := r.own(ctx, c, account, "contact"); err != nil {
		return err
	}
	contact, err := contact.normal()
	if err != nil {
		return err
	}
	put := func() error {
		sealed, err := r.people.Prepare(ctx, account, map[string]string{fieldPhone: contact.Phone, fieldEmail: contact.Email},
			map[personal.LookupKind]string{personal.Phone: contact.Phone, personal.Email: contact.Email})
		if err != nil {
			return err
		}
		return r.store.record(ctx, func(tx postgres.Tx) ([]audit.Event, error) {
			a, err := lockAccount(ctx, tx, account)
			if err != nil {
				return nil, err
			}
			if a.State != Active {
				return nil, fmt.Errorf("%w: the account is %s", ErrState, a.State)
			}
			a.Language = contact.Language
			if err := updateAccount(ctx, tx, a); err != nil {
				return nil, err
			}
			if err := r.people.Put(ctx, tx, sealed); err != nil {
				return nil, err
			}
			return []audit.Event{r.event(c, "registration.contact", accountSubject(account), "", nil)}, r.note(ctx, tx, c, account, "contact-changed")
		})
	}
	if err = put(); errors.Is(err, personal.ErrStale) {
		err = put()
	}
	return wrap("set contact", err)
}

// Activity lists what happened to an account, newest first, at most limit lines.
func (r *Registry) Activity(ctx context.Context, c Caller, account string, limit int) ([]Activity, error) {
	if err := r.own(ctx, c, account, "activity"); err != nil {
		return nil, err
	}
	rows, err := r.store.activity(ctx, account, max(1, min(limit, 1000)))
	out := make([]Activity, len(rows))
	for i, a := range rows {
		out[i] = *a
	}
	return out, err
}

// Address is how notices reach a person; both may be empty, as for somebody unknown.
func (r *Registry) Address(ctx context.Context, account string) (email, language string, err error) {
	a, err := r.store.account(ctx, account)
	if errors.Is(err, ErrNoAccount) {
		return "", "", nil
	}
	if err != nil {
		return "", "", err
	}
	f, err := r.people.Open(ctx, account, fieldEmail)
	if errors.Is(err, personal.ErrNoOwner) {
		return "", a.Language, nil
	}
	return f[fieldEmail], a.Language, err
}
