package pdf

import "fmt"

// An indirect is an indirect object as it lies in the file (7.3.10).
type indirect struct {
	ref       Ref
	value     Object
	span      Span // from the object number to the end of endobj
	duplicate *Name
	badLength bool // Length does not lead to endstream; the data's end was searched for
}

// readingCost is what reading one object costs at least, in bytes of Limits.ParsedTotal:
// a million empty ones are not free.
const readingCost = 32

// readValue reads an indirect object at off up to the end of its value, and stays
// there; the data of a stream is not looked at. span ends there too. The trace may be
// nil. The caller releases the parser.
func (f *File) readValue(off int64, way *trace) (_ *parser, _ *indirect, err error) {
	if off < 0 || off >= f.size {
		return nil, nil, fmt.Errorf("%w: offset %d lies outside the file", ErrMalformed, off)
	}
	// White space and comments before the number are put up with, but not megabytes of
	// them, through which a million entries could lead.
	p := f.parser(off, min(f.size, off+windowMin))
	defer func() {
		f.parsed.Add(off - p.offset() - readingCost)
		if err != nil {
			f.release(p)
		}
	}()
	if f.parsed.Load() < 0 {
		return nil, nil, fmt.Errorf("%w: too many bytes of objects", ErrLimit)
	}
	num, err := p.token()
	if err != nil {
		return nil, nil, err
	}
	gen, err := p.token()
	if err != nil {
		return nil, nil, err
	}
	// "obj" may be run together with what follows: 1 0 obj<</Type ...
	p.skipSpace()
	if num.kind != tokInt || gen.kind != tokInt || !p.match("obj") ||
		num.i < 0 || num.i > maxNumber || gen.i < 0 || gen.i > 65535 {
		return nil, nil, fmt.Errorf("%w: no object at byte %d", ErrMalformed, off)
	}
	o := &indirect{ref: Ref{uint32(num.i), uint16(gen.i)}, span: num.span}
	p.end = min(f.size, num.span.Start+f.lim.ObjectBytes)
	p.skipSpace()
	at := p.offset()
	switch {
	case p.match("endobj"): // an object without value is null
		p.seek(at)
	case way != nil:
		o.value, err = p.traced(way)
	default:
		o.value, err = p.object()
	}
	if at := p.offset(); at > p.end || err != nil && at == p.end && at < f.size {
		err = fmt.Errorf("%w: longer than %d bytes", ErrLimit, f.lim.ObjectBytes)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("object %d: %w", num.i, err)
	}
	o.duplicate = p.duplicate
	o.span.End = p.offset()
	return p, o, nil
}

// readIndirect reads the indirect object at off. length resolves a stream's Length
// and reports whether it could; it may be nil, then only a direct Length is used. So
// may the trace.
func (f *File) readIndirect(off int64, length func(Object) (int64, bool), way *trace) (*indirect, error) {
	p, o, err := f.readValue(off, way)
	if err != nil {
		return nil, err
	}
	defer f.release(p)
	p.end = min(f.size, p.offset()+windowMin) // a keyword comes next; see readValue
	t, err := p.token()
	if err == nil && t.keyword("stream") {
		d, ok := o.value.(Dict)
		if !ok {
			return nil, fmt.Errorf("%w: stream without dictionary at byte %d", ErrMalformed, t.span.Start)
		}
		if err := f.readStreamData(p, o, d, length); err != nil {
			return nil, fmt.Errorf("object %d: %w", o.ref.Num, err)
		}
		p.end = min(f.size, p.offset()+windowMin)
		t, err = p.token()
	}
	if err == nil && t.keyword("endobj") { // some writers forget it
		o.span.End = t.span.End
	}
	return o, nil
}

// readStreamData finds the data of a stream whose keyword has just been read
// (7.3.8.1), and leaves p after endstream. A Length that does not lead to endstream
// is not believed; the first endstream then ends the data.
func (f *File) readStreamData(p *parser, o *indirect, d Dict, length func(Object) (int64, bool)) error {
	p.end = f.size
	after := p.offset()
	for c, ok := p.peek(); ok && (c == ' ' || c == '\t'); c, ok = p.peek() {
		p.pos++
	}
	if !p.match("\r\n") && !p.match("\n") && !p.match("\r") {
		p.seek(after)
	}
	s := &Stream{Dict: d, file: f, start: p.offset()}
	o.value = s
	n, ok := d["Length"].(int64)
	if !ok && length != nil {
		n, ok = length(d["Length"])
	}
	if ok && n >= 0 && n <= f.size-s.start {
		s.length = n
		p.seek(s.start + n)
		for range 16 { // an end of line, and what padding is seen
			if c, ok := p.peek(); !ok || !isSpace(c) {
				break
			}
			p.pos++
		}
		if p.match("endstream") {
			o.span.End = p.offset()
			return nil
		}
	}
	o.badLength = true
	end, err := f.find(s.start, f.size, "endstream")
	if err != nil {
		return err
	}
	if end < 0 {
		return fmt.Errorf("%w: no endstream after byte %d", ErrMalformed, s.start)
	}
	o.span.End = end + int64(len("endstream"))
	p.seek(end - min(2, end-s.start))
	eol := Span{p.offset(), end}
	switch {
	case eol.Len() == 2 && p.match("\r\n"):
		end -= 2
	case eol.Len() >= 1:
		p.seek(end - 1)
		if p.match("\n") || p.match("\r") {
			end--
		}
	}
	s.length = end - s.start
	p.seek(o.span.End)
	return nil
}
