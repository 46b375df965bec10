package registration_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"chop/registration"
	"chop/registration/hkic"
)

// The straight way: each step by its state, and an account that signs in and never signs.
func TestRemote(t *testing.T) {
	t.Parallel()
	p := newPhones(t)
	ctx, card := p.ctx(), p.card("adult")
	_, err := p.r.BeginRemote(ctx, "network", "en", "an older notice", "")
	wants(t, "another notice", err, registration.ErrNotice)
	s := p.begin()
	if c := p.is(s, registration.RemoteNoticed, ""); c.TriesLeft != 3 || len(c.UserHandle) != 32 || !strings.HasPrefix(c.UserName, "SRN") {
		t.Errorf("the case: %+v", c)
	}
	_, err = p.r.Remote(ctx, "another secret")
	wants(t, "another browser", err, registration.ErrNoCase)
	for name, want := range map[string]error{"dark": registration.ErrDark, "no face": registration.ErrNoFace, "garbage": registration.ErrPicture} {
		_, err := p.r.RemotePhoto(ctx, s, picture(name))
		wants(t, name, err, want)
		p.is(s, registration.RemoteNoticed, "")
	}
	// Nothing is skipped.
	_, err = p.r.ConfirmRemote(ctx, s, "network", card)
	wants(t, "data before the photo", err, registration.ErrState)
	_, err = p.r.BeginFace(ctx, s)
	wants(t, "face before the data", err, registration.ErrState)
	_, err = p.r.CompleteRemote(ctx, s, phonePasskey(s))
	wants(t, "passkey before all", err, registration.ErrState)

	p.photo(s)
	if said, err := p.r.RemoteCard(ctx, s); err != nil || said.Surname != "CHEN" || said.Number != "A123456(3)" {
		t.Errorf("suggested: %+v, %v", said, err)
	}
	p.confirm(s, card)
	_, err = p.r.RemoteCard(ctx, s)
	wants(t, "the form when it is confirmed", err, registration.ErrState)
	p.must(p.r.CorrectRemote(ctx, s)) // a slip: what was typed is there again
	if said, err := p.r.RemoteCard(ctx, s); err != nil || said.Surname != card.Surname || said.Number != card.Number.Secret() {
		t.Errorf("typed: %+v, %v", said, err)
	}
	p.confirm(s, card)
	id := p.is(s, registration.RemoteEntered, "").ID
	p.must(p.face(s))
	if got := p.photos.names(id); len(got) != 2 {
		t.Errorf("photos while Immigration is asked: %v", got)
	}
	p.is(s, registration.RemoteVerified, "")
	if got := p.photos.names(id); len(got) != 0 {
		t.Errorf("photos after verification: %v", got)
	}
	_, err = p.r.Find(ctx, p.hire("officer-1", "counter", counter, number(t, "E", "100001")), registration.ItemHKIC, card.Number.Secret())
	wants(t, "the number before the account is active", err, registration.ErrNoAccount)
	p.complete(s)
	c := p.is(s, registration.RemoteDone, "")
	a, keys, err := p.r.AccountByUserHandle(ctx, c.UserHandle)
	if err != nil || a.Kind != registration.Lite || !a.MaySignIn() || a.MaySign() || len(keys) != 1 || a.Place != registration.PlaceRemote {
		t.Fatalf("the account: %+v, %d passkeys, %v", a, len(keys), err)
	}
	data, err := p.r.Data(ctx, registration.Resident(a.ID), a.ID)
	if err != nil || data.Card != card {
		t.Errorf("what is held: %+v, %v, want %+v", data, err, card)
	}
	if inbox, err := p.notices.Inbox(ctx, a.ID, 10); err != nil || len(inbox) != 1 {
		t.Errorf("told: %v, %v", inbox, err)
	}
	if acts, err := p.r.Activity(ctx, registration.Resident(a.ID), a.ID, 10); err != nil || len(acts) == 0 {
		t.Errorf("activity: %v, %v", acts, err)
	}
	// The cookie shows the end for a while, and then nothing.
	p.clock.pass(time.Hour)
	if _, err := p.r.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	_, err = p.r.Remote(ctx, s)
	wants(t, "an hour later", err, registration.ErrNoCase)
	if _, err := p.r.Account(ctx, registration.System, a.ID); err != nil {
		t.Errorf("the account afterwards: %v", err)
	}
}

// Each end of a case, and what is left of the person: nothing, but of an active account.
func TestRemoteEnds(t *testing.T) {
	t.Parallel()
	usual := func(p *phones) hkic.Card { return p.card("adult") }
	verify := func(p *phones, s string) { _, _ = p.r.Remote(p.ctx(), s) }
	for name, end := range map[string]struct {
		from    registration.RemoteState
		card    func(p *phones) hkic.Card
		set     func(p *phones)
		do      func(p *phones, s string)
		state   registration.RemoteState
		outcome string
	}{
		"left":    {from: registration.RemoteEntered, do: func(p *phones, s string) { p.must(p.r.AbandonRemote(p.ctx(), s)) }, state: registration.RemoteEnded, outcome: "cancelled"},
		"run out": {from: registration.RemoteEntered, do: func(p *phones, s string) { p.clock.pass(31 * time.Minute) }, state: registration.RemoteEnded, outcome: "expired"},
		"run out with a passkey to make": {from: registration.RemoteVerified, do: func(p *phones, s string) {
			p.clock.pass(31 * time.Minute)
			_, err := p.r.Sweep(p.ctx())
			p.must(err)
		}, state: registration.RemoteEnded, outcome: "expired"},
		"too young": {from: registration.RemotePictured, do: func(p *phones, s string) {
			young := p.card("adult")
			young.Birth = hkic.Date{Year: 2016, Month: 1, Day: 1}
			young.Issued = hkic.Date{Year: 2026, Month: 1, Day: 2}
			_, err := p.r.ConfirmRemote(p.ctx(), s, "network", young)
			wants(p.t, "ten years old", err, registration.ErrRefused)
		}, state: registration.RemoteRefused, outcome: "too-young"},
		"three tries, another face": {from: registration.RemoteEntered, set: func(p *phones) { p.faces.match = registration.MatchFail }, do: func(p *phones, s string) {
			for i, want := range []error{registration.ErrTry, registration.ErrTry, registration.ErrRefused} {
				wants(p.t, "try", p.face(s), want)
				if i < 2 {
					if c := p.is(s, registration.RemoteEntered, ""); c.TriesLeft != 2-i {
						p.t.Errorf("%d tries left after %d", c.TriesLeft, i+1)
					}
				}
			}
		}, state: registration.RemoteRefused, outcome: "face"},
		"three tries, too late": {from: registration.RemoteEntered, do: func(p *phones, s string) {
			for range 3 {
				if _, err := p.r.BeginFace(p.ctx(), s); err != nil {
					p.t.Fatal(err)
				}
				p.clock.pass(11 * time.Second)
			}
			_, err := p.r.BeginFace(p.ctx(), s)
			wants(p.t, "a fourth", err, registration.ErrRefused)
		}, state: registration.RemoteRefused, outcome: "face"},
		"not the department's portrait":      {from: registration.RemoteFaced, set: func(p *phones) { p.portraits.match = registration.MatchFail }, do: verify, state: registration.RemoteRefused, outcome: "portrait"},
		"an unknown word about the portrait": {from: registration.RemoteFaced, set: func(p *phones) { p.portraits.match = "perhaps" }, do: verify, state: registration.RemoteRefused, outcome: "portrait"},
		"not on record": {from: registration.RemoteFaced, card: func(p *phones) hkic.Card {
			c := p.card("adult")
			c.Number = number(p.t, "Y", "999999")
			return c
		}, do: verify, state: registration.RemoteRefused, outcome: "not-found"},
		"deceased": {from: registration.RemoteFaced, card: func(p *phones) hkic.Card { return p.card("deceased") }, do: verify, state: registration.RemoteRefused, outcome: "deceased"},
		"other data": {from: registration.RemoteFaced, card: func(p *phones) hkic.Card {
			c := p.card("adult")
			c.GivenNames = "Somebody Else"
			return c
		}, do: verify, state: registration.RemoteRefused, outcome: "no-match"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPhones(t)
			if end.set != nil {
				end.set(p)
			}
			if end.card == nil {
				end.card = usual
			}
			s := p.until(end.from, end.card(p))
			end.do(p, s)
			c := p.is(s, end.state, end.outcome)
			p.nothing(name)
			for what, err := range map[string]error{
				"photo": second(p.r.RemotePhoto(p.ctx(), s, picture("card of chan"))), "data": second(p.r.ConfirmRemote(p.ctx(), s, "network", usual(p))),
				"face": second(p.r.BeginFace(p.ctx(), s)), "passkey": second(p.r.CompleteRemote(p.ctx(), s, phonePasskey(s))),
			} {
				wants(t, what+" after the end", err, registration.ErrState)
			}
			p.is(s, end.state, c.Outcome)
		})
	}
}

func second[T any](_ T, err error) error { return err }

// Immigration down, slow, lying, garbage: the case waits and says so, nobody is approved; and then it goes on.
func TestRemoteImmigration(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]struct {
		bend    func(w http.ResponseWriter, r *http.Request, answer []byte)
		untrust bool
	}{
		"down":    {bend: func(w http.ResponseWriter, _ *http.Request, _ []byte) { w.WriteHeader(http.StatusBadGateway) }},
		"garbage": {bend: func(w http.ResponseWriter, _ *http.Request, _ []byte) { _, _ = w.Write([]byte("{}")) }, untrust: true},
		"lying": {bend: func(w http.ResponseWriter, _ *http.Request, a []byte) {
			_, _ = w.Write([]byte(strings.Replace(string(a), `"signature":"`, `"signature":"AAAA`, 1)))
		}, untrust: true},
		"slow": {bend: func(_ http.ResponseWriter, r *http.Request, _ []byte) { <-r.Context().Done() }}, // until the client has given up
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPhones(t)
			p.bent.Store(&bad.bend)
			patient := p.cfg
			if name == "slow" { // who waits for that long an answer waits for no other
				p.cfg.Immigration = p.reference(t, 200*time.Millisecond)
				p.restart()
			}
			s := p.until(registration.RemoteFaced, p.card("adult"))
			for range 3 {
				if c := p.is(s, registration.RemoteFaced, ""); c.Waiting != "immigration" {
					t.Fatalf("it waits for %q", c.Waiting)
				}
				_, err := p.r.CompleteRemote(p.ctx(), s, phonePasskey(s))
				wants(t, "a passkey meanwhile", err, registration.ErrState)
				p.clock.pass(time.Minute)
				_, err = p.r.Sweep(p.ctx())
				p.must(err)
			}
			alarms, err := p.r.Alarms(p.ctx(), p.hire("chief", "supervisor", counter, number(t, "E", "100009")), 10)
			if err != nil || (len(alarms) > 0) != bad.untrust {
				t.Errorf("%d alarms, %v", len(alarms), err)
			}
			p.bent.Store(nil)
			if name == "slow" {
				p.r, err = registration.New(patient) // the photos stay
				p.must(err)
			}
			p.clock.pass(time.Minute)
			if c := p.is(s, registration.RemoteVerified, ""); c.Waiting != "" {
				t.Errorf("it still waits for %q", c.Waiting)
			}
			p.complete(s)
			p.is(s, registration.RemoteDone, "")
		})
	}
}

// The portrait match unavailable: the same.
func TestRemotePortraitUnavailable(t *testing.T) {
	t.Parallel()
	p := newPhones(t)
	p.portraits.err = errUnavailable
	s := p.until(registration.RemoteFaced, p.card("adult"))
	if c := p.is(s, registration.RemoteFaced, ""); c.Waiting != "immigration" {
		t.Errorf("it waits for %q", c.Waiting)
	}
	p.portraits.err = nil
	p.clock.pass(time.Minute)
	p.is(s, registration.RemoteVerified, "")
}

// Killed at each step: the photos are gone, nothing is half done, and the same browser goes on.
func TestRemoteKilled(t *testing.T) {
	t.Parallel()
	for from, after := range map[registration.RemoteState]registration.RemoteState{
		registration.RemoteNoticed: registration.RemoteNoticed, registration.RemotePictured: registration.RemoteNoticed, registration.RemoteEntered: registration.RemoteNoticed,
		registration.RemoteFaced: registration.RemoteNoticed, registration.RemoteVerified: registration.RemoteVerified, registration.RemoteDone: registration.RemoteDone,
	} {
		t.Run(string(from), func(t *testing.T) {
			t.Parallel()
			p := newPhones(t)
			card := p.card("adult")
			s := p.until(from, card)
			p.restart()
			if from == registration.RemoteFaced { // housekeeping may be first
				_, err := p.r.Sweep(p.ctx())
				p.must(err)
			}
			p.is(s, after, "")
			if after == registration.RemoteNoticed {
				p.photo(s)
				if from == registration.RemoteEntered || from == registration.RemoteFaced { // what was typed is still there
					if said, err := p.r.RemoteCard(p.ctx(), s); err != nil || said.Surname != card.Surname {
						t.Errorf("typed: %+v, %v", said, err)
					}
				}
				p.confirm(s, card)
				p.must(p.face(s))
				p.is(s, registration.RemoteVerified, "")
			}
			if after != registration.RemoteDone {
				p.complete(s)
			}
			p.is(s, registration.RemoteDone, "")
		})
	}
	// In the midst of a challenge, and between a decision and the erasure that goes with it.
	t.Run("challenge", func(t *testing.T) {
		t.Parallel()
		p := newPhones(t)
		s := p.until(registration.RemoteEntered, p.card("adult"))
		step, err := p.r.BeginFace(p.ctx(), s)
		p.must(err)
		var errNew error
		if p.r, errNew = registration.New(p.cfg); errNew != nil { // the photos happen to be there
			t.Fatal(errNew)
		}
		_, err = p.r.Frame(p.ctx(), s, step.Nonce, picture("chan front"))
		wants(t, "a frame for a challenge that is gone", err, registration.ErrTry)
		p.must(p.face(s))
		p.is(s, registration.RemoteVerified, "")
	})
	t.Run("erasure", func(t *testing.T) {
		t.Parallel()
		p := newPhones(t)
		s := p.until(registration.RemoteVerified, p.card("adult"))
		id := p.is(s, registration.RemoteVerified, "").ID
		if _, err := p.db.Pool.Exec(p.ctx(), `UPDATE registration_remote SET photos = true WHERE id = $1`, id); err != nil {
			t.Fatal(err)
		}
		p.must(p.photos.Keep(id, p.clock.now().Add(time.Hour), map[string][]byte{"card": picture("left over")}))
		_, err := p.r.Sweep(p.ctx())
		p.must(err)
		if p.photos.Has(id) {
			t.Error("the photos are still held")
		}
	})
}

// One account a number. A stranger who types somebody's number learns nothing, and keeps nobody out.
func TestRemoteDuplicate(t *testing.T) {
	t.Parallel()
	p := newPhones(t)
	ctx, card := p.ctx(), p.card("adult")
	d := p.desk()
	p.registered(d, card)
	s := p.until(registration.RemoteEntered, card) // nothing is said here
	p.must(p.face(s))
	p.is(s, registration.RemoteRefused, "registered")

	// A case on a phone is no obstacle at a counter; who is second to be active is refused.
	other := p.card("number with two letters")
	first, late := p.until(registration.RemoteVerified, other), p.until(registration.RemoteVerified, other)
	p.complete(first)
	_, err := p.r.CompleteRemote(ctx, late, phonePasskey(late))
	wants(t, "the second", err, registration.ErrRefused)
	p.is(late, registration.RemoteRefused, "registered")
	if found, err := p.r.Find(ctx, d.first, registration.ItemHKIC, other.Number.Secret()); err != nil || len(found) != 1 || found[0].State != registration.Active {
		t.Errorf("found %v, %v", found, err)
	}
	third := p.card("old card")
	p.until(registration.RemoteVerified, third)
	p.registered(d, third)
}

// A form that is sent many times at once opens one case; a name for a browser that is none of ours opens one under another.
func TestRemoteBeginsOnce(t *testing.T) {
	t.Parallel()
	p := newPhones(t)
	count := func() (cases, accounts int) {
		t.Helper()
		p.must(p.db.Pool.QueryRow(p.ctx(), `SELECT (SELECT count(*) FROM registration_remote), (SELECT count(*) FROM registration_account)`).Scan(&cases, &accounts))
		return cases, accounts
	}
	cases, accounts := count()
	browser := registration.NewBrowser()
	var all errgroup.Group
	for range 8 {
		all.Go(func() error {
			s, err := p.r.BeginRemote(p.ctx(), "network", "en", registration.CollectionNotice, browser)
			if err == nil && s != browser {
				err = fmt.Errorf("another secret: %s", s)
			}
			return err
		})
	}
	p.must(all.Wait())
	if c, a := count(); c != cases+1 || a != accounts+1 {
		t.Errorf("%d cases and %d accounts more", c-cases, a-accounts)
	}
	p.is(browser, registration.RemoteNoticed, "")
	for _, odd := range []string{"1", strings.Repeat("x", 44), browser + "=", strings.Repeat("-", 200)} {
		s, err := p.r.BeginRemote(p.ctx(), "network", "en", registration.CollectionNotice, odd)
		if err != nil || s == odd || len(s) != len(browser) {
			t.Errorf("%q: %q, %v", odd, s, err)
		}
	}
}

// Too many cases from one network, photos in one case, cases with one number.
func TestRemoteLimits(t *testing.T) {
	t.Parallel()
	p := newPhones(t)
	ctx := p.ctx()
	for i := range 61 {
		_, err := p.r.BeginRemote(ctx, "one network", "", registration.CollectionNotice, "")
		if (err != nil) != (i == 60) {
			t.Fatalf("case %d: %v", i, err)
		}
	}
	s := p.begin() // from another network
	for range 20 {
		p.photo(s)
	}
	_, err := p.r.RemotePhoto(ctx, s, picture("card of chan"))
	wants(t, "the 21st photo", err, registration.ErrTooMany)
	card := p.card("adult")
	p.confirm(s, card)
	for range 4 {
		p.must(p.r.CorrectRemote(ctx, s))
		p.confirm(s, card)
	}
	again := p.until(registration.RemotePictured, card)
	_, err = p.r.ConfirmRemote(ctx, again, "network", card)
	wants(t, "a sixth time that number", err, registration.ErrTooMany)
	p.is(again, registration.RemotePictured, "")
	p.confirm(again, p.card("number with two letters"))
	p.must(p.r.CorrectRemote(ctx, again))
	_, err = p.r.ConfirmRemote(ctx, again, "home", card) // its owner, who has tried it from nowhere
	p.must(err)
}

// However often strangers type a number, from however many networks, its owner goes on; an officer looks then.
func TestRemoteNumberTried(t *testing.T) {
	t.Parallel()
	p := newPhones(t)
	ctx, card := p.ctx(), p.card("adult")
	stranger := p.until(registration.RemotePictured, card)
	for i := range 50 {
		_, err := p.r.ConfirmRemote(ctx, stranger, fmt.Sprint("network ", i), card)
		p.must(err)
		p.must(p.r.CorrectRemote(ctx, stranger))
	}
	chief := p.hire("chief", "supervisor", counter, number(t, "E", "100009"))
	if alarms, err := p.r.Alarms(ctx, chief, 10); err != nil || len(alarms) != 0 {
		t.Errorf("alarms %+v, %v", alarms, err)
	}
	s := p.until(registration.RemotePictured, card)
	_, err := p.r.ConfirmRemote(ctx, s, "home", card)
	p.must(err)
	p.restart() // what was counted stays with the case when its photos do not
	p.is(s, registration.RemoteNoticed, "")
	p.photo(s)
	_, err = p.r.ConfirmRemote(ctx, s, "home", card)
	p.must(err)
	p.must(p.face(s))
	id := p.is(s, registration.RemoteReferred, "").ID
	if alarms, err := p.r.Alarms(ctx, chief, 10); err != nil || len(alarms) != 1 || alarms[0].Kind != "limit:remote-number-all" {
		t.Errorf("alarms %+v, %v", alarms, err)
	}
	r := p.reviewer()
	if one, err := p.r.Referral(ctx, r, id); err != nil || !slices.Equal(one.Reasons, []string{"number-tried"}) {
		t.Errorf("%+v, %v", one, err)
	}
	p.must(p.r.DecideReferral(ctx, r, id, true, "same-person"))
	p.complete(s)
	// Another number typed in a case is not what was counted.
	p.faces.match = registration.MatchPass
	p.is(stranger, registration.RemoteNoticed, "")
	p.photo(stranger)
	p.must(second(p.r.ConfirmRemote(ctx, stranger, "a network", card)))
	p.must(p.r.CorrectRemote(ctx, stranger))
	p.confirm(stranger, p.card("number with two letters"))
	p.must(p.face(stranger))
	p.is(stranger, registration.RemoteVerified, "")
}

// Frames: each nonce once, wrong poses ask again, sizes, other browsers.
func TestRemoteFrames(t *testing.T) {
	t.Parallel()
	p := newPhones(t)
	ctx := p.ctx()
	s := p.until(registration.RemoteEntered, p.card("adult"))
	step, err := p.r.BeginFace(ctx, s)
	p.must(err)
	if again, err := p.r.BeginFace(ctx, s); err != nil || again != step {
		t.Errorf("loaded anew: %+v, %v; it was %+v", again, err, step)
	}
	_, err = p.r.Frame(ctx, s, step.Nonce, make([]byte, 512<<10+1))
	wants(t, "a large frame", err, registration.ErrPicture)
	_, err = p.r.Frame(ctx, s, step.Nonce, nil)
	wants(t, "an empty frame", err, registration.ErrPicture)
	next, err := p.r.Frame(ctx, s, step.Nonce, picture("chan left"))
	if err != nil || next.Said != "pose" || next.Step != 1 || next.Nonce == step.Nonce {
		t.Fatalf("the wrong pose: %+v, %v", next, err)
	}
	_, err = p.r.Frame(ctx, s, step.Nonce, picture("chan front"))
	wants(t, "a nonce twice", err, registration.ErrTry)
	_, err = p.r.Frame(ctx, s, next.Nonce, picture("chan front"))
	wants(t, "after the end of the try", err, registration.ErrTry)
	if c := p.is(s, registration.RemoteEntered, ""); c.TriesLeft != 2 {
		t.Errorf("%d tries left", c.TriesLeft)
	}
	// A comparison that fails for the appliance's own reasons is nobody's fault, and approves nobody.
	p.faces.err = errSurprise
	wants(t, "comparing", p.face(s), errSurprise)
	p.is(s, registration.RemoteEntered, "")
	p.faces.err = nil
	p.must(p.face(s))
}

// Who passed with the last try is not refused by a frame, or a page, that comes late, nor ended by housekeeping that read the case before.
func TestRemoteLate(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]func(p *phones, s string) error{
		"frame": func(p *phones, s string) error {
			_, err := p.r.Frame(p.ctx(), s, "an old nonce", picture("chan front"))
			return err
		},
		"page": func(p *phones, s string) error { return second(p.r.BeginFace(p.ctx(), s)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPhones(t)
			s := p.until(registration.RemoteEntered, p.card("adult"))
			for range 2 {
				step, err := p.r.BeginFace(p.ctx(), s)
				p.must(err)
				_, err = p.r.Frame(p.ctx(), s, step.Nonce+"x", picture("chan front"))
				wants(t, "a try", err, registration.ErrTry)
			}
			_, err := p.r.BeginFace(p.ctx(), s)
			p.must(err)
			p.photos.meanwhile = func() { p.must(p.face(s)) }
			wants(t, "late", late(p, s), registration.ErrState)
			p.is(s, registration.RemoteVerified, "")
		})
	}
	t.Run("housekeeping", func(t *testing.T) {
		t.Parallel()
		p := newPhones(t)
		r := p.reviewer()
		p.faces.match = registration.MatchRefer
		first := p.until(registration.RemoteEntered, p.card("number with two letters"))
		s := p.until(registration.RemoteFaced, p.card("adult"))
		id := p.is(s, registration.RemoteReferred, "").ID
		p.clock.pass(20 * time.Minute)
		p.must(p.face(first))
		p.is(first, registration.RemoteReferred, "")
		p.clock.pass(41 * time.Minute)
		// An officer approves in the last minute, by the clock of another process, after housekeeping has read the case.
		p.photos.meanwhile = func() {
			p.clock.pass(-2 * time.Minute)
			p.must(p.r.DecideReferral(p.ctx(), r, id, true, "same-person"))
			p.clock.pass(2 * time.Minute)
		}
		if n, err := p.r.Sweep(p.ctx()); err != nil || n != 0 {
			t.Errorf("%d ended, %v", n, err)
		}
		p.is(s, registration.RemoteVerified, "")
	})
}

// No table holds a datum, a photo, what a machine read, or the browser's secret in the clear, at any step.
func TestRemoteNothingInTheClear(t *testing.T) {
	t.Parallel()
	p := newPhones(t)
	card := p.card("adult")
	datums := []string{card.Number.Secret(), card.Number.Normal(), card.Surname, card.GivenNames, card.ChineseName, card.Birth.String(), "CHEN", "card of chan", "chan front"}
	s := p.begin()
	for _, do := range []func(){
		func() { p.photo(s) }, func() { p.confirm(s, card) }, func() { p.must(p.face(s)) }, func() { p.is(s, registration.RemoteVerified, "") }, func() { p.complete(s) },
	} {
		do()
		if n := p.searchDatabase(append(datums, s)); n < 20 {
			t.Fatalf("only %d tables were searched", n)
		}
	}
	p.faces.match = registration.MatchRefer
	s = p.until(registration.RemoteFaced, p.card("number with two letters"))
	id := p.is(s, registration.RemoteReferred, "").ID
	r := p.reviewer()
	if _, err := p.r.ReferralPhoto(p.ctx(), r, id, registration.PhotoCard); err != nil {
		t.Fatal(err)
	}
	p.must(p.r.DecideReferral(p.ctx(), r, id, false, "data-differ"))
	p.searchDatabase(append(datums, s))
}
