package registration_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"chop/registration"
)

func (p *phones) reviewer() registration.Caller {
	return p.hire("reviewer-1", "reviewer", counter, number(p.t, "E", "100003"))
}

// referred brings a case to where an officer decides.
func (p *phones) referred() (s, id string) {
	p.t.Helper()
	p.faces.match = registration.MatchRefer
	s = p.until(registration.RemoteFaced, p.card("adult"))
	return s, p.is(s, registration.RemoteReferred, "").ID
}

// Between the thresholds an officer decides, sees the pictures until then, and not after.
func TestRemoteReferred(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		card, immd registration.Match
		reasons    []string
		approve    bool
		reason     string
	}{
		"portrait on the card, approved":  {registration.MatchRefer, registration.MatchPass, []string{"card-portrait"}, true, "same-person"},
		"department's portrait, approved": {registration.MatchPass, registration.MatchRefer, []string{"immigration-portrait"}, true, "same-person"},
		"both, refused":                   {registration.MatchRefer, registration.MatchRefer, []string{"card-portrait", "immigration-portrait"}, false, "another-person"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPhones(t)
			ctx, card := p.ctx(), p.card("adult")
			p.faces.match, p.portraits.match = c.card, c.immd
			s := p.until(registration.RemoteFaced, card)
			id := p.is(s, registration.RemoteReferred, "").ID
			_, err := p.r.CompleteRemote(ctx, s, phonePasskey(s))
			wants(t, "a passkey before the decision", err, registration.ErrState)
			r := p.reviewer()
			list, err := p.r.Referrals(ctx, r)
			if err != nil || len(list) != 1 || list[0].ID != id || !slices.Equal(list[0].Reasons, c.reasons) || list[0].Card != nil || strings.Contains(list[0].HKIC, card.Number.Normal()) {
				t.Fatalf("the queue: %+v, %v", list, err)
			}
			one, err := p.r.Referral(ctx, r, id)
			if err != nil || *one.Card != card {
				t.Fatalf("the case: %+v, %v", one, err)
			}
			for name, want := range map[string]string{registration.PhotoCard: "clean card of chan", registration.PhotoSelfie: "chan front"} {
				if got, err := p.r.ReferralPhoto(ctx, r, id, name); err != nil || string(got) != want {
					t.Errorf("photo %s: %q, %v", name, got, err)
				}
			}
			_, err = p.r.ReferralPhoto(ctx, r, id, "../card")
			wants(t, "another photo", err, registration.ErrNoPhoto)
			for _, reason := range []string{"", "because", map[bool]string{true: "another-person", false: "same-person"}[c.approve]} {
				wants(t, "reason "+reason, p.r.DecideReferral(ctx, r, id, c.approve, reason), registration.ErrForbidden)
			}
			p.must(p.r.DecideReferral(ctx, r, id, c.approve, c.reason))
			if p.photos.Has(id) {
				t.Error("the photos are there after the decision")
			}
			_, err = p.r.ReferralPhoto(ctx, r, id, registration.PhotoCard)
			wants(t, "a photo after the decision", err, registration.ErrNoCase)
			wants(t, "a second decision", p.r.DecideReferral(ctx, r, id, !c.approve, "same-person"), registration.ErrNoCase)
			if list, err := p.r.Referrals(ctx, r); err != nil || len(list) != 0 {
				t.Errorf("the queue afterwards: %v, %v", list, err)
			}
			if !c.approve {
				p.is(s, registration.RemoteRefused, "officer")
				p.nothing(name)
				return
			}
			p.is(s, registration.RemoteVerified, "")
			p.complete(s)
			p.is(s, registration.RemoteDone, "")
		})
	}
}

// Who may not decide: other roles, an officer about themself, nobody off shift.
func TestRemoteReferredWhoMay(t *testing.T) {
	t.Parallel()
	p := newPhones(t)
	ctx := p.ctx()
	_, id := p.referred()
	off := p.reviewer()
	off.Shift = ""
	self := p.hire("reviewer-2", "reviewer", counter, p.card("adult").Number)
	callers := map[string]registration.Caller{"a resident": registration.Resident("x"), "off shift": off}
	for _, role := range []string{"counter", "hotline", "supervisor"} {
		callers[role] = p.hire("officer-"+role, role, counter, number(t, "E", map[string]string{"counter": "100011", "hotline": "100012", "supervisor": "100013"}[role]))
	}
	for name, c := range callers {
		_, err := p.r.Referrals(ctx, c)
		wants(t, name+" sees the queue", err, registration.ErrForbidden)
		_, err = p.r.Referral(ctx, c, id)
		wants(t, name+" sees the case", err, registration.ErrForbidden)
		_, err = p.r.ReferralPhoto(ctx, c, id, registration.PhotoCard)
		wants(t, name+" sees a photo", err, registration.ErrForbidden)
		wants(t, name+" decides", p.r.DecideReferral(ctx, c, id, true, "same-person"), registration.ErrForbidden)
	}
	_, err := p.r.Referral(ctx, self, id)
	wants(t, "an officer's own case", err, registration.ErrSelf)
	_, err = p.r.ReferralPhoto(ctx, self, id, registration.PhotoCard)
	wants(t, "an officer's own photo", err, registration.ErrSelf)
	wants(t, "an officer decides about themself", p.r.DecideReferral(ctx, self, id, true, "same-person"), registration.ErrSelf)
}

// Looking at cases is limited, and supervisors hear of it before; whether one still waits can be asked without end, and opens nothing.
func TestReferredLimits(t *testing.T) {
	t.Parallel()
	p := newPhones(t)
	ctx := p.ctx()
	_, id := p.referred()
	r := p.reviewer()
	for range 130 {
		if err := p.r.ReferralWaits(ctx, r, id); err != nil {
			t.Fatal(err)
		}
	}
	wants(t, "another case", p.r.ReferralWaits(ctx, r, newCaseID(t)), registration.ErrNoCase)
	wants(t, "asked by a resident", p.r.ReferralWaits(ctx, registration.Resident("x"), id), registration.ErrForbidden)
	for _, before := range []int{79, 119} { // how often this hour
		p.must(second(p.r.Referral(ctx, r, id)))
		_, err := p.db.Pool.Exec(ctx, `UPDATE registration_attempt SET count = $1 WHERE kind = 'view-referred'`, before)
		p.must(err)
		p.must(second(p.r.Referral(ctx, r, id)))
	}
	wants(t, "the 121st", second(p.r.Referral(ctx, r, id)), registration.ErrTooMany)
	alarms, err := p.r.Alarms(ctx, p.hire("chief", "supervisor", counter, number(t, "E", "100009")), 10)
	p.must(err)
	var kinds []string
	for _, a := range alarms {
		kinds = append(kinds, a.Kind)
	}
	slices.Sort(kinds)
	if want := []string{"limit:view-referred", "rate:view-referred"}; !slices.Equal(kinds, want) {
		t.Errorf("alarms %v, want %v", kinds, want)
	}
	if _, err := p.db.Pool.Exec(ctx, `DELETE FROM registration_data_key`); err != nil {
		t.Fatal(err)
	}
	p.must(p.r.ReferralWaits(ctx, r, id)) // it reads no data
	p.clock.pass(61 * time.Minute)
	wants(t, "an hour later", p.r.ReferralWaits(ctx, r, id), registration.ErrNoCase)
}

// Nobody decides, or the photos go with the process: nothing is approved, and the photos are gone.
func TestRemoteReferredForgotten(t *testing.T) {
	t.Parallel()
	p := newPhones(t)
	ctx := p.ctx()
	s, id := p.referred()
	p.clock.pass(59 * time.Minute)
	p.is(s, registration.RemoteReferred, "") // longer than a case has else
	p.clock.pass(2 * time.Minute)
	r := p.reviewer()
	wants(t, "an hour later", p.r.DecideReferral(ctx, r, id, true, "same-person"), registration.ErrNoCase)
	if n, err := p.r.Sweep(ctx); err != nil || n != 1 {
		t.Errorf("swept %d, %v", n, err)
	}
	p.is(s, registration.RemoteEnded, "expired")
	p.nothing("nobody decided")

	s, id = p.referred()
	p.restart()
	wants(t, "without photos", p.r.DecideReferral(ctx, r, id, true, "same-person"), registration.ErrNoCase)
	p.is(s, registration.RemoteNoticed, "")
}
