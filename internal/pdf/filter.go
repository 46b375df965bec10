package pdf

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"math"
	"sync/atomic"
)

// maxFilters bounds the filters of one stream; honest streams have one or two.
const maxFilters = 8

// decoder undoes the filters that the dictionary of a stream names (7.4), reading
// raw. The dictionary's values must be direct. What each filter gives counts, not only
// what the last one does: of white space, an ASCII filter makes nothing out of
// terabytes that two others have inflated.
func (f *File) decoder(d Dict, raw io.Reader) (io.Reader, error) {
	names, parms, err := filters(d)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return f.meter(raw), nil
	}
	r := raw
	for i, name := range names {
		if r, err = undo(name, parms[i], r); err != nil {
			return nil, fmt.Errorf("filter %s: %w", name, err)
		}
		r = f.meter(r)
	}
	return r, nil
}

// filters returns the filters in the order in which they are undone, each with its
// parameters (nil if none). The abbreviations of inline images are accepted.
func filters(d Dict) ([]Name, []Dict, error) {
	var names []Name
	switch f := d["Filter"].(type) {
	case nil:
	case Name:
		names = []Name{f}
	case Array:
		if len(f) > maxFilters {
			return nil, nil, fmt.Errorf("%w: %d filters on one stream", ErrLimit, len(f))
		}
		for _, e := range f {
			n, ok := e.(Name)
			if !ok {
				return nil, nil, fmt.Errorf("%w: Filter holds %T", ErrMalformed, e)
			}
			names = append(names, n)
		}
	default:
		return nil, nil, fmt.Errorf("%w: Filter is %T", ErrMalformed, f)
	}
	parms := make([]Dict, len(names))
	p := d["DecodeParms"]
	if p == nil {
		p = d["DP"]
	}
	switch p := p.(type) {
	case nil:
	case Dict:
		if len(parms) > 0 {
			parms[0] = p
		}
	case Array:
		for i := range min(len(p), len(parms)) {
			parms[i], _ = p[i].(Dict)
		}
	default:
		return nil, nil, fmt.Errorf("%w: DecodeParms is %T", ErrMalformed, p)
	}
	return names, parms, nil
}

func undo(name Name, parms Dict, r io.Reader) (io.Reader, error) {
	switch name {
	case "FlateDecode", "Fl":
		return predicted(parms, &flate{raw: bufio.NewReader(r)})
	case "LZWDecode", "LZW":
		early, ok := parms["EarlyChange"].(int64)
		return predicted(parms, newLZW(r, !ok || early != 0))
	case "ASCIIHexDecode", "AHx":
		return &asciiHex{r: bufio.NewReader(r)}, nil
	case "ASCII85Decode", "A85":
		return &ascii85{r: bufio.NewReader(r)}, nil
	case "RunLengthDecode", "RL":
		return &runLength{r: bufio.NewReader(r)}, nil
	}
	return nil, ErrFilter
}

// flate is zlib data whose checksum may be missing or wrong, as it often is in
// files whose streams were cut or padded: what was inflated stands.
type flate struct {
	raw *bufio.Reader
	z   io.ReadCloser
	any bool
}

func (f *flate) Read(p []byte) (int, error) {
	if f.z == nil {
		// Writers leave an end of line before the data now and then.
		for {
			c, err := f.raw.Peek(1)
			if err != nil {
				return 0, err // no data at all decodes to none
			}
			if c[0] != '\r' && c[0] != '\n' {
				break
			}
			f.raw.Discard(1)
		}
		z, err := zlib.NewReader(f.raw)
		if err != nil {
			return 0, fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		f.z = z
	}
	n, err := f.z.Read(p)
	f.any = f.any || n > 0
	if err != nil && err != io.EOF {
		if f.any && (err == zlib.ErrChecksum || err == io.ErrUnexpectedEOF) {
			return n, io.EOF
		}
		err = fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return n, err
}

// A meter passes on at most left bytes of one filter, and draws them from a budget
// that all streams of a file share; then it fails with ErrLimit. It is what stops a
// decompression bomb.
type meter struct {
	r      io.Reader
	left   int64
	budget *atomic.Int64
}

func (f *File) meter(r io.Reader) io.Reader {
	return &meter{r: r, left: min(f.lim.Decoded, math.MaxInt64-1), budget: &f.decoded}
}

func (m *meter) Read(p []byte) (int, error) {
	if int64(len(p)) > m.left+1 {
		p = p[:m.left+1]
	}
	n, err := m.r.Read(p)
	m.left -= int64(n)
	if m.left < 0 || m.budget.Add(-int64(n)) < 0 {
		return 0, fmt.Errorf("%w: decoded stream too long", ErrLimit)
	}
	return n, err
}

// deflate returns data in zlib format.
func deflate(data []byte) []byte {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	z.Write(data) // a bytes.Buffer takes everything
	z.Close()
	return b.Bytes()
}
