package registration

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"chop/internal/audit"
	"chop/internal/postgres"
)

// maxFrame bounds a frame of the camera, in bytes: the Immigration Department takes no more of a selfie.
const maxFrame = 512 << 10

// reasonPortrait: the face is not clearly that of the card's portrait.
const reasonPortrait = "card-portrait"

// reasonTried: the card's number was typed so often that somebody may be trying.
const reasonTried = "number-tried"

// faceTry is a challenge under way. It lies in memory, and is lost with the process: the person begins another.
type faceTry struct {
	mu     sync.Mutex
	ch     Challenge // nil once it is over
	selfie []byte    // the frame that looked into the camera
}

func (t *faceTry) wipe() {
	if t.ch != nil {
		t.ch.Wipe()
	}
	clear(t.selfie)
	t.ch, t.selfie = nil, nil
}

// faceTries are those of all cases.
type faceTries struct {
	mu  sync.Mutex
	all map[string]*faceTry
}

func (f *faceTries) get(id string) *faceTry {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.all[id]
}

// running is what is asked now by a case's challenge, if there is one and its time is not up.
func (f *faceTries) running(id string, now time.Time) (FaceStep, bool) {
	t := f.get(id)
	if t == nil {
		return FaceStep{}, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ch == nil || !now.Before(t.ch.Step().Deadline) {
		return FaceStep{}, false
	}
	return t.ch.Step(), true
}

func (f *faceTries) put(id string, t *faceTry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all == nil {
		f.all = map[string]*faceTry{}
	}
	f.all[id] = t
}

// end forgets a case's challenge.
func (f *faceTries) end(id string) {
	f.mu.Lock()
	t := f.all[id]
	delete(f.all, id)
	f.mu.Unlock()
	if t != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.wipe()
	}
}

// sweep forgets challenges that nobody goes on with.
func (f *faceTries) sweep(now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, t := range f.all {
		if !t.mu.TryLock() {
			continue // a frame is being judged
		}
		if t.ch == nil || now.After(t.ch.Step().Deadline.Add(time.Minute)) {
			t.wipe()
			delete(f.all, id)
		}
		t.mu.Unlock()
	}
}

// BeginFace begins a challenge, or goes on with the one that runs: loading a page anew costs no try.
// Each challenge that begins is a try, so that nobody picks one that suits them. ErrRefused: there is none
// left, and the case is over.
func (r *Registry) BeginFace(ctx context.Context, browser string) (FaceStep, error) {
	row, err := r.remoteOf(ctx, browser)
	if err != nil {
		return FaceStep{}, err
	}
	if _, err := next("remote", row.State, actFace); err != nil {
		return FaceStep{}, err
	}
	now := r.cfg.Now()
	if step, runs := r.tries.running(row.ID, now); runs {
		return step, nil
	}
	r.tries.end(row.ID)
	if row.Tries >= r.cfg.Remote.Tries {
		return FaceStep{}, r.lastMissed(ctx, row)
	}
	err = r.store.changeRemote(ctx, row.ID, func(_ postgres.Tx, c *remoteRow) ([]audit.Event, error) {
		if c.State != row.State || c.Tries != row.Tries {
			return nil, fmt.Errorf("%w: the case has moved", ErrState)
		}
		c.Tries++
		return []audit.Event{r.event(remoteCaller(value(c.Account)), "registration.remote-try", caseSubject(c.ID), "", map[string]any{"try": c.Tries})}, nil
	})
	if err != nil {
		return FaceStep{}, wrap("begin the face", err)
	}
	ch := r.cfg.Remote.Faces.Challenge(now)
	r.tries.put(row.ID, &faceTry{ch: ch})
	return ch.Step(), nil
}

// Frame judges a frame of the camera, a JPEG of at most 512 KiB. Passed of the step says that the person may
// go on. ErrTry: this try is over, begin another; ErrRefused: it was the last, and the case is over.
func (r *Registry) Frame(ctx context.Context, browser, nonce string, frame []byte) (FaceStep, error) {
	row, err := r.remoteOf(ctx, browser)
	if err != nil {
		return FaceStep{}, err
	}
	if _, err := next("remote", row.State, actFace); err != nil {
		return FaceStep{}, err
	}
	if len(frame) == 0 || len(frame) > maxFrame {
		return FaceStep{}, ErrPicture
	}
	t := r.tries.get(row.ID)
	if t == nil {
		return FaceStep{}, ErrTry
	}
	t.mu.Lock()
	step, err := t.take(ctx, nonce, frame, r.cfg.Now())
	var match Match
	if err == nil && step.Passed {
		match, err = r.faced(ctx, row, t)
	}
	if err != nil || step.Passed {
		t.wipe()
	}
	t.mu.Unlock()
	if errors.Is(err, ErrTry) || match == MatchFail {
		return FaceStep{}, r.missed(ctx, row)
	}
	return step, wrap("judge a frame", err)
}

// take hands a frame to the challenge, and keeps the one in which the person looked into the camera.
func (t *faceTry) take(ctx context.Context, nonce string, frame []byte, now time.Time) (FaceStep, error) {
	if t.ch == nil {
		return FaceStep{}, ErrTry
	}
	before := t.ch.Step()
	step, err := t.ch.Take(ctx, nonce, frame, now)
	if err == nil && before.Pose == PoseFront && before.Step == 1 && (step.Passed || step.Step > before.Step) {
		t.selfie = append([]byte(nil), frame...)
	}
	return step, err
}

// faced compares the face with the portrait on the card, and moves the case on unless it is another's.
func (r *Registry) faced(ctx context.Context, row *remoteRow, t *faceTry) (Match, error) {
	card, err := r.cfg.Remote.Photos.Open(row.ID, PhotoCard)
	if err != nil {
		return "", err
	}
	defer clear(card)
	match, err := t.ch.Match(ctx, card)
	if err != nil || match == MatchFail {
		return match, err
	}
	if err := r.keepPhotos(ctx, row, map[string][]byte{PhotoCard: card, PhotoSelfie: t.selfie}); err != nil {
		return "", err
	}
	return match, r.stepRemote(ctx, row, actFace, func(_ postgres.Tx, c *remoteRow) ([]audit.Event, error) {
		if match != MatchPass {
			c.Reasons = append(c.Reasons, reasonPortrait)
		}
		return []audit.Event{r.event(remoteCaller(value(c.Account)), "registration.remote-face", caseSubject(c.ID), "", map[string]any{"match": match})}, nil
	})
}

// missed ends the case after the last try.
func (r *Registry) missed(ctx context.Context, row *remoteRow) error {
	now, err := r.store.remote(ctx, row.ID)
	if err != nil || now.Tries < r.cfg.Remote.Tries {
		return errors.Join(ErrTry, err)
	}
	now.State = row.State // the one in which the frame was judged
	return r.lastMissed(ctx, now)
}

// lastMissed refuses a case that has no try left. ErrState: it has passed meanwhile.
func (r *Registry) lastMissed(ctx context.Context, row *remoteRow) error {
	err := r.endRemote(ctx, remoteCaller(value(row.Account)), row, actRefuse, "face")
	if errors.Is(err, ErrState) {
		return err
	}
	return errors.Join(ErrRefused, err)
}
