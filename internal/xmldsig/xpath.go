package xmldsig

import (
	"fmt"
	"regexp"
	"strings"
)

// XPath is not evaluated: an expression that a stranger wrote can select anything, at any
// cost. A few expressions are known by their form, P being a prefix bound to the
// namespace of signatures. All else cannot be decided.
var (
	allButSignatures = regexp.MustCompile(`^not\(ancestor-or-self::(?P<P>[\w.-]+):Signature\)$`)
	allButThis       = regexp.MustCompile(`^count\(ancestor-or-self::(?P<P>[\w.-]+):Signature\|here\(\)/ancestor::([\w.-]+):Signature\[1\]\)>` +
		`count\(ancestor-or-self::([\w.-]+):Signature\)$`)
	thisSignature = regexp.MustCompile(`^here\(\)/ancestor::(?P<P>[\w.-]+):Signature\[1\]$`)
	allSignatures = regexp.MustCompile(`^(?:/descendant::|//)(?P<P>[\w.-]+):Signature$`)
	oneName       = regexp.MustCompile(`^//(?:([\w.-]+):)?([\w.-]+)$`)
)

// expression returns the text of an XPath element without white space, which means
// nothing in the expressions that are known, and what its prefixes are bound to.
func (d *Document) expression(e *Element) (string, bindings, error) {
	text, err := Text(e)
	if err != nil {
		return "", nil, err
	}
	scope, err := d.scopeAround(e)
	if err == nil {
		err = d.budget.spend(len(text))
	}
	return strings.Join(strings.Fields(text), ""), scope.under(e), err
}

// names reports whether the expression has the form and its prefixes mean signatures.
func names(form *regexp.Regexp, text string, scope bindings) bool {
	m := form.FindStringSubmatch(text)
	for i := 1; i < len(m); i++ {
		if scope.get(m[i]) != NS {
			return false
		}
	}
	return m != nil
}

// xpath is the XPath transform (6.6.3), of two forms.
func (s *Signature) xpath(t *Element, n Nodes) (content, error) {
	e, err := Child(t, NS, "XPath")
	if err != nil || e == nil {
		return content{}, fmt.Errorf("%w: XPath transform without an expression", ErrMalformed)
	}
	text, scope, err := s.doc.expression(e)
	switch {
	case err != nil:
		return content{}, err
	case names(allButSignatures, text, scope):
		n.unsigned = true
		return content{nodes: &n}, nil
	case names(allButThis, text, scope):
		return content{nodes: ptr(n.without(s.Element))}, nil
	}
	return content{}, fmt.Errorf("%w: XPath %q", ErrUndecided, clip(text))
}

// filter2 is XPath Filter 2.0 with one filter: to subtract this signature or all, or to
// intersect with the one element that has a name, which is as good as its id.
func (s *Signature) filter2(t *Element, n Nodes) (content, error) {
	list := Children(t, filter2Transform, "XPath")
	if len(list) != 1 || len(Elements(t)) != 1 {
		return content{}, fmt.Errorf("%w: %d filters", ErrUndecided, len(list))
	}
	filter, _ := Attr(list[0], "Filter")
	text, scope, err := s.doc.expression(list[0])
	switch {
	case err != nil:
		return content{}, err
	case filter == "subtract" && names(thisSignature, text, scope):
		return content{nodes: ptr(n.without(s.Element))}, nil
	case filter == "subtract" && names(allSignatures, text, scope):
		n.unsigned = true
		return content{nodes: &n}, nil
	case filter == "intersect" && n.Whole():
		if m := oneName.FindStringSubmatch(text); m != nil {
			ns := ""
			if m[1] != "" {
				if ns = scope.get(m[1]); ns == "" {
					break
				}
			}
			return s.only(n, ns, m[2])
		}
	}
	return content{}, fmt.Errorf("%w: XPath filter %s %q", ErrUndecided, clip(filter), clip(text))
}

// found is what a search for elements of a name ended with: none, one, or several.
type found struct {
	one     *Element
	several bool
}

// search looks for elements of a name, once a name.
func (d *Document) search(ns, local string) (found, error) {
	if f, ok := d.named[[2]string{ns, local}]; ok {
		return f, nil
	}
	var f found
	passed := 0
	all(d.Root(), func(e *Element) bool {
		passed++
		if Is(e, ns, local) {
			f.several = f.one != nil
			f.one = e
		}
		return !f.several
	})
	if err := d.budget.spend(passed); err != nil {
		return f, err
	}
	if d.named == nil {
		d.named = map[[2]string]found{}
	}
	d.named[[2]string{ns, local}] = f
	return f, nil
}

func (s *Signature) only(n Nodes, ns, local string) (content, error) {
	f, err := s.doc.search(ns, local)
	switch {
	case err != nil:
		return content{}, err
	case f.several:
		return content{}, fmt.Errorf("%w: several elements %s", ErrUndecided, local)
	case f.one == nil:
		return content{}, fmt.Errorf("%w: no element %s", ErrNotFound, local)
	}
	n.apex = f.one
	return content{nodes: &n}, nil
}
