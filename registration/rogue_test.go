package registration_test

import (
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"chop/registration"
	"chop/registration/officers"
)

// TestRogueOfficer: what an officer might try alone, by name. Each is refused or reported, and
// what is reported is seen by supervisors and by nobody else.
func TestRogueOfficer(t *testing.T) {
	t.Parallel()
	type stage struct {
		d    desk
		self registration.Caller // an officer with an identity card, and an account of their own
		own  *registration.Account
		a    *registration.Account // somebody else's
	}
	many := func(n int, act func() error) (err error) {
		for range n {
			if err = act(); errors.Is(err, registration.ErrTooMany) {
				return err
			}
		}
		return err
	}
	for name, c := range map[string]struct {
		attack func(t *testing.T, g *rig, s stage) error
		want   error  // nil: it goes on, and is reported
		alarm  string // empty: the refusal is in the log
	}{
		"registers themself": {func(t *testing.T, g *rig, s stage) error {
			newcomer := g.hire("officer-7", "counter", counter, g.card("number with two").Number)
			c, err := g.r.OpenCase(t.Context(), newcomer, registration.Full)
			if err != nil {
				t.Fatal(err)
			}
			_, err = g.r.EnterCard(t.Context(), newcomer, c.ID, g.card("number with two"), registration.Contact{})
			return err
		}, registration.ErrSelf, "self"},
		"confirms their own card for a colleague": {func(t *testing.T, g *rig, s stage) error {
			c := g.replacing(s.d, g.card("old card"))
			challenge, err := g.r.ConfirmChallenge(t.Context(), s.self, c.ID)
			if err != nil {
				t.Fatal(err)
			}
			_, err = g.r.ConfirmCard(t.Context(), s.self, c.ID, g.assert("officer-5", challenge))
			return err
		}, registration.ErrSelf, "self"},
		"re-binds their own account": {func(t *testing.T, g *rig, s stage) error {
			c, err := g.r.OpenReplacement(t.Context(), s.self)
			if err != nil {
				t.Fatal(err)
			}
			_, err = g.r.EnterCard(t.Context(), s.self, c.ID, g.card("old card"), registration.Contact{})
			return err
		}, registration.ErrSelf, "self"},
		"re-binds an active account alone: confirms it themself": {func(t *testing.T, g *rig, s stage) error {
			c := g.replacing(s.d, g.card("adult"))
			_, err := g.r.ConfirmChallenge(t.Context(), s.d.first, c.ID)
			return err
		}, registration.ErrFourEyes, "four-eyes"},
		"re-binds an active account alone: goes on without": {func(t *testing.T, g *rig, s stage) error {
			c := g.replacing(s.d, g.card("adult"))
			_, err := g.r.Verify(t.Context(), s.d.first, c.ID)
			return err
		}, registration.ErrState, "-"},
		"re-binds an active account alone: signs for the second": {func(t *testing.T, g *rig, s stage) error {
			c := g.replacing(s.d, g.card("adult"))
			challenge, err := g.r.ConfirmChallenge(t.Context(), s.d.second, c.ID)
			if err != nil {
				t.Fatal(err)
			}
			_, err = g.r.ConfirmCard(t.Context(), s.d.second, c.ID, g.assert("officer-1", challenge))
			return err
		}, registration.ErrAssertion, ""},
		"passes a new account's confirmation off as a re-binding's": {func(t *testing.T, g *rig, s stage) error {
			c, err := g.r.OpenCase(t.Context(), s.d.first, registration.Full)
			if err != nil {
				t.Fatal(err)
			}
			_, err = g.r.EnterCard(t.Context(), s.d.first, c.ID, g.card("adult"), registration.Contact{})
			return err
		}, registration.ErrRegistered, ""},
		"acts off shift": {func(t *testing.T, g *rig, s stage) error {
			g.clock.pass(8 * time.Hour)
			_, err := g.r.OpenCase(t.Context(), s.d.first, registration.Full)
			return err
		}, registration.ErrForbidden, "limit:off-shift"},
		"acts before the shift": {func(t *testing.T, g *rig, s stage) error {
			begins := g.clock.now().Add(time.Hour)
			id, err := g.r.Officers().PlanShift(t.Context(), operators[0], officers.Shift{Officer: "officer-1", Role: "counter", Place: counter, Begins: begins, Ends: begins.Add(time.Hour)})
			if err != nil {
				t.Fatal(err)
			}
			early := s.d.first
			early.Shift = id
			_, err = g.r.Find(t.Context(), early, registration.ItemHKIC, "A123456(3)")
			return err
		}, registration.ErrForbidden, "limit:off-shift"},
		"acts at another place": {func(t *testing.T, g *rig, s stage) error {
			s.d.first.Place = other
			_, err := g.r.OpenReplacement(t.Context(), s.d.first)
			return err
		}, registration.ErrForbidden, "limit:off-shift"},
		"acts in another role": {func(t *testing.T, g *rig, s stage) error {
			s.d.first.Role = "supervisor"
			_, err := g.r.Alarms(t.Context(), s.d.first, 10)
			return err
		}, registration.ErrForbidden, "limit:off-shift"},
		"acts on another's shift": {func(t *testing.T, g *rig, s stage) error {
			s.d.first.Shift = s.d.second.Shift
			_, err := g.r.Find(t.Context(), s.d.first, registration.ItemHKIC, "A123456(3)")
			return err
		}, registration.ErrForbidden, "limit:off-shift"},
		"acts after being suspended": {func(t *testing.T, g *rig, s stage) error {
			if err := g.r.Officers().Suspend(t.Context(), operators[0], "officer-1", "under investigation"); err != nil {
				t.Fatal(err)
			}
			_, err := g.r.Find(t.Context(), s.d.first, registration.ItemHKIC, "A123456(3)")
			return err
		}, registration.ErrForbidden, ""},
		"looks up many people": {func(t *testing.T, g *rig, s stage) error {
			return many(100, func() error {
				_, err := g.r.Find(t.Context(), s.d.first, registration.ItemHKIC, "E364912(5)")
				return err
			})
		}, registration.ErrTooMany, "limit:find"},
		"looks up rather many people": {func(t *testing.T, g *rig, s stage) error {
			return many(30, func() error {
				_, err := g.r.Find(t.Context(), s.d.first, registration.ItemNumber, s.a.SRN)
				return err
			})
		}, nil, "rate:find"},
		"looks at many accounts by their ids": {func(t *testing.T, g *rig, s stage) error {
			return many(200, func() error {
				_, err := g.r.Account(t.Context(), s.d.first, s.a.ID)
				return err
			})
		}, registration.ErrTooMany, "limit:view-account"},
		"opens many cases": {func(t *testing.T, g *rig, s stage) error {
			return many(100, func() error {
				_, err := g.r.OpenCase(t.Context(), s.d.first, registration.Full)
				return err
			})
		}, registration.ErrTooMany, "limit:open-case"},
		"registers many phones anew": {func(t *testing.T, g *rig, s stage) error {
			return many(100, func() error {
				_, err := g.r.OpenReplacement(t.Context(), s.d.first)
				return err
			})
		}, registration.ErrTooMany, "limit:re-register"},
		"guesses who somebody is": {func(t *testing.T, g *rig, s stage) error {
			return many(100, func() error {
				_, err := g.r.VerifyCaller(t.Context(), s.d.first, registration.Proof{Items: map[registration.Item]string{
					registration.ItemHKIC: "E364912(5)", registration.ItemBirth: "1990-01-01",
				}})
				return err
			})
		}, registration.ErrTooMany, "rate:proof-officer"},
		"approves themself": {func(t *testing.T, g *rig, s stage) error {
			boss := g.hire("officer-8", "supervisor", counter, number(t, "E", "100008"))
			_, err := g.r.Officers().Approve(t.Context(), boss, "officer-8")
			return err
		}, registration.ErrFourEyes, "-"},
		"is appointed for a place that nobody knows": {func(t *testing.T, g *rig, s stage) error {
			spki := sha256.Sum256([]byte("another certificate"))
			return g.r.Officers().Propose(t.Context(), operators[0], officers.Officer{
				ID: "officer-9", Name: "Anybody", Roles: []string{"counter"}, Places: []string{"my kitchen"}, Certificate: spki[:],
			}, number(t, "E", "100009"))
		}, officers.ErrPlace, "-"},
		"is appointed twice": {func(t *testing.T, g *rig, s stage) error {
			spki := sha256.Sum256([]byte("another certificate"))
			return g.r.Officers().Propose(t.Context(), operators[0], officers.Officer{
				ID: "officer-9", Name: "Same person", Roles: []string{"counter"}, Places: []string{counter}, Certificate: spki[:],
			}, number(t, "E", "100001"))
		}, officers.ErrTaken, "-"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, nil)
			s := stage{d: g.desk()}
			s.a, s.own = g.registered(s.d, g.card("adult")), g.registered(s.d, g.card("old card"))
			s.self = g.hire("officer-5", "counter", counter, g.card("old card").Number)
			refused := func() (n int) {
				if err := g.db.Pool.QueryRow(t.Context(), `SELECT count(*) FROM audit_pending WHERE action IN ('registration.refused', 'registration.alarm')`).Scan(&n); err != nil {
					t.Fatal(err)
				}
				return n
			}
			before := refused()
			if err := c.attack(t, g, s); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			if c.alarm != "-" && refused() == before {
				t.Error("the log knows nothing of it")
			}
			for _, a := range []*registration.Account{s.a, s.own} {
				if now, err := g.r.Account(t.Context(), registration.System, a.ID); err != nil || now.Credential != a.Credential || now.State != registration.Active {
					t.Errorf("an account is %+v, %v", now, err)
				}
			}
			boss := g.hire("officer-6", "supervisor", counter, number(t, "E", "100006"))
			seen, err := g.r.Alarms(t.Context(), boss, 10)
			if err != nil {
				t.Fatal(err)
			}
			if c.alarm == "" || c.alarm == "-" {
				return
			}
			found := false
			for _, a := range seen {
				found = found || a.Kind == c.alarm
			}
			if !found {
				t.Errorf("supervisors see %+v, want %s", seen, c.alarm)
			}
		})
	}
}

// What supervisors are told is for supervisors.
func TestAlarmsAreForSupervisors(t *testing.T) {
	t.Parallel()
	g := newRig(t, nil)
	d := g.desk()
	for _, c := range []registration.Caller{
		d.first, g.hire("officer-4", "hotline", hotline, number(t, "E", "100004")), g.hire("officer-3", "reviewer", counter, number(t, "E", "100003")), registration.Resident("x"),
	} {
		_, err := g.r.Alarms(t.Context(), c, 10)
		wants(t, c.Role, err, registration.ErrForbidden)
	}
}
