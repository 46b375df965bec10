package pdf

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
)

// An XRefKind is the form of a revision's cross-reference section.
type XRefKind string

const (
	Table      XRefKind = "table"  // 7.5.4
	XRefStream XRefKind = "stream" // 7.5.8
	Hybrid     XRefKind = "hybrid" // a table whose trailer has XRefStm, 7.5.8.4
)

// An EntryKind says what a cross-reference entry tells of its object.
type EntryKind uint8

const (
	Free       EntryKind = iota // the object is null
	InUse                       // it lies at an offset in the file
	Compressed                  // it lies in an object stream
)

// An entry is one cross-reference entry, kept small: a file may have millions.
type entry struct {
	off  uint64 // InUse: absolute offset; Compressed: stream number<<32 | index; Free: next free number
	num  uint32
	gen  uint16
	kind EntryKind
}

// A section is one cross-reference section as the file has it.
type section struct {
	offset  int64 // of "xref" or of the stream's object number
	end     int64 // just after the trailer dictionary, or after endobj
	kind    XRefKind
	trailer Dict
	entries []entry // by number, each once
}

// nearby is how far a table may be from its stated offset: writers that miscount
// miss it by a byte or two.
const nearby = 16

// locate returns where the cross-reference section begins that off is meant to name:
// there, after white space, or, for a table, a few bytes beside. ok is false if
// there is none; the offset is then that of what is there instead.
func (f *File) locate(off int64) (at int64, ok bool) {
	if at, ok = f.locateExactly(off); ok || off < 0 || off >= f.size {
		return at, ok
	}
	from := max(0, off-nearby)
	buf := make([]byte, 2*nearby)
	n, _ := f.r.ReadAt(buf, from)
	if i := bytes.LastIndex(buf[:n], []byte("xref")); i >= 0 && !bytes.HasSuffix(buf[:i], []byte("start")) {
		return from + int64(i), true
	}
	return at, false
}

// locateExactly is locate without a look beside.
func (f *File) locateExactly(off int64) (at int64, ok bool) {
	if off < 0 || off >= f.size {
		return off, false
	}
	p := f.parser(off, min(f.size, off+windowMin)) // as in readValue
	defer f.release(p)
	p.skipSpace()
	at = p.offset()
	if p.match("xref") {
		return at, true
	}
	num, err1 := p.token()
	gen, err2 := p.token()
	p.skipSpace()
	return at, err1 == nil && err2 == nil && num.kind == tokInt && gen.kind == tokInt && p.match("obj")
}

// readSection reads the section at off, and what its XRefStm names.
func (f *File) readSection(off int64) (*section, error) {
	at, ok := f.locate(off)
	if !ok {
		return nil, fmt.Errorf("%w: no cross-reference section at byte %d", ErrMalformed, off)
	}
	f.reading = at
	defer func() { f.reading = -1 }()
	if at < off {
		f.note(Anomaly{Kind: MisplacedXRef, Offset: at, Detail: fmt.Sprintf("byte %d is stated", off)})
	}
	p := f.parser(at, f.size)
	defer f.release(p)
	var s *section
	var err error
	if p.match("xref") {
		s, err = f.readTable(p, at)
	} else {
		s, err = f.readXRefStream(at)
	}
	if err != nil {
		return nil, fmt.Errorf("cross-reference section at byte %d: %w", at, err)
	}
	if _, ok := s.trailer["Encrypt"]; ok {
		return nil, ErrEncrypted
	}
	s.sort(f)
	if stm, ok := s.trailer["XRefStm"].(int64); ok && s.kind == Table {
		hidden, err := f.readXRefStream(stm + f.shift)
		if err != nil {
			return nil, fmt.Errorf("cross-reference stream of the hybrid section at byte %d: %w", at, err)
		}
		hidden.sort(f)
		s.kind = Hybrid
		s.entries = f.mergeHybrid(s, hidden)
	}
	return s, nil
}

// countEntry draws one entry from what the limits allow.
func (f *File) countEntry() error {
	if f.entries++; f.entries > f.lim.Entries {
		return fmt.Errorf("%w: more than %d cross-reference entries", ErrLimit, f.lim.Entries)
	}
	return nil
}

// sort orders the entries by number. Of two for one number the first counts, as in
// the readers in wide use.
func (s *section) sort(f *File) {
	slices.SortStableFunc(s.entries, func(a, b entry) int { return cmp.Compare(a.num, b.num) })
	kept := s.entries[:0]
	for _, e := range s.entries {
		if n := len(kept); n > 0 && kept[n-1].num == e.num {
			if kept[n-1] != e {
				f.note(Anomaly{Kind: EntryTwice, Offset: s.offset, Ref: Ref{e.num, e.gen}, Detail: "two different entries in one cross-reference section"})
			}
			continue
		}
		kept = append(kept, e)
	}
	s.entries = slices.Clip(kept)
}

// mergeHybrid joins the entries of a hybrid section. An object in use in the table
// counts as the table says; any other is looked up in the stream before older
// sections are (7.5.8.4), which is how the table can call free what only readers of
// cross-reference streams are to see.
func (f *File) mergeHybrid(table, stream *section) []entry {
	return merge(table.entries, stream.entries, func(t, s entry) entry {
		if t.kind == Free {
			return s
		}
		if s.kind != Free && s != t {
			f.note(Anomaly{Kind: HybridConflict, Offset: table.offset, Ref: Ref{t.num, t.gen},
				Detail: "the table and the stream of a hybrid section place the object differently"})
		}
		return t
	})
}

// merge joins two lists that are sorted by number; pick decides where both have one.
func merge(a, b []entry, pick func(a, b entry) entry) []entry {
	out := make([]entry, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].num < b[0].num:
			out, a = append(out, a[0]), a[1:]
		case a[0].num > b[0].num:
			out, b = append(out, b[0]), b[1:]
		default:
			out = append(out, pick(a[0], b[0]))
			a, b = a[1:], b[1:]
		}
	}
	return append(append(out, a...), b...)
}

// lookup finds the entry of a number in a sorted list.
func lookup(entries []entry, num uint32) (entry, bool) {
	i, ok := slices.BinarySearchFunc(entries, num, func(e entry, n uint32) int { return cmp.Compare(e.num, n) })
	if !ok {
		return entry{}, false
	}
	return entries[i], true
}
