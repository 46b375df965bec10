package pdf

import (
	"errors"
	"fmt"
	"iter"
	"slices"
)

// A Page is a leaf of the page tree (7.7.3).
type Page struct {
	Index int  // from 0
	Ref   Ref  // zero for a page that is written into its parent's Kids
	Dict  Dict // with the inherited Resources, MediaBox, CropBox and Rotate
}

var pageInherited = []Name{"Resources", "MediaBox", "CropBox", "Rotate"}

// Pages goes through the pages in order. It ends after an error: ErrMalformed if the
// tree is none (a node within itself, a node of another type), ErrLimit beyond
// Limits.Nodes or Limits.Depth.
func Pages(v *View) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		catalog, err := v.Catalog()
		if err != nil {
			yield(Page{}, err)
			return
		}
		w := &pageWalk{v: v, yield: yield, left: v.f.lim.Nodes, path: map[Ref]bool{}}
		if err := w.node(catalog["Pages"], Dict{}); err != nil && err != errStop {
			yield(Page{}, fmt.Errorf("walk pages: %w", err))
		}
	}
}

// PageAt returns the page with the given index, from 0.
func PageAt(v *View, index int) (Page, error) {
	n := 0
	for p, err := range Pages(v) {
		if err != nil {
			return Page{}, err
		}
		if p.Index == index {
			return p, nil
		}
		n++
	}
	return Page{}, fmt.Errorf("page %d does not exist, the document has %d", index+1, n)
}

type pageWalk struct {
	v     *View
	yield func(Page, error) bool
	left  int
	index int
	path  map[Ref]bool // the nodes above
}

// errStop ends a walk whose caller has seen enough.
var errStop = errors.New("stop")

func (w *pageWalk) node(o Object, inherited Dict) error {
	if w.left--; w.left < 0 {
		return fmt.Errorf("%w: more than %d nodes", ErrLimit, w.v.f.lim.Nodes)
	}
	ref, _ := o.(Ref)
	if !ref.IsZero() {
		if w.path[ref] {
			return fmt.Errorf("%w: node %v lies within itself", ErrMalformed, ref)
		}
		w.path[ref] = true
		defer delete(w.path, ref)
	}
	if len(w.path) > w.v.f.lim.Depth {
		return fmt.Errorf("%w: page tree deeper than %d", ErrLimit, w.v.f.lim.Depth)
	}
	d, err := w.v.Dict(o)
	if err != nil {
		return err
	}
	if d == nil {
		return nil // a kid that is null is no page
	}
	d = inherit(d, inherited, pageInherited)
	if d["Kids"] == nil {
		if t, err := w.v.Name(d["Type"]); err != nil || t == "Pages" {
			return err // an intermediate node without kids
		}
		p := Page{Index: w.index, Ref: ref, Dict: d}
		w.index++
		if !w.yield(p, nil) {
			return errStop
		}
		return nil
	}
	kids, err := w.v.Array(d["Kids"])
	if err != nil {
		return err
	}
	down := Dict{}
	for k, o := range d {
		if slices.Contains(pageInherited, k) {
			down[k] = o
		}
	}
	for _, kid := range kids {
		if err := w.node(kid, down); err != nil {
			return err
		}
	}
	return nil
}
