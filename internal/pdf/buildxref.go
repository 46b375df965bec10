package pdf

import (
	"fmt"
	"math/bits"
)

// maxTableOffset is what ten digits can say.
const maxTableOffset = 9_999_999_999

// table writes a cross-reference table and the trailer (7.5.4, 7.5.5).
func (u *Update) table(w *writer, trailer Dict, entries []entry) error {
	w.buf = append(w.buf, "xref\n"...)
	for _, run := range runs(entries) {
		w.buf = fmt.Appendf(w.buf, "%d %d\n", run[0].num, len(run))
		for _, e := range run {
			off, use := e.off, 'f'
			if e.kind == InUse {
				off -= uint64(u.f.shift)
				use = 'n'
			}
			if off > maxTableOffset {
				return fmt.Errorf("%w: offset %d in a cross-reference table", ErrLimit, off)
			}
			w.buf = fmt.Appendf(w.buf, "%010d %05d %c \n", off, e.gen, use)
		}
	}
	trailer["Size"] = int64(u.next)
	w.buf = append(w.buf, "trailer\n"...)
	if err := w.object(trailer, 0); err != nil {
		return fmt.Errorf("trailer: %w", err)
	}
	w.buf = append(w.buf, '\n')
	return nil
}

// stream writes a cross-reference stream (7.5.8), uncompressed: its few entries would
// hardly shrink, and so anyone can read them in a dump. It has a number above all
// others, which does not count as allocated: Build may be called again.
func (u *Update) stream(w *writer, trailer Dict, entries []entry) error {
	self := Ref{Num: u.next}
	if self.Num > maxNumber {
		return fmt.Errorf("%w: no object number left", ErrLimit)
	}
	at := w.offset()
	entries = append(entries, entry{num: self.Num, kind: InUse, off: uint64(at)})
	width := (bits.Len64(uint64(at)) + 7) / 8
	var index Array
	var rows []byte
	for _, run := range runs(entries) {
		index = append(index, int64(run[0].num), int64(len(run)))
		for _, e := range run {
			kind, off := byte(0), e.off
			if e.kind == InUse {
				kind, off = 1, off-uint64(u.f.shift)
			}
			rows = append(rows, kind)
			for i := width - 1; i >= 0; i-- {
				rows = append(rows, byte(off>>(8*i)))
			}
			rows = append(rows, byte(e.gen>>8), byte(e.gen))
		}
	}
	trailer["Type"] = Name("XRef")
	trailer["Size"] = int64(u.next) + 1
	trailer["W"] = Array{int64(1), int64(width), int64(2)}
	trailer["Index"] = index
	return w.indirect(self, NewStream(trailer, rows), u.f)
}

// runs splits entries, which are in order, where their numbers do not follow on.
func runs(entries []entry) [][]entry {
	var out [][]entry
	for start, i := 0, 1; i <= len(entries); i++ {
		if i == len(entries) || entries[i].num != entries[i-1].num+1 {
			out = append(out, entries[start:i])
			start = i
		}
	}
	return out
}
