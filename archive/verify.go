package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"chop/internal/audit"
	"chop/validation"
)

// A Verification says whether a document is what it was when it came, and is proven now.
type Verification struct {
	ID         string                `json:"id"`
	OK         bool                  `json:"ok"`
	Problems   []string              `json:"problems"`
	Generation int                   `json:"generation"`
	Indication validation.Indication `json:"indication"` // of its first signature that has not passed, or passed
	ValidAt    time.Time             `json:"valid_at"`   // when it was judged
	FadesAt    time.Time             `json:"fades_at,omitzero"`
	Events     int                   `json:"events"` // about it, proven to be in the audit log
	Head       audit.Head            `json:"head"`   // of that log
}

func (v *Verification) say(format string, args ...any) {
	v.Problems = append(v.Problems, fmt.Sprintf(format, args...))
}

func (v *Verification) judged(r *validation.Report, err error) {
	if err != nil {
		v.say("the newest generation: %v", err)
		return
	}
	v.Indication = validation.TotalPassed
	if err := passed(r); err != nil {
		v.say("the newest generation: %v", err)
		v.Indication = validation.Indeterminate
		for _, s := range r.Signatures {
			if s.Indication != validation.TotalPassed {
				v.Indication = s.Indication
				break
			}
		}
	}
}

// Verify recomputes the digests of all bytes of a document, validates the newest generation
// now, checks that each generation holds the one before and the first the original, and that
// the audit log proves each of them. What is wrong is in the result; the error is for what
// could not be looked at. ErrNotFound, ErrRemoved, ErrBusy.
func (s *Store) Verify(ctx context.Context, c Caller, id string) (*Verification, error) {
	row, err := s.own(ctx, c, id)
	if err != nil {
		return nil, err
	}
	room, err := s.enter(ctx, row.ID, row.DataKey)
	if err != nil {
		return nil, err
	}
	defer room.leave()
	if row, err = s.findDocument(ctx, row.ID); err != nil {
		return nil, err
	}
	record, err := s.record(ctx, row)
	if err != nil {
		return nil, err
	}
	v := &Verification{ID: id, Problems: []string{}, Generation: row.Generations, ValidAt: s.c.Now().UTC(), FadesAt: record.FadesAt}
	proof, err := proofOfEvents(ctx, s.c.DB, row.ID)
	if err != nil {
		return nil, err
	}
	entries, err := proof.Verify()
	if err != nil {
		v.say("the audit log: %v", err)
	}
	v.Events, v.Head = len(entries), proof.Head
	for _, problem := range record.proven(entries) {
		v.say("the audit log: %s", problem)
	}
	if len(record.Generations) == 0 {
		v.say("it is not extended yet: %s", row.Failure)
	} else if !bytes.Equal(record.newest().SHA256, row.NewestSHA256) {
		v.say("its record names another newest generation")
	}
	last, err := s.chain(ctx, room, row, record, v)
	if err != nil {
		return nil, err
	}
	if last != nil && len(record.Generations) > 0 {
		report, err := s.judge(ctx, last)
		if err != nil && !errors.Is(err, ErrNotPassed) {
			return nil, err
		}
		v.judged(report, err)
	}
	v.OK = len(v.Problems) == 0
	return v, nil
}

// chain reads the original and each generation that is kept, and compares each with the one before. It returns the last.
func (s *Store) chain(ctx context.Context, room *room, row *documentRow, record *Record, v *Verification) (last *file, err error) {
	sums := []Digest{record.Original}
	for _, g := range record.Generations {
		if !g.Dropped {
			sums = append(sums, g.SHA256)
		}
	}
	for _, sum := range sums {
		f, err := s.load(ctx, room, row, sum)
		if errors.Is(err, ErrDamaged) {
			v.say("%v", err)
			continue
		}
		if err != nil {
			return nil, err
		}
		if last != nil {
			if err := holds(ctx, f, last); err != nil {
				v.say("the file %s: %v", sum, err)
			}
		}
		last = f
	}
	if last == nil || len(record.Generations) == 0 {
		return last, nil
	}
	if newest, err := s.load(ctx, room, row, record.newest().SHA256); err != nil || !bytes.Equal(newest.bytes, last.bytes) {
		return nil, nil // its bytes are among the problems
	}
	return last, nil
}

// reportFiles are a report for people's programs.
func reportFiles(r *validation.Report) ([]validation.File, error) {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, err
	}
	return []validation.File{{Name: "report.json", Content: b}}, nil
}
