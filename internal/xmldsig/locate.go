package xmldsig

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"unicode/utf8"
)

// A Span is where an element stands in the bytes of a document: it is from Start to End,
// its content from Inner to Close. An empty-element tag has no content: Inner and Close are
// End.
type Span struct{ Start, Inner, Close, End int }

// Empty reports whether the element is an empty-element tag.
func (s Span) Empty() bool { return s.Close == s.End }

// isUTF8 are the names of UTF-8, and of what is part of it.
var isUTF8 = regexp.MustCompile(`(?i)^(utf-?8|us-ascii|ascii)$`)

// Locate returns the bytes of some elements of a document that Open made of data. It is
// for whoever adds to a document and leaves every byte that was there as it was. Only
// UTF-8 without a document type: ErrUndecided.
func (d *Document) Locate(data []byte, elements ...*Element) ([]Span, error) {
	if d.tree.IntSubset() != nil {
		return nil, fmt.Errorf("%w: a document with a document type is not added to", ErrUndecided)
	}
	if name := encodingOf(data); name != "" && !isUTF8.MatchString(name) || !utf8.Valid(data) {
		return nil, fmt.Errorf("%w: a document in another encoding than UTF-8 is not added to", ErrUndecided)
	}
	spans, err := spansOf(data)
	if err != nil {
		return nil, err
	}
	out := make([]Span, len(elements))
	missing := len(elements)
	n := 0
	followed := all(d.Root(), func(e *Element) bool {
		if n == len(spans) {
			return false
		}
		if i := slices.Index(elements, e); i >= 0 {
			out[i] = spans[n]
			missing--
			if !bytes.HasPrefix(data[spans[n].Start+1:], []byte(e.Name())) {
				return false
			}
		}
		n++
		return true
	})
	if !followed || missing > 0 || n != len(spans) {
		return nil, fmt.Errorf("%w: its elements cannot be located", ErrUndecided)
	}
	return out, nil
}

// spansOf lists the elements of a well-formed document in UTF-8, in document order.
func spansOf(data []byte) ([]Span, error) {
	var spans []Span
	var open []int
	for at := 0; ; {
		i := bytes.IndexByte(data[at:], '<')
		if i < 0 {
			break
		}
		at += i
		end := -1
		switch rest := data[at:]; {
		case bytes.HasPrefix(rest, []byte("<!--")):
			end = after(rest, 4, "-->")
		case bytes.HasPrefix(rest, []byte("<![CDATA[")):
			end = after(rest, 9, "]]>")
		case bytes.HasPrefix(rest, []byte("<?")):
			end = after(rest, 2, "?>")
		case bytes.HasPrefix(rest, []byte("</")):
			if end = after(rest, 2, ">"); end > 0 && len(open) > 0 {
				s := &spans[open[len(open)-1]]
				s.Close, s.End = at, at+end
				open = open[:len(open)-1]
			}
		case bytes.HasPrefix(rest, []byte("<!")):
		default:
			if end = tagEnd(rest); end > 0 {
				s := Span{at, at + end, at + end, at + end}
				if rest[end-2] != '/' {
					open = append(open, len(spans))
				}
				spans = append(spans, s)
			}
		}
		if end <= 0 {
			return nil, fmt.Errorf("%w: markup that cannot be followed at byte %d", ErrUndecided, at)
		}
		at += end
	}
	if len(open) > 0 || len(spans) == 0 {
		return nil, fmt.Errorf("%w: its elements cannot be located", ErrUndecided)
	}
	return spans, nil
}

// after returns the place behind mark, at from or later; -1 if there is none.
func after(b []byte, from int, mark string) int {
	i := bytes.Index(b[from:], []byte(mark))
	if i < 0 {
		return -1
	}
	return from + i + len(mark)
}

// tagEnd returns the place behind a start tag; a > may stand in its attribute values.
func tagEnd(b []byte) int {
	quote := byte(0)
	for i, c := range b {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return i + 1
		}
	}
	return -1
}
