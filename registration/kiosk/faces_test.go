package kiosk_test

import (
	"context"
	"sync/atomic"
	"time"

	"chop/internal/solecontrol"
	"chop/registration"
	"chop/registration/hkic"
)

// faces see one frame, and that the person looks into the camera; a picture here is a text.
type faces struct{ registration.Faces }

func (faces) Challenge(now time.Time) registration.Challenge {
	return &challenge{step: registration.FaceStep{Pose: registration.PoseFront, Nonce: solecontrol.NewID(), Deadline: now.Add(10 * time.Second), Step: 1, Of: 1}}
}

type challenge struct{ step registration.FaceStep }

func (c *challenge) Step() registration.FaceStep { return c.step }

func (c *challenge) Take(_ context.Context, nonce string, _ []byte, now time.Time) (registration.FaceStep, error) {
	if nonce != c.step.Nonce || now.After(c.step.Deadline) {
		return registration.FaceStep{}, registration.ErrTry
	}
	c.step.Passed = true
	return c.step, nil
}

func (c *challenge) Match(context.Context, []byte) (registration.Match, error) {
	panic("no card has a photo")
}

func (c *challenge) Wipe() {}

// portraits believe every face but "another", and none while all are strangers.
type portraits struct{ strangers *atomic.Bool }

func (p portraits) MatchPortrait(_ context.Context, _ hkic.Card, _ string, selfie []byte) (registration.Match, []byte, error) {
	if string(selfie) == "another" || p.strangers.Load() {
		return registration.MatchFail, []byte("signed"), nil
	}
	return registration.MatchPass, []byte("signed"), nil
}

// present is somebody before the camera.
func (g *rig) present(id, face string) error {
	c := registration.Kiosk(here.ID, here.Place)
	step, err := g.registry.BeginPresence(g.t.Context(), c, id)
	if err != nil {
		return err
	}
	_, err = g.registry.PresenceFrame(g.t.Context(), c, id, step.Nonce, []byte(face))
	return err
}
