package registration

import (
	"context"
	"crypto/subtle"
	"errors"
	"maps"
	"slices"
	"time"

	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/registration/attempts"
	"chop/registration/personal"
)

// provedLife is how long a verified caller has for one act.
const provedLife = 10 * time.Minute

// Limits of wrong answers at the hotline: about one account, and by one officer. The last
// one that is heard is the alarm: after it nothing is counted any more.
var (
	limitProofAccount = attempts.Limit{Kind: "proof-account", Most: 5, Window: time.Hour, Alarm: 5}
	limitProofOfficer = attempts.Limit{Kind: "proof-officer", Most: 20, Window: time.Hour, Alarm: 20}
)

// VerifyCaller checks who calls: the suspension code, or two items of which one
// finds the account. ErrProof says no more than that, to the officer too; wrong
// tries are limited by account and by officer, and told to supervisors. ErrTooMany.
func (r *Registry) VerifyCaller(ctx context.Context, c Caller, p Proof) (*VerifiedCaller, error) {
	if err := r.authorize(ctx, c, "verify-caller", ""); err != nil {
		return nil, err
	}
	if err := r.attempts.Blocked(ctx, limitProofOfficer, c.Actor); err != nil {
		return nil, err
	}
	account, candidates, by, err := r.prove(ctx, p)
	if err != nil {
		return nil, err
	}
	for _, id := range candidates {
		if err := r.attempts.Blocked(ctx, limitProofAccount, id); err != nil {
			return nil, err
		}
	}
	if account == "" {
		errs := []error{r.refuse(ctx, c, "verify-caller", "", ErrProof), r.attempts.Take(ctx, limitProofOfficer, c.Actor, who(c))}
		for _, id := range candidates {
			errs = append(errs, r.attempts.Take(ctx, limitProofAccount, id, who(c)))
		}
		return nil, errors.Join(errs...)
	}
	a, err := r.store.account(ctx, account)
	if err != nil {
		return nil, err
	}
	token := secret()
	err = r.store.record(ctx, func(tx postgres.Tx) ([]audit.Event, error) {
		if err := insertProved(ctx, tx, digest("caller", token), account, c.Officer(), r.cfg.Now().Add(provedLife)); err != nil {
			return nil, err
		}
		return []audit.Event{r.event(c, "registration.verify-caller", accountSubject(account), "", map[string]any{"by": by})}, r.note(ctx, tx, c, account, "caller-verified")
	})
	if err != nil {
		return nil, wrap("verify caller", err)
	}
	return &VerifiedCaller{Account: account, Token: token, State: a.State, SRN: a.SRN}, nil
}

// prove finds the one account that everything said is right of, and all that it may have been about.
func (r *Registry) prove(ctx context.Context, p Proof) (account string, candidates, by []string, err error) {
	if p.SuspensionCode != "" {
		account, err = r.byCode(ctx, p.SuspensionCode)
		if account != "" {
			candidates = []string{account}
		}
		return account, candidates, []string{"code"}, err
	}
	said := make(map[Item]string)
	for item, v := range p.Items {
		if v == "" {
			continue
		}
		normal, ok := item.normal(v)
		switch {
		case !ok:
			normal = "" // wrong, whatever is held
		case item == ItemPlace:
			normal = r.place(normal)
		}
		said[item] = normal
	}
	items := slices.Sorted(maps.Keys(said))
	for _, i := range items {
		by = append(by, string(i))
	}
	if len(said) < 2 {
		return "", nil, by, nil
	}
	for _, item := range items {
		if item.lookup() == "" || said[item] == "" {
			continue
		}
		found, err := r.people.Find(ctx, item.lookup(), said[item])
		if err != nil {
			return "", nil, by, r.tampered(ctx, err)
		}
		candidates = append(candidates, found...)
	}
	slices.Sort(candidates)
	candidates = slices.Compact(candidates)
	var right []string
	for _, id := range candidates {
		ok, err := r.matches(ctx, id, said)
		if err != nil {
			return "", candidates, by, err
		}
		if ok {
			right = append(right, id)
		}
	}
	if len(right) == 1 { // two people of one telephone are not told apart by it
		account = right[0]
	}
	return account, candidates, by, nil
}

// place is a place's id, however somebody names it; one that is not on the list stays as it is.
func (r *Registry) place(said string) string {
	if p := r.places.Named(said); p != nil {
		return p.ID
	}
	return said
}

// matches compares all that was said with what is held, each in the same time.
func (r *Registry) matches(ctx context.Context, account string, said map[Item]string) (bool, error) {
	a, err := r.store.account(ctx, account)
	if err != nil {
		return false, err
	}
	held, err := r.person(ctx, account)
	if errors.Is(err, personal.ErrSealed) {
		return false, r.tampered(ctx, err)
	}
	if err != nil {
		return false, err
	}
	place := r.place(a.Place)
	of := map[Item]string{
		ItemHKIC: held.card.Number.Normal(), ItemBirth: held.card.Birth.String(), ItemPhone: held.contact.Phone,
		ItemEmail: held.contact.Email, ItemPlace: place, ItemNumber: a.SRN,
	}
	right := 1
	for item, v := range said {
		if v == "" || of[item] == "" {
			right = 0
		}
		right &= subtle.ConstantTimeCompare([]byte(of[item]), []byte(v))
	}
	return right == 1 && (a.State == Active || a.State == Suspended), nil
}
