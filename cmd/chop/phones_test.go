package main

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"testing"
	"time"

	"chop/policies"
	"chop/registration"
	"chop/registration/face"
	"chop/registration/face/facetest"
	"chop/registration/face/nets"
	"chop/registration/immd"
	"chop/registration/ocr"
	"chop/registration/ocr/cardface"
)

// The parts of registration on phones as they are wired: a drawn card with a person's portrait is taken and read, the
// person's poses pass, and are the portrait's; another person's are not.
func TestPhoneParts(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
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
	faces := phoneFaces{engine, policy}
	file := func(m image.Image) []byte {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 90}); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	person := facetest.Person(t, 0)
	holder := immd.People(time.Now())[0].Card
	drawn, err := cardface.Draw(holder, person.Reduced(1024))
	if err != nil {
		t.Fatal(err)
	}
	card, err := faces.Card(ctx, file(cardface.OnTable(drawn, 1600, 1200)))
	if err != nil {
		t.Fatalf("the card: %v", err)
	}
	reader, err := ocr.New(ocr.Config{})
	if err != nil {
		t.Fatal(err)
	}
	said, err := phoneCards{reader}.Read(ctx, card)
	if err != nil || said.Number != holder.Number.Secret() {
		t.Errorf("read from the card: the number is right: %v, %v", said.Number == holder.Number.Secret(), err)
	}
	for name, c := range map[string]struct {
		picture image.Image
		want    error
	}{
		"black":   {image.NewRGBA(image.Rect(0, 0, 640, 480)), registration.ErrDark},
		"no face": {bright(640, 480), registration.ErrNoFace},
	} {
		if _, err := faces.Card(ctx, file(c.picture)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := faces.Card(ctx, []byte("no picture")); !errors.Is(err, registration.ErrPicture) {
		t.Errorf("no picture: %v", err)
	}

	// frames of a person in each pose, each a little brighter than the one before: no two files are alike.
	frames := func(n int) func(pose string, i int) []byte {
		p := facetest.Person(t, n)
		seen, err := engine.Look(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		made := map[string]*face.Picture{"front": p, "left": facetest.Turn(p, &seen, 0.8), "right": facetest.Turn(p, &seen, -0.8), "blink": facetest.Blink(p, &seen)}
		return func(pose string, i int) []byte {
			return file(facetest.Brighter(made[pose], 1-0.01*float64(i)).Reduced(1024))
		}
	}
	own, others := frames(0), frames(3)
	try := func(shown func(string, int) []byte) (registration.Challenge, error) {
		now := time.Now()
		ch := faces.Challenge(now)
		step := ch.Step()
		for i := 0; !step.Passed && i < 20; i++ {
			if step, err = ch.Take(ctx, step.Nonce, shown(step.Pose, i), now); err != nil {
				return ch, err
			}
		}
		if !step.Passed {
			t.Fatalf("stuck at %s: %s", step.Pose, step.Said)
		}
		return ch, nil
	}
	ch, err := try(own)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := ch.Match(ctx, card); err != nil || m != registration.MatchPass {
		t.Errorf("the card's holder: %s, %v", m, err)
	}
	_, err = try(func(pose string, i int) []byte {
		if i == 0 {
			return own(pose, i)
		}
		return others(pose, i)
	})
	if !errors.Is(err, registration.ErrTry) {
		t.Errorf("another face in the midst: %v", err)
	}
	stranger := faces.Challenge(time.Now())
	if step, err := stranger.Take(ctx, stranger.Step().Nonce, []byte("no picture"), time.Now()); err != nil || step.Said != "picture" || step.Step != 1 {
		t.Errorf("a frame that is none: %+v, %v", step, err)
	}
	if _, err := stranger.Take(ctx, "another nonce", own("front", 0), time.Now()); !errors.Is(err, registration.ErrTry) {
		t.Errorf("another nonce: %v", err)
	}
	if _, err := stranger.Match(ctx, card); err == nil {
		t.Error("compared before its time")
	}
}

func bright(w, h int) image.Image {
	m := image.NewGray(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		m.Pix[i] = 200
	}
	return m
}
