package pdf

import (
	"bufio"
	"fmt"
	"io"
)

// readXRefStream reads the cross-reference stream at off (7.5.8). Its own
// dictionary's values must be direct, for there is no table yet to resolve them.
func (f *File) readXRefStream(off int64) (*section, error) {
	o, err := f.readIndirect(off, nil, nil)
	if err != nil {
		return nil, err
	}
	st, ok := o.value.(*Stream)
	if !ok || st.Dict["Type"] != Name("XRef") {
		return nil, fmt.Errorf("%w: neither a cross-reference table nor stream at byte %d", ErrMalformed, off)
	}
	f.noteDuplicate(o.duplicate, o.span.Start, o.ref)
	if o.badLength {
		f.note(Anomaly{Kind: BadStreamLength, Offset: o.span.Start, Ref: o.ref, Detail: "Length of a cross-reference stream"})
	}
	s := &section{offset: o.span.Start, end: o.span.End, kind: XRefStream, trailer: st.Dict}
	widths, err := fieldWidths(st.Dict)
	if err != nil {
		return nil, err
	}
	index, ok := st.Dict["Index"].(Array)
	if !ok {
		index = Array{int64(0), st.Dict["Size"]}
	}
	r, err := f.DecodeReader(st)
	if err != nil {
		return nil, err
	}
	br := bufio.NewReader(r)
	for i := 0; i+1 < len(index); i += 2 {
		first, ok1 := index[i].(int64)
		count, ok2 := index[i+1].(int64)
		if !ok1 || !ok2 || first < 0 || count < 0 || first > maxNumber || count > maxNumber-first+1 {
			return nil, fmt.Errorf("%w: Index or Size of a cross-reference stream", ErrMalformed)
		}
		short, err := f.readRows(br, s, widths, first, count)
		if err != nil {
			return nil, err
		}
		if short {
			f.note(Anomaly{Kind: ShortXRef, Offset: s.offset, Ref: o.ref, Detail: "a cross-reference stream has fewer entries than it says"})
			break
		}
	}
	return s, nil
}

// fieldWidths reads W, Table 17.
func fieldWidths(d Dict) (w [3]int, err error) {
	a, _ := d["W"].(Array)
	if len(a) < 3 {
		return w, fmt.Errorf("%w: cross-reference stream without W", ErrMalformed)
	}
	for i := range w {
		n, ok := a[i].(int64)
		if !ok || n < 0 || n > 8 {
			return w, fmt.Errorf("%w: W of a cross-reference stream", ErrMalformed)
		}
		w[i] = int(n)
	}
	if w[0]+w[1]+w[2] == 0 {
		return w, fmt.Errorf("%w: W of a cross-reference stream is all zeros", ErrMalformed)
	}
	return w, nil
}

// readRows reads count entries from number first on; short means that the data
// ended before the last of them.
func (f *File) readRows(r io.Reader, s *section, w [3]int, first, count int64) (short bool, err error) {
	row := make([]byte, w[0]+w[1]+w[2])
	for i := range count {
		if _, err := io.ReadFull(r, row); err == io.EOF || err == io.ErrUnexpectedEOF {
			return true, nil
		} else if err != nil {
			return false, err
		}
		if err := f.countEntry(); err != nil {
			return false, err
		}
		kind, a, b := uint64(1), bigEndian(row[w[0]:w[0]+w[1]]), bigEndian(row[w[0]+w[1]:])
		if w[0] > 0 {
			kind = bigEndian(row[:w[0]])
		}
		e := entry{num: uint32(first + i)}
		switch kind {
		case 0:
			e.off, e.gen = min(a, maxOffset), uint16(min(b, 65535))
		case 1:
			e.kind, e.off, e.gen = InUse, min(a, maxOffset)+uint64(f.shift), uint16(min(b, 65535))
			if a == 0 {
				e = entry{num: e.num}
			}
		case 2:
			if a > maxNumber || b > maxNumber {
				return false, fmt.Errorf("%w: entry of object %d", ErrMalformed, e.num)
			}
			e.kind, e.off = Compressed, a<<32|b
		}
		// An unknown type is a reference to the null object (Table 18), so it stays Free.
		s.entries = append(s.entries, e)
	}
	return false, nil
}

func bigEndian(b []byte) (v uint64) {
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v
}
