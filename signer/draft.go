package signer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
	"sync"
)

const (
	// smallDocument is how large a document may be to be worked on in memory: two copies of it for each signature.
	smallDocument = 256 << 10
	// draftRoom is what a signature adds at most to a draft; with more, it ends.
	draftRoom = 96 << 10
)

// A draft is a small document in memory beside its file, byte for byte what was written: it is gathered here and
// goes to the file in one piece, and is read from here, which saves dozens of system calls a signature. What our own
// validation reads is the very memory that the kernel was given. The file lags behind it until flush.
type draft struct {
	data    []byte
	flushed int // how much of data is in the file
}

func newDraft(size int64) *draft {
	if size > smallDocument {
		return nil
	}
	return &draft{data: takeBuffer(int(size) + draftRoom)}
}

func (d *draft) free() {
	if d != nil {
		giveBuffer(d.data)
		d.data = nil
	}
}

// Write appends to the file.
func (o *output) Write(p []byte) (int, error) {
	if o.draft == nil {
		return o.File.Write(p)
	}
	if len(o.draft.data)+len(p) <= cap(o.draft.data) {
		o.draft.data = append(o.draft.data, p...)
		return len(p), nil
	}
	if err := o.flush(); err != nil {
		return 0, err
	}
	o.draft.free() // it has outgrown its room: the file alone goes on
	o.draft = nil
	return o.File.Write(p)
}

// flush brings the file up to the draft.
func (o *output) flush() error {
	d := o.draft
	if d == nil || d.flushed == len(d.data) {
		return nil
	}
	n, err := o.File.Write(d.data[d.flushed:])
	d.flushed += n
	return err
}

// WriteAt writes over what was written before.
func (o *output) WriteAt(p []byte, at int64) (int, error) {
	d := o.draft
	if d == nil {
		return o.File.WriteAt(p, at)
	}
	if at < 0 || at+int64(len(p)) > int64(len(d.data)) {
		return 0, fmt.Errorf("write %d bytes at %d: %w", len(p), at, errBeyondDraft)
	}
	copy(d.data[at:], p)
	if at >= int64(d.flushed) {
		return len(p), nil
	}
	return o.File.WriteAt(d.data[at:min(int(at)+len(p), d.flushed)], at)
}

var errBeyondDraft = errors.New("beyond the end of what is written")

// ReadAt reads what was written.
func (o *output) ReadAt(p []byte, at int64) (int, error) {
	if o.draft == nil {
		return o.File.ReadAt(p, at)
	}
	if at < 0 {
		return 0, os.ErrInvalid
	}
	if at >= int64(len(o.draft.data)) {
		return 0, io.EOF
	}
	n := copy(p, o.draft.data[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// wholeOf returns a small document as it is in memory, and what to do when it is needed no more; a larger one stays
// in its file.
func wholeOf(in *os.File, size int64) (io.ReaderAt, func(), error) {
	if size > smallDocument {
		return in, func() {}, nil
	}
	buf := takeBuffer(int(size))[:size]
	if n, err := in.ReadAt(buf, 0); n < len(buf) {
		giveBuffer(buf)
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // it shrank since
		}
		return nil, nil, fmt.Errorf("read document: %w", err)
	}
	return bytes.NewReader(buf), func() { giveBuffer(buf) }, nil
}

// buffers are used again: making and clearing them for each signature would cost more than what they save.
var buffers sync.Pool

// takeBuffer returns an empty buffer with room for n bytes.
func takeBuffer(n int) []byte {
	if b, ok := buffers.Get().(*[]byte); ok && cap(*b) >= n {
		return (*b)[:0]
	}
	return make([]byte, 0, 1<<bits.Len(uint(max(n, 64<<10)-1)))
}

func giveBuffer(b []byte) {
	b = b[:0]
	buffers.Put(&b)
}
