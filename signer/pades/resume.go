package pades

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"chop/internal/pdf"
)

// stateVersion is that of the description which State writes.
const stateVersion = 1

// maxState bounds a description, and maxPrepared the file that it describes.
const (
	maxState    = 16 << 10
	maxPrepared = 1 << 30
)

// state describes a prepared document to another process. It has no bytes of the file,
// and nothing in it is believed: all of it is computed anew from the file and from the
// certificate, and compared.
type state struct {
	Version     int      `json:"version"`
	Level       Level    `json:"level"`
	Field       string   `json:"field"`
	Hash        string   `json:"hash"`
	Digest      []byte   `json:"digest"`
	Attributes  []byte   `json:"attributes"`
	ByteRange   [4]int64 `json:"byteRange"`
	TokenSize   int      `json:"tokenSize"`
	Certificate []byte   `json:"certificate"` // SHA-256
}

// ByteRange returns the ByteRange of the prepared signature, [0 a b c]: the gap from a to
// b holds its Contents. It is for a document that is not finished.
func (d *Document) ByteRange() [4]int64 {
	if d.out.gap == nil {
		return [4]int64{}
	}
	s := d.out.gap.span
	return [4]int64{0, s.Start, s.End, d.out.n - s.End}
}

// State describes the document so that Resume can go on with it in another process, if
// the caller keeps the file's bytes as they are now. A document that was finished has none.
func (d *Document) State() ([]byte, error) {
	if d.used || d.out.gap == nil {
		return nil, ErrFinished
	}
	id := d.req.Identity
	cert := sha256.Sum256(id.cert.Raw)
	b, err := json.Marshal(state{
		Version: stateVersion, Level: d.req.Level, Field: d.field, Hash: digestName(id.hash), Digest: d.digest,
		Attributes: d.attrs, ByteRange: d.ByteRange(), TokenSize: d.req.TokenSize, Certificate: cert[:],
	})
	if err != nil {
		return nil, fmt.Errorf("describe prepared document: %w", err)
	}
	return b, nil
}

// parseState reads a description. It has one form: what does not come out again byte for
// byte as it went in is refused, so that no key is unknown, doubled or left out.
func parseState(b []byte) (*state, error) {
	if len(b) > maxState {
		return nil, fmt.Errorf("%w: description of %d bytes", ErrState, len(b))
	}
	var s state
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	again, err := json.Marshal(s)
	if err != nil || !bytes.Equal(again, b) {
		return nil, fmt.Errorf("%w: the description has not the one form that it may have", ErrState)
	}
	br := s.ByteRange
	switch {
	case s.Version != stateVersion:
		return nil, fmt.Errorf("%w: version %d", ErrState, s.Version)
	case s.Level.rank() == 0:
		return nil, fmt.Errorf("%w: level %q", ErrState, s.Level)
	case s.TokenSize < 0 || s.TokenSize > 1<<20:
		return nil, fmt.Errorf("%w: token size %d", ErrState, s.TokenSize)
	case br[0] != 0 || br[1] <= 0 || br[2]-br[1] < 4 || br[1] > maxPrepared || br[2] > maxPrepared ||
		br[3] <= 0 || br[3] > maxPrepared || (br[2]-br[1])%2 != 0:
		return nil, fmt.Errorf("%w: ByteRange %v", ErrState, br)
	}
	return &s, nil
}

// size is how long the prepared file is.
func (s *state) size() int64 { return s.ByteRange[2] + s.ByteRange[3] }

// ResumeRequest is what Resume needs to go on with a prepared document.
type ResumeRequest struct {
	// State is what Document.State returned.
	State []byte
	// Out holds the prepared file's bytes, and what is written next stands behind them:
	// NewBuffer of the bytes serves, or an *os.File at its end.
	Out Output
	// Identity is who signs; the certificate must be the one of Prepare.
	Identity *Identity
	// Timestamper and Evidence are as in Request.
	Timestamper Timestamper
	Evidence    EvidenceSource
}

// Resume goes on with a document that another process has prepared. It reads the whole
// file, and refuses one whose bytes, place for the signature or certificate are not what
// was prepared: ErrState.
func Resume(ctx context.Context, r ResumeRequest) (*Document, error) {
	s, err := parseState(r.State)
	if err != nil {
		return nil, err
	}
	switch {
	case r.Out == nil || r.Identity == nil:
		return nil, fmt.Errorf("%w: no file or no identity", ErrRequest)
	case s.Level.AtLeast(LevelT) && r.Timestamper == nil, s.Level.AtLeast(LevelLT) && r.Evidence == nil:
		return nil, fmt.Errorf("%w: level %s needs a timestamper and evidence", ErrRequest, s.Level)
	}
	id := r.Identity
	if cert := sha256.Sum256(id.cert.Raw); !bytes.Equal(cert[:], s.Certificate) || s.Hash != digestName(id.hash) {
		return nil, fmt.Errorf("%w: it was prepared for another certificate or hash", ErrState)
	}
	a, digest, err := resumeAppender(ctx, r.Out, s, id.hash)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(digest, s.Digest) {
		return nil, fmt.Errorf("%w: the file's digest is another one", ErrState)
	}
	attrs, err := id.attributes(digest)
	if err != nil {
		return nil, fmt.Errorf("build signed attributes: %w", err)
	}
	if !bytes.Equal(attrs, s.Attributes) {
		return nil, fmt.Errorf("%w: the signed attributes are not this file's", ErrState)
	}
	if err := s.isInFile(r.Out); err != nil {
		return nil, err
	}
	req := Request{
		Out: r.Out, Identity: id, Level: s.Level, Timestamper: r.Timestamper, Evidence: r.Evidence, TokenSize: s.TokenSize,
	}
	return &Document{req: req, out: a, field: s.Field, digest: digest, attrs: attrs, dtbsr: digestOf(id.hash, attrs)}, nil
}

// resumeAppender is the appender as it was when the file was prepared, and the digest of
// everything but the gap.
func resumeAppender(ctx context.Context, out Output, s *state, h crypto.Hash) (*appender, []byte, error) {
	a := newAppender(out, h, s.Level.AtLeast(LevelLTA))
	a.n = s.size()
	a.gap = &gap{span: pdf.Span{Start: s.ByteRange[1], End: s.ByteRange[2]}}
	covered := h.New()
	if err := readParts(ctx, out, 0, s.ByteRange[1], a.all, covered); err != nil {
		return nil, nil, err
	}
	if err := readParts(ctx, out, s.ByteRange[1], s.ByteRange[2], &zeroString{last: s.ByteRange[2] - s.ByteRange[1] - 1}); err != nil {
		return nil, nil, err
	}
	var tail bytes.Buffer
	writers := []io.Writer{covered}
	if a.more {
		writers = append(writers, &tail)
	}
	if err := readParts(ctx, out, s.ByteRange[2], s.size(), writers...); err != nil {
		return nil, nil, err
	}
	if n, _ := out.ReadAt(make([]byte, 1), s.size()); n != 0 {
		return nil, nil, fmt.Errorf("%w: the file is longer than was prepared", ErrState)
	}
	a.gap.tail = tail.Bytes()
	return a, covered.Sum(nil), nil
}

// readParts gives the bytes from start to end to all writers.
func readParts(ctx context.Context, in io.ReaderAt, start, end int64, to ...io.Writer) error {
	buf := make([]byte, min(copyBlock, end-start))
	for off := start; off < end; {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := buf[:min(int64(len(buf)), end-off)]
		if n, err := in.ReadAt(b, off); n < len(b) {
			return fmt.Errorf("%w: the file ends at byte %d: %w", ErrState, off+int64(n), err)
		}
		for _, w := range to {
			if _, err := w.Write(b); err != nil {
				return err
			}
		}
		off += int64(len(b))
	}
	return nil
}

// zeroString accepts the empty place for a signature, <00…0>, and nothing else.
type zeroString struct{ at, last int64 }

func (z *zeroString) Write(p []byte) (int, error) {
	for _, c := range p {
		want := byte('0')
		switch z.at {
		case 0:
			want = '<'
		case z.last:
			want = '>'
		}
		if c != want {
			return 0, fmt.Errorf("%w: the place for the signature is not empty", ErrState)
		}
		z.at++
	}
	return len(p), nil
}

// isInFile reads the file as a PDF: the described gap must be the Contents, and the
// described ByteRange that, of the described field.
func (s *state) isInFile(in io.ReaderAt) error {
	f, err := pdf.Open(in, s.size(), pdf.Limits{})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	v := f.Latest()
	sigs, err := pdf.Signatures(v)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	i := slices.IndexFunc(sigs, func(sig pdf.Signature) bool { return sig.Field.Name == s.Field && sig.Value != nil })
	if i < 0 {
		return fmt.Errorf("%w: no signature in field %q", ErrState, s.Field)
	}
	span, err := f.StringSpan(v, sigs[i].Ref, append(slices.Clone(sigs[i].Path), "Contents")...)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	if span.Start != s.ByteRange[1] || span.End != s.ByteRange[2] {
		return fmt.Errorf("%w: the gap is not the Contents of field %q", ErrState, s.Field)
	}
	numbers, err := v.Array(sigs[i].Value["ByteRange"])
	if err != nil || len(numbers) != 4 {
		return fmt.Errorf("%w: no ByteRange in field %q", ErrState, s.Field)
	}
	for j, o := range numbers {
		if n, err := v.Int(o); err != nil || n != s.ByteRange[j] {
			return fmt.Errorf("%w: the ByteRange of field %q is another one", ErrState, s.Field)
		}
	}
	return nil
}
