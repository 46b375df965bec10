package pdf

import (
	"cmp"
	"fmt"
	"slices"
)

// An inspection looks for anomalies in the objects and entries of a file.
type inspection struct {
	f     *File
	found notes
	over  bool // the limits are exhausted
}

// A placed entry is one that leads to bytes, with the revision that brought it.
type placed struct {
	entry
	rev int
}

func (in *inspection) note(a Anomaly) { in.found.add(a, -1) }

// unreadable notes that an object could not be read, or that no more can be.
func (in *inspection) unreadable(a Anomaly, err error) {
	if in.f.parsed.Load() < 0 || in.f.decoded.Load() < 0 || in.f.scan.Load() < 0 {
		in.over = true
		a.Kind = Unfinished
	} else {
		a.Kind = Unreadable
	}
	a.Detail = err.Error()
	in.note(a)
}

func (f *File) findAnomalies() []Anomaly {
	in := &inspection{f: f, found: notes{max: f.lim.Anomalies}}
	for _, n := range f.notes.list {
		if n.section >= 0 {
			n.Revision = f.revisionOf(n.section)
		}
		in.note(n.Anomaly)
	}
	var objects, compressed []placed
	for i := range f.revs {
		in.entries(i)
		for _, e := range f.revs[i].entries {
			switch e.kind {
			case InUse:
				objects = append(objects, placed{e, i})
			case Compressed:
				compressed = append(compressed, placed{e, i})
			}
		}
	}
	in.objects(objects)
	in.compressed(compressed)
	out := make([]Anomaly, len(in.found.list))
	for i, n := range in.found.list {
		out[i] = n.Anomaly
	}
	return out
}

// revisionOf returns the revision to which the section at off belongs.
func (f *File) revisionOf(off int64) int {
	for i := range f.revs {
		for _, s := range f.revs[i].sections {
			if s.offset == off {
				return i
			}
		}
	}
	return f.revisionAt(off)
}

// revisionAt returns the revision in whose bytes off lies.
func (f *File) revisionAt(off int64) int {
	for i := range f.revs {
		if off < f.revs[i].Tail {
			return i
		}
	}
	return len(f.revs) - 1
}

// entries checks where the entries of revision i lead.
func (in *inspection) entries(i int) {
	f, rev := in.f, &in.f.revs[i]
	if _, ok := rev.Trailer["Root"].(Ref); !ok {
		in.note(Anomaly{Kind: NoRoot, Revision: i, Offset: rev.XRefOffset, Detail: "the one before it holds on"})
	}
	if n := len(rev.entries); n > 0 {
		size, _ := rev.Trailer["Size"].(int64)
		for k := n - 1; k >= 0; k-- {
			if e := rev.entries[k]; int64(e.num) < size {
				break
			} else if e.kind != Free {
				in.note(Anomaly{Kind: SizeTooSmall, Revision: i, Offset: rev.XRefOffset, Ref: Ref{e.num, e.gen},
					Detail: fmt.Sprintf("Size is %d", size)})
				break // one tells enough
			}
		}
	}
	for _, e := range rev.entries {
		if e.kind != InUse {
			continue
		}
		a := Anomaly{Revision: i, Offset: int64(e.off), Ref: Ref{e.num, e.gen}}
		if int64(e.off) >= rev.End {
			a.Kind, a.Detail = BeyondRevision, fmt.Sprintf("the revision ends at byte %d", rev.End)
			in.note(a)
		} else if i > 0 && int64(e.off) < f.revs[i-1].End {
			if old, ok := f.View(i - 1).entry(e.num); !ok || old.kind != InUse || old.off != e.off {
				a.Kind, a.Detail = IntoEarlier, fmt.Sprintf("the revision before it ends at byte %d", f.revs[i-1].End)
				in.note(a)
			}
		}
	}
}

// objects reads every object once, in the order in which they lie in the file.
func (in *inspection) objects(all []placed) {
	slices.SortFunc(all, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.off, b.off), cmp.Compare(a.num, b.num), cmp.Compare(a.rev, b.rev))
	})
	tables := in.tables()
	var before Span // the bytes taken so far: the object that reaches furthest
	var beforeRef Ref
	take := func(s Span, ref Ref, rev int) {
		if s.Start < before.End && s.Len() > 0 {
			in.note(Anomaly{Kind: Overlap, Revision: rev, Offset: s.Start, Ref: ref,
				Detail: fmt.Sprintf("with what is at bytes %d to %d (object %d; 0: a cross-reference section)", before.Start, before.End, beforeRef.Num)})
		}
		if s.End > before.End {
			before, beforeRef = s, ref
		}
	}
	for i, e := range all {
		if in.over {
			return
		}
		if i > 0 && all[i-1].off == e.off && all[i-1].num == e.num {
			continue // the same entry repeated by a later revision
		}
		for len(tables) > 0 && tables[0].Start < int64(e.off) {
			take(tables[0], Ref{}, in.f.revisionAt(tables[0].Start))
			tables = tables[1:]
		}
		if o := in.object(e); o != nil {
			take(o.span, Ref{e.num, e.gen}, e.rev)
		}
	}
	for _, t := range tables {
		take(t, Ref{}, in.f.revisionAt(t.Start))
	}
}

// tables returns the bytes of the cross-reference tables, in order. Cross-reference
// streams are objects.
func (in *inspection) tables() []Span {
	var out []Span
	for i := range in.f.revs {
		for _, s := range in.f.revs[i].sections {
			if s.kind != XRefStream {
				out = append(out, Span{s.offset, s.end})
			}
		}
	}
	slices.SortFunc(out, func(a, b Span) int { return cmp.Compare(a.Start, b.Start) })
	return out
}

// object reads one object and checks it by itself; nil if it cannot be read.
func (in *inspection) object(e placed) *indirect {
	a := Anomaly{Revision: e.rev, Offset: int64(e.off), Ref: Ref{e.num, e.gen}}
	o, err := in.f.readIndirect(int64(e.off), in.f.View(e.rev).length, nil)
	if err != nil {
		in.unreadable(a, err)
		return nil
	}
	if o.ref != a.Ref {
		a.Kind, a.Detail = WrongHeader, fmt.Sprintf("object %d %d is there", o.ref.Num, o.ref.Gen)
		in.note(a)
	}
	if o.badLength {
		a.Kind, a.Detail = BadStreamLength, "Length does not lead to endstream"
		in.note(a)
	}
	if o.duplicate != nil {
		a.Kind, a.Detail = DuplicateKey, fmt.Sprintf("/%s", *o.duplicate)
		in.note(a)
	}
	return o
}

// compressed reads every object in object streams, stream by stream.
func (in *inspection) compressed(all []placed) {
	slices.SortFunc(all, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.rev, b.rev), cmp.Compare(a.off, b.off))
	})
	bad := uint64(0) // an object stream that cannot be read is told once
	for _, e := range all {
		if in.over {
			return
		}
		if e.off>>32 == bad {
			continue
		}
		v := in.f.View(e.rev)
		a := Anomaly{Revision: e.rev, Ref: Ref{Num: e.num}}
		if c, ok := v.entry(uint32(e.off >> 32)); ok && c.kind == InUse {
			a.Offset = int64(c.off)
		}
		_, duplicate, err := v.compressedDuplicate(e.entry)
		switch {
		case err != nil:
			in.unreadable(a, err)
			bad = e.off >> 32
		case duplicate != nil:
			a.Kind, a.Detail = DuplicateKey, fmt.Sprintf("/%s", *duplicate)
			in.note(a)
		}
	}
}
