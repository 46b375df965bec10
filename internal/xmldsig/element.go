package xmldsig

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/lestrrat-go/helium"
)

// Is reports whether e is the element of this name.
func Is(e *Element, ns, local string) bool {
	return e != nil && e.LocalName() == local && e.URI() == ns
}

// Elements returns the child elements.
func Elements(e *Element) []*Element {
	var list []*Element
	for c := range helium.ChildElements(e) {
		list = append(list, c)
	}
	return list
}

// Children returns the child elements of this name.
func Children(e *Element, ns, local string) []*Element {
	var list []*Element
	for c := range helium.ChildElements(e) {
		if Is(c, ns, local) {
			list = append(list, c)
		}
	}
	return list
}

// Child returns the only child of this name; nil if there is none. With several, which
// one counts would be the reader's choice: ErrMalformed.
func Child(e *Element, ns, local string) (*Element, error) {
	list := Children(e, ns, local)
	switch len(list) {
	case 0:
		return nil, nil
	case 1:
		return list[0], nil
	}
	return nil, fmt.Errorf("%w: %s has %d children %s", ErrMalformed, e.LocalName(), len(list), local)
}

// Attr returns an attribute without a namespace, and whether it is there.
func Attr(e *Element, local string) (string, bool) {
	a := e.GetAttributeNodeNS(local, "")
	if a == nil {
		return "", false
	}
	return a.Value(), true
}

// Attributes returns the attributes, without declarations of namespaces.
func Attributes(e *Element) []*Attribute {
	var list []*Attribute
	e.ForEachAttribute(func(a *helium.Attribute) bool {
		list = append(list, a)
		return true
	})
	return list
}

// Loose returns the text that stands directly in an element, beside its child elements, and
// the names of the processing instructions there.
func Loose(e *Element) (text string, instructions []string) {
	var b strings.Builder
	for c := range helium.Children(e) {
		switch c.Type() {
		case helium.TextNode, helium.CDATASectionNode:
			b.Write(c.Content())
		case helium.ProcessingInstructionNode:
			instructions = append(instructions, c.Name())
		}
	}
	return b.String(), instructions
}

// Text returns the text in an element that has no child elements; comments count for
// nothing, as in what was digested.
func Text(e *Element) (string, error) {
	var b strings.Builder
	for c := range helium.Children(e) {
		switch c.Type() {
		case helium.TextNode, helium.CDATASectionNode:
			b.Write(c.Content())
		case helium.CommentNode, helium.ProcessingInstructionNode:
		default:
			return "", fmt.Errorf("%w: %s has children", ErrMalformed, e.LocalName())
		}
	}
	return b.String(), nil
}

// Bytes returns the octets that an element's text says in base64.
func Bytes(e *Element) ([]byte, error) {
	text, err := Text(e)
	if err != nil {
		return nil, err
	}
	b, err := decodeBase64(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %s is not base64", ErrMalformed, e.LocalName())
	}
	return b, nil
}

// decodeBase64 ignores white space, as RFC 2045 and XML Schema say, and nothing else.
func decodeBase64(text string) ([]byte, error) {
	packed := strings.Map(func(r rune) rune {
		switch r {
		case ' ', '\t', '\n', '\r':
			return -1
		}
		return r
	}, text)
	return base64.StdEncoding.DecodeString(packed)
}

// all yields e and the elements in it, in document order, until yield says no.
func all(e *Element, yield func(*Element) bool) bool {
	if !yield(e) {
		return false
	}
	for c := range helium.ChildElements(e) {
		if !all(c, yield) {
			return false
		}
	}
	return true
}

// Parent returns the element around e, or nil.
func Parent(e *Element) *Element {
	p, _ := e.Parent().(*Element)
	return p
}

// Within reports whether n is e or lies in it.
func Within(n Node, e *Element) bool {
	for ; n != nil; n = n.Parent() {
		if n == Node(e) {
			return true
		}
	}
	return false
}
