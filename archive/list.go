package archive

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// A Filter chooses documents.
type Filter struct {
	// Department whose; empty: the caller's, or all.
	Department string
	// Fading: only those that fade within the policy's margin, or whose last attempt failed; the most urgent first.
	Fading bool
	// Removed: those that were removed too.
	Removed bool
	// After is the id of the last document of the page before. Limit is at most 1000; 0: 100.
	After string
	Limit int
}

// List returns a page of documents, the newest first.
func (s *Store) List(ctx context.Context, c Caller, f Filter) ([]*Document, error) {
	var err error
	if f.Department, err = c.department(f.Department); err != nil {
		return nil, err
	}
	if f.Limit == 0 {
		f.Limit = 100
	}
	if f.Limit < 1 || f.Limit > 1000 {
		return nil, fmt.Errorf("%w: a page has 1 to 1000 documents", ErrRequest)
	}
	if f.Fading && f.After != "" {
		return nil, fmt.Errorf("%w: what fades is one page, in the order of its need", ErrRequest)
	}
	rows, err := s.page(ctx, f, s.c.Policy.Margin.End(s.c.Now()))
	if err != nil {
		return nil, err
	}
	list := make([]*Document, 0, len(rows))
	for i := range rows {
		list = append(list, s.document(&rows[i]))
	}
	return list, nil
}

// Get returns one document; a removed one too. ErrNotFound.
func (s *Store) Get(ctx context.Context, c Caller, id string) (*Document, error) {
	row, err := s.ofCaller(ctx, c, id)
	if err != nil {
		return nil, err
	}
	return s.document(row), nil
}

// Content returns the newest generation's bytes, or the original's while there is none, and the covered files' with
// their names. ErrNotFound, ErrRemoved, ErrBusy, ErrDamaged.
func (s *Store) Content(ctx context.Context, c Caller, id string) ([]byte, error) {
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
	return room.read(newest(row))
}

func newest(row *documentRow) Digest {
	if row.Generations == 0 {
		return row.OriginalSHA256
	}
	return row.NewestSHA256
}

// ofCaller is a document that the caller may see.
func (s *Store) ofCaller(ctx context.Context, c Caller, id string) (*documentRow, error) {
	department, err := c.department("")
	if err != nil {
		return nil, err
	}
	parsed, err := uuid.Parse(id)
	if err != nil {
		return nil, fmt.Errorf("%w: %.60q is no id", ErrNotFound, id)
	}
	row, err := s.findDocument(ctx, parsed)
	if err != nil {
		return nil, err
	}
	if department != "" && row.Department != department {
		return nil, ErrNotFound
	}
	return row, nil
}

// own is the same, of one that is still there.
func (s *Store) own(ctx context.Context, c Caller, id string) (*documentRow, error) {
	row, err := s.ofCaller(ctx, c, id)
	if err == nil && row.State == Removed {
		err = ErrRemoved
	}
	if err != nil {
		return nil, err
	}
	return row, nil
}

func (s *Store) document(r *documentRow) *Document {
	at := func(t *time.Time) time.Time {
		if t == nil {
			return time.Time{}
		}
		return t.UTC()
	}
	return &Document{
		ID: r.ID.String(), Department: r.Department, Name: r.Name, Format: r.Format, State: r.State, Size: r.Size,
		Original: r.OriginalSHA256, Newest: r.NewestSHA256, Generation: r.Generations,
		StampedAt: at(r.StampedAt), FadesAt: at(r.FadesAt), FadesBy: r.FadesBy,
		Due:      r.State != Removed && r.FadesAt != nil && s.c.Policy.Due(*r.FadesAt, s.c.Now()),
		Attempts: r.Attempts, RetryAt: at(r.RetryAt), Failure: r.Failure, CreatedAt: r.CreatedAt.UTC(), ChangedAt: r.ChangedAt.UTC(),
	}
}
