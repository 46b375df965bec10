// Package liveness asks a person in front of a camera for poses in an order that
// nobody knew before, and judges frame by frame whether they were taken, by one and
// the same face. It is pure: frames come in as what an engine saw of them, and time
// as an argument.
//
// It stops a photograph held before the camera, and a recording that was made for
// another challenge. It is no presentation attack detection in the sense of
// ISO/IEC 30107-3 and was never evaluated as such: a video that is made to answer while the challenge runs, a
// recording long enough to hold every pose, a mask, or a camera that is a program can pass. docs/face.md says what that means.
package liveness

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"chop/policies"
	"chop/registration/face"
)

// Pose is what is asked.
type Pose string

const (
	Front Pose = "front" // look into the camera, eyes open
	Left  Pose = "left"  // turn the head to one's own left
	Right Pose = "right"
	Blink Pose = "blink" // shut both eyes
)

// The ends of a challenge that failed. Each is final: another try is another challenge.
var (
	// ErrLate says that a pose was not taken in its time.
	ErrLate = errors.New("the pose was not taken in time")
	// ErrNonce says that a frame does not carry the nonce that was given last: it was sent twice, or is of another challenge.
	ErrNonce = errors.New("the frame is not the one that was asked for")
	// ErrOtherFace says that a frame shows another face than the first.
	ErrOtherFace = errors.New("the face changed")
	// ErrFrames says that there were too many frames for one pose.
	ErrFrames = errors.New("too many frames for one pose")
	// ErrOver says that the challenge has ended already.
	ErrOver = errors.New("the challenge has ended")
)

// maxFrames is how many frames may be sent for one pose.
const maxFrames = 40

// Frame is one picture of the camera.
type Frame struct {
	Nonce  string            // that of the Request it answers
	Digest [sha256.Size]byte // of the picture's file
	Face   face.Face         // what the engine saw
}

// Request is what the page is to ask, and what its next frame must carry.
type Request struct {
	Pose     Pose
	Nonce    string    // for one frame
	Deadline time.Time // until when the pose must have been taken
	Step, Of int       // from 1
}

// Challenge is one try. It belongs to one request at a time, holds descriptors of
// a face, and is therefore never stored: Wipe it at its end.
type Challenge struct {
	policy *policies.Face
	steps  []Pose
	taken  [][sha256.Size]byte // frames that were accepted
	front  face.Face
	now    Request
	frames int
	ended  error // ErrOver once passed
}

// New makes a challenge of the poses that the policy wants, in an order from the system's randomness.
func New(policy *policies.Face, now time.Time) *Challenge {
	c := &Challenge{policy: policy, steps: []Pose{Front}}
	for len(c.steps) <= policy.Poses {
		others := slices.DeleteFunc([]Pose{Left, Right, Blink}, func(p Pose) bool { return p == c.steps[len(c.steps)-1] })
		c.steps = append(c.steps, others[pick(len(others))])
	}
	c.ask(now)
	return c
}

// pick is a random number under n, which is at most 3.
func pick(n int) int {
	for {
		var b [1]byte
		rand.Read(b[:]) // never fails (Go 1.24)
		if limit := 256 / n * n; int(b[0]) < limit {
			return int(b[0]) % n
		}
	}
}

// ask begins the next pose.
func (c *Challenge) ask(now time.Time) {
	step := len(c.taken)
	c.frames = 0
	c.now = Request{Pose: c.steps[step], Nonce: rand.Text(), Step: step + 1, Of: len(c.steps),
		Deadline: now.Add(time.Duration(c.policy.Seconds) * time.Second)}
}

// Request is what is asked now.
func (c *Challenge) Request() Request { return c.now }

// Front is what was seen when the person looked into the camera, for comparing
// with the portrait: once the challenge has passed, else ErrOver or what ended it.
func (c *Challenge) Front() (*face.Face, error) {
	if len(c.taken) < len(c.steps) {
		if c.ended != nil {
			return nil, c.ended
		}
		return nil, fmt.Errorf("the challenge is at pose %d of %d", c.now.Step, c.now.Of)
	}
	return &c.front, nil
}

// Take judges a frame. Passed says that it was the last pose. With neither error nor
// Passed, Request tells what to send next: the next pose, or the same one again where this frame did not show
// it. An error ends the challenge.
func (c *Challenge) Take(f Frame, now time.Time) (passed bool, err error) {
	if c.ended != nil {
		return false, fmt.Errorf("%w: %w", ErrOver, c.ended)
	}
	if err := c.judge(f, now); err != nil {
		c.ended = err
		return false, err
	}
	if len(c.taken) == len(c.steps) {
		c.ended = ErrOver
		return true, nil
	}
	return false, nil
}

// Missed counts a frame in which there was no face, or several: it uses up its nonce.
func (c *Challenge) Missed(nonce string, now time.Time) error {
	if c.ended != nil {
		return fmt.Errorf("%w: %w", ErrOver, c.ended)
	}
	c.ended = c.admit(nonce, now)
	return c.ended
}

// admit uses up the nonce and gives another.
func (c *Challenge) admit(nonce string, now time.Time) error {
	switch {
	case nonce != c.now.Nonce:
		return ErrNonce
	case now.After(c.now.Deadline):
		return ErrLate
	case c.frames >= maxFrames:
		return ErrFrames
	}
	c.frames++
	c.now.Nonce = rand.Text()
	return nil
}

func (c *Challenge) judge(f Frame, now time.Time) error {
	if err := c.admit(f.Nonce, now); err != nil {
		return err
	}
	if c.now.Pose != Front && f.Face.Descriptor.Distance(&c.front.Descriptor) >= c.policy.Refer {
		return ErrOtherFace
	}
	if slices.Contains(c.taken, f.Digest) || !c.shows(&f.Face) {
		return nil // the same again, please
	}
	if c.now.Pose == Front {
		c.front = f.Face
	}
	if c.taken = append(c.taken, f.Digest); len(c.taken) < len(c.steps) {
		c.ask(now)
	}
	return nil
}

// leastEyes is how open both eyes together must be at first, so that a blink can be seen at all (see face.Openness).
const leastEyes = 0.2

// shows reports whether a face is in the pose that is asked. Turns are measured from where the person looked at first.
func (c *Challenge) shows(f *face.Face) bool {
	if f.Large(c.policy.LeastSide) != nil {
		return false
	}
	pose, eyes := f.Pose(), f.Eyes[0]+f.Eyes[1]
	turned := pose.Yaw - c.front.Pose().Yaw
	switch c.now.Pose {
	case Front: // a telephone is held low: nodding may be twice as much
		return within(pose.Yaw, c.policy.Facing) && within(pose.Pitch, 2*c.policy.Facing) && eyes >= leastEyes
	case Left:
		return turned >= c.policy.Turned
	case Right:
		return -turned >= c.policy.Turned
	case Blink:
		return within(turned, c.policy.Facing) && eyes <= c.policy.Shut*(c.front.Eyes[0]+c.front.Eyes[1])
	}
	return false
}

func within(x, limit float64) bool { return x >= -limit && x <= limit }

// Wipe forgets the face.
func (c *Challenge) Wipe() {
	c.front = face.Face{}
	clear(c.taken)
	if c.ended == nil {
		c.ended = ErrOver
	}
	c.taken = nil
}
