package xmldsig

import (
	"slices"
	"strings"
)

// bindings are namespace prefixes and what they are bound to, sorted by prefix, the
// default namespace ("") first. They are never changed in place.
type bindings []binding

type binding struct{ prefix, uri string }

func (b bindings) find(prefix string) (int, bool) {
	return slices.BinarySearchFunc(b, prefix, func(x binding, p string) int { return strings.Compare(x.prefix, p) })
}

// get returns what a prefix is bound to; "" is no namespace.
func (b bindings) get(prefix string) string {
	if i, ok := b.find(prefix); ok {
		return b[i].uri
	}
	return ""
}

// with returns the bindings after some more; a prefix bound to nothing is not kept.
func (b bindings) with(more ...binding) bindings {
	if len(more) == 0 {
		return b
	}
	out := slices.Clone(b)
	for _, m := range more {
		i, ok := out.find(m.prefix)
		switch {
		case ok && m.uri == "":
			out = slices.Delete(out, i, i+1)
		case ok:
			out[i].uri = m.uri
		case m.uri != "":
			out = slices.Insert(out, i, m)
		}
	}
	return out
}

// under returns what is in scope within e, given what is around it.
func (b bindings) under(e *Element) bindings {
	declared := e.Namespaces()
	if len(declared) == 0 {
		return b
	}
	more := make([]binding, 0, len(declared))
	for _, ns := range declared {
		if ns.Prefix() != "xml" {
			more = append(more, binding{ns.Prefix(), ns.URI()})
		}
	}
	return b.with(more...)
}

// scopeAround returns what is in scope where e stands. ErrLimit.
func (d *Document) scopeAround(e *Element) (bindings, error) {
	var path []*Element
	for p := Parent(e); p != nil; p = Parent(p) {
		path = append(path, p)
	}
	var b bindings
	work := 0
	for _, p := range slices.Backward(path) {
		b = b.under(p)
		work += 1 + len(b)
	}
	return b, d.budget.spend(work)
}
