package pdf

import (
	"bytes"
	"fmt"
	"io"
)

// A Revision is the file as one save left it: the original, or that plus some
// incremental updates (7.5.6). The two cross-reference sections of a linearized file
// make one revision.
type Revision struct {
	// XRefOffset is where the cross-reference section begins; a following revision's
	// Prev leads here.
	XRefOffset int64
	// End is the offset just after the revision's %%EOF, Tail the same after the one
	// end-of-line marker that may follow. The revision on its own is the bytes
	// [0, Tail); a signature that covers it ends at either.
	End, Tail int64
	Kind      XRefKind
	Trailer   Dict
}

type revision struct {
	Revision
	entries  []entry    // what this revision itself says, by number
	sections []*section // without entries; newest first
}

// tailRegion is where startxref is looked for first, as all readers do; farTail how
// much junk after it is put up with.
const (
	tailRegion = 1024
	farTail    = 64 << 10
)

// readRevisions follows startxref and the Prev chain.
func (f *File) readRevisions() error {
	start, keyword, err := f.readStartXRef()
	if err != nil {
		return err
	}
	f.linear = f.readLinearized()
	chain, err := f.readChain(start)
	if err != nil {
		return err
	}
	for len(chain) > 0 {
		last := len(chain) - 1
		n := 1
		rev := revision{entries: chain[last].entries}
		if f.linear && len(f.revs) == 0 && last > 0 && chain[last].offset > chain[last-1].offset {
			n = 2 // annex F: the first-page section comes first, and its Prev leads to the main one
			rev.entries = merge(chain[last-1].entries, chain[last].entries, func(first, _ entry) entry { return first })
		}
		rev.sections = chain[len(chain)-n:]
		for _, s := range rev.sections {
			s.entries = nil
		}
		head := rev.sections[0]
		rev.Revision = Revision{XRefOffset: head.offset, Kind: head.kind, Trailer: head.trailer}
		chain = chain[:len(chain)-n]
		f.revs = append(f.revs, rev)
	}
	f.index = newIndex(f.revs)
	return f.findEnds(keyword)
}

// readStartXRef returns the offset that the last startxref names, and where that
// keyword stands (7.5.5). It settles whether the file's offsets count from the
// header, as Acrobat counts, or from the first byte.
func (f *File) readStartXRef() (start, keyword int64, err error) {
	keyword = -1
	for _, region := range []int64{tailRegion, farTail} {
		buf := make([]byte, min(region, f.size))
		if _, err := f.r.ReadAt(buf, f.size-int64(len(buf))); err != nil && err != io.EOF {
			return 0, 0, fmt.Errorf("read end of PDF: %w", err)
		}
		if i := bytes.LastIndex(buf, []byte("startxref")); i >= 0 {
			keyword = f.size - int64(len(buf)) + int64(i)
			break
		}
	}
	if keyword < 0 {
		return 0, 0, fmt.Errorf("%w: no startxref in the last %d bytes", ErrMalformed, farTail)
	}
	p := f.parser(keyword+int64(len("startxref")), f.size)
	defer f.release(p)
	t, err := p.token()
	if err != nil {
		return 0, 0, err
	}
	if t.kind != tokInt || t.i < 0 || t.i > f.size {
		return 0, 0, fmt.Errorf("%w: startxref at byte %d names no place in the file", ErrMalformed, keyword)
	}
	if f.header > 0 && f.countsFromHeader(t.i) {
		f.shift = f.header
	}
	return t.i + f.shift, keyword, nil
}

// countsFromHeader says which way of counting leads from a stated offset to a section.
// What is exactly there goes before what is beside it: the two ways may lie so close
// together that each finds the same table, and then an update would be read in the
// other way than it was written.
func (f *File) countsFromHeader(stated int64) bool {
	if _, exact := f.locateExactly(stated + f.header); exact {
		return true
	}
	if _, exact := f.locateExactly(stated); exact {
		return false
	}
	_, near := f.locate(stated + f.header)
	return near
}

// readLinearized reports whether the first object is a linearization dictionary (annex F.3).
func (f *File) readLinearized() bool {
	p, o, err := f.readValue(f.header, nil)
	if err != nil {
		return false
	}
	f.release(p)
	if o.span.Start > f.header+headerRegion {
		return false
	}
	d, _ := o.value.(Dict)
	_, ok := d["Linearized"]
	return ok
}

// readChain reads the sections from start on along Prev, newest first.
func (f *File) readChain(start int64) ([]*section, error) {
	var chain []*section
	seen := map[int64]bool{}
	for off := start; ; {
		if len(chain) >= f.lim.Sections {
			return nil, fmt.Errorf("%w: more than %d cross-reference sections", ErrLimit, f.lim.Sections)
		}
		s, err := f.readSection(off)
		if err != nil {
			return nil, err
		}
		if seen[s.offset] {
			return nil, fmt.Errorf("%w: Prev leads back to the section at byte %d", ErrMalformed, s.offset)
		}
		seen[s.offset] = true
		chain = append(chain, s)
		if most := f.lim.Compared + 2*f.size; int64(f.entries)*int64(len(chain)) > most {
			return nil, fmt.Errorf("%w: more than %d cross-reference entries times sections", ErrLimit, most)
		}
		switch prev := s.trailer["Prev"].(type) {
		case nil:
			return chain, nil
		case int64:
			if prev == 0 { // what some writers put for "none"
				return chain, nil
			}
			if prev < 0 || prev >= f.size {
				return nil, fmt.Errorf("%w: Prev of the section at byte %d leads outside the file", ErrMalformed, s.offset)
			}
			off = prev + f.shift
		default:
			return nil, fmt.Errorf("%w: Prev of the section at byte %d is %T", ErrMalformed, s.offset, prev)
		}
	}
}
