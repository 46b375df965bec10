package pdf

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Append appends an object as it is written in a file (7.3). Dictionary keys are in
// a fixed order, so equal objects give equal bytes. Streams and placeholders have
// their place in an Update only. An object that could not be read back as it is
// (NaN, a name with a zero byte, a type that is no Object) is an error.
func Append(dst []byte, o Object) ([]byte, error) {
	w := writer{buf: dst}
	err := w.object(o, 0)
	return w.buf, err
}

// maxWriteDepth keeps a cyclic value from being written without end.
const maxWriteDepth = 200

// A writer serializes objects. marks is nil where placeholders are not allowed.
type writer struct {
	buf   []byte
	base  int64 // absolute offset of buf[0]
	marks map[string]Span
}

func (w *writer) object(o Object, depth int) (err error) {
	if depth > maxWriteDepth {
		return fmt.Errorf("object nests deeper than %d: is it cyclic?", maxWriteDepth)
	}
	switch o := o.(type) {
	case nil:
		w.buf = append(w.buf, "null"...)
	case bool:
		w.buf = strconv.AppendBool(w.buf, o)
	case int:
		w.buf = strconv.AppendInt(w.buf, int64(o), 10)
	case int64:
		w.buf = strconv.AppendInt(w.buf, o, 10)
	case float64:
		err = w.real(o)
	case Name:
		err = w.name(o)
	case String:
		w.string(o)
	case Ref:
		w.buf = append(w.buf, o.String()...)
	case Array:
		w.buf = append(w.buf, '[')
		for i, e := range o {
			if i > 0 {
				w.buf = append(w.buf, ' ')
			}
			if err := w.object(e, depth+1); err != nil {
				return err
			}
		}
		w.buf = append(w.buf, ']')
	case Dict:
		err = w.dict(o, depth)
	case Placeholder:
		err = w.placeholder(o)
	default:
		err = fmt.Errorf("%T cannot be written as a PDF object here", o)
	}
	return err
}

// dict writes the entries by key, Type and Subtype first. Null entries are absent
// ones and left out.
func (w *writer) dict(d Dict, depth int) error {
	keys := make([]Name, 0, len(d))
	for k, v := range d {
		if v != nil {
			keys = append(keys, k)
		}
	}
	rank := func(k Name) string {
		switch k {
		case "Type":
			return "\x00"
		case "Subtype":
			return "\x01"
		}
		return "\x02" + string(k)
	}
	slices.SortFunc(keys, func(a, b Name) int {
		if rank(a) < rank(b) {
			return -1
		}
		return 1
	})
	w.buf = append(w.buf, "<<"...)
	for _, k := range keys {
		if err := w.name(k); err != nil {
			return err
		}
		w.buf = append(w.buf, ' ')
		if err := w.object(d[k], depth+1); err != nil {
			return fmt.Errorf("/%s: %w", k, err)
		}
	}
	w.buf = append(w.buf, ">>"...)
	return nil
}

// real writes without exponent, which PDF lacks, and always with a period, so that
// it is read back as a real.
func (w *writer) real(f float64) error {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return fmt.Errorf("real number %v has no PDF form", f)
	}
	start := len(w.buf)
	w.buf = strconv.AppendFloat(w.buf, f, 'f', -1, 64)
	if !slices.Contains(w.buf[start:], '.') {
		w.buf = append(w.buf, ".0"...)
	}
	return nil
}

const hexDigits = "0123456789ABCDEF"

// name writes #xx for all that is not a regular printable character (7.3.5).
func (w *writer) name(n Name) error {
	w.buf = append(w.buf, '/')
	for i := range len(n) {
		switch c := n[i]; {
		case c == 0:
			return fmt.Errorf("name %q has a zero byte", n)
		case c < '!' || c > '~' || c == '#' || class[c] == delimiter:
			w.buf = append(w.buf, '#', hexDigits[c>>4], hexDigits[c&15])
		default:
			w.buf = append(w.buf, c)
		}
	}
	return nil
}

// string writes printable ASCII literally and any other string in hexadecimal, where
// no byte needs an escape that could be lost (7.3.4).
func (w *writer) string(s String) {
	for _, c := range s {
		if (c < ' ' || c > '~') && c != '\n' && c != '\r' && c != '\t' {
			w.buf = append(w.buf, '<')
			for _, c := range s {
				w.buf = append(w.buf, hexDigits[c>>4], hexDigits[c&15])
			}
			w.buf = append(w.buf, '>')
			return
		}
	}
	w.buf = append(w.buf, '(')
	for _, c := range s {
		switch c {
		case '(', ')', '\\':
			w.buf = append(w.buf, '\\', c)
		case '\n':
			w.buf = append(w.buf, `\n`...)
		case '\r':
			w.buf = append(w.buf, `\r`...)
		case '\t':
			w.buf = append(w.buf, `\t`...)
		default:
			w.buf = append(w.buf, c)
		}
	}
	w.buf = append(w.buf, ')')
}
