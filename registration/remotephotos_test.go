package registration_test

import (
	"testing"
	"time"

	"chop/registration"
)

// another is a second process on the same database, with photos of its own.
func (p *phones) another() (*registration.Registry, *fakePhotos) {
	p.t.Helper()
	photos := &fakePhotos{held: map[string]map[string][]byte{}, until: map[string]time.Time{}}
	cfg, remote := p.cfg, *p.cfg.Remote
	remote.Photos, cfg.Remote = photos, &remote
	r, err := registration.New(cfg)
	p.must(err)
	return r, photos
}

// Photos that are kept while their case ends do not outlive it.
func TestPhotosOfAnEndedCase(t *testing.T) {
	t.Parallel()
	for name, from := range map[string]registration.RemoteState{"card": registration.RemoteNoticed, "selfie": registration.RemoteEntered} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPhones(t)
			s := p.until(from, p.card("adult"))
			by, err := p.r, error(nil)
			if from == registration.RemoteEntered { // here it would wait for the frame
				by, _ = p.another()
			}
			p.photos.before = func() { p.must(by.AbandonRemote(p.ctx(), s)) }
			if from == registration.RemoteNoticed {
				err = second(p.r.RemotePhoto(p.ctx(), s, picture("card of chan")))
			} else {
				err = p.face(s)
			}
			wants(t, "left meanwhile", err, registration.ErrState)
			if len(p.photos.held) != 0 {
				t.Error("photos outlive their case")
			}
			p.is(s, registration.RemoteEnded, "cancelled")
			_, err = p.r.Sweep(p.ctx())
			p.must(err)
			p.nothing("left meanwhile")
		})
	}
}

// A process neither loses nor erases what another has; who ends a case elsewhere leaves the photos to their holder, who erases them.
func TestPhotosElsewhere(t *testing.T) {
	t.Parallel()
	p := newPhones(t)
	ctx := p.ctx()
	sweep := func(r *registration.Registry) {
		t.Helper()
		_, err := r.Sweep(ctx)
		p.must(err)
	}
	other, there := p.another()
	r := p.reviewer()
	s, id := p.referred()
	sweep(other)
	if list, err := other.Referrals(ctx, r); err != nil || len(list) != 0 {
		t.Errorf("the queue where the photos are not: %v, %v", list, err)
	}
	wants(t, "decided where the photos are not", other.DecideReferral(ctx, r, id, true, "same-person"), registration.ErrNoCase)
	if list, err := p.r.Referrals(ctx, r); err != nil || len(list) != 1 {
		t.Fatalf("the queue where they are: %v, %v", list, err)
	}
	p.is(s, registration.RemoteReferred, "")

	// Its time is up, and the other process is first.
	p.clock.pass(61 * time.Minute)
	sweep(other)
	p.is(s, registration.RemoteEnded, "expired")
	if marked := p.rows(`SELECT count(*) FROM registration_remote WHERE photos`); marked != 1 || !p.photos.Has(id) {
		t.Errorf("%d marks, photos %v: who does not have them said that they are gone", marked, p.photos.Has(id))
	}
	sweep(p.r)
	p.nothing("ended elsewhere")

	// The person goes on at the other process: the photos are taken there again, and no copy stays.
	p.faces.match = registration.MatchPass
	s = p.until(registration.RemoteEntered, p.card("adult"))
	c, err := other.Remote(ctx, s)
	if err != nil || c.State != registration.RemoteNoticed {
		t.Fatalf("the case is %+v, %v", c, err)
	}
	p.must(second(other.RemotePhoto(ctx, s, picture("card of chan"))))
	sweep(p.r)
	if p.photos.Has(c.ID) || !there.Has(c.ID) {
		t.Errorf("photos here %v, there %v", p.photos.Has(c.ID), there.Has(c.ID))
	}

	// A holder that never comes back: its marks are believed for a day, and then they go.
	there.forget()
	p.clock.pass(32 * time.Minute)
	sweep(p.r)
	if marked := p.rows(`SELECT count(*) FROM registration_remote WHERE photos`); marked != 1 {
		t.Errorf("%d marks after half an hour", marked)
	}
	p.clock.pass(25 * time.Hour)
	sweep(p.r)
	p.nothing("a day later")
}
