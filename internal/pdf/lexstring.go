package pdf

import "fmt"

// hexDigit returns the value of a hexadecimal digit, or -1.
func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// hexString collects <...> after its opening bracket (7.3.4.3). Anything but hexadecimal
// digits and white space is refused: in a signature's Contents it could only serve
// to make two readers see two values.
func (x *lexer) hexString() error {
	half, odd := 0, false
	for {
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
