// Package journal is the record of a ceremony: its reviewed plan, and for each
// step the intent before it is done and the result after. A process that was
// killed at any moment finds here what was done, what was begun, and what was
// not, and goes on.
//
// It refuses a second ceremony where there may be one only, another plan while
// one is unfinished, and two processes at one ceremony.
package journal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"chop/internal/audit"
	"chop/internal/postgres"
)

var (
	// ErrOther says that another plan was begun or carried out already.
	ErrOther = errors.New("another plan has been recorded")
	// ErrBusy says that another process is at a ceremony now.
	ErrBusy = errors.New("another process is at a ceremony")
	// ErrNone says that no finished ceremony of the kind is recorded.
	ErrNone = errors.New("no such ceremony is recorded")
)

// Plan is what a ceremony was asked to do.
type Plan struct {
	Kind      string // "create" or "renew-arl"
	Reference string // unique for ever
	Text      []byte // exactly as reviewed
}

// Entry is one ceremony as it is recorded.
type Entry struct {
	ID         uuid.UUID
	Plan       []byte
	PlanSHA256 []byte
	StartedAt  time.Time
	FinishedAt *time.Time
	Transcript *string
}

// Journal is one ceremony under way, or one that was found finished.
type Journal struct {
	Entry
	store *store
	lock  *lock
	now   func() time.Time
	actor string
}

// Open begins a ceremony, resumes an unfinished one of the same plan, or finds
// the finished one: then Transcript is not nil. Close must be called.
func Open(ctx context.Context, db *postgres.DB, p Plan, actor string, now func() time.Time) (*Journal, error) {
	j := &Journal{store: &store{db}, now: now, actor: actor}
	at, e := now(), j.event("begin", p.Reference, nil)
	var err error
	if j.lock, err = j.store.acquire(ctx); err != nil {
		return nil, err
	}
	if j.Entry, err = j.store.begin(ctx, p, at, e); err != nil {
		j.lock.release()
		return nil, err
	}
	return j, nil
}

// Close lets another process in.
func (j *Journal) Close() { j.lock.release() }

// Read returns the newest finished ceremony of a kind.
func Read(ctx context.Context, db *postgres.DB, kind string) (*Entry, error) {
	return (&store{db}).finished(ctx, kind)
}

// Result reads the result of a step of a finished ceremony into v.
func (e *Entry) Result(ctx context.Context, db *postgres.DB, step string, v any) error {
	r, err := (&store{db}).step(ctx, e.ID, step)
	if err != nil {
		return err
	}
	if r == nil || r.Result == nil {
		return fmt.Errorf("%w: step %q", ErrNone, step)
	}
	return json.Unmarshal(r.Result, v)
}

// Do carries out one step: it records the intent, acts, and records the result.
// A step that has a result is not done again, and its result is returned.
// resumed tells act that the intent was recorded before, by a process that may
// have acted: act then looks for what that one left.
func Do[R any](ctx context.Context, j *Journal, step string, act func(resumed bool) (R, error)) (R, error) {
	var r R
	recorded, err := j.store.step(ctx, j.ID, step)
	if err != nil {
		return r, err
	}
	if recorded != nil && recorded.Result != nil {
		if err := json.Unmarshal(recorded.Result, &r); err != nil {
			return r, fmt.Errorf("read result of step %q: %w", step, err)
		}
		return r, nil
	}
	if recorded == nil {
		if err := j.store.intend(ctx, j.ID, step, j.now(), j.event("intend", step, nil)); err != nil {
			return r, err
		}
	}
	if r, err = act(recorded != nil); err != nil {
		return r, fmt.Errorf("step %q: %w", step, err)
	}
	b, err := json.Marshal(r)
	if err != nil {
		return r, fmt.Errorf("write result of step %q: %w", step, err)
	}
	var detail map[string]any
	if err := json.Unmarshal(b, &detail); err != nil {
		return r, fmt.Errorf("write result of step %q: %w", step, err)
	}
	return r, j.store.done(ctx, j.ID, step, b, j.now(), j.event("done", step, detail))
}

// Finish stores the transcript; the ceremony cannot be entered again.
func (j *Journal) Finish(ctx context.Context, transcript string, at time.Time) error {
	sum := sha256.Sum256([]byte(transcript))
	return j.store.finish(ctx, j.ID, transcript, at, j.event("finish", "", map[string]any{"transcript_sha256": hex.EncodeToString(sum[:])}))
}

func (j *Journal) event(what, step string, detail map[string]any) audit.Event {
	return audit.Event{At: j.now(), Actor: j.actor, Action: "ca.ceremony." + what, Subject: j.actor, Reason: step, Detail: detail}
}
