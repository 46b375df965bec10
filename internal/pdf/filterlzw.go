package pdf

import (
	"bufio"
	"fmt"
	"io"
)

const (
	lzwClear = 256
	lzwEOD   = 257
)

// lzw undoes LZWDecode (7.4.4): codes of 9 to 12 bits, most significant bit first.
// The standard library's reader lacks the early change of the code width, which is
// the default of PDF.
type lzw struct {
	r      *bufio.Reader
	early  int
	bits   uint32
	nbits  uint
	width  uint
	next   int // the next free code
	prev   int // the last code, -1 after a clear
	prefix [4096]uint16
	suffix [4096]byte
	buf    [4097]byte // a string is built from its end
	have   []byte
	done   bool
}

func newLZW(r io.Reader, early bool) *lzw {
	l := &lzw{r: bufio.NewReader(r)}
	if early {
		l.early = 1
	}
	l.clear()
	return l
}

func (l *lzw) clear() { l.width, l.next, l.prev = 9, 258, -1 }

func (l *lzw) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(l.have) == 0 {
			if l.done {
				break
			}
			if err := l.code(); err != nil {
				return n, err
			}
			continue
		}
		m := copy(p[n:], l.have)
		l.have = l.have[m:]
		n += m
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// code reads one code and expands it. Data without an end-of-data code ends where
// the bytes end.
func (l *lzw) code() error {
	for l.nbits < l.width {
		c, err := l.r.ReadByte()
		if err != nil {
			l.done = true
			if err == io.EOF {
				err = nil
			}
			return err
		}
		l.bits = l.bits<<8 | uint32(c)
		l.nbits += 8
	}
	l.nbits -= l.width
	code := int(l.bits >> l.nbits & (1<<l.width - 1))
	switch {
	case code == lzwEOD:
		l.done = true
		return nil
	case code == lzwClear:
		l.clear()
		return nil
	case code > l.next || code == l.next && l.prev < 0 || code > 257 && l.prev < 0:
		return fmt.Errorf("%w: LZW code %d before it is defined", ErrMalformed, code)
	}
	at := len(l.buf)
	c := code
	if code == l.next { // the string being defined: the last one and its own first byte
		at--
		c = l.prev
	}
	for c > 257 {
		at--
		l.buf[at] = l.suffix[c]
		c = int(l.prefix[c])
	}
	at--
	l.buf[at] = byte(c)
	if code == l.next {
		l.buf[len(l.buf)-1] = byte(c)
	}
	l.have = l.buf[at:]
	if l.prev >= 0 && l.next < 4096 {
		l.prefix[l.next], l.suffix[l.next] = uint16(l.prev), byte(c)
		l.next++
	}
	if l.next+l.early >= 1<<l.width && l.width < 12 {
		l.width++
	}
	l.prev = code
	return nil
}
