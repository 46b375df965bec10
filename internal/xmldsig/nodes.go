package xmldsig

import (
	"fmt"
	"io"
	"slices"
)

// Nodes is what a reference leads to: a subtree, less some elements in it. The nodes are
// the document's own; what is digested and what is handed on are the same.
type Nodes struct {
	doc *Document
	// apex is nil for the whole document.
	apex     *Element
	omit     []*Element
	comments bool
	// unsigned says that all signatures are left out.
	unsigned bool
}

// Whole reports whether the nodes are those of the whole document.
func (n Nodes) Whole() bool { return n.apex == nil }

// Apex returns the element at the top.
func (n Nodes) Apex() *Element {
	if n.apex == nil {
		return n.doc.Root()
	}
	return n.apex
}

// Complete reports whether nothing was left out.
func (n Nodes) Complete() bool { return len(n.omit) == 0 && !n.unsigned }

// Contains reports whether e is one of the nodes. What is left out is so wherever it
// stands: within a signature that is left out there is nothing.
func (n Nodes) Contains(e *Element) bool {
	in := n.apex == nil
	for ; e != nil; e = Parent(e) {
		if n.leftOut(e) {
			return false
		}
		in = in || e == n.apex
	}
	return in
}

// leftOut reports whether e itself was left out.
func (n Nodes) leftOut(e *Element) bool {
	return n.unsigned && Is(e, NS, "Signature") || slices.Contains(n.omit, e)
}

// Same reports whether two are the same nodes.
func (n Nodes) Same(o *Nodes) bool {
	return n.doc == o.doc && n.apex == o.apex && n.unsigned == o.unsigned && slices.Equal(n.omit, o.omit)
}

// Empty reports whether there is no element.
func (n Nodes) Empty() bool { return !n.Contains(n.Apex()) }

// without leaves out an element and all in it.
func (n Nodes) without(e *Element) Nodes {
	n.omit = append(slices.Clone(n.omit), e)
	return n
}

// Canonical writes the nodes in canonical form. ErrLimit; ErrUndecided for a document with
// a relative namespace name, which has none (Canonical XML 1.0, 1.3).
func (n Nodes) Canonical(w io.Writer, m C14N) error {
	if n.doc.relative != "" {
		return fmt.Errorf("%w: relative namespace name %q", ErrUndecided, clip(n.doc.relative))
	}
	if !n.comments {
		m.comments = false
	}
	if err := n.doc.budget.spend(1); err != nil {
		return err
	}
	out := &meter{w: w, budget: n.doc.budget}
	c := &canonicalizer{C14N: m, w: out, skip: n.leftOut, in: func(Node) bool { return true }, top: n.apex, work: out.work}
	if n.apex == nil {
		c.document(n.doc.tree)
	} else if n.Contains(n.apex) {
		scope, err := n.doc.scopeAround(n.apex)
		if err != nil {
			return err
		}
		c.element(n.apex, scope, nil, false)
	}
	out.flush()
	return out.err
}

// Canonical writes the canonical form of one element and all in it.
func (d *Document) Canonical(w io.Writer, e *Element, m C14N) error {
	return Nodes{doc: d, apex: e, comments: true}.Canonical(w, m)
}

// text returns the text of the nodes, which is what the base64 transform decodes (XML
// Signature 1.1, 6.6.2). The standard passes over elements in it; they would be signed by
// nobody, and are refused.
func (n Nodes) text() (string, error) {
	text, err := Text(n.Apex())
	if err != nil {
		return "", err
	}
	return text, n.doc.budget.spend(len(text))
}

// meter writes in larger pieces, and counts against the document's budget of work.
type meter struct {
	w      io.Writer
	budget *budget
	buf    []byte
	err    error
}

// work counts what is done beside writing.
func (m *meter) work(n int) {
	if err := m.budget.spend(n); m.err == nil {
		m.err = err
	}
}

// meterPiece is how much is written at once, in bytes.
const meterPiece = 16 << 10

func (m *meter) Write(p []byte) (int, error) { return m.WriteString(string(p)) }

// WriteString never fails: the first error is kept in err.
func (m *meter) WriteString(s string) (int, error) {
	m.buf = append(m.buf, s...)
	if len(m.buf) >= meterPiece {
		m.flush()
	}
	return len(s), nil
}

func (m *meter) flush() {
	if m.work(len(m.buf)); m.err == nil {
		_, m.err = m.w.Write(m.buf)
	}
	m.buf = m.buf[:0]
}

// In reports whether the nodes are of the document, and not of one that a transform read.
func (n Nodes) In(d *Document) bool { return n.doc == d }
