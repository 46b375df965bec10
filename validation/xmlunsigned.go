package validation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"chop/internal/xmldsig"
)

// A coverage says what the signatures of a document that passed cover together.
type coverage struct {
	list []*xmlSignature // that passed
	// by holds what references lead to, each once, by its top; decoded are elements of which
	// only the text in base64 is signed.
	by      map[*xmldsig.Element][]*xmldsig.Reference
	decoded map[*xmldsig.Element]bool
	// above are elements that what is signed lies in.
	above map[*xmldsig.Element]bool
	// whole says that instructions beside the root are signed too.
	whole bool
}

func newCoverage(list []*xmlSignature) *coverage {
	c := &coverage{by: map[*xmldsig.Element][]*xmldsig.Reference{}, decoded: map[*xmldsig.Element]bool{}, above: map[*xmldsig.Element]bool{}}
	for _, s := range list {
		if !s.result.passed() {
			continue
		}
		c.list = append(c.list, s)
		for _, r := range s.signature.References {
			if !s.holds(r) {
				continue
			}
			c.add(s, r)
		}
	}
	return c
}

func (c *coverage) add(s *xmlSignature, r *xmldsig.Reference) {
	top := r.Signed.Apex()
	switch {
	case r.Decoded:
		c.decoded[top] = true
	case !slices.ContainsFunc(c.by[top], func(o *xmldsig.Reference) bool {
		return o.Signed.Same(r.Signed) && (o.Inclusive() || !r.Inclusive())
	}):
		c.by[top] = append(c.by[top], r)
		c.whole = c.whole || r.Signed.Whole()
	}
	if xmldsig.Within(top, s.element) {
		return // which is passed over on the way down
	}
	for p := top; p != nil && !c.above[p]; p = xmldsig.Parent(p) {
		c.above[p] = true
	}
}

// covers reports whether a signature signs the element; inclusive: with the namespaces in its
// scope.
func (c *coverage) covers(e *xmldsig.Element, inclusive bool) bool {
	for top := e; top != nil; top = xmldsig.Parent(top) {
		if slices.ContainsFunc(c.by[top], func(r *xmldsig.Reference) bool { return (!inclusive || r.Inclusive()) && r.Signed.Contains(e) }) {
			return true
		}
	}
	return false
}

// maxUnsigned is how many unsigned places are named.
const maxUnsigned = 20

// unsigned lists what no signature that passed covers: files that were given, elements, topmost
// first, what is no part of a signature and stands in one, and declarations of namespaces that
// content uses. What a reference covers it covers but for signatures.
func (d *xmlDocument) unsigned(ctx context.Context, files []File) ([]string, error) {
	var out []string
	full := func() bool { return len(out) >= maxUnsigned }
	add := func(e *xmldsig.Element, note string) bool {
		if !full() {
			out = append(out, d.places.where(e)+note)
		}
		return !full() && ctx.Err() == nil
	}
	c := newCoverage(d.list)
	for i, f := range files {
		if !full() && !slices.ContainsFunc(c.list, func(s *xmlSignature) bool { return s.coversFile(files, i) }) {
			out = append(out, "file "+f.Name)
		}
	}
	signatures := map[*xmldsig.Element]bool{}
	for _, s := range d.list {
		signatures[s.element] = true
	}
	var walk func(*xmldsig.Element)
	walk = func(e *xmldsig.Element) {
		switch {
		case full() || ctx.Err() != nil || signatures[e] || c.covers(e, false):
			return
		case c.decoded[e]:
			add(e, ", but for the base64 in it")
			return
		case !c.above[e]:
			add(e, "")
			return
		}
		add(e, ", around what is signed")
		for _, child := range xmldsig.Elements(e) {
			walk(child)
		}
	}
	walk(d.parsed.Root())
	if !c.whole && len(d.list) > 0 {
		for _, name := range d.parsed.Instructions() {
			if !full() {
				out = append(out, "instruction "+name)
			}
		}
	}
	for _, s := range d.list {
		if !full() {
			s.surplus(c, add)
		}
	}
	for _, s := range c.list {
		for _, u := range s.unrendered {
			if !full() && !c.covers(u.Element, true) {
				add(u.Element, fmt.Sprintf(", declaration %s that its content uses", declaration(u)))
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("validate: %w", err)
	}
	return out, nil
}

func declaration(u xmldsig.Declaration) string {
	name := "xmlns"
	if u.Prefix != "" {
		name += ":" + u.Prefix
	}
	return fmt.Sprintf("%s=%.200q", name, u.URI)
}

// places are the paths of elements, each worked out once.
type places struct {
	number map[*xmldsig.Element]int // among those of its name around it; 0: it is the only one
	asked  map[*xmldsig.Element]bool
}

func newPlaces() *places {
	return &places{number: map[*xmldsig.Element]int{}, asked: map[*xmldsig.Element]bool{}}
}

// where is the path of an element.
func (p *places) where(e *xmldsig.Element) string {
	var steps []string
	length := 0
	for ; e != nil && length < maxPlace; e = xmldsig.Parent(e) {
		around := xmldsig.Parent(e)
		if around != nil && !p.asked[around] {
			p.count(around)
		}
		name := "/" + e.Name()
		if len(name) > maxPlace {
			name = name[:maxPlace] + "…"
		}
		if n := p.number[e]; n > 0 {
			name += fmt.Sprintf("[%d]", n)
		}
		steps = append(steps, name)
		length += len(name)
	}
	if e != nil {
		steps = append(steps, "…")
	}
	slices.Reverse(steps)
	return strings.Join(steps, "")
}

// maxPlace is how long a path grows, in octets, before its beginning is left out.
const maxPlace = 400

func (p *places) count(around *xmldsig.Element) {
	p.asked[around] = true
	first := map[string]*xmldsig.Element{}
	counts := map[string]int{}
	for _, c := range xmldsig.Elements(around) {
		name := c.Name()
		counts[name]++
		switch n := counts[name]; n {
		case 1:
			first[name] = c
		case 2:
			p.number[first[name]] = 1
			p.number[c] = 2
		default:
			p.number[c] = n
		}
	}
}
