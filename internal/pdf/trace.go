package pdf

// A trace notes, while an object is parsed, where in it one value lies: the object
// itself, or the one to which keys lead through direct dictionaries.
type trace struct {
	path  []Name // the keys still to follow
	met   bool   // the path was followed to its end
	twice bool   // a key on the way is there twice
	span  Span   // of the value, delimiters included
	value Object
}

// A step is the part of a trace in one dictionary; the zero value leads nowhere.
type step struct {
	*trace
	key   Name
	taken bool
}

// enterTrace takes up the trace that leads through the dictionary whose opening has
// just been read; other dictionaries in it are none of its business.
func (p *parser) enterTrace() step {
	t := p.trace
	if t == nil {
		return step{}
	}
	p.trace = nil
	s := step{trace: t, key: t.path[0]}
	t.path = t.path[1:]
	return s
}

// take reports whether the trace goes on in the value of key, and does so once.
func (s *step) take(key Name) bool {
	if s.trace == nil || key != s.key {
		return false
	}
	if s.taken {
		s.twice = true
		return false
	}
	s.taken = true
	return true
}

// traced reads one object, in which t goes on or which is what t is looking for.
func (p *parser) traced(t *trace) (Object, error) {
	if len(t.path) == 0 {
		p.skipSpace()
		t.span.Start = p.offset()
		o, err := p.object()
		t.span.End, t.value, t.met = p.offset(), o, true
		return o, err
	}
	open, err := p.token()
	if err != nil {
		return nil, err
	}
	if open.kind == tokDictOpen {
		p.trace = t
	}
	return p.objectFrom(open)
}
