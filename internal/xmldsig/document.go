package xmldsig

import (
	"context"
	"fmt"
	"regexp"

	"github.com/lestrrat-go/helium"
	"github.com/lestrrat-go/helium/enum"
)

// The nodes of a document are the parser's own.
type (
	Node      = helium.Node
	Element   = helium.Element
	Attribute = helium.Attribute
)

// Limits bound what a document may cost; zero fields have defaults.
type Limits struct {
	// Size is the length of the document in bytes; 0: 128 MiB.
	Size int64
	// Depth is how deep elements may be nested; 0: 200.
	Depth int
	// Elements, Attributes and Namespaces (declarations) are counts in the whole document;
	// 0: 2,000,000 and 2,000,000 and 100,000.
	Elements, Attributes, Namespaces int
	// Work is how many octets may be canonicalised, digested and passed over for all
	// references together; 0: 64 MiB and 64 times the document. Files that Sources give
	// add to it.
	Work int64
	// References is how many a signature may have, Signatures a document; 0: 1000 and 200.
	References, Signatures int
}

func orDefault[T int | int64](v, d T) T {
	if v == 0 {
		return d
	}
	return v
}

func (l Limits) complete(size int) Limits {
	return Limits{
		Size: orDefault(l.Size, 128<<20), Depth: orDefault(l.Depth, 200),
		Elements: orDefault(l.Elements, 2_000_000), Attributes: orDefault(l.Attributes, 2_000_000),
		Namespaces: orDefault(l.Namespaces, 100_000), Work: orDefault(l.Work, 64<<20+64*int64(size)),
		References: orDefault(l.References, 1000), Signatures: orDefault(l.Signatures, 200),
	}
}

// maxScope is how many prefixes may be bound at one place.
const maxScope = 256

// A Document is a parsed document. It belongs to one goroutine.
type Document struct {
	tree   *helium.Document
	limits Limits
	ids    map[string][]*Element
	budget *budget
	// signatures are all ds:Signature elements, once they were asked for; named are the
	// elements that were looked for by their names.
	signatures []*Element
	named      map[[2]string]found
	// relative is a namespace name that is no absolute URI, if there is one.
	relative string
}

// Open parses a document. ErrMalformed, ErrDTD, ErrLimit. Once ctx ends, so does all work
// on the document, with ErrLimit.
func Open(ctx context.Context, data []byte, l Limits) (*Document, error) {
	l = l.complete(len(data))
	return open(data, l, &budget{ctx: ctx, left: l.Work})
}

func open(data []byte, l Limits, b *budget) (*Document, error) {
	if int64(len(data)) > l.Size {
		return nil, fmt.Errorf("%w: %d bytes", ErrLimit, len(data))
	}
	if err := checkCrowd(data, l); err != nil {
		return nil, err
	}
	parser := helium.NewParser().MaxDepth(l.Depth).MaxNameLength(4096).MaxNodeContentSize(int(l.Size)).
		DefaultDTDAttributes(true).SuppressErrors(true).SuppressWarnings(true)
	tree, err := parser.Parse(b.ctx, data)
	if ended := b.ctx.Err(); ended != nil {
		return nil, fmt.Errorf("%w: nobody waits any more: %w", ErrLimit, ended)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return newDocument(tree, l, b)
}

func newDocument(tree *helium.Document, l Limits, b *budget) (*Document, error) {
	d := &Document{tree: tree, limits: l, ids: map[string][]*Element{}, budget: b}
	if tree.DocumentElement() == nil {
		return nil, fmt.Errorf("%w: no element", ErrMalformed)
	}
	if v := tree.Version(); v != "" && v != "1.0" {
		return nil, fmt.Errorf("%w: XML version %q", ErrMalformed, clip(v))
	}
	if err := checkDTD(tree); err != nil {
		return nil, err
	}
	if err := d.survey(tree.DocumentElement(), nil, &counts{}); err != nil {
		return nil, err
	}
	return d, nil
}

// checkDTD lets only declarations of elements and attributes pass: with entities, or a
// part elsewhere, two readers would read two documents.
func checkDTD(tree *helium.Document) error {
	dtd := tree.IntSubset()
	if dtd == nil {
		return nil
	}
	if dtd.SystemID() != "" || dtd.ExternalID() != "" || tree.ExtSubset() != nil {
		return fmt.Errorf("%w: it names an external one", ErrDTD)
	}
	for n := range helium.Children(dtd) {
		switch n.Type() {
		case helium.ElementDeclNode, helium.AttributeDeclNode, helium.CommentNode, helium.ProcessingInstructionNode:
		default:
			return fmt.Errorf("%w: it declares %s", ErrDTD, n.Name())
		}
	}
	entities := 0
	dtd.ForEachEntity(func(string, *helium.Entity) { entities++ })
	if entities > 0 {
		return fmt.Errorf("%w: it declares entities", ErrDTD)
	}
	return nil
}

type counts struct{ elements, attributes, namespaces int }

// survey walks the tree once: counts, ids, and nothing that is no plain content.
func (d *Document) survey(e *Element, scope bindings, n *counts) error {
	n.elements++
	declared := e.Namespaces()
	n.namespaces += len(declared)
	scope = scope.under(e)
	for _, ns := range declared {
		if uri := ns.URI(); uri != "" && !absolute.MatchString(uri) {
			d.relative = uri
		}
	}
	e.ForEachAttribute(func(a *helium.Attribute) bool {
		n.attributes++
		if isID(a) {
			d.addID(a.Value(), e)
		}
		return true
	})
	if n.elements > d.limits.Elements || n.attributes > d.limits.Attributes || n.namespaces > d.limits.Namespaces || len(scope) > maxScope {
		return fmt.Errorf("%w: too many elements, attributes or namespaces", ErrLimit)
	}
	for c := range helium.Children(e) {
		switch c := c.(type) {
		case *Element:
			if err := d.survey(c, scope, n); err != nil {
				return err
			}
		case *helium.EntityRef:
			return fmt.Errorf("%w: entity &%s;", ErrDTD, c.Name())
		}
	}
	return nil
}

// absolute is the beginning of a URI that is not relative (RFC 3986, 3.1).
var absolute = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:`)

// isID reports whether an attribute is taken for an identifier: by the schemas of
// signatures (Id), by custom (ID, id), xml:id, wsu:Id, or by the document's own DTD.
// Which of them a reader takes is not known, so a value that occurs twice in any of
// them names nothing.
func isID(a *helium.Attribute) bool {
	switch a.URI() {
	case "":
		switch a.LocalName() {
		case "Id", "ID", "id":
			return true
		}
	case nsXML:
		return a.LocalName() == "id"
	case nsWSU:
		return a.LocalName() == "Id"
	}
	return a.AType() == enum.AttrID
}

func (d *Document) addID(id string, e *Element) {
	known := d.ids[id]
	if len(known) > 0 && known[len(known)-1] == e { // by another of its attributes
		return
	}
	d.ids[id] = append(known, e)
}

// ByID returns the one element with the identifier: ErrNotFound, ErrAmbiguous.
func (d *Document) ByID(id string) (*Element, error) {
	switch found := d.ids[id]; len(found) {
	case 0:
		return nil, fmt.Errorf("%w: no element has the id %q", ErrNotFound, clip(id))
	case 1:
		return found[0], nil
	default:
		return nil, fmt.Errorf("%w: %q, %d times", ErrAmbiguous, clip(id), len(found))
	}
}

// Root returns the document element.
func (d *Document) Root() *Element { return d.tree.DocumentElement() }

// Instructions lists the processing instructions beside the root, which may tell a reader to
// show the document by a stylesheet.
func (d *Document) Instructions() []string {
	var list []string
	for n := range helium.Children(d.tree) {
		if n.Type() == helium.ProcessingInstructionNode {
			list = append(list, n.Name())
		}
	}
	return list
}

// Bare reports whether there is nothing but the root, without comments in it.
func (d *Document) Bare() bool {
	beside := 0
	for range helium.Children(d.tree) {
		beside++
	}
	return beside == 1 && all(d.Root(), func(e *Element) bool {
		for c := range helium.Children(e) {
			if c.Type() == helium.CommentNode {
				return false
			}
		}
		return true
	})
}

// clip shortens what a stranger wrote, for a message.
func clip(s string) string {
	const limit = 80
	if len(s) > limit {
		return s[:limit] + "…"
	}
	return s
}
