package pdf

import (
	"bufio"
	"fmt"
	"io"
)

// asciiHex undoes ASCIIHexDecode (7.4.2).
type asciiHex struct {
	r    *bufio.Reader
	done bool
}

func (a *asciiHex) Read(p []byte) (n int, err error) {
	for n < len(p) && !a.done {
		hi, ok, err := a.digit()
		if err != nil {
			return n, err
		}
		if !ok {
			break
		}
		lo, ok, err := a.digit()
		if err != nil {
			return n, err
		}
		if !ok {
			lo = 0 // an odd number of digits counts as followed by 0
		}
		p[n] = byte(hi<<4 | lo)
		n++
	}
	if n == 0 && a.done {
		return 0, io.EOF
	}
	return n, nil
}

// digit returns the next hexadecimal digit; ok is false at the end of the data.
func (a *asciiHex) digit() (d int, ok bool, err error) {
	for !a.done {
		c, err := a.r.ReadByte()
		if err == io.EOF || err == nil && c == '>' {
			a.done = true
			break
		}
		if err != nil {
			return 0, false, err
		}
		if isSpace(c) {
			continue
		}
		if d = hexDigit(c); d < 0 {
			return 0, false, fmt.Errorf("%w: %q in ASCIIHex data", ErrMalformed, c)
		}
		return d, true, nil
	}
	return 0, false, nil
}

// ascii85 undoes ASCII85Decode (7.4.3).
type ascii85 struct {
	r    *bufio.Reader
	out  [4]byte
	have []byte // of out, not yet read
	done bool
}

func (a *ascii85) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(a.have) == 0 {
			if a.done {
				break
			}
			if err := a.group(); err != nil {
				return n, err
			}
			continue
		}
		m := copy(p[n:], a.have)
		a.have = a.have[m:]
		n += m
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// group decodes the next five characters, or what is left before "~>".
func (a *ascii85) group() error {
	var v uint64
	n := 0
	for n < 5 {
		c, err := a.r.ReadByte()
		if err == io.EOF || err == nil && c == '~' {
			a.done = true
			break
		}
		switch {
		case err != nil:
			return err
		case isSpace(c):
			continue
		case c == 'z' && n == 0:
			a.out = [4]byte{}
			a.have = a.out[:]
			return nil
		case c < '!' || c > 'u':
			return fmt.Errorf("%w: %q in ASCII85 data", ErrMalformed, c)
		}
		v = v*85 + uint64(c-'!')
		n++
	}
	if n == 1 {
		return fmt.Errorf("%w: ASCII85 data ends in one character", ErrMalformed)
	}
	if n == 0 {
		return nil
	}
	for i := n; i < 5; i++ {
		v = v*85 + 84
	}
	if v > 1<<32-1 {
		return fmt.Errorf("%w: ASCII85 group out of range", ErrMalformed)
	}
	a.out = [4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}
	a.have = a.out[:n-1]
	return nil
}

// runLength undoes RunLengthDecode (7.4.5).
type runLength struct {
	r      *bufio.Reader
	left   int
	repeat bool
	c      byte
	done   bool
}

func (l *runLength) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if l.left == 0 {
			if l.done {
				break
			}
			if err := l.run(); err != nil {
				return n, err
			}
			continue
		}
		c := l.c
		if !l.repeat {
			if c, err = l.r.ReadByte(); err != nil {
				return n, fmt.Errorf("%w: run-length data ends inside a run: %w", ErrMalformed, err)
			}
		}
		p[n] = c
		n++
		l.left--
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// run begins the next run, if there is one. Data without an end-of-data byte ends
// where the bytes end.
func (l *runLength) run() error {
	n, err := l.r.ReadByte()
	switch {
	case err == nil && n < 128:
		l.left, l.repeat = int(n)+1, false
	case err == nil && n > 128:
		l.left, l.repeat = 257-int(n), true
		l.c, err = l.r.ReadByte()
	default:
		l.done = true
	}
	if err == nil {
		return nil
	}
	l.left, l.done = 0, true
	if err == io.EOF {
		return nil
	}
	return err
}
