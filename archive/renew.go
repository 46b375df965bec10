package archive

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"chop/internal/audit"
	"chop/signer/pades"
	"chop/validation"
)

// notBetter is how long a file waits for the next renewal whose newest one fades within the margin as well.
const notBetter = 30 * 24 * time.Hour

var errNotBetter = errors.New("a time-stamp that is made now fades within the margin too: renew the timestamp unit, or its CA")

// Renew gives a document its next generation: all evidence of the newest one, and an archive
// time-stamp over it by the algorithm that the policy holds good now. Without force only
// one that is due: ErrNotDue. ErrNotFound, ErrRemoved, ErrBusy, ErrDamaged, ErrFull.
func (s *Store) Renew(ctx context.Context, c Caller, id string, force bool) (*Document, error) {
	row, err := s.own(ctx, c, id)
	if err != nil {
		return nil, err
	}
	if err := s.renew(ctx, c.Actor, row.ID, row.DataKey, force); err != nil {
		return nil, err
	}
	return s.Get(ctx, c, id)
}

func (s *Store) renew(ctx context.Context, actor string, id uuid.UUID, key []byte, force bool) error {
	room, err := s.enter(ctx, id, key)
	if err != nil {
		return err
	}
	defer room.leave()
	row, err := s.findDocument(ctx, id) // as it is while nobody else works on it
	if err != nil {
		return err
	}
	switch row.State {
	case Removed:
		return errors.Join(ErrRemoved, s.empty(room))
	case Adding:
		return s.goOn(ctx, actor, room, row)
	case Kept:
		if !force && !s.c.Policy.Due(*row.FadesAt, s.c.Now()) {
			return ErrNotDue
		}
	}
	err = s.recordRenewing(ctx, id, audit.Event{
		At: s.c.Now(), Actor: actor, Action: "archive.renewing", Subject: subject(id),
		Detail: map[string]any{"generation": row.Generations + 1, "before_sha256": Digest(row.NewestSHA256).String()},
	})
	if err != nil {
		return fmt.Errorf("record the intent to renew: %w", err)
	}
	s.at("intended")
	err = func() error {
		f, err := s.load(ctx, room, row, row.NewestSHA256)
		if err != nil {
			return err
		}
		return s.next(ctx, actor, room, row, f, "archive.renew")
	}()
	if err != nil {
		return errors.Join(err, s.failed(ctx, actor, row, err))
	}
	return nil
}

// goOn finishes an addition that a killed process, or one without a time-stamp, left. Of one whose original never
// came to the disk nobody was told that it was taken.
func (s *Store) goOn(ctx context.Context, actor string, room *room, row *documentRow) error {
	f, err := s.load(ctx, room, row, row.OriginalSHA256)
	if errors.Is(err, ErrDamaged) && row.Attempts == 0 {
		return s.refuse(ctx, actor, room, row, err)
	}
	if err == nil {
		err = s.next(ctx, actor, room, row, f, "archive.add")
	}
	if err != nil {
		return errors.Join(err, s.failed(ctx, actor, row, err))
	}
	return nil
}

// load reads a generation, or the original, with the files that it covers.
func (s *Store) load(ctx context.Context, room *room, row *documentRow, sum Digest) (*file, error) {
	f := &file{form: row.Format}
	var err error
	if f.bytes, err = room.read(sum); err != nil {
		return nil, err
	}
	rows, err := s.coveredFiles(ctx, row.ID)
	if err != nil {
		return nil, err
	}
	for _, c := range rows {
		b, err := room.read(c.SHA256)
		if err != nil {
			return nil, err
		}
		f.covered = append(f.covered, validation.File{Name: c.Name, Content: b})
	}
	return f, nil
}

// next makes a generation of f, judges it, writes it and records it.
func (s *Store) next(ctx context.Context, actor string, room *room, row *documentRow, f *file, action string) error {
	h := s.c.Policy.Hash(s.c.Now())
	made, tokens, err := s.extend(ctx, f, h)
	if err != nil {
		return err
	}
	s.at("extended")
	if err := holds(ctx, made, f); err != nil {
		return fmt.Errorf("the extended file is not the one before with something added: %w", err)
	}
	report, err := s.judge(ctx, made)
	if err != nil {
		return err
	}
	err = passed(report)
	if err == nil && row.Generations == 0 { // later, a level is not reported that rests on certificates that have ended
		err = longTerm(report)
	}
	if err != nil {
		return fmt.Errorf("extended: %w", err)
	}
	p, err := proofOf(tokens, report.Material.Certificates)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(made.bytes)
	g := generationRow{Number: row.Generations + 1, SHA256: sum[:], Size: int64(len(made.bytes)), Hash: hashName(h), StampedAt: p.stamped}
	keep, drop, err := s.keeping(ctx, row, g)
	if err != nil {
		return err
	}
	if _, err := s.write(room, made.bytes); err != nil {
		return err
	}
	s.at("written")
	before := row.NewestSHA256
	if row.Generations == 0 {
		before = row.OriginalSHA256
	}
	e := audit.Event{
		At: s.c.Now(), Actor: actor, Action: action, Subject: subject(row.ID),
		Detail: map[string]any{
			"generation": g.Number, "sha256": Digest(sum[:]).String(), "before_sha256": Digest(before).String(),
			"original_sha256": Digest(row.OriginalSHA256).String(), "hash": g.Hash, "stamped_at": p.stamped.UTC().Format(time.RFC3339), "bytes": g.Size,
		},
	}
	if err := s.recordGeneration(ctx, row, g, p, drop, e); err != nil {
		return fmt.Errorf("record a generation: %w", err)
	}
	s.at("recorded")
	if err := room.sweep(keep); err != nil {
		s.c.Log.WarnContext(ctx, "files of an older generation stay until the next renewal", "document", row.ID, "error", err)
	}
	return nil
}

// keeping says whose bytes stay when g comes, and which generations go.
func (s *Store) keeping(ctx context.Context, row *documentRow, g generationRow) (keep []Digest, drop []generationRow, err error) {
	keep = []Digest{row.OriginalSHA256, g.SHA256}
	covered, err := s.coveredFiles(ctx, row.ID)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range covered {
		keep = append(keep, c.SHA256)
	}
	older, err := s.generations(ctx, row.ID)
	if err != nil {
		return nil, nil, err
	}
	for i, o := range slices.Backward(older) {
		if len(older)-i < s.c.Policy.Generations {
			keep = append(keep, o.SHA256)
		} else if !o.Dropped {
			drop = append(drop, o)
		}
	}
	return keep, drop, nil
}

// failed notes a failure, with when it is tried again.
func (s *Store) failed(ctx context.Context, actor string, row *documentRow, why error) error {
	now := s.c.Now()
	retry := now.Add(backOff(row.Attempts))
	text := why.Error()
	if len(text) > 1000 {
		text = text[:1000]
	}
	s.c.Log.WarnContext(ctx, "a document of the store is not extended; it is tried again", "document", row.ID, "attempt", row.Attempts+1, "why", class(why), "at", retry)
	err := s.recordFailure(context.WithoutCancel(ctx), row.ID, retry, text, audit.Event{
		At: now, Actor: actor, Action: "archive.fail", Subject: subject(row.ID), Detail: map[string]any{"why": class(why), "generation": row.Generations + 1},
	})
	if err != nil {
		return fmt.Errorf("record a failure: %w", err)
	}
	return nil
}

// backOff is the pause after that many failures before: a minute, doubled each time, six hours at most.
func backOff(failures int) time.Duration {
	return min(time.Minute<<min(failures, 10), 6*time.Hour)
}

// class is an error for the logs: which one it is, and nothing of the document.
func class(err error) string {
	for _, known := range []error{
		ErrFull, ErrDamaged, ErrForm, ErrNotPassed, ErrBusy, pades.ErrTimestamp, pades.ErrEvidence, context.Canceled, context.DeadlineExceeded, errOther,
	} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return fmt.Sprintf("%T", err)
}
