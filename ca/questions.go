package ca

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// maxQuestions is how many certificates one query asks for.
	maxQuestions = 256
	// questionTimeout bounds a query that serves many: no caller's own context ends it.
	questionTimeout = 10 * time.Second
	// questionPause lies between two queries: without it each would serve one or two.
	questionPause = 5 * time.Millisecond
)

// questions gathers the questions for a status that come at the same time: while one query runs, and a moment after,
// the next ones wait, and are asked together. Who comes alone is asked for at once. Each is answered by a query that was sent after it came, so that a change that was
// committed before is always seen; nothing is remembered here.
type questions struct {
	// all answers for many; what it leaves out has no record. one answers for one, after all has failed: nobody
	// fails for another's fault.
	all func(context.Context, []issuerSerial) (map[issuerSerial]record, error)
	one func(context.Context, issuerSerial) (record, error)

	mu      sync.Mutex
	waiting []question
	asking  bool
}

// issuerSerial is what a certificate is known by.
type issuerSerial struct{ issuer, serial string }

type question struct {
	name   issuerSerial
	answer chan answered
}

type answered struct {
	record record
	err    error
}

// find returns the record of a certificate, or ErrUnknownSerial.
func (q *questions) find(ctx context.Context, n issuerSerial) (record, error) {
	answer := make(chan answered, 1)
	q.mu.Lock()
	q.waiting = append(q.waiting, question{n, answer})
	first := !q.asking
	q.asking = true
	q.mu.Unlock()
	if first {
		go q.ask(context.WithoutCancel(ctx))
	}
	select {
	case a := <-answer:
		if a.err == nil || errors.Is(a.err, ErrUnknownSerial) {
			return a.record, a.err
		}
		return q.one(ctx, n)
	case <-ctx.Done():
		return record{}, fmt.Errorf("look up certificate: %w", ctx.Err())
	}
}

// ask answers what waits until nothing does.
func (q *questions) ask(ctx context.Context) {
	for {
		q.mu.Lock()
		n := min(len(q.waiting), maxQuestions)
		if n == 0 {
			q.asking, q.waiting = false, nil
			q.mu.Unlock()
			return
		}
		now := q.waiting[:n:n]
		q.waiting = q.waiting[n:]
		q.mu.Unlock()
		q.answer(ctx, now)
		time.Sleep(questionPause)
	}
}

func (q *questions) answer(ctx context.Context, now []question) {
	ctx, cancel := context.WithTimeout(ctx, questionTimeout)
	defer cancel()
	seen := make(map[issuerSerial]bool, len(now))
	var names []issuerSerial
	for _, a := range now {
		if !seen[a.name] { // many sign with the same seal
			seen[a.name] = true
			names = append(names, a.name)
		}
	}
	known, err := q.lookup(ctx, names)
	for _, a := range now {
		r, ok := known[a.name]
		switch {
		case err != nil:
			a.answer <- answered{err: err}
		case !ok:
			a.answer <- answered{err: ErrUnknownSerial}
		default:
			a.answer <- answered{record: r}
		}
	}
}

func (q *questions) lookup(ctx context.Context, names []issuerSerial) (map[issuerSerial]record, error) {
	if len(names) > 1 {
		return q.all(ctx, names)
	}
	r, err := q.one(ctx, names[0])
	switch {
	case errors.Is(err, ErrUnknownSerial):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return map[issuerSerial]record{names[0]: r}, nil
}
