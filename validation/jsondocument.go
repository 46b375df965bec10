package validation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"
	"strings"

	"chop/internal/jws"
	"chop/validation/changes"
)

// isJWS reports whether a document is to be read as a JSON web signature: a JSON object, or
// the base64url of one that a dot ends.
func isJWS(doc io.ReaderAt, size int64) bool {
	start := make([]byte, min(size, 1024))
	if _, err := doc.ReadAt(start, 0); err != nil && !errors.Is(err, io.EOF) {
		return false
	}
	if trimmed := bytes.TrimLeft(start, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '{' {
		return true
	}
	header, _, dot := bytes.Cut(start, []byte("."))
	return len(header) > 1 && header[0] == 'e' && (dot || size > int64(len(start))) && strings.IndexByte("wxyz0123456789-_", header[1]) >= 0 &&
		!bytes.ContainsFunc(header, func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
		})
}

// validateJWS judges a JSON web signature: each signature in a run of its own, as in XML.
func (v *Validator) validateJWS(ctx context.Context, doc io.ReaderAt, size int64, o Options) (*Report, error) {
	if err := checkFiles(o.Detached); err != nil {
		return nil, err
	}
	if limit := int64(128 << 20); size > limit {
		return nil, fmt.Errorf("%w: %w: %d bytes", ErrFormat, jws.ErrLimit, size)
	}
	data := make([]byte, size)
	if n, err := doc.ReadAt(data, 0); int64(n) < size {
		return nil, fmt.Errorf("read document: %w", err)
	}
	parsed, err := jws.Open(data, jws.Limits{})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	report := &Report{Signatures: []Signature{}, Document: Document{Modifications: changes.None}}
	for _, name := range parsed.Foreign {
		report.Document.Unsigned = addUnsigned(report.Document.Unsigned, fmt.Sprintf("member %q", name))
	}
	fetches := v.newFetches(o) // one signature more is no reason to ask more
	work := int64(1<<30) + 16*size
	for _, f := range o.Detached {
		work += 16 * int64(len(f.Content))
	}
	var list []*jsonSignature
	for i, one := range parsed.Signatures {
		s := &jsonSignature{doc: parsed, signature: one, files: o.Detached, work: &work, fetches: fetches}
		s.src = jws.Sources{File: func(name string) ([]byte, bool) {
			i := s.fileOf(name)
			if i < 0 {
				return nil, false
			}
			return o.Detached[i].Content, true
		}}
		s.field = fmt.Sprintf("Signature %d", i+1)
		if err := v.judgeJWS(ctx, s, o, report, maxCounters); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	for i, f := range o.Detached { // who gives a file wants to know whether it is signed
		if !slices.ContainsFunc(list, func(s *jsonSignature) bool { return s.covers(i) }) {
			report.Document.Unsigned = addUnsigned(report.Document.Unsigned, "file "+f.Name)
		}
	}
	return report, nil
}

// maxCounters is how deep counter-signatures on counter-signatures are judged.
const maxCounters = 3

// judgeJWS judges one signature and, as rows of their own, its counter-signatures.
func (v *Validator) judgeJWS(ctx context.Context, s *jsonSignature, o Options, report *Report, depth int) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("validate: %w", err)
	}
	s.form = s
	s.read()
	r := v.newRun(ctx, o, s.fetches)
	s.gather(r)
	r.addGiven(o)
	s.archive(r)
	r.judge(&s.subject)
	row := s.row()
	row.Level = r.level(&s.subject)
	row.Signed = s.signed()
	report.Signatures = append(report.Signatures, row)
	for _, name := range s.signature.Foreign {
		report.Document.Unsigned = addUnsigned(report.Document.Unsigned, fmt.Sprintf("header parameter %q of %s", name, s.field))
	}
	n := 0
	for _, u := range s.signature.Unsigned {
		if u.Name != "cSig" {
			continue
		}
		n++
		field := fmt.Sprintf("%s, counter-signature %d", s.field, n)
		counter, err := u.Counter(s.signature)
		if err != nil || depth == 0 || len(counter.Signatures) != 1 || len(counter.Foreign) > 0 {
			report.Document.Unsigned = addUnsigned(report.Document.Unsigned, field)
			continue
		}
		one := &jsonSignature{doc: counter, signature: counter.Signatures[0], on: s.field, work: s.work, fetches: s.fetches}
		one.src = jws.Sources{File: func(string) ([]byte, bool) { return s.signature.Value, true }}
		one.field = field
		if err := v.judgeJWS(ctx, one, o, report, depth-1); err != nil {
			return err
		}
	}
	return nil
}

// addUnsigned adds to a list of what is not signed, to a limit.
func addUnsigned(list []string, what string) []string {
	if len(list) >= maxUnsigned {
		return list
	}
	if len(what) > 200 {
		what = what[:200] + "…"
	}
	return append(list, what)
}

// fileOf returns which of the caller's files a name in sigD is, or -1. One file alone is not
// given to each of several names: the others lack, and are not the wrong ones.
func (s *jsonSignature) fileOf(name string) int {
	if f := s.signature.Header.Files; f != nil && len(f.Names) > 1 && len(s.files) == 1 {
		plain, err := url.PathUnescape(name)
		if err != nil || path.Base(plain) != path.Base(s.files[0].Name) {
			return -1
		}
	}
	return named(s.files, name)
}

// covers reports whether the signature passed and signs file i.
func (s *jsonSignature) covers(i int) bool {
	if !s.result.passed() || !s.held {
		return false
	}
	f := s.signature.Header.Files
	if f == nil {
		return s.on == "" && s.doc.Payload == "" && s.fileOf("") == i
	}
	return slices.ContainsFunc(f.Names, func(name string) bool { return s.fileOf(name) == i })
}
