package archive

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"path"
	"sync"

	"chop/signer/asic"
	"chop/signer/cades"
	"chop/signer/jades"
	"chop/signer/pades"
	"chop/signer/xades"
	"chop/validation"
)

// A file is a signed document with what its detached signatures cover.
type file struct {
	form    string
	bytes   []byte
	covered []validation.File
}

func (f *file) beside(uri string) ([]byte, bool) {
	if len(f.covered) == 1 {
		return f.covered[0].Content, true
	}
	for _, c := range f.covered {
		if c.Name == path.Base(uri) {
			return c.Content, true
		}
	}
	return nil, false
}

// stamps are a timestamper that remembers the tokens of one extension.
type stamps struct {
	pades.Timestamper
	mu     sync.Mutex
	tokens [][]byte
	failed error
}

func (s *stamps) Timestamp(ctx context.Context, h crypto.Hash, imprint []byte) ([]byte, error) {
	token, err := s.Timestamper.Timestamp(ctx, h, imprint)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.failed = err
		return nil, err
	}
	s.tokens = append(s.tokens, token)
	return token, nil
}

// extend makes the next generation: all signatures at B-LTA, or with one archive time-stamp
// more; with the tokens that were made for it.
func (s *Store) extend(ctx context.Context, f *file, h crypto.Hash) (*file, [][]byte, error) {
	t := &stamps{Timestamper: s.c.Timestamper}
	var out []byte
	var err error
	switch f.form {
	case validation.FormPDF:
		m := &memory{}
		err = pades.Extend(ctx, pades.ExtendRequest{
			In: bytes.NewReader(f.bytes), Size: int64(len(f.bytes)), Out: m, Level: pades.LevelLTA, Hash: h, Timestamper: t, Evidence: s.c.Evidence,
			TokenSize: s.c.TokenSize,
		})
		out = m.data
	case validation.FormXML:
		out, _, err = xades.Extend(ctx, xades.ExtendRequest{In: f.bytes, Level: pades.LevelLTA, Hash: h, Timestamper: t, Evidence: s.c.Evidence, File: f.beside})
	case validation.FormCMS:
		r := cades.ExtendRequest{In: f.bytes, Level: pades.LevelLTA, Hash: h, Timestamper: t, Evidence: s.c.Evidence}
		if len(f.covered) == 1 {
			r.Content = f.covered[0].Content
		}
		out, _, err = cades.Extend(ctx, r)
	case validation.FormASiC:
		out, _, err = asic.Extend(ctx, asic.ExtendRequest{In: f.bytes, Level: pades.LevelLTA, Hash: h, Timestamper: t, Evidence: s.c.Evidence})
	case validation.FormJSON:
		out, _, err = jades.Extend(ctx, jades.ExtendRequest{In: f.bytes, Level: pades.LevelLTA, Hash: h, Timestamper: t, Evidence: s.c.Evidence, File: f.beside})
	default:
		err = fmt.Errorf("%w: %q", ErrForm, f.form)
	}
	if err == nil && len(t.tokens) == 0 {
		err = fmt.Errorf("%w: it got no time-stamp", ErrForm)
	}
	if err != nil {
		if t.failed == nil && ctx.Err() == nil && formError(err) {
			err = fmt.Errorf("%w: %w", ErrForm, err)
		}
		return nil, nil, fmt.Errorf("extend to B-LTA: %w", err)
	}
	return &file{form: f.form, bytes: out, covered: f.covered}, t.tokens, nil
}

// formError reports whether the file is why it cannot be extended, and not the time-stamps or the evidence.
func formError(err error) bool {
	for _, e := range []error{
		ErrForm, pades.ErrAtLevel, pades.ErrUnsigned, pades.ErrEncrypted, pades.ErrMalformed, pades.ErrNotPDF, pades.ErrForbidden,
		pades.ErrLimit, xades.ErrDocument, cades.ErrMessage, asic.ErrContainer, jades.ErrDocument,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// memory is an Output of pades.
type memory struct{ data []byte }

func (m *memory) Write(b []byte) (int, error) {
	m.data = append(m.data, b...)
	return len(b), nil
}

func (m *memory) WriteAt(b []byte, at int64) (int, error) {
	if at < 0 || at+int64(len(b)) > int64(len(m.data)) {
		return 0, io.ErrShortWrite
	}
	return copy(m.data[at:], b), nil
}

func (m *memory) ReadAt(b []byte, at int64) (int, error) {
	return bytes.NewReader(m.data).ReadAt(b, at)
}
