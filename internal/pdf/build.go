package pdf

import (
	"crypto/sha256"
	"fmt"
	"io"
	"strconv"
)

// An Increment is the bytes of an update, to be written at Base, which is the end of
// the file.
type Increment struct {
	Base  int64
	Bytes []byte
	Marks map[string]Span // placeholders by name, absolute offsets
}

// Build writes the update. The cross-reference section has the form of the latest
// one in the file, since ISO 32000 wants one form throughout: a stream after a
// stream, else a table.
//
// After a hybrid section it is a table without XRefStm. None of the update's objects
// is compressed, so readers of tables alone find them all, and find older ones as
// they did. Readers of cross-reference streams look into this table first, and for
// what is not there go along Prev to the hybrid section and its stream, as before.
func (u *Update) Build() (*Increment, error) {
	if u.err != nil {
		return nil, fmt.Errorf("build update: %w", u.err)
	}
	w := &writer{base: u.f.size, marks: map[string]Span{}}
	if err := u.separate(w); err != nil {
		return nil, err
	}
	offsets := make([]entry, 0, len(u.pending)+2)
	offsets = append(offsets, u.freeHead())
	for _, num := range u.numbers() {
		p := u.pending[num]
		offsets = append(offsets, entry{num: num, gen: p.gen, kind: InUse, off: uint64(w.offset())})
		if err := w.indirect(Ref{num, p.gen}, p.value, u.f); err != nil {
			return nil, fmt.Errorf("build update: object %d: %w", num, err)
		}
	}
	trailer := u.trailer.Clone()
	trailer["Prev"] = u.view.rev.XRefOffset - u.f.shift
	u.renewID(trailer, w.buf)
	form := (*Update).table
	if u.view.rev.Kind == XRefStream {
		form = (*Update).stream
	}
	start := w.offset()
	if err := form(u, w, trailer, offsets); err != nil {
		return nil, fmt.Errorf("build update: %w", err)
	}
	w.buf = append(w.buf, "startxref\n"...)
	w.buf = strconv.AppendInt(w.buf, start-u.f.shift, 10)
	w.buf = append(w.buf, "\n%%EOF\n"...)
	return &Increment{Base: u.f.size, Bytes: w.buf, Marks: w.marks}, nil
}

func (w *writer) offset() int64 { return w.base + int64(len(w.buf)) }

// separate begins a new line if the file does not end with one: what follows must
// not join a last comment or token.
func (u *Update) separate(w *writer) error {
	var last [1]byte
	if _, err := u.f.r.ReadAt(last[:], u.f.size-1); err != nil && err != io.EOF {
		return fmt.Errorf("read end of PDF: %w", err)
	}
	if last[0] != '\n' && last[0] != '\r' {
		w.buf = append(w.buf, '\n')
	}
	return nil
}

// freeHead returns the entry of object 0, which each section repeats (7.5.6). The
// free list stays as it was, since nothing is freed and nothing taken from it.
func (u *Update) freeHead() entry {
	head := entry{gen: 65535}
	if e, ok := u.view.entry(0); ok && e.kind == Free && e.off <= maxNumber {
		if next, ok := u.view.entry(uint32(e.off)); ok && next.kind == Free {
			head.off = e.off
		}
	}
	return head
}

// renewID keeps the first half of the file identifier and renews the second with a
// digest of what the update writes (14.4).
func (u *Update) renewID(trailer Dict, body []byte) {
	id, err := u.view.Array(trailer["ID"])
	if err != nil || len(id) != 2 {
		return
	}
	h := sha256.New()
	fmt.Fprintf(h, "%d %q ", u.f.size, id)
	h.Write(body)
	trailer["ID"] = Array{id[0], String(h.Sum(nil)[:16])}
}

// indirect writes an indirect object (7.3.10).
func (w *writer) indirect(ref Ref, o Object, f *File) error {
	w.buf = fmt.Appendf(w.buf, "%d %d obj\n", ref.Num, ref.Gen)
	if s, ok := o.(*Stream); ok {
		if err := w.stream(s, f); err != nil {
			return err
		}
	} else if err := w.object(o, 0); err != nil {
		return err
	}
	w.buf = append(w.buf, "\nendobj\n"...)
	return nil
}

// stream writes a stream with its Length. Data that lies in a file is copied encoded.
func (w *writer) stream(s *Stream, f *File) error {
	if n := s.Len(); n > f.lim.Decoded {
		return fmt.Errorf("%w: stream of %d bytes in an update", ErrLimit, n)
	}
	d := make(Dict, len(s.Dict)+1)
	for k, v := range s.Dict {
		d[k] = v
	}
	d["Length"] = s.Len()
	if err := w.object(d, 0); err != nil {
		return err
	}
	w.buf = append(w.buf, "\nstream\n"...)
	data, err := io.ReadAll(f.Raw(s))
	if err != nil {
		return fmt.Errorf("copy stream data: %w", err)
	}
	w.buf = append(w.buf, data...)
	w.buf = append(w.buf, "\nendstream"...)
	return nil
}
