package pdf

import (
	"fmt"
	"maps"
	"slices"
)

// An Update collects the objects of one incremental update (7.5.6) on the latest
// revision of a file. Only Build makes bytes; the file's own are never touched. It is
// not safe for concurrent use.
type Update struct {
	f       *File
	view    *View
	next    uint32
	pending map[uint32]pendingObject
	trailer Dict
	err     error // the first misuse, told by Build
}

type pendingObject struct {
	gen   uint16
	value Object
}

// NewUpdate begins an update of f.
func NewUpdate(f *File) *Update {
	u := &Update{f: f, view: f.Latest(), pending: map[uint32]pendingObject{}}
	u.trailer = u.view.Trailer()
	// What describes the old section or its stream is not inherited. Least of all
	// XRefStm: a reader would let that old stream override tables newer than it.
	for _, key := range []Name{"Prev", "XRefStm", "Type", "W", "Index", "Length", "Filter", "DecodeParms", "DL", "F", "FFilter", "FDecodeParms"} {
		delete(u.trailer, key)
	}
	// Size may be too small, and entries beyond it may exist: a number that any
	// revision has used is never used again, nor is one of the free list, so that no
	// stale reference comes to life.
	u.next = 1
	if size, ok := u.trailer["Size"].(int64); ok && size > 1 && size <= maxNumber {
		u.next = uint32(size)
	}
	for i := range f.revs {
		if e := f.revs[i].entries; len(e) > 0 {
			u.next = max(u.next, e[len(e)-1].num+1)
		}
	}
	return u
}

// Alloc returns a reference to an object that no revision has.
func (u *Update) Alloc() Ref {
	ref := Ref{Num: u.next}
	u.next++
	if ref.Num > maxNumber {
		u.fail(fmt.Errorf("%w: no object number left", ErrLimit))
	}
	u.pending[ref.Num] = pendingObject{}
	return ref
}

// Set defines or redefines an object. ref must come from Alloc, or name an object
// that exists in the latest revision, with its generation; otherwise Build fails.
// The value may hold Placeholders, and may be a *Stream. It is not copied: it must
// not change before Build.
func (u *Update) Set(ref Ref, o Object) {
	if _, ok := u.pending[ref.Num]; !ok {
		e, ok := u.view.entry(ref.Num)
		if !ok || e.kind == Free || ref.IsZero() {
			u.fail(fmt.Errorf("set object %v: it does not exist in the file and was not allocated", ref))
			return
		}
		// A header's generation that differs from the entry's is followed, as Get does.
		if ref.Gen != e.gen {
			if o, err := u.view.Get(ref); err != nil || o == nil {
				u.fail(fmt.Errorf("set object %v: the file has generation %d", ref, e.gen))
				return
			}
		}
	} else if ref.Gen != u.pending[ref.Num].gen {
		u.fail(fmt.Errorf("set object %v: it was set with generation %d", ref, u.pending[ref.Num].gen))
		return
	}
	u.pending[ref.Num] = pendingObject{ref.Gen, o}
}

func (u *Update) fail(err error) {
	if u.err == nil {
		u.err = err
	}
}

// Add allocates an object and sets it.
func (u *Update) Add(o Object) Ref {
	ref := u.Alloc()
	u.Set(ref, o)
	return ref
}

// AddStream adds a stream with the given dictionary and data. Unless d has a Filter,
// the data is compressed where that makes it shorter. d is not changed.
func (u *Update) AddStream(d Dict, data []byte) Ref {
	d = maps.Clone(d)
	if d == nil {
		d = Dict{}
	}
	if d["Filter"] == nil {
		if z := deflate(data); len(z)+len("/Filter /FlateDecode") < len(data) {
			d["Filter"], data = Name("FlateDecode"), z
		}
	}
	return u.Add(NewStream(d, data))
}

// Get returns what the update set, else what the latest revision has, to be changed
// and set again.
func (u *Update) Get(ref Ref) (Object, error) {
	if p, ok := u.pending[ref.Num]; ok && p.gen == ref.Gen {
		return p.value, nil
	}
	return u.view.Get(ref)
}

// Trailer returns the trailer of the new revision, which may be changed. Build sets
// Size, Prev and what the form of the section asks for; the second half of ID is
// renewed.
func (u *Update) Trailer() Dict { return u.trailer }

// numbers returns the numbers set, ascending.
func (u *Update) numbers() []uint32 { return slices.Sorted(maps.Keys(u.pending)) }
