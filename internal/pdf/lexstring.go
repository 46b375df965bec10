package pdf

import (
	"fmt"
	"slices"
)

// hexValue is the value of a hexadecimal digit, 255 of any other byte.
var hexValue = func() (t [256]uint8) {
	for c := range t {
		t[c] = 255
	}
	for i := range uint8(16) {
		t["0123456789abcdef"[i]], t["0123456789ABCDEF"[i]] = i, i
	}
	return t
}()

// hexDigit returns the value of a hexadecimal digit, or -1.
func hexDigit(c byte) int {
	if v := hexValue[c]; v < 16 {
		return int(v)
	}
	return -1
}

// hexString collects <...> after its opening bracket (7.3.4.3). Anything but hexadecimal
// digits and white space is refused: in a signature's Contents it could only serve
// to make two readers see two values.
func (x *lexer) hexString() error {
	half, odd := 0, false
	for {
		if !odd {
			x.hexPairs()
		}
		c, ok := x.next()
		if !ok {
			return fmt.Errorf("%w: hexadecimal string without end", ErrMalformed)
		}
		if c == '>' {
			if odd {
				return x.put(byte(half << 4))
			}
			return nil
		}
		if isSpace(c) {
			continue
		}
		d := hexDigit(c)
		if d < 0 {
			return fmt.Errorf("%w: %q in a hexadecimal string", ErrMalformed, c)
		}
		if odd {
			if err := x.put(byte(half<<4 | d)); err != nil {
				return err
			}
		}
		half, odd = d, !odd
	}
}

// hexPairs collects the pairs of digits that come next in the window, up to anything
// else or the limit, which are left to hexString. The Contents of a signature are tens of
// thousands of digits without a break.
func (x *lexer) hexPairs() {
	const block = 512 // pairs at a time: no room is made for a string that may be short
	for {
		in := x.buf[x.pos:]
		room := int(min(int64(len(in)/2), x.max-int64(len(x.text)), block))
		if room <= 0 {
			return
		}
		in = in[:2*room]
		x.text = slices.Grow(x.text, room)
		out := x.text[len(x.text) : len(x.text)+room]
		n := 0
		for n < len(out) && len(in) >= 2 {
			high, low := hexValue[in[0]], hexValue[in[1]]
			if high|low > 15 {
				break
			}
			out[n] = high<<4 | low
			in = in[2:]
			n++
		}
		x.text = x.text[:len(x.text)+n]
		x.pos += 2 * n
		if n < room {
			return
		}
	}
}

// literalString collects (...) after its opening parenthesis (7.3.4.2).
func (x *lexer) literalString() error {
	for depth := 1; ; {
		c, ok := x.next()
		if !ok {
			return fmt.Errorf("%w: string without end", ErrMalformed)
		}
		switch c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return nil
			}
		case '\r': // an end of line in a string is one LF, however it is written
			c = '\n'
			x.match("\n")
		case '\\':
			if c, ok = x.escape(); !ok {
				continue
			}
		}
		if err := x.put(c); err != nil {
			return err
		}
	}
}

// escape returns the character that follows a reverse solidus stands for; ok is
// false if it stands for none (a line continuation).
func (x *lexer) escape() (c byte, ok bool) {
	c, ok = x.next()
	if !ok {
		return 0, false
	}
	switch c {
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case '\n':
		return 0, false
	case '\r':
		x.match("\n")
		return 0, false
	}
	if c < '0' || c > '7' {
		return c, true // an unknown escape stands for its character
	}
	v := int(c - '0')
	for range 2 {
		d, ok := x.peek()
		if !ok || d < '0' || d > '7' {
			break
		}
		v = v<<3 | int(d-'0')
		x.pos++
	}
	return byte(v), true // high-order overflow is ignored, 7.3.4.2
}
