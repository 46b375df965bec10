package pdf

import "fmt"

// Get returns the object that ref names, nil if there is none: a reference to an
// absent or free object, or with another generation than the object's, is one to
// null (7.3.10). An object that cannot be read is ErrMalformed or ErrLimit.
func (v *View) Get(ref Ref) (Object, error) {
	e, ok := v.entry(ref.Num)
	if !ok || e.kind == Free || ref.IsZero() {
		return nil, nil
	}
	load := v.load
	if v.shelf != nil {
		load = v.shelved
	}
	o, err := load(e, ref)
	if err != nil {
		return nil, fmt.Errorf("get object %v: %w", ref, err)
	}
	return o, nil
}

func (v *View) load(e entry, ref Ref) (Object, error) {
	if e.kind == Compressed {
		if ref.Gen != 0 {
			return nil, nil
		}
		return v.compressed(e)
	}
	o, err := v.indirect(e, nil)
	if err != nil {
		return nil, err
	}
	// Writers err in one of the two places where the generation stands; the
	// difference is told by Anomalies.
	if ref.Gen != e.gen && ref.Gen != o.ref.Gen {
		return nil, nil
	}
	return o.value, nil
}

// indirect reads the object of an entry that is in use. The trace may be nil.
func (v *View) indirect(e entry, way *trace) (*indirect, error) {
	o, err := v.f.readIndirect(int64(e.off), v.length, way)
	if err != nil {
		return nil, err
	}
	if o.ref.Num != e.num {
		return nil, fmt.Errorf("%w: the cross-reference entry leads to object %d, at byte %d", ErrMalformed, o.ref.Num, e.off)
	}
	if s, ok := o.value.(*Stream); ok {
		s.view = v
	}
	return o, nil
}

// length resolves a stream's Length. It must be an integer, and in a compressed
// object only if the object stream's own Length can be had without another one: so
// there is nothing to recur into.
func (v *View) length(o Object) (int64, bool) {
	ref, ok := o.(Ref)
	if !ok {
		return 0, false
	}
	e, ok := v.entry(ref.Num)
	if !ok || e.kind == Free {
		return 0, false
	}
	var value Object
	if e.kind == Compressed {
		value, _ = v.compressed(e)
	} else if p, in, err := v.f.readValue(int64(e.off), nil); err == nil {
		v.f.release(p)
		if in.ref.Num == ref.Num {
			value = in.value
		}
	}
	n, ok := value.(int64)
	return n, ok
}

// Resolve follows references until it has a direct object.
func (v *View) Resolve(o Object) (Object, error) {
	for range maxHops {
		ref, ok := o.(Ref)
		if !ok {
			return o, nil
		}
		var err error
		if o, err = v.Get(ref); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: reference leads to more than %d others", ErrMalformed, maxHops)
}

// resolveAs resolves o to a T; null gives the zero value.
func resolveAs[T any](v *View, o Object, what string) (T, error) {
	var zero T
	r, err := v.Resolve(o)
	if err != nil || r == nil {
		return zero, err
	}
	t, ok := r.(T)
	if !ok {
		return zero, fmt.Errorf("%w: %T where %s is due", ErrMalformed, r, what)
	}
	return t, nil
}

// Dict resolves o to a dictionary, nil if o is null. A stream is ErrMalformed.
func (v *View) Dict(o Object) (Dict, error) { return resolveAs[Dict](v, o, "a dictionary") }

// Array resolves o to an array, nil if o is null.
func (v *View) Array(o Object) (Array, error) { return resolveAs[Array](v, o, "an array") }

// Int resolves o to an integer, 0 if o is null.
func (v *View) Int(o Object) (int64, error) { return resolveAs[int64](v, o, "an integer") }

// Name resolves o to a name, "" if o is null.
func (v *View) Name(o Object) (Name, error) { return resolveAs[Name](v, o, "a name") }

// String resolves o to a string, nil if o is null.
func (v *View) String(o Object) (String, error) { return resolveAs[String](v, o, "a string") }

// Bool resolves o to a boolean, false if o is null.
func (v *View) Bool(o Object) (bool, error) { return resolveAs[bool](v, o, "a boolean") }

// Stream resolves o to a stream, nil if o is null.
func (v *View) Stream(o Object) (*Stream, error) { return resolveAs[*Stream](v, o, "a stream") }

// Text resolves o to a text string and decodes it (7.9.2.2).
func (v *View) Text(o Object) (string, error) {
	s, err := v.String(o)
	return DecodeText(s), err
}

// Number resolves o to an integer or real, 0 if o is null.
func (v *View) Number(o Object) (float64, error) {
	r, err := v.Resolve(o)
	if err != nil {
		return 0, err
	}
	switch n := r.(type) {
	case nil:
		return 0, nil
	case int64:
		return float64(n), nil
	case float64:
		return n, nil
	}
	return 0, fmt.Errorf("%w: %T where a number is due", ErrMalformed, r)
}
