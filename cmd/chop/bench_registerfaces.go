package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"maps"
	"sync"
	"time"

	"chop/registration"
	"chop/registration/kiosk"
	"chop/registration/ocr"
)

// benchSelfie stands for a frame of a camera: nobody looks at it.
var benchSelfie = bytes.Repeat([]byte("selfie"), 10_000)

func kioskAt(place string) kiosk.Kiosk { return kiosk.Kiosk{ID: place, Place: place} }

// benchFaces takes whoever comes for who they are. What a look of the engine takes is in docs/face.md.
type benchFaces struct{}

func (benchFaces) Card(_ context.Context, picture []byte) ([]byte, error) {
	return bytes.Clone(picture), nil
}

func (benchFaces) Challenge(now time.Time) registration.Challenge {
	return &benchChallenge{registration.FaceStep{Nonce: rand.Text(), Deadline: now.Add(time.Minute), Step: 1, Of: len(registration.Poses)}}
}

// benchChallenge asks for as many poses as the real one, and takes every frame.
type benchChallenge struct{ step registration.FaceStep }

func (c *benchChallenge) Step() registration.FaceStep {
	c.step.Pose = registration.Poses[min(c.step.Step, c.step.Of)-1]
	return c.step
}

func (c *benchChallenge) Take(context.Context, string, []byte, time.Time) (registration.FaceStep, error) {
	c.step.Step++
	c.step.Nonce, c.step.Passed = rand.Text(), c.step.Step > c.step.Of
	return c.Step(), nil
}

func (*benchChallenge) Match(context.Context, []byte) (registration.Match, error) {
	return registration.MatchPass, nil
}

func (*benchChallenge) Wipe() {}

// benchCards is tesseract, if it is installed.
func benchCards() registration.CardReader {
	reader, err := ocr.New(ocr.Config{})
	if err != nil {
		return nil
	}
	return phoneCards{reader}
}

// benchAlbum holds pictures of drawn cards in ordinary memory.
type benchAlbum struct {
	mu  sync.Mutex
	all map[string]map[string][]byte
}

func newBenchAlbum() *benchAlbum { return &benchAlbum{all: map[string]map[string][]byte{}} }

// Keep holds a case's pictures; they are copied, because the caller overwrites its own.
func (a *benchAlbum) Keep(id string, _ time.Time, pictures map[string][]byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all[id] = map[string][]byte{}
	for name, b := range maps.All(pictures) {
		a.all[id][name] = bytes.Clone(b)
	}
	return nil
}

// Open gives one.
func (a *benchAlbum) Open(id, name string) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if b := a.all[id][name]; b != nil {
		return bytes.Clone(b), nil
	}
	return nil, registration.ErrNoPhoto
}

// Has says whether a case has some.
func (a *benchAlbum) Has(id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.all[id] != nil
}

// Erase forgets a case's.
func (a *benchAlbum) Erase(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.all, id)
}
