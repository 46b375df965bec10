package pdf

import (
	"bytes"
	"fmt"
	"strconv"
)

type tokenKind uint8

const (
	tokEOF tokenKind = iota
	tokInt
	tokReal
	tokString
	tokName
	tokKeyword // true, obj, R, xref ...; in text
	tokArrayOpen
	tokArrayClose
	tokDictOpen
	tokDictClose
)

// A token is one lexical unit with the bytes that it takes in the source. text is
// only good until the next token.
type token struct {
	kind tokenKind
	span Span
	i    int64
	f    float64
	text []byte
}

func (t *token) keyword(s string) bool { return t.kind == tokKeyword && string(t.text) == s }

// A lexer cuts a window into tokens (ISO 32000-1, 7.2). Tokens longer than max are
// refused.
type lexer struct {
	*window
	max  int64
	text []byte
}

// Character classes, 7.2.2.
const (
	regular = iota
	space
	delimiter
)

var class = func() (t [256]uint8) {
	for _, c := range []byte(" \n\r\t\f\x00") {
		t[c] = space
	}
	for _, c := range []byte("()<>[]{}/%") {
		t[c] = delimiter
	}
	return t
}()

func isSpace(c byte) bool   { return class[c] == space }
func isRegular(c byte) bool { return class[c] == regular }

// skipSpace moves past white space and comments.
func (x *lexer) skipSpace() {
	for {
		c, ok := x.peek()
		switch {
		case !ok:
			return
		case isSpace(c):
			x.pos++
		case c == '%':
			for ok && c != '\n' && c != '\r' {
				x.pos++
				c, ok = x.peek()
			}
		default:
			return
		}
	}
}

// token reads the next token. Errors are ErrMalformed, ErrLimit or the source's.
func (x *lexer) token() (token, error) {
	x.skipSpace()
	start := x.offset()
	t := token{span: Span{start, start}}
	c, ok := x.next()
	if !ok {
		return t, x.err
	}
	var err error
	x.text = x.text[:0]
	switch c {
	case '[':
		t.kind = tokArrayOpen
	case ']':
		t.kind = tokArrayClose
	case '<':
		if d, _ := x.peek(); d == '<' {
			x.pos++
			t.kind = tokDictOpen
			break
		}
		t.kind = tokString
		err = x.hexString()
	case '>':
		if d, _ := x.peek(); d != '>' {
			return t, fmt.Errorf("%w: lone '>' at byte %d", ErrMalformed, start)
		}
		x.pos++
		t.kind = tokDictClose
	case '(':
		t.kind = tokString
		err = x.literalString()
	case '/':
		t.kind = tokName
		err = x.name()
	case ')', '{', '}':
		return t, fmt.Errorf("%w: unexpected %q at byte %d", ErrMalformed, c, start)
	default:
		x.pos--
		if err = x.regular(); err == nil {
			number(x.text, &t)
		}
	}
	if err != nil {
		return t, fmt.Errorf("token at byte %d: %w", start, err)
	}
	if x.err != nil {
		return t, x.err
	}
	t.text, t.span.End = x.text, x.offset()
	return t, nil
}

// regular collects a run of regular characters, a window at a time.
func (x *lexer) regular() error {
	for x.pos < len(x.buf) || x.fill() {
		run := x.buf[x.pos:]
		n := 0
		for n < len(run) && isRegular(run[n]) {
			n++
		}
		if int64(n) > x.max-int64(len(x.text)) {
			return x.tooLong()
		}
		x.text = append(x.text, run[:n]...)
		x.pos += n
		if n < len(run) {
			break
		}
	}
	return nil
}

func (x *lexer) put(c byte) error {
	if int64(len(x.text)) >= x.max {
		return x.tooLong()
	}
	x.text = append(x.text, c)
	return nil
}

func (x *lexer) tooLong() error {
	return fmt.Errorf("%w: token longer than %d bytes", ErrLimit, x.max)
}

// name collects a name, undoing #xx (7.3.5). A '#' without two hexadecimal digits
// stands for itself, as in names written for PDF 1.1.
func (x *lexer) name() error {
	if err := x.regular(); err != nil {
		return err
	}
	plain := bytes.IndexByte(x.text, '#')
	if plain < 0 {
		return nil
	}
	out := x.text[:plain]
	for i := plain; i < len(x.text); i++ {
		c := x.text[i]
		if c == '#' && i+2 < len(x.text) {
			h, l := hexDigit(x.text[i+1]), hexDigit(x.text[i+2])
			if h >= 0 && l >= 0 {
				c = byte(h<<4 | l)
				i += 2
			}
		}
		out = append(out, c)
	}
	x.text = out
	return nil
}

// number makes t an integer or a real if text is one (7.3.3), else a keyword.
// Integers beyond 64 bits become reals.
func number(text []byte, t *token) {
	t.kind = tokKeyword
	digits, dots := 0, 0
	for i, c := range text {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c == '.':
			dots++
		case (c == '+' || c == '-') && i == 0:
		default:
			return
		}
	}
	if digits == 0 || dots > 1 {
		return
	}
	if dots == 0 && digits == len(text) && digits <= 18 { // no sign, and no overflow
		for _, c := range text {
			t.i = 10*t.i + int64(c-'0')
		}
		t.kind, t.f = tokInt, float64(t.i)
		return
	}
	if dots == 0 {
		if i, err := strconv.ParseInt(string(text), 10, 64); err == nil {
			t.kind, t.i, t.f = tokInt, i, float64(i)
			return
		}
	}
	if f, err := strconv.ParseFloat(string(text), 64); err == nil {
		t.kind, t.f = tokReal, f
	}
}
