package validation

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"chop/internal/pdf"
)

var (
	errByteRange = errors.New("ByteRange")
	errContents  = errors.New("Contents")
)

// covered proves that the signature covers all of a revision but its own Contents,
// and returns those. This is where signature wrapping, universal signature forgery
// and incremental saving attacks end: the ByteRange starts at the first byte; what
// it leaves out is, to the byte, the one hexadecimal string that was parsed as this
// very dictionary's Contents; and it ends where a revision ends in which the
// dictionary is what it is now.
func (s *signature) covered(file *pdf.File, doc io.ReaderAt) ([]byte, error) {
	if err := s.readByteRange(); err != nil {
		return nil, err
	}
	end := s.byteRange[1].End
	last := s.revision
	covered, ok := file.EndingAt(end)
	if !ok || covered > last {
		return nil, fmt.Errorf("%w ends at byte %d, where no revision of the file ends", errByteRange, end)
	}
	s.revision = covered
	v := file.Shared(covered)
	if err := s.unchanged(v, file.Shared(last)); err != nil {
		return nil, err
	}
	if s.revision != last && !s.inForm(v) {
		s.breach("field %q did not hold the signature in the revision that it covers", s.field)
	}
	gap, err := file.StringSpan(v, s.ref, append(append([]pdf.Name{}, s.path...), "Contents")...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errContents, err)
	}
	if gap.Start != s.byteRange[0].End || gap.End != s.byteRange[1].Start {
		return nil, fmt.Errorf("%w leaves out bytes %d to %d, but Contents is at %d to %d",
			errByteRange, s.byteRange[0].End, s.byteRange[1].Start, gap.Start, gap.End)
	}
	var open [1]byte
	if _, err := doc.ReadAt(open[:], gap.Start); err != nil || open[0] != '<' {
		return nil, fmt.Errorf("%w is not a hexadecimal string", errContents)
	}
	s.covers = end
	contents, err := v.String(s.value["Contents"])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errContents, err)
	}
	return contents, nil
}

// inForm reports whether the covered revision's own form has this signature in this
// field. A field that later takes up the value of another one would show a signature
// in a place where none was made.
func (s *signature) inForm(covered *pdf.View) bool {
	fields, err := pdf.Signatures(covered)
	return err == nil && slices.ContainsFunc(fields, func(f pdf.Signature) bool {
		return f.Field.Name == s.field && f.Ref == s.ref && f.Value != nil
	})
}

// readByteRange reads the array, which must be direct, lest a later revision change
// what was signed, and name exactly two ranges.
func (s *signature) readByteRange() error {
	a, ok := s.value["ByteRange"].(pdf.Array)
	if !ok || len(a) != 4 {
		return fmt.Errorf("%w is not an array of four integers", errByteRange)
	}
	var n [4]int64
	for i, o := range a {
		if n[i], ok = o.(int64); !ok || n[i] < 0 || n[i] > 1<<50 {
			return fmt.Errorf("%w is not an array of four integers", errByteRange)
		}
	}
	if n[0] != 0 {
		return fmt.Errorf("%w starts at byte %d", errByteRange, n[0])
	}
	s.byteRange = [2]pdf.Span{{Start: 0, End: n[1]}, {Start: n[2], End: n[2] + n[3]}}
	if s.byteRange[1].Start < n[1] {
		return fmt.Errorf("%w overlaps itself", errByteRange)
	}
	return nil
}

// unchanged wants the object that holds the signature to be the same bytes in the
// revision that it covers and in the one where it was found. If a later revision
// replaced it, the signature is still judged by what it covers: the dictionary is
// read again from there, and package changes reports the replacement.
func (s *signature) unchanged(covered, found *pdf.View) error {
	if covered.Index() == found.Index() {
		return nil
	}
	before, ok := covered.Entry(s.ref.Num)
	after, _ := found.Entry(s.ref.Num)
	if ok && before == after && before.Kind == pdf.InUse {
		return nil
	}
	var value pdf.Object = s.ref
	for _, key := range s.path {
		d, err := covered.Dict(value)
		if err != nil {
			return err
		}
		value = d[key]
	}
	own, err := covered.Dict(value)
	if err != nil || own == nil {
		return fmt.Errorf("%w names a revision that does not hold the signature", errByteRange)
	}
	s.value = own
	previous := s.byteRange
	if err := s.readByteRange(); err != nil {
		return err
	}
	if s.byteRange != previous {
		return fmt.Errorf("%w was changed by a later revision", errByteRange)
	}
	return nil
}
