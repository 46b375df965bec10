package pdf

import "fmt"

// Span returns the bytes of the indirect object ref as revision rev sees it, from
// its object number to the end of endobj. ErrNoSpan means that it is null or
// compressed.
func (f *File) Span(ref Ref, rev int) (Span, error) {
	o, err := f.View(rev).inFile(ref)
	if err != nil {
		return Span{}, err
	}
	return o.span, nil
}

// inFile reads an object that lies in the file itself.
func (v *View) inFile(ref Ref) (*indirect, error) {
	e, ok := v.entry(ref.Num)
	if !ok || e.kind != InUse {
		return nil, fmt.Errorf("%w: object %v", ErrNoSpan, ref)
	}
	o, err := v.indirect(e)
	if err != nil {
		return nil, fmt.Errorf("find object %v: %w", ref, err)
	}
	if ref.Gen != e.gen && ref.Gen != o.ref.Gen {
		return nil, fmt.Errorf("%w: object %v", ErrNoSpan, ref)
	}
	return o, nil
}

// ValueSpan returns the bytes that a value takes in the file, delimiters included:
// that of the object ref, or, with a path, of the entry to which the keys lead
// through direct dictionaries. It is ErrNoSpan if the value is absent, compressed or
// behind a reference on the way, and ErrMalformed if a key on the way occurs twice,
// since then the bytes of one reader's value are not those of another's.
func (v *View) ValueSpan(ref Ref, path ...Name) (Span, error) {
	s, _, err := v.valueSpan(ref, path)
	return s, err
}

// StringSpan is ValueSpan for a value that must be a string. A signature proves by
// it that the gap in its ByteRange is exactly its own Contents.
func (f *File) StringSpan(v *View, ref Ref, path ...Name) (Span, error) {
	s, o, err := v.valueSpan(ref, path)
	if err != nil {
		return Span{}, err
	}
	if _, ok := o.(String); !ok {
		return Span{}, fmt.Errorf("%w: %T where a string is due, at byte %d", ErrMalformed, o, s.Start)
	}
	return s, nil
}

func (v *View) valueSpan(ref Ref, path []Name) (Span, Object, error) {
	o, err := v.inFile(ref)
	if err != nil {
		return Span{}, nil, err
	}
	p := newParser(newWindow(v.f.r, o.at, o.span.End), v.f.lim)
	for _, key := range path {
		if err := p.descend(key); err != nil {
			return Span{}, nil, fmt.Errorf("find /%s of object %v: %w", key, ref, err)
		}
	}
	p.skipSpace()
	start := p.offset()
	value, err := p.object()
	if err != nil {
		return Span{}, nil, err
	}
	return Span{start, p.offset()}, value, nil
}

// descend moves from before a dictionary to before the value of one of its keys.
func (p *parser) descend(key Name) error {
	open, err := p.token()
	if err != nil {
		return err
	}
	if open.kind != tokDictOpen {
		return fmt.Errorf("%w: it is not in a direct dictionary", ErrNoSpan)
	}
	at := int64(-1)
	for {
		t, err := p.token()
		if err != nil {
			return err
		}
		if t.kind == tokDictClose {
			break
		}
		if t.kind != tokName {
			return fmt.Errorf("%w: %s instead of a key at byte %d", ErrMalformed, describe(t), t.span.Start)
		}
		if Name(t.text) == key {
			if at >= 0 {
				return fmt.Errorf("%w: the key occurs twice, at byte %d", ErrMalformed, t.span.Start)
			}
			at = p.offset()
		}
		if _, err := p.object(); err != nil {
			return err
		}
	}
	if at < 0 {
		return fmt.Errorf("%w: there is none", ErrNoSpan)
	}
	p.seek(at)
	return nil
}
