package liveness

import (
	"context"
	"crypto/sha256"
	"errors"
	"testing"

	"chop/registration/face"
	"chop/registration/face/facetest"
	"chop/registration/face/nets"
)

// A whole challenge with the engine, over pictures warped from one face: what a
// person's camera might send. That warped pictures pass is what docs/face.md says of its limits.
func TestWithEngine(t *testing.T) {
	t.Parallel()
	engine, err := nets.New(nets.Config{Weights: facetest.Model(t)})
	if err != nil {
		t.Fatal(err)
	}
	look := func(p *face.Picture) face.Face {
		f, err := engine.Look(context.Background(), p)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	plain := facetest.Person(t, 0)
	front := look(plain)
	seen := map[Pose]face.Face{
		Front: front,
		Left:  look(facetest.Turn(plain, &front, 0.8)),
		Right: look(facetest.Turn(plain, &front, -0.8)),
		Blink: look(facetest.Blink(plain, &front)),
	}
	other := look(facetest.Person(t, 3))
	p := policy(t)
	for range 12 {
		c := New(p, start)
		for n := byte(0); ; n++ {
			asked := c.Request().Pose
			for pose, f := range seen { // those that are not asked are not taken
				if pose == asked || asked == Front { // a little turned may do, at first
					continue
				}
				if _, err := c.Take(Frame{Nonce: c.Request().Nonce, Face: f}, start); err != nil || c.Request().Pose != asked {
					t.Fatalf("%s was taken for %s: %v", pose, asked, err)
				}
			}
			passed, err := c.Take(Frame{Nonce: c.Request().Nonce, Digest: sha256.Sum256([]byte{n}), Face: seen[asked]}, start)
			if err != nil {
				t.Fatal(err)
			}
			if passed {
				break
			}
			if c.Request().Pose == asked {
				t.Fatalf("%s was not taken: %.1f, eyes %.2f; at first %.1f, %.2f", asked, pose(seen[asked]), seen[asked].Eyes, front.Pose(), front.Eyes)
			}
		}
		f, err := c.Front()
		if err != nil {
			t.Fatal(err)
		}
		if v := face.Match(p, f, &front); v.Outcome != face.Pass {
			t.Errorf("the same portrait: %+v", v)
		}
		if v := face.Match(p, f, &other); v.Outcome == face.Pass {
			t.Errorf("another's portrait: %+v", v)
		}
	}
	c := New(p, start)
	if _, err := c.Take(Frame{Nonce: c.Request().Nonce, Face: front}, start); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Take(Frame{Nonce: c.Request().Nonce, Digest: [32]byte{1}, Face: other}, start); !errors.Is(err, ErrOtherFace) {
		t.Errorf("another person: %v", err)
	}
}

func pose(f face.Face) face.Pose { return f.Pose() }
