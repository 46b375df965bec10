package validation

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"

	"chop/internal/xmldsig"
	"chop/validation/changes"
)

// A File is one that a detached signature covers.
type File struct {
	Name    string
	Content []byte
	// Digests stand for Content where the caller keeps that to itself. They are enough for a
	// CMS signature; other formats sign what only the file itself shows, and refuse them.
	Digests map[crypto.Hash][]byte
}

// checkDigests refuses what is no digest, and digests beside a content.
func checkDigests(files []File, format string) error {
	for _, f := range files {
		if len(f.Digests) == 0 {
			continue
		}
		if format != FormatCMS || f.Content != nil {
			return fmt.Errorf("%w: a digest for the file %q, where the file is wanted", ErrOptions, Plain(f.Name))
		}
		for h, sum := range f.Digests {
			if !h.Available() || len(sum) != h.Size() {
				return fmt.Errorf("%w: %d bytes are no digest under %v", ErrOptions, len(sum), h)
			}
		}
	}
	return nil
}

// An xmlDocument is a document with its signatures.
type xmlDocument struct {
	parsed *xmldsig.Document
	list   []*xmlSignature
	places *places
}

// isXML reports whether a document is to be read as XML: it begins as one.
func isXML(doc io.ReaderAt, size int64) bool {
	start := make([]byte, min(size, 512))
	if _, err := doc.ReadAt(start, 0); err != nil && !errors.Is(err, io.EOF) {
		return false
	}
	for _, utf16 := range []string{"\xff\xfe<", "\xfe\xff\x00<"} {
		if bytes.HasPrefix(start, []byte(utf16)) {
			return true
		}
	}
	start = bytes.TrimLeft(bytes.TrimPrefix(start, []byte("\xef\xbb\xbf")), " \t\r\n")
	return len(start) > 0 && start[0] == '<'
}

// validateXML judges an XML document: each signature in a run of its own, for the proofs
// of existence in one say nothing of another.
func (v *Validator) validateXML(ctx context.Context, doc io.ReaderAt, size int64, o Options) (*Report, error) {
	if err := checkFiles(o.Detached); err != nil {
		return nil, err
	}
	if limit := int64(128 << 20); size > limit {
		return nil, fmt.Errorf("%w: %w: %d bytes of XML", ErrFormat, xmldsig.ErrLimit, size)
	}
	data := make([]byte, size)
	if n, err := doc.ReadAt(data, 0); int64(n) < size {
		return nil, fmt.Errorf("read document: %w", err)
	}
	parsed, err := xmldsig.Open(ctx, data, xmldsig.Limits{})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	elements, err := parsed.SignatureElements()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	report := &Report{Signatures: []Signature{}, Document: Document{Modifications: changes.None}}
	fetches := v.newFetches(o) // one signature more is no reason to ask more
	d := &xmlDocument{parsed: parsed, places: newPlaces()}
	for i, e := range elements {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("validate: %w", err)
		}
		s := &xmlSignature{doc: parsed, element: e, sources: sources(o.Detached)}
		s.form = s
		s.field = fieldName(e, i)
		s.read()
		r := v.newRun(ctx, o, fetches)
		s.gather(r)
		r.addGiven(o)
		s.archive(r)
		r.judge(&s.subject)
		row := s.row()
		row.Level = r.level(&s.subject)
		row.Signed = s.signed(d.places)
		report.Signatures = append(report.Signatures, row)
		d.list = append(d.list, s)
	}
	report.Document.Unsigned, err = d.unsigned(ctx, o.Detached)
	if err != nil {
		return nil, err
	}
	return report, nil
}

// fieldName names a signature for a person: by its id, or its number.
func fieldName(e *xmldsig.Element, i int) string {
	if id, ok := xmldsig.Attr(e, "Id"); ok && len(id) <= 100 {
		return id
	}
	return fmt.Sprintf("Signature %d", i+1)
}

// sources gives a reference the file that it names.
func sources(files []File) xmldsig.Sources {
	return xmldsig.Sources{File: func(uri string) ([]byte, bool) {
		i := named(files, uri)
		if i < 0 {
			return nil, false
		}
		return files[i].Content, true
	}}
}

// named returns which file a reference is to, or -1. One file alone is given to every
// reference that leads outside: whether it is the one that was signed, its digest says.
func named(files []File, uri string) int {
	if len(files) == 1 {
		return 0
	}
	name, err := url.PathUnescape(uri)
	if err != nil || uri == "" {
		return -1
	}
	return slices.IndexFunc(files, func(f File) bool { return path.Base(f.Name) == path.Base(name) })
}

// checkFiles refuses files that a reference could not tell apart.
func checkFiles(files []File) error {
	seen := map[string]bool{}
	for _, f := range files {
		base := path.Base(f.Name)
		if seen[base] {
			return fmt.Errorf("%w: two files for a detached signature are named %q", ErrOptions, base)
		}
		seen[base] = true
	}
	return nil
}
