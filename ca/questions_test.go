package ca

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Whoever asks while a query runs is answered by a later one: the running one may not see what was committed since.
func TestQuestionIsAskedAfterItCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := "good"
		var sent [][]issuerSerial
		release := make(chan struct{})
		read := func(names []issuerSerial) string {
			sent = append(sent, names)
			seen := state // the snapshot of a query that takes long
			if len(sent) == 1 {
				<-release
			}
			return seen
		}
		q := &questions{
			all: func(_ context.Context, names []issuerSerial) (map[issuerSerial]record, error) {
				seen, m := read(names), map[issuerSerial]record{}
				for _, n := range names {
					if n.serial != "unknown" {
						m[n] = record{Status: seen}
					}
				}
				return m, nil
			},
			one: func(_ context.Context, n issuerSerial) (record, error) {
				return record{Status: read([]issuerSerial{n})}, nil
			},
		}
		ask := func(serial, status string, want error) {
			if r, err := q.find(t.Context(), issuerSerial{"ca", serial}); r.Status != status || !errors.Is(err, want) {
				t.Errorf("%s: %q, %v, want %q, %v", serial, r.Status, err, status, want)
			}
		}
		var wg sync.WaitGroup
		wg.Go(func() { ask("a", "good", nil) })
		synctest.Wait()
		state = "revoked"
		for range 3 {
			wg.Go(func() { ask("a", "revoked", nil) })
		}
		wg.Go(func() { ask("b", "revoked", nil) })
		wg.Go(func() { ask("unknown", "", ErrUnknownSerial) })
		synctest.Wait()
		close(release)
		wg.Wait()
		time.Sleep(questionPause) // the last look for questions
		if len(sent) != 2 || len(sent[1]) != 3 {
			t.Errorf("queries for %v, want one for a, then one for three", sent)
		}
	})
}

// A shared query that fails does not fail those who asked; a caller who gives up is gone at once.
func TestQuestionAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("connection lost")
		hold := make(chan struct{})
		var ones atomic.Int64
		q := &questions{
			all: func(context.Context, []issuerSerial) (map[issuerSerial]record, error) { return nil, broken },
			one: func(_ context.Context, n issuerSerial) (record, error) {
				if ones.Add(1) == 1 {
					<-hold
				}
				if n.serial == "bad" {
					return record{}, broken
				}
				return record{Status: "good"}, nil
			},
		}
		impatient, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := q.find(impatient, issuerSerial{"ca", "first"}); !errors.Is(err, context.Canceled) {
				t.Errorf("who gave up got %v", err)
			}
		})
		synctest.Wait()
		for i := range 3 {
			wg.Go(func() {
				if r, err := q.find(t.Context(), issuerSerial{"ca", fmt.Sprint(i)}); err != nil || r.Status != "good" {
					t.Errorf("%+v, %v", r, err)
				}
			})
		}
		wg.Go(func() {
			if _, err := q.find(t.Context(), issuerSerial{"ca", "bad"}); !errors.Is(err, broken) {
				t.Errorf("got %v, want its own error", err)
			}
		})
		synctest.Wait()
		leave()
		close(hold)
		wg.Wait()
		time.Sleep(questionPause) // the last look for questions
	})
}
