package pdf

import (
	"fmt"
	"slices"
)

// maxHops bounds references that lead to references.
const maxHops = 32

// An Entry is what a View's cross-reference sections say of one object number.
type Entry struct {
	Kind   EntryKind
	Ref    Ref
	Offset int64  // InUse: of the object number, from the first byte of the file
	Stream uint32 // Compressed: the number of the object stream
	Index  uint32 // Compressed: the object's index there
}

// A View is the document as one revision left it. Every value that it returns is
// read anew and the caller's own to change, unless it is one of File.Shared.
type View struct {
	f     *File
	i     int
	rev   *revision
	shelf *shelf // of what it shares; nil: nothing
}

// File returns the file that v is a view of.
func (v *View) File() *File { return v.f }

// Index returns the index of the revision in File.Revisions.
func (v *View) Index() int { return v.i }

// Trailer returns the trailer dictionary of the revision (7.5.5). Where an update
// left out Root, Info or ID, that of the revision before it holds on.
func (v *View) Trailer() Dict {
	d := v.rev.Trailer.Clone()
	for _, key := range []Name{"Root", "Info", "ID"} {
		for i := v.i - 1; d[key] == nil && i >= 0; i-- {
			if o := v.f.revs[i].Trailer[key]; o != nil {
				d[key] = Clone(o)
			}
		}
	}
	return d
}

// CatalogRef returns the trailer's Root, or the zero Ref.
func (v *View) CatalogRef() Ref {
	for i := v.i; i >= 0; i-- {
		if root := v.f.revs[i].Trailer["Root"]; root != nil {
			r, _ := root.(Ref)
			return r
		}
	}
	return Ref{}
}

// Catalog returns the document catalog (7.7.2).
func (v *View) Catalog() (Dict, error) {
	ref := v.CatalogRef()
	if ref.IsZero() {
		return nil, fmt.Errorf("%w: the trailer has no reference to a catalog", ErrMalformed)
	}
	d, err := v.Dict(ref)
	if err == nil && d == nil {
		err = fmt.Errorf("%w: the catalog %v is absent", ErrMalformed, ref)
	}
	return d, err
}

// entry returns what the newest section up to this revision says of num.
func (v *View) entry(num uint32) (entry, bool) {
	if v.f.index != nil {
		at, ok := v.f.index.newest(num, uint32(v.i))
		if !ok {
			return entry{}, false
		}
		return v.f.revs[at.rev].entries[at.at], true
	}
	for i := v.i; i >= 0; i-- {
		if e, ok := lookup(v.f.revs[i].entries, num); ok {
			return e, true
		}
	}
	return entry{}, false
}

// Entry returns the cross-reference entry of num; ok is false if there is none,
// which means the same as Free: the object is null.
func (v *View) Entry(num uint32) (e Entry, ok bool) {
	raw, ok := v.entry(num)
	if !ok {
		return Entry{Ref: Ref{Num: num}}, false
	}
	return raw.export(), true
}

func (e entry) export() Entry {
	out := Entry{Kind: e.kind, Ref: Ref{e.num, e.gen}}
	switch e.kind {
	case InUse:
		out.Offset = int64(e.off)
	case Compressed:
		out.Stream, out.Index = uint32(e.off>>32), uint32(e.off)
	}
	return out
}

// Numbers returns the numbers of all objects that are not free, ascending.
func (v *View) Numbers() []uint32 {
	var out []uint32
	for _, e := range v.all() {
		if e.kind != Free {
			out = append(out, e.num)
		}
	}
	return out
}

// all returns the entries that hold in this view, by number. It joins neighbours, then
// what came of them: one revision after the other, a big one would be copied as often
// as there are small ones.
func (v *View) all() []entry { return newest(v.f.revs[:v.i+1]) }

// newest returns the entries that hold after a run of revisions.
func newest(revs []revision) []entry {
	if len(revs) == 1 {
		return revs[0].entries
	}
	half := len(revs) / 2
	return merge(newest(revs[half:]), newest(revs[:half]), func(newer, _ entry) entry { return newer })
}

// Changed returns the objects that the revision itself defines, redefines or frees,
// by number; of the oldest revision all. Entries that only repeat what held before
// are left out. Objects in an object stream that the revision replaces are included,
// although they have no entry of their own: their bytes are new.
//
// A stream whose Length is a reference changes with that object too; the reference's
// object is what is listed.
func (v *View) Changed() []Ref {
	var out []Ref
	var before *View
	if v.i > 0 {
		before = v.f.View(v.i - 1)
	}
	changed := map[uint32]bool{}
	for _, e := range v.rev.entries {
		if before != nil {
			if old, ok := before.entry(e.num); ok && old == e || e.kind == Free && (!ok || old.kind == Free) {
				continue
			}
			changed[e.num] = true
		}
		out = append(out, Ref{e.num, e.gen})
	}
	if len(changed) > 0 {
		for _, e := range v.all() {
			if e.kind == Compressed && changed[uint32(e.off>>32)] && !changed[e.num] {
				out = append(out, Ref{e.num, e.gen})
			}
		}
		slices.SortFunc(out, func(a, b Ref) int { return int(a.Num) - int(b.Num) })
	}
	return out
}
