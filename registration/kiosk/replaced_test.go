package kiosk_test

import (
	"testing"

	"chop/registration"
	"chop/registration/hkic/issuer"
)

// The department compares no face with a card that it replaced: the person is told of the card, at the first try, and not
// that the face is another's.
func TestReplacedCard(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	g.stranger.Store(true)
	if v, err := g.agent().Card(t.Context(), g.card(issuer.Replaced, 8)); err != nil || v.State != "read" {
		t.Fatalf("%+v, %v", v, err)
	}
	s, err := g.book.Current(t.Context(), here)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.book.OpenCase(t.Context(), here, s.ID, registration.Contact{Language: "en"}); err != nil {
		t.Fatal(err)
	}
	wants(t, "its holder's face", g.present(s.ID, "theirs"), registration.ErrRefused)
	c, err := g.registry.Case(t.Context(), registration.Kiosk(here.ID, here.Place), s.ID)
	if err != nil || c.State != registration.Refused || c.Outcome != "replaced" {
		t.Errorf("case %+v, %v", c, err)
	}
}
