package pdf

import (
	"fmt"
	"maps"
)

// A parser makes objects of tokens (ISO 32000-1, 7.3), within limits.
type parser struct {
	lexer
	depth, elements int    // what the limits still allow
	duplicate       *Name  // the first key that a dictionary has twice
	trace           *trace // leads through the dictionary that is parsed next
}

func newParser(w *window, lim Limits) *parser {
	return &parser{lexer: lexer{window: w, max: lim.ObjectBytes}, depth: lim.Depth, elements: lim.Elements}
}

// parser returns a parser of the bytes from an offset up to end, to be released.
func (f *File) parser(from, end int64) *parser {
	p, _ := f.parsers.Get().(*parser)
	if p == nil {
		return newParser(newWindow(f.r, from, end), f.lim)
	}
	w, text := p.window, p.text
	*w = window{src: f.r, base: from, end: end, buf: w.buf[:0], grow: windowMin}
	*p = *newParser(w, f.lim)
	p.text = text
	return p
}

// release gives a parser back, of which nothing may be used any more. What it holds is
// no more than a window and a long string take.
func (f *File) release(p *parser) {
	if cap(p.text) <= windowMax {
		f.parsers.Put(p)
	}
}

// object reads one direct object or reference.
func (p *parser) object() (Object, error) {
	t, err := p.token()
	if err != nil {
		return nil, err
	}
	return p.objectFrom(t)
}

// objectFrom reads the object that begins with t.
func (p *parser) objectFrom(t token) (Object, error) {
	if p.elements--; p.elements < 0 {
		return nil, fmt.Errorf("%w: object at byte %d has too many elements", ErrLimit, t.span.Start)
	}
	switch t.kind {
	case tokInt:
		return p.intOrRef(t)
	case tokReal:
		return t.f, nil
	case tokString:
		return append(String{}, t.text...), nil
	case tokName:
		return Name(t.text), nil
	case tokArrayOpen:
		return p.array(t)
	case tokDictOpen:
		return p.dict(t)
	case tokKeyword:
		switch string(t.text) {
		case "null":
			return nil, nil
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
	case tokEOF:
		return nil, fmt.Errorf("%w: file ends inside an object, at byte %d", ErrMalformed, t.span.Start)
	}
	return nil, fmt.Errorf("%w: unexpected %s at byte %d", ErrMalformed, describe(t), t.span.Start)
}

func describe(t token) string {
	switch t.kind {
	case tokArrayClose:
		return "']'"
	case tokDictClose:
		return "'>>'"
	}
	if len(t.text) > 20 {
		return fmt.Sprintf("%q...", t.text[:20])
	}
	return fmt.Sprintf("%q", t.text)
}

// intOrRef decides whether an integer begins a reference "n g R" by looking two
// tokens ahead, and goes back if not.
func (p *parser) intOrRef(t token) (Object, error) {
	n := t.i
	if n < 0 || n > maxNumber {
		return n, nil
	}
	after := t.span.End
	if c, ok := p.peek(); !ok || !isSpace(c) {
		return n, nil
	}
	p.skipSpace()
	if c, ok := p.peek(); !ok || c < '0' || c > '9' {
		p.seek(after)
		return n, nil
	}
	g, err := p.token()
	if err == nil && g.kind == tokInt && g.i >= 0 && g.i <= 65535 {
		gen := uint16(g.i)
		p.skipSpace()
		if p.match("R") {
			if c, ok := p.peek(); !ok || !isRegular(c) {
				return Ref{Num: uint32(n), Gen: gen}, nil
			}
		}
	}
	p.seek(after)
	return n, nil
}

// maxNumber bounds object numbers; ISO 32000-1, annex C names 8,388,607 as the limit
// of one reader, files of today go beyond.
const maxNumber = 1<<31 - 1

func (p *parser) array(open token) (Array, error) {
	if err := p.enter(open); err != nil {
		return nil, err
	}
	defer p.leave()
	a := Array{}
	for {
		t, err := p.token()
		if err != nil {
			return nil, err
		}
		if t.kind == tokArrayClose {
			return a, nil
		}
		o, err := p.objectFrom(t)
		if err != nil {
			return nil, err
		}
		a = append(a, o)
	}
}

// dict reads a dictionary. Where a key occurs twice the last one counts, as in the
// readers in wide use, and the parser remembers that it happened: what it means is
// undefined (7.3.7), so it serves to show two readers two documents.
func (p *parser) dict(open token) (Dict, error) {
	if err := p.enter(open); err != nil {
		return nil, err
	}
	defer p.leave()
	d := Dict{}
	nulls := false
	way := p.enterTrace()
	for {
		t, err := p.token()
		if err != nil {
			return nil, err
		}
		if t.kind == tokDictClose {
			break
		}
		if t.kind != tokName {
			return nil, fmt.Errorf("%w: %s instead of a key at byte %d", ErrMalformed, describe(t), t.span.Start)
		}
		key := Name(t.text)
		var o Object
		if way.take(key) {
			o, err = p.traced(way.trace)
		} else {
			o, err = p.object()
		}
		if err != nil {
			return nil, err
		}
		if p.duplicate == nil {
			if _, ok := d[key]; ok {
				twice := key
				p.duplicate = &twice
			}
		}
		d[key] = o
		nulls = nulls || o == nil
	}
	if nulls {
		maps.DeleteFunc(d, func(_ Name, o Object) bool { return o == nil })
	}
	return d, nil
}

func (p *parser) enter(t token) error {
	if p.depth--; p.depth < 0 {
		return fmt.Errorf("%w: object at byte %d nests too deep", ErrLimit, t.span.Start)
	}
	return nil
}

func (p *parser) leave() { p.depth++ }
