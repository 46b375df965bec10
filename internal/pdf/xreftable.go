package pdf

import "fmt"

// maxOffset keeps sums of offsets from overflowing.
const maxOffset = 1 << 60

// readTable reads a cross-reference table and its trailer (7.5.4, 7.5.5) from after
// the keyword xref. It reads tokens instead of 20-byte lines, since entries of 19 or
// 21 bytes are common.
func (f *File) readTable(p *parser, at int64) (*section, error) {
	s := &section{offset: at, kind: Table}
	for {
		t, err := p.token()
		if err != nil {
			return nil, err
		}
		if t.keyword("trailer") {
			break
		}
		n, err := p.token()
		if err != nil {
			return nil, err
		}
		if t.kind != tokInt || n.kind != tokInt || t.i < 0 || t.i > maxNumber || n.i < 0 || n.i > maxNumber {
			return nil, fmt.Errorf("%w: no subsection header at byte %d", ErrMalformed, t.span.Start)
		}
		short, err := f.readSubsection(p, s, t.i, n.i)
		if err != nil {
			return nil, err
		}
		if short {
			f.note(Anomaly{Kind: ShortXRef, Offset: t.span.Start, Detail: "a subsection has fewer entries than it says"})
			break
		}
	}
	o, err := p.object()
	if err != nil {
		return nil, fmt.Errorf("trailer: %w", err)
	}
	var ok bool
	if s.trailer, ok = o.(Dict); !ok {
		return nil, fmt.Errorf("%w: trailer is no dictionary, at byte %d", ErrMalformed, p.offset())
	}
	f.noteDuplicate(p.duplicate, at, Ref{})
	s.end = p.offset()
	return s, nil
}

// readSubsection reads count entries from number first on. short means that the
// keyword trailer came before the last of them, and has been read.
func (f *File) readSubsection(p *parser, s *section, first, count int64) (short bool, err error) {
	for i := int64(0); i < count; i++ {
		off, err := p.token()
		if err != nil {
			return false, err
		}
		if off.keyword("trailer") {
			return true, nil
		}
		gen, err := p.token()
		if err != nil {
			return false, err
		}
		use, err := p.token()
		if err != nil {
			return false, err
		}
		inUse := use.keyword("n")
		if off.kind != tokInt || gen.kind != tokInt || off.i < 0 || gen.i < 0 || !inUse && !use.keyword("f") {
			return false, fmt.Errorf("%w: no entry at byte %d", ErrMalformed, off.span.Start)
		}
		if i == 0 && first == 1 && !inUse && off.i == 0 && gen.i == 65535 {
			first = 0 // a widespread off-by-one: this entry is the head of the free list
		}
		if err := f.countEntry(); err != nil {
			return false, err
		}
		if first+i > maxNumber {
			return false, fmt.Errorf("%w: object number %d", ErrLimit, first+i)
		}
		e := entry{num: uint32(first + i), gen: uint16(min(gen.i, 65535)), off: uint64(min(off.i, maxOffset))}
		if inUse && off.i != 0 { // writers put 0 for objects that they never wrote
			e.kind = InUse
			e.off += uint64(f.shift)
		}
		s.entries = append(s.entries, e)
	}
	return false, nil
}
