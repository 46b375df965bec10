package liveness

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math"
	"testing"
	"time"

	"chop/policies"
	"chop/registration/face"
)

var start = time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)

// person is a face that an engine might have seen: a plain head, turned.
func person(who int, yaw, open float64) face.Face {
	f := face.Face{Box: face.Box{W: 200, H: 200}, Eyes: [2]float64{open, open}}
	f.Descriptor[who] = 1
	// The seven points that a pose is made of; see face/pose.go.
	sin, cos := math.Sincos(yaw * math.Pi / 180)
	for i, p := range map[int][3]float64{30: {0, 0, 0}, 8: {0, 330, 65}, 36: {-225, -170, 135}, 45: {225, -170, 135}, 27: {0, -170, 55}, 48: {-150, 150, 125}, 54: {150, 150, 125}} {
		f.Landmarks[i] = face.Point{X: 300 + (p[0]*cos-p[2]*sin)/4, Y: 300 + p[1]/4}
	}
	return f
}

func posed(who int, p Pose) face.Face {
	switch p {
	case Left:
		return person(who, 30, 0.3)
	case Right:
		return person(who, -30, 0.3)
	case Blink:
		return person(who, 0, 0.05)
	}
	return person(who, 0, 0.3)
}

var frames int

// taking is a new frame of a person in a pose, as asked now.
func taking(c *Challenge, who int, p Pose) Frame {
	frames++
	return Frame{Nonce: c.Request().Nonce, Digest: sha256.Sum256(fmt.Append(nil, frames)), Face: posed(who, p)}
}

func policy(t *testing.T) *policies.Face {
	t.Helper()
	s, err := policies.Load()
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Face("remote")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestChallenge(t *testing.T) {
	p := policy(t)
	orders := map[string]int{}
	for range 600 {
		c := New(p, start)
		now := start
		order := ""
		for step := 1; ; step++ {
			r := c.Request()
			if r.Step != step || r.Of != p.Poses+1 || !r.Deadline.Equal(now.Add(10*time.Second)) {
				t.Fatalf("request %+v at %v", r, now)
			}
			order += string(r.Pose) + " "
			if _, err := c.Front(); err == nil {
				t.Fatal("a face for the portrait before the end")
			}
			now = now.Add(9 * time.Second)
			passed, err := c.Take(taking(c, 1, r.Pose), now)
			if err != nil {
				t.Fatalf("%s: %v", order, err)
			}
			if passed {
				break
			}
		}
		orders[order]++
		if f, err := c.Front(); err != nil || *f != posed(1, Front) {
			t.Fatalf("the face at the end: %v", err)
		}
		if _, err := c.Take(taking(c, 1, Front), now); !errors.Is(err, ErrOver) {
			t.Fatalf("after the end: %v", err)
		}
		c.Wipe()
		if c.front != (face.Face{}) {
			t.Fatal("the face is still there")
		}
	}
	if len(orders) != 3*2*2 {
		t.Errorf("%d orders in 600 challenges: %v", len(orders), maps.Collect(maps.All(orders)))
	}
}

// Each attack, after the poses before it were taken.
func TestAttacks(t *testing.T) {
	p := policy(t)
	p.Poses = 3
	for name, attack := range map[string]struct {
		want error
		do   func(c *Challenge, now time.Time) error
	}{
		"late": {ErrLate, func(c *Challenge, now time.Time) error {
			_, err := c.Take(taking(c, 1, c.Request().Pose), c.Request().Deadline.Add(time.Millisecond))
			return err
		}},
		"other face": {ErrOtherFace, func(c *Challenge, now time.Time) error {
			_, err := c.Take(taking(c, 2, c.Request().Pose), now)
			return err
		}},
		"nonce of before": {ErrNonce, func(c *Challenge, now time.Time) error {
			f := taking(c, 1, Front)
			if _, err := c.Take(f, now); err != nil {
				return err
			}
			_, err := c.Take(f, now)
			return err
		}},
		"nonce of another challenge": {ErrNonce, func(c *Challenge, now time.Time) error {
			f := taking(c, 1, c.Request().Pose)
			f.Nonce = New(p, now).Request().Nonce
			_, err := c.Take(f, now)
			return err
		}},
		"no nonce": {ErrNonce, func(c *Challenge, now time.Time) error { return c.Missed("", now) }},
		"wrong pose for ever": {ErrFrames, func(c *Challenge, now time.Time) error {
			return for100(c, func() Frame { return taking(c, 1, opposite(c.Request().Pose)) }, now)
		}},
		"looking straight for ever": {ErrFrames, func(c *Challenge, now time.Time) error {
			return for100(c, func() Frame { return taking(c, 1, Front) }, now)
		}},
		"a still picture until it is late": {ErrLate, func(c *Challenge, now time.Time) error {
			f := taking(c, 1, Front)
			for {
				f.Nonce = c.Request().Nonce
				if _, err := c.Take(f, now); err != nil {
					return err
				}
				now = now.Add(time.Second)
			}
		}},
		"no face in the frames": {ErrFrames, func(c *Challenge, now time.Time) error {
			for range 100 {
				if err := c.Missed(c.Request().Nonce, now); err != nil {
					return err
				}
			}
			return nil
		}},
	} {
		for before := 1; before <= p.Poses; before++ {
			c := New(p, start)
			now := start
			for range before {
				now = now.Add(time.Second)
				if _, err := c.Take(taking(c, 1, c.Request().Pose), now); err != nil {
					t.Fatal(err)
				}
			}
			if err := attack.do(c, now); !errors.Is(err, attack.want) {
				t.Errorf("%s after %d poses: %v, want %v", name, before, err, attack.want)
			}
			// It is over, whatever comes.
			if passed, err := c.Take(taking(c, 1, c.Request().Pose), now); passed || !errors.Is(err, ErrOver) {
				t.Errorf("%s: went on: %v", name, err)
			}
			if _, err := c.Front(); !errors.Is(err, attack.want) {
				t.Errorf("%s: a face for the portrait: %v", name, err)
			}
		}
	}
}

func for100(c *Challenge, f func() Frame, now time.Time) error {
	for range 100 {
		if passed, err := c.Take(f(), now); passed || err != nil {
			return err
		}
	}
	return nil
}

func opposite(p Pose) Pose {
	switch p {
	case Left:
		return Right
	case Right:
		return Left
	}
	return Left
}

// A frame that was accepted does not count a second time, under whatever nonce.
func TestSameFrameAgain(t *testing.T) {
	p := policy(t)
	c := New(p, start)
	c.steps = []Pose{Front, Left, Right, Left}
	first := map[Pose]Frame{}
	for _, pose := range c.steps[:3] {
		f := taking(c, 1, pose)
		first[pose] = f
		if _, err := c.Take(f, start); err != nil {
			t.Fatal(err)
		}
	}
	again := first[Left]
	again.Nonce = c.Request().Nonce
	if passed, err := c.Take(again, start); passed || err != nil {
		t.Fatalf("the frame of before: %v, %v", passed, err)
	}
	if passed, err := c.Take(taking(c, 1, Left), start); !passed || err != nil {
		t.Fatalf("a new one: %v, %v", passed, err)
	}
}

// What does not face the camera at first cannot be turned from.
func TestFront(t *testing.T) {
	p := policy(t)
	small := person(1, 0, 0.3)
	small.Box = face.Box{W: 119, H: 300}
	for name, f := range map[string]face.Face{
		"turned": person(1, 20, 0.3), "eyes shut": person(1, 0, 0.05), "small": small,
	} {
		c := New(p, start)
		if _, err := c.Take(Frame{Nonce: c.Request().Nonce, Face: f}, start); err != nil {
			t.Fatal(err)
		}
		if c.Request().Pose != Front {
			t.Errorf("%s was taken for looking into the camera", name)
		}
	}
}
