package cardface

import (
	"context"
	"errors"
	"image"
	"testing"

	"chop/internal/typeset"
	"chop/policies"
	"chop/registration/face"
	"chop/registration/face/facetest"
	"chop/registration/face/nets"
	"chop/registration/hkic"
)

// A face in the portrait's place, photographed, is found, large enough, and taken for
// the same person's face, and not for another's.
func TestPortrait(t *testing.T) {
	t.Parallel()
	engine, err := nets.New(nets.Config{Weights: facetest.Model(t)})
	if err != nil {
		t.Fatal(err)
	}
	set, err := policies.Load()
	if err != nil {
		t.Fatal(err)
	}
	policy, err := set.Face("remote")
	if err != nil {
		t.Fatal(err)
	}
	number, err := hkic.Parse("C668668(9)")
	if err != nil {
		t.Fatal(err)
	}
	c := hkic.Card{Number: number, Surname: "LOK", GivenNames: "Wing Ching", ChineseName: "樂永晴", Birth: hkic.Date{Year: 1985, Month: 6, Day: 3}, Issued: hkic.Date{Year: 2018, Month: 11, Day: 26}}
	look := func(p *face.Picture) face.Face {
		f, err := engine.Look(context.Background(), p)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	person := facetest.Person(t, 0)
	card, err := Draw(c, person.Reduced(face.Longest))
	if err != nil {
		t.Fatal(err)
	}
	on := look(face.FromImage(OnTable(card, 1280, 720)))
	if err := on.Large(policy.LeastPortrait); err != nil {
		t.Error(err)
	}
	self, other := look(person), look(facetest.Person(t, 3))
	if v := face.Match(policy, &on, &self); v.Outcome != face.Pass {
		t.Errorf("the same person: %+v", v)
	}
	if v := face.Match(policy, &on, &other); v.Outcome == face.Pass {
		t.Errorf("another person: %+v", v)
	}
}

func TestDraw(t *testing.T) {
	t.Parallel()
	m, err := Draw(hkic.Card{ChineseName: "𠝹一", Surname: "CHAN", Birth: hkic.Date{Year: 1957}}, nil)
	if err != nil || m.Bounds() != image.Rect(0, 0, Width, Height) {
		t.Errorf("HKSCS beyond the BMP, partial date: %v", err)
	}
	if _, err := Draw(hkic.Card{Surname: "ÇÎ\U0010ffff"}, nil); !errors.Is(err, typeset.ErrGlyph) {
		t.Errorf("a character of no font: %v", err)
	}
}
