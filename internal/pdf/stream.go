package pdf

import (
	"bytes"
	"fmt"
	"io"
)

// Raw returns the encoded data of a stream.
func (f *File) Raw(s *Stream) *io.SectionReader {
	if s.file == nil {
		return io.NewSectionReader(bytes.NewReader(s.data), 0, int64(len(s.data)))
	}
	return io.NewSectionReader(s.file.r, s.start, s.length)
}

// DecodeReader returns the data of a stream with its filters undone. Reading fails
// with ErrLimit beyond Limits.Decoded; a filter that is not supported fails here
// with ErrFilter.
func (f *File) DecodeReader(s *Stream) (io.Reader, error) {
	d, err := s.filterDict()
	if err != nil {
		return nil, err
	}
	if d["F"] != nil {
		return nil, fmt.Errorf("%w: the data is in another file", ErrFilter)
	}
	return f.decoder(d, f.Raw(s))
}

// Decode returns the data of a stream with its filters undone, at most
// Limits.Decoded bytes.
func (f *File) Decode(s *Stream) ([]byte, error) {
	r, err := f.DecodeReader(s)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("decode stream at byte %d: %w", s.start, err)
	}
	return data, nil
}

// filterDict returns what decoding needs of the dictionary, with references resolved
// down to the values of DecodeParms.
func (s *Stream) filterDict() (Dict, error) {
	d := Dict{}
	for _, key := range []Name{"Filter", "DecodeParms", "DP", "F"} {
		o, err := s.direct(s.Dict[key], 3)
		if err != nil {
			return nil, err
		}
		if o != nil {
			d[key] = o
		}
	}
	return d, nil
}

func (s *Stream) direct(o Object, depth int) (Object, error) {
	if depth == 0 {
		return nil, nil // JBIG2Globals and the like, of no use here
	}
	var err error
	if _, ok := o.(Ref); ok {
		if s.view == nil {
			return nil, fmt.Errorf("%w: reference in the dictionary of a stream of the file's structure", ErrMalformed)
		}
		if o, err = s.view.Resolve(o); err != nil {
			return nil, err
		}
	}
	switch c := o.(type) {
	case Array:
		out := make(Array, len(c))
		for i := range min(len(c), maxFilters+1) {
			if out[i], err = s.direct(c[i], depth-1); err != nil {
				return nil, err
			}
		}
		return out, nil
	case Dict:
		out := Dict{}
		for k, e := range c {
			if k == "JBIG2Globals" {
				continue
			}
			if out[k], err = s.direct(e, depth-1); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return o, nil
}
