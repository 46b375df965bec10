package pdf

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
)

// An objectStream is a decoded object stream (7.5.7).
type objectStream struct {
	data  []byte
	first int
	nums  []uint32
	offs  []int // from first
	order func() []uint32
}

// find returns the place of an object in the stream, -1 if it is not there. The index
// that its entry states is wrong now and then; the header of the stream has the last
// word, and in it the first mention.
func (s *objectStream) find(num uint32, stated int) int {
	if stated < len(s.nums) && s.nums[stated] == num {
		return stated
	}
	order := s.order()
	i, ok := slices.BinarySearchFunc(order, num, func(at, num uint32) int { return cmp.Compare(s.nums[at], num) })
	if !ok {
		return -1
	}
	return int(order[i])
}

// sorted returns the places of the objects by their numbers. It is only needed for a
// wrong index, but then a search from the start for each of a million would never end.
func (s *objectStream) sorted() []uint32 {
	order := make([]uint32, len(s.nums))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int { return cmp.Or(cmp.Compare(s.nums[a], s.nums[b]), cmp.Compare(a, b)) })
	return order
}

// compressed returns the object of a Compressed entry. It is looked up in the one
// stream that the entry names: Extends only tells of a collection, and a reader that
// searched along it would see objects that others do not.
func (v *View) compressed(e entry) (Object, error) {
	o, _, err := v.compressedDuplicate(e)
	return o, err
}

// compressedDuplicate also returns a key that a dictionary of the object has twice.
func (v *View) compressedDuplicate(e entry) (Object, *Name, error) {
	container, index := uint32(e.off>>32), int(uint32(e.off))
	s, err := v.objectStream(container)
	if err != nil {
		return nil, nil, fmt.Errorf("object stream %d: %w", container, err)
	}
	if v.f.parsed.Add(-readingCost) < 0 {
		return nil, nil, fmt.Errorf("%w: too many bytes of objects", ErrLimit)
	}
	if index = s.find(e.num, index); index < 0 {
		return nil, nil, nil
	}
	p := newParser(memoryWindow(s.data[s.first+s.offs[index]:]), v.f.lim)
	o, err := p.object()
	v.f.parsed.Add(-p.offset())
	return o, p.duplicate, err
}

// objectStream returns the object stream with the given number, from the cache if it
// is there. It must lie in the file itself, not in another object stream.
func (v *View) objectStream(num uint32) (*objectStream, error) {
	e, ok := v.entry(num)
	if !ok || e.kind != InUse {
		return nil, fmt.Errorf("%w: it is no object of the file", ErrMalformed)
	}
	// With an indirect Length the data may differ from revision to revision.
	for _, rev := range []int{anyRevision, v.i} {
		if s := v.f.cache.get(streamKey{e.off, rev}); s != nil {
			return s, nil
		}
	}
	in, err := v.f.readIndirect(int64(e.off), v.plainLength, nil)
	if err != nil {
		return nil, err
	}
	st, ok := in.value.(*Stream)
	if !ok || in.ref.Num != num || st.Dict["Type"] != Name("ObjStm") {
		return nil, fmt.Errorf("%w: no object stream at byte %d", ErrMalformed, e.off)
	}
	s, err := v.f.parseObjectStream(st)
	if err != nil {
		return nil, err
	}
	rev := anyRevision
	if _, ok := st.Dict["Length"].(Ref); ok {
		rev = v.i
	}
	v.f.cache.put(streamKey{e.off, rev}, s)
	return s, nil
}

// plainLength resolves the Length of an object stream, which may not itself be in one.
func (v *View) plainLength(o Object) (int64, bool) {
	ref, ok := o.(Ref)
	if !ok {
		return 0, false
	}
	if e, ok := v.entry(ref.Num); !ok || e.kind != InUse {
		return 0, false
	}
	return v.length(o)
}

// parseObjectStream decodes a stream and reads the pairs at its beginning.
func (f *File) parseObjectStream(st *Stream) (*objectStream, error) {
	n, ok1 := st.Dict["N"].(int64)
	first, ok2 := st.Dict["First"].(int64)
	if !ok1 || !ok2 || n < 0 || first < 0 {
		return nil, fmt.Errorf("%w: N or First", ErrMalformed)
	}
	data, err := f.Decode(st)
	if err != nil {
		return nil, err
	}
	if first > int64(len(data)) || n > first {
		return nil, fmt.Errorf("%w: %d objects after %d bytes, in %d", ErrMalformed, n, first, len(data))
	}
	if f.parsed.Add(-first) < 0 {
		return nil, fmt.Errorf("%w: too many bytes of objects", ErrLimit)
	}
	s := &objectStream{data: data, first: int(first)}
	s.order = sync.OnceValue(s.sorted)
	p := newParser(memoryWindow(data[:first]), f.lim)
	for range n {
		num, err := p.token()
		if err != nil {
			return nil, err
		}
		off, err := p.token()
		if err != nil {
			return nil, err
		}
		if num.kind != tokInt || off.kind != tokInt || num.i < 0 || num.i > maxNumber || off.i < 0 || off.i > int64(len(data))-first {
			return nil, fmt.Errorf("%w: pair of numbers before the objects", ErrMalformed)
		}
		s.nums = append(s.nums, uint32(num.i))
		s.offs = append(s.offs, int(off.i))
	}
	return s, nil
}
