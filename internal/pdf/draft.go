package pdf

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"fmt"
)

// A Draft collects the objects of a new file and writes them in one revision with a
// cross-reference table (7.5). Whatever signs the file appends to it. The zero value is
// empty and ready; it is not safe for concurrent use.
type Draft struct {
	objects []Object // number 1 first; a reserved one is nil until it is set
}

// Alloc reserves a number, for Set.
func (d *Draft) Alloc() Ref { return d.Add(nil) }

// Set gives a reserved number its object.
func (d *Draft) Set(ref Ref, o Object) { d.objects[ref.Num-1] = o }

// Add takes an object and numbers it.
func (d *Draft) Add(o Object) Ref {
	d.objects = append(d.objects, o)
	return Ref{Num: uint32(len(d.objects))}
}

// AddStream takes a stream and compresses it.
func (d *Draft) AddStream(dict Dict, data []byte) Ref {
	var z bytes.Buffer
	c := zlib.NewWriter(&z)
	_, _ = c.Write(data) // a buffer takes everything
	_ = c.Close()
	dict = dict.Clone()
	dict["Filter"] = Name("FlateDecode")
	return d.AddPlain(dict, z.Bytes())
}

// AddPlain takes a stream as it is: unfiltered, or as the dictionary's Filter says.
func (d *Draft) AddPlain(dict Dict, data []byte) Ref { return d.Add(NewStream(dict, data)) }

// Bytes writes the file. info may be the zero Ref. The file identifier is a digest of
// the objects (14.4).
func (d *Draft) Bytes(catalog, info Ref) ([]byte, error) {
	// 1.7, since all that is used is in ISO 32000-1; the second line tells that the
	// file is binary (7.5.2).
	b := []byte("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	offsets := make([]int, len(d.objects))
	for i, o := range d.objects {
		offsets[i] = len(b)
		b = fmt.Appendf(b, "%d 0 obj\n", i+1)
		var err error
		if s, ok := o.(*Stream); ok {
			dict := s.Dict.Clone()
			dict["Length"] = int64(len(s.data))
			if b, err = Append(b, dict); err == nil {
				b = append(append(append(b, "\nstream\n"...), s.data...), "\nendstream"...)
			}
		} else {
			b, err = Append(b, o)
		}
		if err != nil {
			return nil, fmt.Errorf("write object %d: %w", i+1, err)
		}
		b = append(b, "\nendobj\n"...)
	}
	id, start := sha256.Sum256(b), len(b)
	b = fmt.Appendf(b, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, at := range offsets {
		b = fmt.Appendf(b, "%010d 00000 n \n", at)
	}
	trailer := Dict{"Size": int64(len(offsets) + 1), "Root": catalog, "ID": Array{String(id[:16]), String(id[:16])}}
	if !info.IsZero() {
		trailer["Info"] = info
	}
	b, err := Append(append(b, "trailer\n"...), trailer)
	if err != nil {
		return nil, fmt.Errorf("write trailer: %w", err)
	}
	return fmt.Appendf(b, "\nstartxref\n%d\n%%%%EOF\n", start), nil
}
