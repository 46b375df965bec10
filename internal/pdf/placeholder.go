package pdf

import (
	"bytes"
	"fmt"
)

// A Placeholder is an Object of which only the width is known when an Update is
// built. It takes Width bytes: Init and then spaces. Increment.Marks says under Name
// where they lie, to be overwritten later.
type Placeholder struct {
	Name  string
	Width int
	Init  []byte
}

// HexPlaceholder reserves a hexadecimal string of n bytes, such as a signature's
// Contents: 2n+2 bytes in the file, zeros at first.
func HexPlaceholder(name string, n int) Placeholder {
	init := bytes.Repeat([]byte{'0'}, 2*n+2)
	init[0], init[len(init)-1] = '<', '>'
	return Placeholder{Name: name, Width: len(init), Init: init}
}

// ByteRangePlaceholder reserves an array of four offsets of up to ten digits, more
// than which a cross-reference table cannot express. Overwrite it with the array,
// filled up with spaces.
func ByteRangePlaceholder(name string) Placeholder {
	return Placeholder{Name: name, Width: len("[0 0123456789 0123456789 0123456789]"), Init: []byte("[0 0 0 0]")}
}

func (w *writer) placeholder(p Placeholder) error {
	if w.marks == nil {
		return fmt.Errorf("placeholder %q outside an update", p.Name)
	}
	if _, ok := w.marks[p.Name]; ok {
		return fmt.Errorf("placeholder %q occurs twice", p.Name)
	}
	if len(p.Init) > p.Width {
		return fmt.Errorf("placeholder %q: %d bytes in a width of %d", p.Name, len(p.Init), p.Width)
	}
	start := w.base + int64(len(w.buf))
	w.buf = append(w.buf, p.Init...)
	w.buf = append(w.buf, bytes.Repeat([]byte{' '}, p.Width-len(p.Init))...)
	w.marks[p.Name] = Span{start, start + int64(p.Width)}
	return nil
}
