package pdf

import "fmt"

// An Object is one of nil (the null object), bool, int64, float64, String, Name,
// Array, Dict, Ref and *Stream; in an Update also Placeholder. ISO 32000-1, 7.3.
type Object any

// A Name is a name without its solidus and with #xx escapes undone.
type Name string

// A String is the bytes of a string, neither escaped nor decoded; see DecodeText.
type String []byte

// An Array is an array.
type Array []Object

// A Dict is a dictionary. A key whose value is null is absent (7.3.7).
type Dict map[Name]Object

// A Ref is an indirect reference. The zero Ref names no object.
type Ref struct {
	Num uint32
	Gen uint16
}

// String returns the reference as it is written: "12 0 R".
func (r Ref) String() string { return fmt.Sprintf("%d %d R", r.Num, r.Gen) }

// IsZero reports whether r names no object: number 0 is the head of the free list.
func (r Ref) IsZero() bool { return r.Num == 0 }

// A Stream is a dictionary with data. Data that lies in a file is not in memory:
// File.Raw and File.Decode read it.
type Stream struct {
	Dict Dict

	file   *File
	view   *View // resolves the references in Dict; nil if it may hold none
	start  int64 // of the data, in the file
	length int64
	data   []byte // of a stream made by NewStream; file is nil
}

// NewStream returns a stream with data that is already encoded as the dictionary's
// Filter says. Length is set when the stream is written.
func NewStream(d Dict, data []byte) *Stream { return &Stream{Dict: d, data: data} }

// Len returns the number of bytes of the encoded data.
func (s *Stream) Len() int64 {
	if s.file == nil {
		return int64(len(s.data))
	}
	return s.length
}

// Span returns where the encoded data lies in the file; it is empty for a stream
// made by NewStream.
func (s *Stream) Span() Span {
	if s.file == nil {
		return Span{}
	}
	return Span{Start: s.start, End: s.start + s.length}
}

// A Span is the bytes from Start up to, not including, End; both are offsets from
// the first byte of the file.
type Span struct{ Start, End int64 }

// Len returns the number of bytes.
func (s Span) Len() int64 { return s.End - s.Start }

// Contains reports whether t lies wholly within s.
func (s Span) Contains(t Span) bool { return s.Start <= t.Start && t.End <= s.End }

// Clone returns a deep copy, so that a change to it changes nothing else. Stream
// data and string bytes in files are shared, since nothing changes them in place.
func Clone(o Object) Object {
	switch o := o.(type) {
	case Array:
		c := make(Array, len(o))
		for i, e := range o {
			c[i] = Clone(e)
		}
		return c
	case Dict:
		return o.Clone()
	case String:
		return append(String(nil), o...)
	case *Stream:
		c := *o
		c.Dict = o.Dict.Clone()
		return &c
	}
	return o
}

// Clone returns a deep copy of the dictionary.
func (d Dict) Clone() Dict {
	if d == nil {
		return nil
	}
	c := make(Dict, len(d))
	for k, v := range d {
		c[k] = Clone(v)
	}
	return c
}
