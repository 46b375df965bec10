package forms

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"fmt"

	"chop/internal/pdf"
)

// A writer collects the objects of a new PDF and writes them in one revision with a
// cross-reference table, ISO 32000-1, 7.5. Whatever signs the file appends to it.
type writer struct {
	objects []pdf.Object // number 1 first; a reserved one is nil until it is set
}

func (w *writer) alloc() pdf.Ref { return w.Add(nil) }

func (w *writer) set(ref pdf.Ref, o pdf.Object) { w.objects[ref.Num-1] = o }

// Add takes an object and numbers it.
func (w *writer) Add(o pdf.Object) pdf.Ref {
	w.objects = append(w.objects, o)
	return pdf.Ref{Num: uint32(len(w.objects))}
}

// AddStream takes a stream and compresses it.
func (w *writer) AddStream(d pdf.Dict, data []byte) pdf.Ref {
	var z bytes.Buffer
	c := zlib.NewWriter(&z)
	_, _ = c.Write(data) // a buffer takes everything
	_ = c.Close()
	d = d.Clone()
	d["Filter"] = pdf.Name("FlateDecode")
	return w.addPlain(d, z.Bytes())
}

// addPlain takes a stream as it is.
func (w *writer) addPlain(d pdf.Dict, data []byte) pdf.Ref { return w.Add(stream{d, data}) }

// stream is a stream until it is written.
type stream struct {
	dict pdf.Dict
	data []byte
}

// bytes writes the file. The file identifier is a digest of it, ISO 32000-1, 14.4.
func (w *writer) bytes(catalog, info pdf.Ref) ([]byte, error) {
	// 1.7, since all that is used is in ISO 32000-1; the second line tells that the
	// file is binary, 7.5.2.
	b := []byte("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	offsets := make([]int, len(w.objects))
	for i, o := range w.objects {
		offsets[i] = len(b)
		b = fmt.Appendf(b, "%d 0 obj\n", i+1)
		var err error
		if s, ok := o.(stream); ok {
			s.dict["Length"] = int64(len(s.data))
			if b, err = pdf.Append(b, s.dict); err == nil {
				b = append(append(append(b, "\nstream\n"...), s.data...), "\nendstream"...)
			}
		} else {
			b, err = pdf.Append(b, o)
		}
		if err != nil {
			return nil, fmt.Errorf("write object %d: %w", i+1, err)
		}
		b = append(b, "\nendobj\n"...)
	}
	id := sha256.Sum256(b)
	start := len(b)
	b = fmt.Appendf(b, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, at := range offsets {
		b = fmt.Appendf(b, "%010d 00000 n \n", at)
	}
	b = append(b, "trailer\n"...)
	b, err := pdf.Append(b, pdf.Dict{
		"Size": int64(len(offsets) + 1), "Root": catalog, "Info": info,
		"ID": pdf.Array{pdf.String(id[:16]), pdf.String(id[:16])},
	})
	if err != nil {
		return nil, fmt.Errorf("write trailer: %w", err)
	}
	return fmt.Appendf(b, "\nstartxref\n%d\n%%%%EOF\n", start), nil
}
