package registration_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"chop/registration"
)

// Look-ups by everything that has an exact value, and by nothing else.
func TestSearch(t *testing.T) {
	t.Parallel()
	g := newRig(t, nil)
	ctx := t.Context()
	d, a := g.account()
	day := g.clock.now()
	g.clock.pass(time.Hour)
	b := g.registered(d, g.card("eleven"))
	list, err := g.r.AccountCases(ctx, d.first, a.ID)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	ids := func(list []*registration.Account) (out []string) {
		for _, a := range list {
			out = append(out, a.ID)
		}
		return out
	}
	for item, v := range map[registration.Item]string{
		registration.ItemHKIC: "A123456(3)", registration.ItemNumber: a.SRN, registration.ItemAccount: a.ID, registration.ItemCase: list[0].ID,
	} {
		if found, err := g.r.Find(ctx, d.first, item, v); err != nil || !slices.Equal(ids(found), []string{a.ID}) {
			t.Errorf("by %s: %v, %v", item, found, err)
		}
		if _, err := g.r.Find(ctx, d.first, item, "' OR 1=1 --"); !errors.Is(err, registration.ErrNoAccount) {
			t.Errorf("by %s: nonsense: %v", item, err)
		}
	}
	for _, item := range []registration.Item{registration.ItemPhone, registration.ItemEmail} {
		v := map[registration.Item]string{registration.ItemPhone: phoneText, registration.ItemEmail: emailText}[item]
		if found, err := g.r.Find(ctx, d.first, item, v); err != nil || len(found) != 2 {
			t.Errorf("by %s: %v, %v", item, found, err)
		}
	}
	for _, item := range []registration.Item{registration.ItemBirth, registration.ItemPlace, "name"} {
		_, err := g.r.Find(ctx, d.first, item, "1985-03-14")
		wants(t, "by "+string(item), err, registration.ErrNoAccount)
	}
	boss := g.hire("officer-6", "supervisor", counter, number(t, "E", "100006"))
	if err := g.r.SuspendSelf(ctx, registration.Resident(a.ID), a.ID, "lost"); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		f    registration.Filter
		want []string
	}{
		"active":        {registration.Filter{State: "active"}, []string{b.ID}},
		"suspended":     {registration.Filter{State: "suspended"}, []string{a.ID}},
		"closed":        {registration.Filter{State: "closed"}, nil},
		"a day":         {registration.Filter{From: day.Add(-time.Hour), To: day.Add(24 * time.Hour)}, []string{b.ID, a.ID}},
		"an hour":       {registration.Filter{From: day, To: day.Add(time.Minute)}, []string{a.ID}},
		"from":          {registration.Filter{From: day.Add(time.Minute)}, []string{b.ID}},
		"state and day": {registration.Filter{State: "active", To: day.Add(time.Minute)}, nil},
		"next page":     {registration.Filter{From: day, After: b.ID}, []string{a.ID}},
		"last page":     {registration.Filter{From: day, After: a.ID}, nil},
	} {
		if found, err := g.r.Search(ctx, boss, c.f); err != nil || !slices.Equal(ids(found), c.want) {
			t.Errorf("%s: %v, %v; want %v", name, ids(found), err, c.want)
		}
	}
	if cases, err := g.r.SearchCases(ctx, boss, registration.Filter{State: "done"}); err != nil || len(cases) != 2 || cases[0].Account != b.ID {
		t.Errorf("cases %v, %v", cases, err)
	}
	for _, f := range []registration.Filter{{}, {From: day, To: day}, {After: a.ID}} {
		_, err := g.r.Search(ctx, boss, f)
		wants(t, "nothing exact", err, registration.ErrFilter)
	}
	_, err = g.r.Search(ctx, d.first, registration.Filter{State: "active"})
	wants(t, "a counter lists accounts", err, registration.ErrForbidden)
	_, err = g.r.SearchCases(ctx, d.first, registration.Filter{State: "done"})
	wants(t, "a counter lists all cases", err, registration.ErrForbidden)
	// No proof of who calls.
	_, err = g.r.VerifyCaller(ctx, d.first, registration.Proof{Items: map[registration.Item]string{registration.ItemAccount: a.ID, registration.ItemCase: list[0].ID}})
	wants(t, "ids as a proof", err, registration.ErrProof)
	_, err = g.r.VerifyCaller(ctx, d.first, registration.Proof{Items: map[registration.Item]string{registration.ItemAccount: a.ID, registration.ItemHKIC: "A123456(3)"}})
	wants(t, "an id and a number as a proof", err, registration.ErrProof)
}
