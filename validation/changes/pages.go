package changes

import (
	"fmt"

	"chop/internal/pdf"
)

// A pageTree is the page tree (7.7.3) of the older revision: its nodes, and its pages in
// their order.
type pageTree struct {
	nodes, leaves []pdf.Ref
}

// pageRoles gives every page its role, before anything is looked into that refers to
// pages.
func (w *walk) pageRoles() error {
	catalog, err := w.old.Catalog()
	if err != nil {
		return err
	}
	root, ok := catalog["Pages"].(pdf.Ref)
	if !ok {
		return fmt.Errorf("%w: the page tree has no reference", pdf.ErrMalformed)
	}
	return w.collectPages(root, 0)
}

// comparePages wants the same nodes in the same order, each page the same but for its
// annotations.
func (w *walk) comparePages(before, after pdf.Object) error {
	if after != before {
		w.other(w.old.CatalogRef(), 0, "/Pages changed")
	}
	for _, ref := range w.tree.nodes {
		if err := w.pageNode(ref); err != nil {
			return err
		}
	}
	for _, ref := range w.tree.leaves {
		if err := w.page(ref); err != nil {
			return err
		}
	}
	return nil
}

// collectPages lists nodes and pages below ref.
func (w *walk) collectPages(ref pdf.Ref, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%w: page tree is too deep", pdf.ErrLimit)
	}
	if err := w.step(); err != nil {
		return err
	}
	if _, twice := w.pages[ref]; twice {
		return fmt.Errorf("%w: page tree leads to object %v twice", pdf.ErrMalformed, ref)
	}
	d, err := w.old.Dict(ref)
	if err != nil || d == nil {
		return err
	}
	if d["Kids"] == nil {
		w.tree.leaves = append(w.tree.leaves, ref)
		w.pages[ref] = len(w.tree.leaves)
		return nil
	}
	w.tree.nodes = append(w.tree.nodes, ref)
	w.pages[ref] = 0
	kids, err := w.old.Array(d["Kids"])
	if err != nil {
		return err
	}
	for _, kid := range kids {
		if r, ok := kid.(pdf.Ref); ok {
			if err := w.collectPages(r, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walk) pageNode(ref pdf.Ref) error {
	before, after, err := w.both(ref)
	if err != nil || after == nil {
		return err
	}
	w.strict(ref, 0, before, after, "Parent")
	return nil
}

// both reads a dictionary in both revisions. A reference where the newer one has
// something else is reported, and after is nil then.
func (w *walk) both(ref pdf.Ref) (before, after pdf.Dict, err error) {
	if before, err = w.old.Dict(ref); err != nil || before == nil {
		return nil, nil, err
	}
	if w.sameEntry(ref.Num) {
		return before, before, nil
	}
	w.changed[ref.Num] = true
	if after, err = w.new.Dict(ref); err != nil || after == nil {
		w.other(ref, w.pages[ref], "%s was taken away or cannot be read any more", describe(before))
		return before, nil, nil
	}
	return before, after, nil
}

func (w *walk) page(ref pdf.Ref) error {
	before, after, err := w.both(ref)
	if err != nil || after == nil {
		return err
	}
	number := w.pages[ref]
	w.strict(ref, number, before, after, "Parent", "Annots")
	if !w.equal(before["Parent"], after["Parent"], 0) {
		w.other(ref, number, "/Parent changed")
	}
	return w.annots(ref, number, before["Annots"], after["Annots"])
}

// annots compares a page's annotations (12.5.2): the old ones must all be there, in
// their order, and the same; the new ones are signature fields or notes.
func (w *walk) annots(page pdf.Ref, number int, before, after pdf.Object) error {
	old, err := w.old.Array(before)
	if err != nil {
		return err
	}
	list, err := w.new.Array(after)
	if err != nil {
		w.other(page, number, "annotations cannot be read any more: %v", err)
		return nil
	}
	w.accountArray(before, after)
	next := 0
	for _, o := range old {
		w.pushAll(o, number, 0)
	}
	for i, o := range list {
		if next < len(old) && w.equal(old[next], o, 0) {
			next++
			continue
		}
		ref, ok := o.(pdf.Ref)
		if !ok {
			w.other(page, number, "annotation %d was added in a way that cannot be judged", i)
			continue
		}
		w.newAnnotation(ref, number)
	}
	if next < len(old) {
		w.other(page, number, "annotation %d of %d was removed or moved", next+1, len(old))
	}
	return nil
}

// accountArray says that there is a reason for an array's own object to change; its
// elements are the caller's business. If the array is reached by any other way, what
// was the reason here is none there.
func (w *walk) accountArray(before, after pdf.Object) {
	if _, ok := before.(pdf.Ref); ok {
		w.permit(before)
	}
	for _, o := range []pdf.Object{before, after} {
		if ref, ok := o.(pdf.Ref); ok {
			if _, there := w.changed[ref.Num]; there {
				w.changed[ref.Num] = true
			}
		}
	}
}

// Annotations that show nothing over the page by themselves (12.5.6.4, 12.5.6.14).
// Others can cover what was signed, and so can these with an appearance of their own:
// that is the evil annotation attack on certified documents.
var notes = map[pdf.Name]bool{"Text": true, "Popup": true}

func (w *walk) newAnnotation(ref pdf.Ref, number int) {
	if w.added[ref] {
		return // reported with its field
	}
	w.account(ref)
	d, err := w.new.Dict(ref)
	if err != nil || d == nil {
		w.other(ref, number, "an annotation was added that cannot be read")
		return
	}
	kind, _ := w.new.Name(d["Subtype"])
	if before, err := w.old.Get(ref); err != nil || before != nil {
		w.other(ref, number, "an object that was there was made an annotation")
		return
	}
	if !notes[kind] || d["AP"] != nil || d["A"] != nil || d["AA"] != nil || d["Parent"] != nil && kind != "Popup" {
		w.other(ref, number, "an annotation of type %s was added", kind)
		return
	}
	w.report(Change{Kind: Note, Ref: ref, Page: number, Detail: fmt.Sprintf("%s was added", kind)})
}
