package archive

import (
	"context"
	"errors"
	"fmt"

	"chop/internal/audit"
)

// Remove deletes a document's bytes, and its data key: backups that are younger do not hold them either. Its record
// stays, with the digests. ErrRequest without a reason, ErrNotFound, ErrRemoved, ErrBusy.
func (s *Store) Remove(ctx context.Context, c Caller, id, reason string) error {
	if reason == "" {
		return fmt.Errorf("%w: no reason", ErrRequest)
	}
	row, err := s.own(ctx, c, id)
	if err != nil {
		return err
	}
	room, err := s.enter(ctx, row.ID, row.DataKey)
	if err != nil {
		return err
	}
	defer room.leave()
	covered, err := s.coveredFiles(ctx, row.ID)
	if err != nil {
		return err
	}
	err = s.recordRemoved(ctx, row.ID, audit.Event{
		At: s.c.Now(), Actor: c.Actor, Action: "archive.remove", Subject: subject(row.ID), Reason: reason,
		Detail: map[string]any{
			"department": row.Department, "original_sha256": Digest(row.OriginalSHA256).String(), "newest_sha256": Digest(row.NewestSHA256).String(),
			"generation": row.Generations, "covered_sha256": digests(covered),
		},
	})
	if errors.Is(err, errOther) {
		return ErrRemoved
	}
	if err != nil {
		return fmt.Errorf("record a removal: %w", err)
	}
	s.at("removed")
	return s.empty(room)
}
