package changes

import (
	"context"
	"errors"
	"fmt"

	"chop/internal/pdf"
)

var errTooLarge = errors.New("too many objects to compare")

// A walk compares two successive revisions.
type walk struct {
	ctx      context.Context
	f        *pdf.File
	old, new *pdf.View
	out      []Change
	left     *int // visits that the limit still allows

	// queue holds objects that must not have changed; seen those that were ever in it.
	queue []visit
	seen  map[pdf.Ref]bool
	// pages and fields are the objects with a role of their own. They are compared by
	// the rules of that role wherever else a reference leads to them.
	pages  map[pdf.Ref]int
	tree   pageTree
	fields map[pdf.Ref]*field
	// alike are objects below which nothing differs, found while comparing such places.
	alike map[pdf.Ref]bool
	// loose are places that may change; compared last, when seen is complete.
	loose []place
	// written are the objects that the new revision writes or frees, and changed says
	// whether a reason for that was found.
	written []pdf.Ref
	changed map[uint32]bool
	// permitted are the roots of what may change in the older revision.
	permitted []pdf.Object
	// added are the annotations of signature fields that the new revision brings.
	added map[pdf.Ref]bool
}

// A visit is an object that must be the same in both revisions.
type visit struct {
	ref  pdf.Ref
	page int
}

// A place is a value that may change, and what it amounts to if it did.
type place struct {
	old, new pdf.Object
	change   Change
}

func newWalk(ctx context.Context, f *pdf.File, i int, left *int) *walk {
	w := &walk{
		ctx: ctx, f: f, left: left, old: f.Shared(i - 1), new: f.Shared(i),
		seen: map[pdf.Ref]bool{}, pages: map[pdf.Ref]int{}, fields: map[pdf.Ref]*field{},
		alike: map[pdf.Ref]bool{}, changed: map[uint32]bool{}, added: map[pdf.Ref]bool{},
	}
	w.written = w.new.Changed()
	for _, ref := range w.written {
		w.changed[ref.Num] = false
	}
	return w
}

func (w *walk) run() error {
	if err := w.fieldRoles(); err != nil {
		return err
	}
	if err := w.pageRoles(); err != nil {
		return err
	}
	if err := w.trailer(); err != nil {
		return err
	}
	if err := w.drain(); err != nil {
		return err
	}
	for _, p := range w.loose {
		if err := w.compareLoose(p); err != nil {
			return err
		}
	}
	return w.orphans()
}

func (w *walk) report(c Change) {
	c.Revision = w.new.Index()
	if len(w.out) < maxChanges {
		w.out = append(w.out, c)
	}
}

func (w *walk) other(ref pdf.Ref, page int, format string, args ...any) {
	w.report(Change{Kind: Other, Ref: ref, Page: page, Detail: fmt.Sprintf(format, args...)})
}

// step counts against the limit and asks whether to go on.
func (w *walk) step() error {
	if *w.left--; *w.left < 0 {
		return errTooLarge
	}
	if *w.left%1024 == 0 {
		return w.ctx.Err()
	}
	return nil
}

// push puts an object on the list of those that must not have changed.
func (w *walk) push(ref pdf.Ref, page int) {
	if _, page := w.pages[ref]; page || w.fields[ref] != nil || w.seen[ref] || ref == w.old.CatalogRef() {
		return
	}
	w.seen[ref] = true
	w.queue = append(w.queue, visit{ref, page})
}

// drain compares everything on the list, and all that it refers to.
func (w *walk) drain() error {
	for len(w.queue) > 0 {
		v := w.queue[len(w.queue)-1]
		w.queue = w.queue[:len(w.queue)-1]
		if err := w.step(); err != nil {
			return err
		}
		before, err := w.old.Get(v.ref)
		if err != nil {
			// Unreadable before and after alike shows nothing; bytes that differ might.
			if !w.sameEntry(v.ref.Num) {
				w.other(v.ref, v.page, "unreadable before, and changed")
			}
			continue
		}
		w.pushAll(before, v.page, 0)
		if w.sameEntry(v.ref.Num) {
			continue
		}
		w.changed[v.ref.Num] = true
		after, err := w.new.Get(v.ref)
		switch {
		case err != nil:
			w.other(v.ref, v.page, "cannot be read any more: %v", err)
		case !w.equal(before, after, 0):
			w.other(v.ref, v.page, "%s changed", describe(before))
		}
	}
	return nil
}

// pushAll pushes everything that o refers to.
func (w *walk) pushAll(o pdf.Object, page, depth int) {
	if depth > maxDepth {
		return // package pdf reads nothing that deep
	}
	switch o := o.(type) {
	case pdf.Ref:
		w.push(o, page)
	case pdf.Array:
		for _, e := range o {
			w.pushAll(e, page, depth+1)
		}
	case pdf.Dict:
		for _, e := range o {
			w.pushAll(e, page, depth+1)
		}
	case *pdf.Stream:
		w.pushAll(o.Dict, page, depth+1)
	}
}

// sameEntry reports whether an object is the very same bytes in both revisions, so
// that it need not be read twice.
func (w *walk) sameEntry(num uint32) bool {
	before, after := w.entries(num)
	if before.Kind == pdf.Compressed && before == after {
		before, after = w.entries(before.Stream)
		return before.Kind == pdf.InUse && before == after
	}
	return before == after || before.Kind == pdf.Free && after.Kind == pdf.Free
}

func (w *walk) entries(num uint32) (before, after pdf.Entry) {
	before, _ = w.old.Entry(num)
	after, _ = w.new.Entry(num)
	return before, after
}

// strict demands that the entries of two dictionaries are the same, except for the
// keys that the caller looks at itself, and pushes what they refer to.
func (w *walk) strict(ref pdf.Ref, page int, before, after pdf.Dict, but ...pdf.Name) {
	skip := func(key pdf.Name) bool {
		for _, b := range but {
			if b == key {
				return true
			}
		}
		return false
	}
	for key, b := range before {
		if skip(key) {
			continue
		}
		w.pushAll(b, page, 0)
		if !w.equal(b, after[key], 0) {
			w.other(ref, page, "/%s changed", key)
		}
	}
	for key, a := range after {
		if before[key] == nil && a != nil && !skip(key) {
			w.other(ref, page, "/%s was added", key)
		}
	}
}

// account notes that there is a reason for o and for all new objects below it.
func (w *walk) account(o pdf.Object) { w.accountAll(o, 0) }

func (w *walk) accountAll(o pdf.Object, depth int) {
	if depth > maxDepth || w.step() != nil {
		return
	}
	switch o := o.(type) {
	case pdf.Ref:
		if done, ok := w.changed[o.Num]; !ok || done {
			return
		}
		w.changed[o.Num] = true
		if target, err := w.new.Get(o); err == nil {
			w.accountAll(target, depth+1)
		}
	case pdf.Array:
		for _, e := range o {
			w.accountAll(e, depth+1)
		}
	case pdf.Dict:
		for _, e := range o {
			w.accountAll(e, depth+1)
		}
	case *pdf.Stream:
		w.accountAll(o.Dict, depth+1)
	}
}
