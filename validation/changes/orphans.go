package changes

import "chop/internal/pdf"

// permit notes that what o of the older revision leads to may change.
func (w *walk) permit(o pdf.Object) { w.permitted = append(w.permitted, o) }

// orphans reports new objects for which there was no reason, and objects that were
// there, for no purpose that could be seen, until the new revision gave them another
// content and a purpose: the shadow attacks prepare such ones before the signature.
// The file's own bookkeeping, cross-reference and object streams, is not referred to
// by anything.
func (w *walk) orphans() error {
	var reused []pdf.Ref
	for _, ref := range w.written {
		before, err := w.old.Get(ref)
		there := before != nil || err != nil
		switch _, page := w.pages[ref]; {
		case w.changed[ref.Num] && (!there || page || w.seen[ref] || w.fields[ref] != nil || ref == w.old.CatalogRef()):
		case w.changed[ref.Num]:
			reused = append(reused, ref)
		case !w.bookkeeping(ref):
			w.report(Change{Kind: Orphan, Ref: ref, Detail: "nothing refers to it"})
		}
	}
	if len(reused) == 0 {
		return nil
	}
	met := map[pdf.Ref]bool{}
	for _, o := range w.permitted {
		if err := w.meet(o, met, 0); err != nil {
			return err
		}
	}
	for _, ref := range reused {
		if !met[ref] {
			w.other(ref, 0, "an object that nothing referred to was replaced and is used now")
		}
	}
	return nil
}

func (w *walk) bookkeeping(ref pdf.Ref) bool {
	o, err := w.new.Get(ref)
	s, ok := o.(*pdf.Stream)
	if err != nil || !ok {
		return false
	}
	kind, _ := w.new.Name(s.Dict["Type"])
	return kind == "XRef" || kind == "ObjStm"
}

// meet collects all objects that o of the older revision leads to.
func (w *walk) meet(o pdf.Object, met map[pdf.Ref]bool, depth int) error {
	if depth > maxDepth {
		return nil
	}
	switch o := o.(type) {
	case pdf.Ref:
		if _, page := w.pages[o]; page || met[o] {
			return nil
		}
		met[o] = true
		if err := w.step(); err != nil {
			return err
		}
		target, err := w.old.Get(o)
		if err != nil {
			return nil
		}
		return w.meet(target, met, depth+1)
	case pdf.Array:
		for _, e := range o {
			if err := w.meet(e, met, depth+1); err != nil {
				return err
			}
		}
	case pdf.Dict:
		for _, e := range o {
			if err := w.meet(e, met, depth+1); err != nil {
				return err
			}
		}
	case *pdf.Stream:
		return w.meet(o.Dict, met, depth+1)
	}
	return nil
}
