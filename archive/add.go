package archive

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"chop/internal/audit"
	"chop/validation"
)

// An AddRequest brings a signed file. Nothing of it is changed by the store.
type AddRequest struct {
	// Department whose it is; empty: the caller's.
	Department string
	// Name is the file's, for people; without a path.
	Name     string
	Document []byte
	// Covered are the files that a detached signature covers.
	Covered []validation.File
}

// Limits of a request.
const (
	maxName    = 200 // bytes
	maxCovered = 100 // files
)

// department is whose documents a call is about.
func (c Caller) department(wanted string) (string, error) {
	if c.Actor == "" {
		return "", fmt.Errorf("%w: no actor", ErrRequest)
	}
	if c.Department != "" && wanted != "" && wanted != c.Department {
		return "", ErrNotFound
	}
	if c.Department != "" {
		wanted = c.Department
	}
	return wanted, nil
}

// Add validates a file, takes it, and extends it to B-LTA. A file that the department has
// there already is not taken twice: already is true. If no time-stamp or evidence can be
// had at the moment, the document is in state Adding, and Run goes on with it.
// ErrRequest, ErrSize, ErrNotPassed, ErrForm, ErrFull, ErrBusy.
func (s *Store) Add(ctx context.Context, c Caller, r AddRequest) (d *Document, already bool, err error) {
	f, err := s.check(c, &r)
	if err != nil {
		return nil, false, err
	}
	report, err := s.judge(ctx, f)
	if err != nil {
		return nil, false, err
	}
	if err := passed(report); err != nil {
		return nil, false, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, false, fmt.Errorf("make document's id: %w", err)
	}
	sum := sha256.Sum256(f.bytes)
	row := &documentRow{ID: id, Department: r.Department, Name: r.Name, Format: f.form, OriginalSHA256: sum[:], Size: int64(len(f.bytes)), State: Adding, CreatedAt: s.c.Now()}
	if row.DataKey, err = s.newKey(ctx, id); err != nil {
		return nil, false, err
	}
	room, err := s.enter(ctx, id, row.DataKey) // before the row is there, so that nobody takes it for one of a dead process
	if err != nil {
		return nil, false, err
	}
	defer room.leave()
	covered := coveredRows(f.covered)
	s.at("entered")
	fresh, err := s.insertDocument(ctx, row, covered, audit.Event{
		At: row.CreatedAt, Actor: c.Actor, Action: "archive.receive", Subject: subject(id),
		Detail: map[string]any{"department": row.Department, "format": f.form, "bytes": len(f.bytes), "original_sha256": Digest(sum[:]).String(), "covered_sha256": digests(covered)},
	})
	if err != nil {
		return nil, false, fmt.Errorf("record a document: %w", err)
	}
	if !fresh {
		_ = os.Remove(room.dir)
		return s.known(ctx, c, row.Department, sum[:], f)
	}
	s.at("intended")
	if err := s.complete(ctx, c.Actor, room, row, f); err != nil {
		return nil, false, err
	}
	d, err = s.Get(ctx, c, id.String())
	return d, false, err
}

// check makes a request one that can be served.
func (s *Store) check(c Caller, r *AddRequest) (*file, error) {
	var err error
	if r.Department, err = c.department(r.Department); err != nil {
		return nil, err
	}
	r.Name = path.Base(strings.ReplaceAll(r.Name, `\`, "/"))
	size := int64(len(r.Document))
	names := map[string]bool{}
	for i := range r.Covered {
		size += int64(len(r.Covered[i].Content))
		r.Covered[i].Name = path.Base(strings.ReplaceAll(r.Covered[i].Name, `\`, "/"))
		if err := nameable(r.Covered[i].Name); err != nil {
			return nil, err
		}
		if names[r.Covered[i].Name] {
			return nil, fmt.Errorf("%w: two covered files have one name", ErrRequest)
		}
		names[r.Covered[i].Name] = true
	}
	switch {
	case len(r.Department) > 64 || nameable(r.Department) != nil: // as in its client certificate
		return nil, fmt.Errorf("%w: no department, or one of more than 64 bytes", ErrRequest)
	case len(r.Document) == 0:
		return nil, fmt.Errorf("%w: the file is empty", ErrRequest)
	case len(r.Covered) > maxCovered:
		return nil, fmt.Errorf("%w: more than %d covered files", ErrRequest, maxCovered)
	case size > s.c.MaxBytes:
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrSize, size, s.c.MaxBytes)
	}
	f := &file{bytes: r.Document, covered: r.Covered}
	f.form = validation.FormOf(&memory{f.bytes}, size)
	return f, nameable(r.Name)
}

func nameable(name string) error {
	if name == "." || name == "/" || name == ".." || name == "" || len(name) > maxName || !utf8.ValidString(name) ||
		strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Errorf("%w: the file's name is empty, longer than %d bytes, or no plain text", ErrRequest, maxName)
	}
	return nil
}

// known is a document that is there already. One that a killed process left is gone on with.
func (s *Store) known(ctx context.Context, c Caller, department string, sum Digest, f *file) (*Document, bool, error) {
	row, err := s.findOriginal(ctx, department, sum)
	if err != nil {
		return nil, false, err
	}
	if row.State == Adding {
		room, err := s.enter(ctx, row.ID, row.DataKey)
		if err != nil {
			return nil, false, err
		}
		defer room.leave()
		if row, err = s.findDocument(ctx, row.ID); err != nil {
			return nil, false, err
		}
		if row.State == Adding {
			if err := s.complete(ctx, c.Actor, room, row, f); err != nil {
				return nil, false, err
			}
		}
	}
	d, err := s.Get(ctx, c, row.ID.String())
	return d, true, err
}

// complete writes the original and makes the first generation. The room is held, and the row in state Adding.
func (s *Store) complete(ctx context.Context, actor string, room *room, row *documentRow, f *file) error {
	for _, c := range f.covered {
		if _, err := s.write(room, c.Content); err != nil {
			return errors.Join(err, s.refuse(ctx, actor, room, row, err))
		}
	}
	if _, err := s.write(room, f.bytes); err != nil {
		return errors.Join(err, s.refuse(ctx, actor, room, row, err))
	}
	s.at("original")
	err := s.next(ctx, actor, room, row, f, "archive.add")
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrForm), errors.Is(err, ErrNotPassed), errors.Is(err, ErrFull):
		return errors.Join(err, s.refuse(ctx, actor, room, row, err))
	}
	return s.failed(ctx, actor, row, err) // it is kept, and gone on with
}

// refuse undoes what was done for a file that cannot be kept.
func (s *Store) refuse(ctx context.Context, actor string, room *room, row *documentRow, why error) error {
	err := s.deleteRefused(context.WithoutCancel(ctx), row.ID, audit.Event{
		At: s.c.Now(), Actor: actor, Action: "archive.refuse", Subject: subject(row.ID),
		Detail: map[string]any{"why": class(why), "original_sha256": Digest(row.OriginalSHA256).String()},
	})
	if err != nil {
		return fmt.Errorf("record a refusal: %w", err)
	}
	return s.empty(room)
}

// empty removes a document's folder.
func (s *Store) empty(room *room) error {
	if err := room.sweep(nil); err != nil {
		return err
	}
	if err := os.Remove(room.dir); err != nil {
		return fmt.Errorf("remove the document's folder: %w", err)
	}
	return nil
}

func coveredRows(files []validation.File) (rows []coveredRow) {
	for i, f := range files {
		sum := sha256.Sum256(f.Content)
		rows = append(rows, coveredRow{Number: i + 1, Name: f.Name, SHA256: sum[:], Size: int64(len(f.Content))})
	}
	return rows
}

func digests(rows []coveredRow) []string {
	list := []string{}
	for _, r := range rows {
		list = append(list, Digest(r.SHA256).String())
	}
	return list
}
