package pdf

import (
	"fmt"
	"io"
)

// Sizes of a window: most objects fit the first read, long ones grow it.
const (
	windowMin = 1 << 10
	windowMax = 64 << 10
)

// A window reads bytes one after another from a random-access source and holds
// only a few kilobytes of it, so that memory does not depend on the file's size.
// Beyond the end it yields no byte; a read error is kept in err and ends it early.
type window struct {
	src  io.ReaderAt
	end  int64 // no byte at or after end is read
	base int64 // offset of buf[0]
	buf  []byte
	pos  int // next byte is buf[pos]
	grow int
	err  error
}

func newWindow(src io.ReaderAt, from, end int64) *window {
	return &window{src: src, base: from, end: end, grow: windowMin}
}

// memoryWindow reads from bytes that are in memory already; offsets count from 0.
func memoryWindow(b []byte) *window {
	return &window{buf: b, end: int64(len(b))}
}

// offset is the position of the next byte.
func (w *window) offset() int64 { return w.base + int64(w.pos) }

// seek moves to an offset, keeping what has been read if it serves.
func (w *window) seek(off int64) {
	if off >= w.base && off <= w.base+int64(len(w.buf)) {
		w.pos = int(off - w.base)
		return
	}
	if w.src == nil { // all there is is in buf
		w.pos = len(w.buf)
		return
	}
	w.base, w.pos, w.buf, w.grow = off, 0, w.buf[:0], windowMin
}

// fill reads the window that begins at the next byte, and reports whether there is
// any byte.
func (w *window) fill() bool {
	off := w.offset()
	if w.src == nil || w.err != nil || off < 0 || off >= w.end {
		return false
	}
	n := int64(w.grow)
	if w.grow < windowMax {
		w.grow *= 4
	}
	if n > w.end-off {
		n = w.end - off
	}
	if int64(cap(w.buf)) < n {
		w.buf = make([]byte, n)
	}
	w.buf = w.buf[:n]
	m, err := w.src.ReadAt(w.buf, off)
	w.base, w.pos, w.buf = off, 0, w.buf[:m]
	if err != nil && err != io.EOF {
		w.err = fmt.Errorf("read at byte %d: %w", off, err)
	}
	return m > 0
}

// next returns the next byte and moves past it; ok is false at the end.
func (w *window) next() (c byte, ok bool) {
	if w.pos >= len(w.buf) && !w.fill() {
		return 0, false
	}
	c = w.buf[w.pos]
	w.pos++
	return c, true
}

// peek returns the next byte and stays before it.
func (w *window) peek() (c byte, ok bool) {
	if w.pos >= len(w.buf) && !w.fill() {
		return 0, false
	}
	return w.buf[w.pos], true
}

// match moves past the given text if it comes next, and stays if not.
func (w *window) match(text string) bool {
	at := w.offset()
	for i := 0; i < len(text); i++ {
		if c, ok := w.next(); !ok || c != text[i] {
			w.seek(at)
			return false
		}
	}
	return true
}
