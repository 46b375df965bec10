package pdf

import (
	"fmt"
	"strings"
)

// Span returns the bytes of the indirect object ref as revision rev sees it, from
// its object number to the end of endobj. ErrNoSpan means that it is null or
// compressed.
func (f *File) Span(ref Ref, rev int) (Span, error) {
	o, err := f.View(rev).inFile(ref, nil)
	if err != nil {
		return Span{}, err
	}
	return o.span, nil
}

// inFile reads an object that lies in the file itself, with a trace unless t is nil.
func (v *View) inFile(ref Ref, t *trace) (*indirect, error) {
	e, ok := v.entry(ref.Num)
	if !ok || e.kind != InUse {
		return nil, fmt.Errorf("%w: object %v", ErrNoSpan, ref)
	}
	o, err := v.indirect(e, t)
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

// valueSpan parses the object once, and in full: what is wrong behind the value is wrong
// with the object.
func (v *View) valueSpan(ref Ref, path []Name) (Span, Object, error) {
	t := &trace{path: path}
	if _, err := v.inFile(ref, t); err != nil {
		return Span{}, nil, err
	}
	switch {
	case t.twice:
		return Span{}, nil, fmt.Errorf("%w: a key on the way to /%s of object %v occurs twice", ErrMalformed, join(path), ref)
	case !t.met:
		return Span{}, nil, fmt.Errorf("%w: no direct /%s in object %v", ErrNoSpan, join(path), ref)
	}
	return t.span, t.value, nil
}

func join(path []Name) string {
	var s []string
	for _, key := range path {
		s = append(s, string(key))
	}
	return strings.Join(s, "/")
}
