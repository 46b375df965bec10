package signer

import (
	"context"
	"crypto"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"chop/internal/audit"
	"chop/signer/pades"
)

// A wholeDocument is a Document of a format whose files are held in memory.
type wholeDocument interface {
	Document
	Bytes() []byte
}

// reads are the digests of the files that a signature is made over, which are read by nothing else.
type reads struct{ digests [][]byte }

func (r *reads) whole(path string) ([]byte, error) {
	b, err := readWhole(path)
	if err == nil {
		sum := sha256.Sum256(b)
		r.digests = append(r.digests, sum[:])
	}
	return b, err
}

// unless reads a file that may be absent: "" is none then.
func (r *reads) unless(path string, optional bool) ([]byte, error) {
	if path == "" {
		if !optional {
			return nil, fmt.Errorf("%w: no file to be signed", pades.ErrRequest)
		}
		return nil, nil
	}
	return r.whole(path)
}

// A wholeRequest is one signature in such a file: what the formats have in common.
type wholeRequest struct {
	credential, policy, level, operator, authorization string
	// format is the policy's; out a path.
	format, out string
	// hash is what a key signs with instead of the policy's; nil: that.
	hash func(crypto.PublicKey, crypto.Hash) crypto.Hash
	// prepare reads what is signed, all of it by these reads, and prepares the signature.
	prepare func(*material, pades.Level, *reads) (wholeDocument, error)
	// beside is the file that a detached signature covers, for our own validation.
	beside func() (name string, content []byte)
}

// signWhole makes one signature, and the file with it, or leaves the file as it was.
func (s *Service) signWhole(ctx context.Context, r wholeRequest) error {
	if r.operator == "" || s.c.WholeChecker == nil {
		return fmt.Errorf("%w: no operator, or no checker", pades.ErrRequest)
	}
	policy, level, err := s.policy(r.policy, r.level)
	if err != nil {
		return err
	}
	if policy.Format != r.format {
		return fmt.Errorf("%w: policy %q is for %s, not for %s", ErrPolicy, policy.Name, policy.Format, r.format)
	}
	m, err := s.material(ctx, r.credential, policy.HashFunc())
	if err == nil && r.hash != nil {
		m, err = s.material(ctx, r.credential, r.hash(m.credential.Certificate.PublicKey, policy.HashFunc()))
	}
	if err != nil {
		return err
	}
	if err := s.mayUse(ctx, m, policy); err != nil {
		return err
	}
	var read reads
	doc, err := r.prepare(m, level, &read)
	if err != nil {
		return err
	}
	may, err := s.permit(ctx, m, r.authorization, policy, level, read.digests)
	if err != nil {
		return err
	}
	s.sweeper.sweep(r.out, time.Now())
	out, err := createOutput(r.out)
	if err != nil {
		return err
	}
	defer out.discard()
	record, err := s.recordIntent(ctx, r.operator, policy, level, m, doc)
	if err != nil {
		return err
	}
	signature, err := s.completeWhole(ctx, m, may, doc, r, out)
	if err == nil {
		err = s.recordSigned(ctx, record, signature, doc.Size())
	}
	if err != nil {
		return errors.Join(err, s.recordFailure(ctx, record, err))
	}
	if err := out.publish(&s.folders); err != nil {
		return fmt.Errorf("signature %s is made and recorded, but: %w", record.ID, err)
	}
	return nil
}

// completeWhole uses the key, lets our own validation judge what came of it, and puts it on
// the disk.
func (s *Service) completeWhole(ctx context.Context, m *material, may permit, doc wholeDocument, r wholeRequest, out *output) ([]byte, error) {
	signature, err := s.useKey(ctx, m, may, doc)
	if err != nil {
		return nil, err
	}
	if err := doc.Finish(ctx, signature); err != nil {
		return nil, fmt.Errorf("finish signature: %w", err)
	}
	name, content := "", []byte(nil)
	if r.beside != nil {
		name, content = r.beside()
	}
	if err := s.c.WholeChecker.CheckWhole(ctx, doc.Bytes(), doc.Field(), name, content); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return signature, out.store(doc.Bytes())
}

// A wholeExtension is a higher level of such a file.
type wholeExtension struct {
	level, operator, in, out string
	// extend returns the file and the name of its last signature.
	extend func(in []byte, level pades.Level, skipped func(string, error)) ([]byte, string, error)
	// name and content are those of the file that a detached signature covers.
	name    string
	content []byte
}

// covers reads the file that a detached signature covers; "" is none.
func (x *wholeExtension) covers(file string) (err error) {
	if file == "" {
		return nil
	}
	x.name = filepath.Base(file)
	x.content, err = readWhole(file)
	return err
}

// extendWhole uses no signer's key. Signatures of others whose evidence cannot be had stay
// as they are, and are logged.
func (s *Service) extendWhole(ctx context.Context, r wholeExtension) error {
	if r.operator == "" || s.c.WholeChecker == nil {
		return fmt.Errorf("%w: no operator, or no checker", pades.ErrRequest)
	}
	level, err := pades.ParseLevel(r.level)
	if err != nil {
		return err
	}
	in, err := readWhole(r.in)
	if err != nil {
		return err
	}
	extended, last, err := r.extend(in, level, func(id string, err error) {
		s.c.Log.WarnContext(ctx, "signature is not extended", "id", id, "error", err)
	})
	if err != nil {
		return fmt.Errorf("extend %s: %w", r.in, err)
	}
	if err := s.c.WholeChecker.CheckWhole(ctx, extended, last, r.name, r.content); err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return s.handOut(ctx, r.out, extended, audit.Event{
		At: s.c.Now(), Actor: r.operator, Action: "signer.extend", Subject: "document",
		Detail: map[string]any{"level": r.level, "bytes_before": len(in), "bytes": len(extended)},
	})
}

// handOut puts a file that no key of a signer was used for in its place, once it is recorded.
func (s *Service) handOut(ctx context.Context, path string, doc []byte, e audit.Event) error {
	s.sweeper.sweep(path, time.Now())
	out, err := createOutput(path)
	if err != nil {
		return err
	}
	defer out.discard()
	if err := out.store(doc); err != nil {
		return err
	}
	if err := recordEvent(ctx, s.c.DB, e); err != nil {
		return fmt.Errorf("record %s: %w", e.Action, err)
	}
	return out.publish(&s.folders)
}
