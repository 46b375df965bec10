package pdf

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

// headerRegion is where %PDF- must begin (ISO 32000-1, annex H, note 13: the first
// 1024 bytes).
const headerRegion = 1024

// A File is an open PDF file. It holds the cross-reference entries and a bounded
// cache, nothing else, and is safe for concurrent use as far as its ReaderAt is.
type File struct {
	r       io.ReaderAt
	size    int64
	lim     Limits
	header  int64 // of %PDF-
	shift   int64 // what is added to an offset that the file states
	version string
	linear  bool
	entries int        // of all sections
	revs    []revision // oldest first
	index   *index     // of their entries; nil for a few

	scan    atomic.Int64 // bytes that may still be searched
	decoded atomic.Int64 // bytes that may still be decoded
	parsed  atomic.Int64 // bytes that may still be parsed
	cache   streamCache
	shared  shelf
	parsers sync.Pool // of *parser, for their buffers; of this file, so that no bytes of another are in them

	reading   int64 // the section that is being read, -1 if none
	notes     notes // made while opening
	anomalies func() []Anomaly
}

// Open reads the header and all cross-reference sections of the size bytes in r.
// Zero limits are defaults. It fails with ErrNotPDF, ErrEncrypted, ErrMalformed or
// ErrLimit, or with r's error.
func Open(r io.ReaderAt, size int64, lim Limits) (*File, error) {
	f := &File{r: r, size: size, lim: lim.orDefault()}
	f.scan.Store(f.lim.Scan + 4*size)
	f.decoded.Store(f.lim.DecodedTotal)
	f.parsed.Store(f.lim.ParsedTotal + 16*size)
	f.reading, f.notes.max = -1, f.lim.Anomalies
	f.anomalies = sync.OnceValue(f.findAnomalies)
	if err := f.readHeader(); err != nil {
		return nil, err
	}
	if err := f.readRevisions(); err != nil {
		return nil, err
	}
	return f, nil
}

// readHeader finds "%PDF-1.7" or the like (7.5.2).
func (f *File) readHeader() error {
	buf := make([]byte, min(f.size, headerRegion+16))
	if _, err := f.r.ReadAt(buf, 0); err != nil && err != io.EOF {
		return fmt.Errorf("read PDF header: %w", err)
	}
	i := bytes.Index(buf, []byte("%PDF-"))
	if i < 0 || i >= headerRegion {
		return fmt.Errorf("%w: no %%PDF- header in the first %d bytes", ErrNotPDF, headerRegion)
	}
	f.header = int64(i)
	v := buf[i+len("%PDF-"):]
	n := 0
	for n < len(v) && n < 8 && isRegular(v[n]) {
		n++
	}
	f.version = string(v[:n])
	if i > 0 {
		f.note(Anomaly{Kind: BytesBeforeHeader, Revision: 0, Offset: 0, Detail: fmt.Sprintf("%d bytes before the header", i)})
	}
	return nil
}

// Size returns the length of the file.
func (f *File) Size() int64 { return f.size }

// HeaderOffset returns where %PDF- begins, usually 0. Every offset that this package
// takes or returns counts from the first byte of the file, as those of a ByteRange
// do, whether or not the offsets written in the file count from the header. So a
// ByteRange that begins at 0 covers the bytes before the header too; but a program
// that strips them breaks each signature and each ByteRange, and one that counts a
// ByteRange from the header disagrees. A signer may well refuse such a file.
func (f *File) HeaderOffset() int64 { return f.header }

// Version returns what the header says, such as "1.7". The catalog's Version may
// override it.
func (f *File) Version() string { return f.version }

// Linearized reports whether the file's first revision is laid out for the web (annex F).
func (f *File) Linearized() bool { return f.linear }

// Revisions returns the revisions, oldest first; there is at least one.
func (f *File) Revisions() []Revision {
	out := make([]Revision, len(f.revs))
	for i := range f.revs {
		out[i] = f.revs[i].Revision
		out[i].Trailer = out[i].Trailer.Clone()
	}
	return out
}

// Len returns the number of revisions.
func (f *File) Len() int { return len(f.revs) }

// EndingAt returns the oldest revision whose End or Tail is the offset; ok is false if
// there is none.
func (f *File) EndingAt(off int64) (i int, ok bool) {
	for i := range f.revs {
		if off == f.revs[i].End || off == f.revs[i].Tail {
			return i, true
		}
	}
	return 0, false
}

// View returns the document as revision i left it. It panics if i is out of range.
func (f *File) View(i int) *View { return &View{f: f, i: i, rev: &f.revs[i]} }

// Latest returns the document as the last revision left it.
func (f *File) Latest() *View { return f.View(len(f.revs) - 1) }

// find returns the offset of the first pattern in [from, to), or -1. What it reads
// counts against Limits.Scan.
func (f *File) find(from, to int64, pattern string) (int64, error) {
	to = min(to, f.size)
	size := int64(windowMin)
	for at := from; at+int64(len(pattern)) <= to; {
		buf := make([]byte, min(size, to-at))
		if f.scan.Add(-int64(len(buf))) < 0 {
			return -1, fmt.Errorf("%w: too much searching for %q", ErrLimit, pattern)
		}
		n, err := f.r.ReadAt(buf, at)
		if i := bytes.Index(buf[:n], []byte(pattern)); i >= 0 {
			return at + int64(i), nil
		}
		if err != nil && err != io.EOF {
			return -1, fmt.Errorf("read at byte %d: %w", at, err)
		}
		if n < len(buf) || at+int64(n) >= to {
			break
		}
		at += int64(n - len(pattern) + 1)
		size = min(4*size, windowMax)
	}
	return -1, nil
}
