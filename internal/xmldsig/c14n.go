package xmldsig

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lestrrat-go/helium"
)

// Canonicalisation algorithms.
const (
	C14N10    = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
	C14N11    = "http://www.w3.org/2006/12/xml-c14n11"
	Exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"

	withComments = "#WithComments"
)

// A C14N is a canonicalisation method.
type C14N struct {
	uri       string // without #WithComments
	comments  bool
	inclusive []string // PrefixList of exclusive C14N, "" for #default
}

// ParseC14N reads an algorithm identifier: ErrUndecided.
func ParseC14N(uri string) (C14N, error) {
	m := C14N{uri: uri}
	switch {
	case uri == Exclusive+"WithComments":
		return C14N{uri: Exclusive, comments: true}, nil
	case strings.HasSuffix(uri, withComments):
		m.uri, m.comments = strings.TrimSuffix(uri, withComments), true
	}
	switch m.uri {
	case C14N10, C14N11:
		return m, nil
	case Exclusive:
		if !m.comments {
			return m, nil
		}
	}
	return C14N{}, fmt.Errorf("%w: canonicalisation %q", ErrUndecided, clip(uri))
}

// canonicalizer writes the canonical form of a part of a document. One for all methods,
// for they differ in which namespaces and xml: attributes an element shows, not in how
// anything is written.
type canonicalizer struct {
	C14N
	w io.Writer // whose errors are kept by the writer itself
	// in says which nodes, attributes included, are in the node-set; inNS the same of an
	// element's namespace nodes. Nil: inNS follows its element.
	in   func(Node) bool
	inNS func(e *Element, prefix string) bool
	// skip says which elements are passed over with all in them; nil: none.
	skip func(*Element) bool
	// top is the element whose ancestors are all outside the set, although in does not know
	// of them; or nil.
	top *Element
	// work is told of what is done beside writing, in nodes that are passed; nil: nobody is.
	work func(int)
}

// scopeShare is what a prefix in scope costs where others are declared.
const scopeShare = 4

func (c *canonicalizer) does(n int) {
	if c.work != nil {
		c.work(n)
	}
}

func (c *canonicalizer) write(s string) { _, _ = io.WriteString(c.w, s) }

// document writes a whole document (Canonical XML 1.0, 2.3: comments and processing
// instructions outside the document element stand on lines of their own).
func (c *canonicalizer) document(d *helium.Document) {
	after := false
	for n := range helium.Children(d) {
		switch n := n.(type) {
		case *Element:
			c.element(n, nil, nil, c.in(d))
			after = true
		default:
			var b strings.Builder
			c.leaf(&b, n)
			if b.Len() > 0 {
				if after {
					c.write("\n")
				}
				c.write(b.String())
				if !after {
					c.write("\n")
				}
			}
		}
	}
}

// element writes e and what is in it. scope is what is declared around it; rendered is
// what the nearest output ancestor shows: for inclusive methods its namespace nodes that
// are in the set, for the exclusive one what was written. parentIn says whether the
// parent is in the set.
func (c *canonicalizer) element(e *Element, scope, rendered bindings, parentIn bool) {
	if c.skip != nil && c.skip(e) {
		return
	}
	if len(e.Namespaces()) > 0 {
		c.does(scopeShare * len(scope)) // it is copied and compared
	}
	scope = scope.under(e)
	in := c.in(e)
	if in {
		var decls []binding
		decls, rendered = c.namespaces(e, scope, c.shown(e, scope), rendered)
		c.write("<" + e.Name())
		for _, d := range decls {
			if d.prefix == "" {
				c.write(` xmlns="`)
			} else {
				c.write(" xmlns:" + d.prefix + `="`)
			}
			c.write(attributeEscapes.Replace(d.uri) + `"`)
		}
		for _, a := range c.attributes(e, parentIn) {
			c.write(" " + a.name + `="` + attributeEscapes.Replace(a.value) + `"`)
		}
		c.write(">")
	}
	for n := range helium.Children(e) {
		if child, ok := n.(*Element); ok {
			c.element(child, scope, rendered, in)
		} else {
			c.leaf(c.w, n)
		}
	}
	if in {
		c.write("</" + e.Name() + ">")
	}
}

// leaf writes a node that is no element.
func (c *canonicalizer) leaf(w io.Writer, n Node) {
	text := func(s string) { _, _ = io.WriteString(w, s) }
	switch n.Type() {
	case helium.TextNode:
		if c.in(n) {
			text(textEscapes.Replace(string(n.Content())))
		}
	case helium.CDATASectionNode:
		if c.in(n) {
			text(textEscapes.Replace(lines.Replace(string(n.Content()))))
		}
	case helium.ProcessingInstructionNode:
		if c.in(n) {
			text("<?" + n.Name())
			if body := lines.Replace(string(n.Content())); body != "" {
				text(" " + body)
			}
			text("?>")
		}
	case helium.CommentNode:
		if c.comments && c.in(n) {
			text("<!--" + lines.Replace(string(n.Content())) + "-->")
		}
	}
}

// lines is the normalisation of line ends (XML 1.0, 2.11) where the parser leaves it out:
// no character reference can put a carriage return there.
var lines = strings.NewReplacer("\r\n", "\n", "\r", "\n")

var (
	textEscapes      = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#xD;")
	attributeEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;", "\t", "&#x9;", "\n", "&#xA;", "\r", "&#xD;")
)

// shown returns the namespace nodes of e that are in the set.
func (c *canonicalizer) shown(e *Element, scope bindings) bindings {
	if c.inNS == nil {
		return scope
	}
	var out bindings
	for _, b := range scope {
		if c.inNS(e, b.prefix) {
			out = append(out, b)
		}
	}
	return out
}

// namespaces returns the declarations to write, sorted, and what is rendered for the
// elements below.
func (c *canonicalizer) namespaces(e *Element, scope, shown, rendered bindings) ([]binding, bindings) {
	var out []binding
	if c.uri != Exclusive {
		if len(shown) == len(rendered) && (len(shown) == 0 || &shown[0] == &rendered[0]) {
			return nil, rendered // the parent's own
		}
		if shown.get("") == "" && rendered.get("") != "" {
			out = append(out, binding{"", ""})
		}
		for _, b := range shown {
			if rendered.get(b.prefix) != b.uri {
				out = append(out, b)
			}
		}
		return out, shown
	}
	for _, prefix := range c.utilized(e) {
		uri := shown.get(prefix)
		if rendered.get(prefix) == uri || uri == "" && prefix != "" {
			continue
		}
		if uri == "" && scope.get("") != "" {
			continue // declared, but not in the set
		}
		out = append(out, binding{prefix, uri})
	}
	return out, rendered.with(out...)
}

// utilized returns the prefixes that e and its attributes visibly utilize (Exclusive
// XML Canonicalization, 1.1), and those of the PrefixList, sorted.
func (c *canonicalizer) utilized(e *Element) []string {
	list := append(slices.Clone(c.inclusive), e.Prefix())
	e.ForEachAttribute(func(a *helium.Attribute) bool {
		if p := a.Prefix(); p != "" && p != "xml" && c.in(a) {
			list = append(list, p)
		}
		return true
	})
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(p string) bool { return p == "xml" })
}

type attribute struct{ name, uri, local, value string }

// attributes returns those to write, sorted by namespace and name.
func (c *canonicalizer) attributes(e *Element, parentIn bool) []attribute {
	var list []attribute
	e.ForEachAttribute(func(a *helium.Attribute) bool {
		if c.in(a) {
			list = append(list, attribute{a.Name(), a.URI(), a.LocalName(), a.Value()})
		}
		return true
	})
	if c.uri != Exclusive && !parentIn {
		list = c.inherit(e, list)
	}
	slices.SortFunc(list, func(a, b attribute) int {
		if n := strings.Compare(a.uri, b.uri); n != 0 {
			return n
		}
		return strings.Compare(a.local, b.local)
	})
	return list
}
