package xmldsig

import (
	"strings"
	"unicode/utf8"

	"github.com/lestrrat-go/helium"
)

// A Declaration is one of a namespace that the exclusive canonical form of some nodes does
// not show, because no name of an element or attribute in its scope has the prefix
// (Exclusive XML Canonicalization, 1.3). So it is not signed, and anybody can bind the
// prefix to something else.
type Declaration struct {
	// Element declares it, or is the top of the nodes if something around them does.
	Element     *Element
	Prefix, URI string
	// InContent says that a text or the value of an attribute in its scope seems to use the
	// prefix, as xsi:type and XPath do.
	InContent bool
}

// Inclusive reports whether all declarations in the scope of what is signed are.
func (r *Reference) Inclusive() bool { return r.Signed != nil && !r.Decoded && r.form.uri != Exclusive }

// Unrendered returns the declarations that a reference that holds leaves unsigned, in the
// order of the document. ErrLimit.
func (r *Reference) Unrendered() ([]Declaration, error) {
	if r.Err != nil || r.Signed == nil || r.Decoded || r.Inclusive() {
		return nil, nil
	}
	n := *r.Signed
	u := &unrendered{nodes: n, c: canonicalizer{C14N: r.form, in: func(Node) bool { return true }}, scope: map[string]*declared{}}
	around, err := n.doc.scopeAround(n.Apex())
	if err != nil {
		return nil, err
	}
	for _, b := range around {
		u.declare(n.Apex(), b.prefix, b.uri)
	}
	u.walk(n.Apex())
	if u.err != nil {
		return nil, u.err
	}
	var list []Declaration
	for _, d := range u.list {
		if !d.rendered && d.URI != "" {
			list = append(list, d.Declaration)
		}
	}
	return list, nil
}

type declared struct {
	Declaration
	rendered bool
}

type unrendered struct {
	nodes Nodes
	c     canonicalizer
	scope map[string]*declared
	list  []*declared
	err   error
}

// declare binds a prefix; to what it is bound to already means nothing new.
func (u *unrendered) declare(e *Element, prefix, uri string) {
	if outer := u.scope[prefix]; outer != nil && outer.URI == uri {
		return
	}
	d := &declared{Declaration: Declaration{Element: e, Prefix: prefix, URI: uri}}
	u.scope[prefix] = d
	u.list = append(u.list, d)
}

func (u *unrendered) walk(e *Element) {
	if u.err != nil || u.nodes.leftOut(e) {
		return
	}
	for _, ns := range e.Namespaces() {
		if ns.Prefix() == "xml" {
			continue
		}
		outer, prefix := u.scope[ns.Prefix()], ns.Prefix()
		u.declare(e, prefix, ns.URI())
		defer func() { u.scope[prefix] = outer }()
	}
	used := u.c.utilized(e)
	for _, p := range used {
		if d := u.scope[p]; d != nil {
			d.rendered = true
		}
	}
	u.err = u.nodes.doc.budget.spend(1 + len(used))
	e.ForEachAttribute(func(a *helium.Attribute) bool {
		u.content(a.Value())
		return u.err == nil
	})
	for c := range helium.Children(e) {
		switch c.Type() {
		case helium.TextNode, helium.CDATASectionNode:
			u.content(string(c.Content()))
		default:
			if child, ok := c.(*Element); ok {
				u.walk(child)
			}
		}
	}
}

// content looks for prefixes before a colon.
func (u *unrendered) content(text string) {
	if u.err == nil {
		u.err = u.nodes.doc.budget.spend(len(text))
	}
	for u.err == nil {
		before, rest, more := strings.Cut(text, ":")
		if !more {
			return
		}
		start := strings.LastIndexFunc(before, func(r rune) bool {
			return r < utf8.RuneSelf && !strings.ContainsRune("._-", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
		})
		if d := u.scope[before[start+1:]]; d != nil && before[start+1:] != "" {
			d.InContent = true
		}
		text = rest
	}
}
