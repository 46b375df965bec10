package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"chop/policies"
	"chop/registration"
	"chop/registration/face"
	"chop/registration/face/liveness"
)

// phoneFaces sees faces for registration on phones, by the engine and under the policy "remote".
type phoneFaces struct {
	engine face.Engine
	policy *policies.Face
}

// darkest is the mean light, of 255, under which a picture is called too dark.
const darkest = 40

// look decodes a picture and finds the face in it; the caller wipes the picture. Errors are registration's.
func (f phoneFaces) look(ctx context.Context, picture []byte, least float64) (*face.Picture, face.Face, error) {
	p, err := face.Decode(picture)
	if err != nil {
		return nil, face.Face{}, registration.ErrPicture
	}
	seen, err := f.engine.Look(ctx, p)
	if err == nil {
		err = seen.Large(least)
	}
	for _, known := range []struct{ is, as error }{
		{face.ErrNoFace, registration.ErrNoFace}, {face.ErrManyFaces, registration.ErrManyFaces}, {face.ErrSmall, registration.ErrSmallFace},
	} {
		if errors.Is(err, known.is) {
			err = known.as
			break
		}
	}
	if err != nil && light(p) < darkest {
		err = registration.ErrDark
	}
	return p, seen, err
}

// light is the mean of a picture's pixels.
func light(p *face.Picture) float64 {
	sum := 0
	for _, v := range p.Pix {
		sum += int(v)
	}
	return float64(sum) / float64(max(1, len(p.Pix)))
}

func (f phoneFaces) Card(ctx context.Context, picture []byte) ([]byte, error) {
	p, _, err := f.look(ctx, picture, f.policy.LeastPortrait)
	if p != nil {
		defer p.Wipe()
	}
	if err != nil {
		return nil, err
	}
	return p.JPEG(face.Longest)
}

func (f phoneFaces) Challenge(now time.Time) registration.Challenge {
	return &phoneChallenge{faces: f, asked: liveness.New(f.policy, now)}
}

// phoneChallenge is a challenge of package liveness over pictures.
type phoneChallenge struct {
	faces  phoneFaces
	asked  *liveness.Challenge
	said   string
	passed bool
}

func (c *phoneChallenge) Step() registration.FaceStep {
	r := c.asked.Request()
	return registration.FaceStep{Pose: string(r.Pose), Nonce: r.Nonce, Deadline: r.Deadline, Step: r.Step, Of: r.Of, Said: c.said, Passed: c.passed}
}

// unseen are the words for frames in which no face could be judged.
var unseen = []struct {
	err  error
	said string
}{
	{registration.ErrPicture, "picture"}, {registration.ErrNoFace, "no-face"}, {registration.ErrManyFaces, "many-faces"},
	{registration.ErrSmallFace, "small"}, {registration.ErrDark, "dark"},
}

func (c *phoneChallenge) Take(ctx context.Context, nonce string, frame []byte, now time.Time) (registration.FaceStep, error) {
	before := c.asked.Request()
	p, seen, err := c.faces.look(ctx, frame, c.faces.policy.LeastSide)
	if p != nil {
		defer p.Wipe()
	}
	for _, u := range unseen {
		if errors.Is(err, u.err) {
			if err := c.asked.Missed(nonce, now); err != nil {
				return registration.FaceStep{}, fmt.Errorf("%w: %w", registration.ErrTry, err)
			}
			c.said = u.said
			return c.Step(), nil
		}
	}
	if err != nil {
		return registration.FaceStep{}, err
	}
	if c.passed, err = c.asked.Take(liveness.Frame{Nonce: nonce, Digest: sha256.Sum256(frame), Face: seen}, now); err != nil {
		return registration.FaceStep{}, fmt.Errorf("%w: %w", registration.ErrTry, err)
	}
	if c.said = ""; !c.passed && c.asked.Request().Step == before.Step {
		c.said = "pose"
	}
	return c.Step(), nil
}

func (c *phoneChallenge) Match(ctx context.Context, card []byte) (registration.Match, error) {
	front, err := c.asked.Front()
	if err != nil {
		return "", err
	}
	p, portrait, err := c.faces.look(ctx, card, c.faces.policy.LeastPortrait)
	if p != nil {
		defer p.Wipe()
	}
	if err != nil {
		return "", err
	}
	switch face.Match(c.faces.policy, front, &portrait).Outcome {
	case face.Pass:
		return registration.MatchPass, nil
	case face.Refer:
		return registration.MatchRefer, nil
	}
	return registration.MatchFail, nil
}

func (c *phoneChallenge) Wipe() { c.asked.Wipe() }
