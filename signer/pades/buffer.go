package pades

import (
	"fmt"
	"io"
)

// A Buffer is an Output in memory, for files that are kept elsewhere than on a disk. It
// belongs to one goroutine.
type Buffer struct{ b []byte }

// NewBuffer returns a Buffer that holds b already and owns it; what is written next
// stands behind it.
func NewBuffer(b []byte) *Buffer { return &Buffer{b} }

// Bytes returns what was written; it is valid until the next write.
func (b *Buffer) Bytes() []byte { return b.b }

func (b *Buffer) Write(p []byte) (int, error) {
	b.b = append(b.b, p...)
	return len(p), nil
}

// WriteAt changes bytes that were written before, and no others.
func (b *Buffer) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 || off > int64(len(b.b)) || int64(len(p)) > int64(len(b.b))-off {
		return 0, fmt.Errorf("write %d bytes at %d of %d", len(p), off, len(b.b))
	}
	return copy(b.b[off:], p), nil
}

func (b *Buffer) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off > int64(len(b.b)) {
		return 0, io.EOF
	}
	n := copy(p, b.b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
