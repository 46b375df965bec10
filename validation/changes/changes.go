// Package changes says what a revision after a signature changed in a PDF file
// (ISO 32000-2, 7.5.6), and whether the signature allows it (12.8.2: DocMDP and
// FieldMDP).
//
// A reader shows the newest revision, while a signature covers the one that it was
// made in; every attack on signed PDFs beside the cryptography lives in between. So
// two revisions are compared as graphs of objects, from the trailer down in step:
// whatever the older one can reach must be the same in the newer one, unless it lies
// at one of the few places where honest work after signing changes something:
// validation data, metadata, the values and appearances of form fields, new
// signature fields, notes. An object that is reached both by way of such a place and
// by another one is judged by the other one. What cannot be classified is Other, and
// Other is never allowed: a list of the good, not of the bad.
//
// It draws nothing: that a filled field shows what it is said to hold is the reader's
// to see.
package changes

import (
	"context"
	"fmt"

	"chop/internal/pdf"
)

// Level sums up all changes after the first signature.
type Level string

const (
	// None: nothing was added after the signatures.
	None Level = "none"
	// Allowed: all that was added is allowed by every signature before it.
	Allowed Level = "allowed"
	// Suspicious: something is not.
	Suspicious Level = "suspicious"
)

// Kind is what a change amounts to.
type Kind string

const (
	// Evidence is validation data, a document time-stamp without an appearance,
	// metadata, or a declaration of the format's version or extensions. It changes
	// nothing that a page shows, and every signature allows it.
	Evidence Kind = "validation data"
	// Orphan is an object that nothing refers to. It shows nothing, but is what a later
	// attack may be waiting for.
	Orphan Kind = "orphaned object"
	// Fill is a value or an appearance of a form field that is no signature.
	Fill Kind = "form filling"
	// Sign is a signature in a field that was there, or a new signature field that
	// cannot be seen.
	Sign Kind = "signature"
	// NewField is a new signature field that can be seen.
	NewField Kind = "new visible signature field"
	// Note is a new annotation that covers nothing of the page.
	Note Kind = "annotation"
	// Other is everything else.
	Other Kind = "other"
)

// Change is one thing that a revision changed.
type Change struct {
	// Revision is the index of the revision that made the change.
	Revision int
	Kind     Kind
	// Ref is the object concerned, zero for the trailer.
	Ref pdf.Ref
	// Page is the number of the page concerned, from 1; 0 for none.
	Page int
	// Field is the full name of the form field concerned, New says that it was added.
	Field  string
	New    bool
	Detail string
}

func (c Change) String() string {
	s := fmt.Sprintf("revision %d: %s", c.Revision, c.Kind)
	if c.Page > 0 {
		s += fmt.Sprintf(", page %d", c.Page)
	}
	if c.Field != "" {
		s += fmt.Sprintf(", field %q", c.Field)
	}
	if !c.Ref.IsZero() {
		s += fmt.Sprintf(", object %d %d", c.Ref.Num, c.Ref.Gen)
	}
	return s + ": " + c.Detail
}

// Limits on all comparisons of one file together, and on what is reported of each.
const (
	maxVisits  = 16 << 20
	maxChanges = 256
	maxDepth   = 128
)

// After returns what the revisions after the given one changed, each against the one
// before it, at most maxChanges each. A structure that cannot be compared, or not
// within the limits, is itself a change of kind Other; an error is only that of the
// context.
func After(ctx context.Context, f *pdf.File, revision int) ([]Change, error) {
	var out []Change
	left := maxVisits
	for i := revision + 1; i < f.Len(); i++ {
		w := newWalk(ctx, f, i, &left)
		if err := w.run(); err != nil {
			if ctx.Err() != nil {
				return nil, fmt.Errorf("compare revisions: %w", ctx.Err())
			}
			w.other(pdf.Ref{}, 0, "cannot be compared: %v", err)
		}
		out = append(out, w.out...)
	}
	return out, nil
}
