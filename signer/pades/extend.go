package pades

import (
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"io"
	"slices"

	"chop/internal/pdf"
)

// An ExtendRequest raises the level of a signed file, or renews a B-LTA.
type ExtendRequest struct {
	// In is the signed file and Size its length.
	In   io.ReaderAt
	Size int64
	// Out receives the extended file. Until Extend has returned nil it is not one.
	Out Output
	// Level is B-T, B-LT or B-LTA.
	Level Level
	// Hash is for the imprints of document timestamps; 0 means SHA-256.
	Hash crypto.Hash
	// Timestamper is needed unless all that lacks is evidence; Evidence from B-LT on.
	Timestamper Timestamper
	Evidence    EvidenceSource
	// TokenSize is the room for each timestamp token in bytes; 0 means 8192.
	TokenSize int
	// OnSkip is told of each signature that stays as it is because it cannot be read
	// or its evidence cannot be had: somebody else's, usually. Without it, such a
	// signature is an error. The newest signature is never skipped.
	OnSkip func(field string, err error)
}

// Extend writes the file with what its signatures lack for the level:
//
//   - B-T: a document timestamp, which EN 319 142-1, table 1, accepts in place of a
//     signature timestamp; so no byte of the original changes.
//   - B-LT: evidence for each signature and timestamp, gathered after the time that
//     its timestamp proves.
//   - B-LTA: a document timestamp over all that. On a file that is B-LTA already this
//     is the renewal: evidence for the last document timestamp, and a new one.
//
// It returns ErrAtLevel, and writes nothing, if nothing lacks.
func Extend(ctx context.Context, req ExtendRequest) error {
	if req.Hash == 0 {
		req.Hash = crypto.SHA256
	}
	if err := req.check(); err != nil {
		return err
	}
	f, err := pdf.Open(req.In, req.Size, pdf.Limits{})
	if err != nil {
		return fmt.Errorf("read document: %w", err)
	}
	entries, err := inventory(f)
	if err != nil {
		return err
	}
	missing, err := untimed(entries)
	if err != nil {
		return err
	}
	if !missing && req.Level == LevelT {
		return ErrAtLevel
	}
	if !missing && req.Level == LevelLT {
		open, err := unkept(f, entries)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(open, func(e *entry) bool { return !e.timestamp }) {
			return ErrAtLevel
		}
	}

	a := newAppender(req.Out, req.Hash, true)
	if err := a.copy(ctx, req.In, req.Size); err != nil {
		return err
	}
	c := clock{req.Timestamper, req.Hash, tokenSize(req.TokenSize)}
	if missing {
		if err := a.appendTimestamp(ctx, c); err != nil {
			return fmt.Errorf("timestamp document: %w", err)
		}
	}
	if req.Level.AtLeast(LevelLT) {
		if err := req.keep(ctx, a); err != nil {
			return err
		}
	}
	if req.Level.AtLeast(LevelLTA) {
		if err := a.appendTimestamp(ctx, c); err != nil {
			return fmt.Errorf("timestamp document: %w", err)
		}
	}
	return nil
}

func (req *ExtendRequest) check() error {
	bad := func(text string) error { return fmt.Errorf("%w: %s", ErrRequest, text) }
	switch {
	case req.In == nil || req.Out == nil:
		return bad("no input or no output")
	case !req.Level.AtLeast(LevelT):
		return bad("a file is extended to B-T, B-LT or B-LTA")
	case req.Timestamper == nil:
		return bad("no timestamper")
	case req.Level.AtLeast(LevelLT) && req.Evidence == nil:
		return bad("no source of evidence")
	case req.TokenSize < 0 || req.TokenSize > 1<<20:
		return bad("token size")
	}
	switch req.Hash {
	case crypto.SHA256, crypto.SHA384, crypto.SHA512:
		return nil
	}
	return bad("hash")
}

// untimed reports whether a signature has no trusted time yet.
func untimed(entries []*entry) (bool, error) {
	signed, missing := false, false
	for _, e := range entries {
		if e.timestamp {
			continue
		}
		signed = true
		if e.provenAt(entries).IsZero() {
			missing = true
		}
	}
	if !signed {
		return false, ErrUnsigned
	}
	return missing, nil
}

// unkept lists the entries that lack evidence.
func unkept(f *pdf.File, entries []*entry) ([]*entry, error) {
	done, err := kept(f, entries)
	if err != nil {
		return nil, err
	}
	var open []*entry
	for _, e := range entries {
		if !done(e) {
			open = append(open, e)
		}
	}
	return open, nil
}

// keep appends a DSS with the evidence that lacks.
func (req *ExtendRequest) keep(ctx context.Context, a *appender) error {
	f, err := a.open()
	if err != nil {
		return err
	}
	entries, err := inventory(f)
	if err != nil {
		return err
	}
	open, err := unkept(f, entries)
	if err != nil {
		return err
	}
	found := make(map[string]*evidence, len(open))
	for _, e := range open {
		got, err := req.gather(ctx, e, entries)
		if err == nil {
			found[vriKey(e.contents)] = got
			continue
		}
		if req.OnSkip == nil || e == newest(entries) || ctx.Err() != nil {
			return err
		}
		req.OnSkip(e.field, err)
	}
	if len(found) == 0 {
		return nil
	}
	if err := a.appendDSS(found); err != nil {
		return fmt.Errorf("append evidence: %w", err)
	}
	return nil
}

// gather collects the evidence for an entry's signer and for its own timestamps.
func (req *ExtendRequest) gather(ctx context.Context, e *entry, all []*entry) (*evidence, error) {
	if e.err != nil {
		return nil, e.err
	}
	cert, err := x509.ParseCertificate(e.signer)
	if err != nil {
		return nil, fmt.Errorf("read certificate of field %q: %w", e.field, err)
	}
	got := new(evidence)
	if err := got.gather(ctx, req.Evidence, cert, e.provenAt(all)); err != nil {
		return nil, err
	}
	for _, t := range e.stamps {
		tsu, err := t.certificate()
		if err != nil {
			return nil, err
		}
		if err := got.gather(ctx, req.Evidence, tsu, t.genTime()); err != nil {
			return nil, err
		}
	}
	return got, nil
}

// newest returns the last signature that is no document timestamp.
func newest(entries []*entry) *entry {
	for i := len(entries) - 1; i >= 0; i-- {
		if !entries[i].timestamp {
			return entries[i]
		}
	}
	return nil
}
