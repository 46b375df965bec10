package changes

import (
	"bytes"
	"io"

	"chop/internal/pdf"
)

// equal reports whether two values are the same. References must be to the same
// object: what lies behind them is compared when the object is visited.
func (w *walk) equal(a, b pdf.Object, depth int) bool {
	if depth > maxDepth {
		return false
	}
	switch a := a.(type) {
	case pdf.String:
		s, ok := b.(pdf.String)
		return ok && bytes.Equal(a, s)
	case pdf.Array:
		l, ok := b.(pdf.Array)
		if !ok || len(a) != len(l) {
			return false
		}
		for i := range a {
			if !w.equal(a[i], l[i], depth+1) {
				return false
			}
		}
		return true
	case pdf.Dict:
		d, ok := b.(pdf.Dict)
		return ok && w.equalDict(a, d, depth)
	case *pdf.Stream:
		s, ok := b.(*pdf.Stream)
		return ok && w.equalDict(a.Dict, s.Dict, depth) && w.equalData(a, s)
	case int64:
		switch n := b.(type) {
		case int64:
			return a == n
		case float64:
			return float64(a) == n
		}
		return false
	case float64:
		switch n := b.(type) {
		case int64:
			return a == float64(n)
		case float64:
			return a == n
		}
		return false
	case nil, bool, pdf.Name, pdf.Ref:
		return a == b
	}
	return false
}

// equalDict compares dictionaries; a null value is an absent one.
func (w *walk) equalDict(a, b pdf.Dict, depth int) bool {
	n := 0
	for key, v := range a {
		if v == nil {
			continue
		}
		n++
		if !w.equal(v, b[key], depth+1) {
			return false
		}
	}
	for _, v := range b {
		if v != nil {
			n--
		}
	}
	return n == 0
}

// equalData compares the encoded data of two streams.
func (w *walk) equalData(a, b *pdf.Stream) bool {
	if a.Len() != b.Len() {
		return false
	}
	if a.Span() == b.Span() && a.Span().Len() > 0 {
		return true
	}
	ra, rb := w.f.Raw(a), w.f.Raw(b)
	size := min(int64(32<<10), a.Len()+1) // one more, to see the end
	bufA, bufB := make([]byte, size), make([]byte, size)
	for {
		n, err := io.ReadFull(ra, bufA)
		m, errB := io.ReadFull(rb, bufB)
		if n != m || !bytes.Equal(bufA[:n], bufB[:m]) {
			return false
		}
		if err != nil || errB != nil {
			return ended(err) && ended(errB)
		}
	}
}

func ended(err error) bool { return err == io.EOF || err == io.ErrUnexpectedEOF }

// compareLoose reports a place's change if anything below it differs that has not
// been judged by the strict rules already.
func (w *walk) compareLoose(p place) error {
	l := loose{walk: w, met: map[[2]pdf.Ref]bool{}}
	same, err := l.same(p.old, p.new, 0)
	if err != nil {
		return err
	}
	w.account(p.new)
	w.permit(p.old)
	if !same {
		w.report(p.change)
		return nil
	}
	for pair := range l.met {
		if pair[0] == pair[1] {
			w.alike[pair[0]] = true
		}
	}
	return nil
}

// A loose comparison looks through references: which object holds a value does not
// matter, only what it holds.
type loose struct {
	*walk
	met map[[2]pdf.Ref]bool
}

func (l *loose) same(a, b pdf.Object, depth int) (bool, error) {
	if depth > maxDepth {
		return false, nil
	}
	ra, isRef := a.(pdf.Ref)
	rb, alsoRef := b.(pdf.Ref)
	if isRef || alsoRef {
		if isRef && alsoRef {
			if _, page := l.pages[ra]; ra == rb && (page || l.seen[ra] || l.alike[ra] || l.fields[ra] != nil) {
				return true, nil // judged elsewhere
			}
			if l.met[[2]pdf.Ref{ra, rb}] {
				return true, nil
			}
			l.met[[2]pdf.Ref{ra, rb}] = true
		}
		if err := l.step(); err != nil {
			return false, err
		}
		before, err := l.old.Resolve(a)
		if err != nil {
			return false, nil
		}
		after, err := l.new.Resolve(b)
		if err != nil {
			return false, nil
		}
		if isRef && alsoRef && ra == rb && !l.sameEntry(ra.Num) {
			l.changed[ra.Num] = true
		}
		return l.same(before, after, depth+1)
	}
	switch a := a.(type) {
	case pdf.Array:
		list, ok := b.(pdf.Array)
		if !ok || len(list) != len(a) {
			return false, nil
		}
		for i := range a {
			if same, err := l.same(a[i], list[i], depth+1); !same || err != nil {
				return false, err
			}
		}
		return true, nil
	case pdf.Dict:
		d, ok := b.(pdf.Dict)
		if !ok {
			return false, nil
		}
		return l.sameDict(a, d, depth)
	case *pdf.Stream:
		s, ok := b.(*pdf.Stream)
		if !ok || !l.equalData(a, s) {
			return false, nil
		}
		return l.sameDict(a.Dict, s.Dict, depth)
	}
	return l.equal(a, b, depth), nil
}

func (l *loose) sameDict(a, b pdf.Dict, depth int) (bool, error) {
	for key := range b {
		if b[key] != nil && a[key] == nil {
			return false, nil
		}
	}
	for key, v := range a {
		if same, err := l.same(v, b[key], depth+1); !same || err != nil {
			return false, err
		}
	}
	return true, nil
}

func describe(o pdf.Object) string {
	switch o := o.(type) {
	case nil:
		return "an object that was absent"
	case pdf.Dict:
		if t, ok := o["Type"].(pdf.Name); ok {
			return "a " + string(t)
		}
		return "a dictionary"
	case *pdf.Stream:
		for _, key := range []pdf.Name{"Subtype", "Type"} {
			if t, ok := o.Dict[key].(pdf.Name); ok {
				return "a stream of " + string(t)
			}
		}
		return "a stream"
	case pdf.Array:
		return "an array"
	}
	return "a value"
}
