package pdf

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
)

// sharedBytes is about how much memory the shared objects of one File take.
const sharedBytes = 16 << 20

// A shelf keeps parsed objects by where they lie in the file, for views that share them.
// What is at one place is parsed once, however many revisions it holds on in. The zero
// value is ready.
type shelf struct {
	mu      sync.Mutex
	objects map[place]shelved
	bytes   int // about
}

// A place names an object's bytes, and all else that its value depends on.
type place struct {
	entry
	container uint64 // Compressed: where the object stream lies
	gen       uint16 // that was asked for
}

type shelved struct {
	value    Object
	revision int // whose view read it
}

// Shared returns the document as revision i left it, like View. But its values are shared
// among all such views of the file: nobody may change them. Comparing n revisions of one
// document, which would parse most objects n times, takes each once.
func (f *File) Shared(i int) *View {
	v := f.View(i)
	v.shelf = &f.shared
	return v
}

// shelved is load, by way of the shelf.
func (v *View) shelved(e entry, ref Ref) (Object, error) {
	at, ok := v.place(e, ref)
	if !ok {
		return v.load(e, ref)
	}
	s := v.shelf
	s.mu.Lock()
	known, ok := s.objects[at]
	s.mu.Unlock()
	if ok {
		if v.f.parsed.Add(-readingCost) < 0 { // a walk is bounded by what it reads, from here too
			return nil, fmt.Errorf("%w: too many bytes of objects", ErrLimit)
		}
		return known.value, nil
	}
	o, err := v.load(e, ref)
	if err != nil || !v.lasting(at, o) {
		return o, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	size := weight(o)
	if s.objects == nil || s.bytes+size > sharedBytes {
		s.objects, s.bytes = map[place]shelved{}, 0
	}
	s.objects[at] = shelved{o, v.i}
	s.bytes += size
	return o, nil
}

// place returns what names the object's bytes.
func (v *View) place(e entry, ref Ref) (place, bool) {
	at := place{entry: e, gen: ref.Gen}
	if e.kind == Compressed {
		c, ok := v.entry(uint32(e.off >> 32))
		if !ok || c.kind != InUse {
			return at, false
		}
		at.container = c.off
	}
	return at, true
}

// lasting reports whether the value depends on nothing else than the bytes at its place. A
// Length that is a reference may lead elsewhere in another revision; so may a filter, and
// it is a stream's view that looks for it.
func (v *View) lasting(at place, o Object) bool {
	if at.kind == Compressed {
		return v.f.cache.get(streamKey{at.container, anyRevision}) != nil
	}
	s, ok := o.(*Stream)
	if !ok {
		return true
	}
	return !slices.ContainsFunc([]Name{"Length", "Filter", "DecodeParms", "DP", "F"}, func(key Name) bool { return refers(s.Dict[key]) })
}

// refers reports whether there is a reference in o.
func refers(o Object) bool {
	switch o := o.(type) {
	case Ref:
		return true
	case Array:
		return slices.ContainsFunc(o, refers)
	case Dict:
		for _, e := range o {
			if refers(e) {
				return true
			}
		}
	}
	return false
}

// weight is about how many bytes of memory o takes.
func weight(o Object) int {
	const word = 8
	n := 2 * word
	switch o := o.(type) {
	case String:
		n += 3*word + len(o)
	case Name:
		n += 2*word + len(o)
	case Array:
		n += 3 * word
		for _, e := range o {
			n += weight(e)
		}
	case Dict:
		n += 6 * word
		for k, e := range o {
			n += 2*word + len(k) + weight(e)
		}
	case *Stream:
		n += 8*word + weight(o.Dict)
	}
	return n
}

// Unaltered reads anew what is shared, and returns an error if anybody changed it. It is
// for the tests of those who look at shared views.
func (f *File) Unaltered() error {
	f.shared.mu.Lock()
	defer f.shared.mu.Unlock()
	for at, was := range f.shared.objects {
		ref := Ref{at.num, at.gen}
		o, err := f.View(was.revision).load(at.entry, ref)
		if err != nil || !reflect.DeepEqual(bare(o), bare(was.value)) {
			return fmt.Errorf("object %v, shared since revision %d, is %v now; read anew it is %v, %v", ref, was.revision, was.value, o, err)
		}
	}
	return nil
}

// bare leaves the view out of a stream, which is another one for each reader.
func bare(o Object) Object {
	if s, ok := o.(*Stream); ok {
		c := *s
		c.view = nil
		return &c
	}
	return o
}

// inherit returns d with those of the keys that it lacks and from has. d itself stays as it is.
func inherit(d, from Dict, keys []Name) Dict {
	own := false
	for _, key := range keys {
		if d[key] != nil || from[key] == nil {
			continue
		}
		if !own {
			d, own = maps.Clone(d), true
		}
		d[key] = from[key]
	}
	return d
}
