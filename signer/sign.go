package signer

import (
	"context"
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"time"

	"chop/policies"
	"chop/signer/pades"
)

// DefaultPolicy is the signature policy of a request that names none.
const DefaultPolicy = "pades-seal"

// Place is where a visible signature stands.
type Place = pades.Place

// PDFRequest asks for one signature on a PDF file.
type PDFRequest struct {
	// Credential is the id of the credential that signs.
	Credential string
	// Policy names the signature policy; empty: DefaultPolicy.
	Policy string
	// Level is "B-B", "B-T", "B-LT" or "B-LTA"; empty: the policy's default.
	Level string
	// Authorization is that of a department's operators; empty for a seal that wants none.
	Authorization string
	// Operator is who has it signed, as the audit log names them: "local:alice".
	Operator string
	// In and Out are paths. They may be the same file: it is replaced as a whole.
	In, Out string
	// Certify makes it a certification that permits others so much; zero: an approval.
	Certify pades.Permission
	// Field names an existing empty signature field; empty: a new one.
	Field string
	// Place makes a new field visible.
	Place *Place
	// Reason and Location are optional.
	Reason, Location string
}

// SignPDF makes one signature, and the file Out with it, or leaves Out as it was.
func (s *Service) SignPDF(ctx context.Context, r PDFRequest) error {
	if r.Operator == "" {
		return fmt.Errorf("%w: no operator", pades.ErrRequest)
	}
	policy, level, err := s.policy(r.Policy, r.Level)
	if err != nil {
		return err
	}
	m, err := s.material(ctx, r.Credential, policy.HashFunc())
	if err != nil {
		return err
	}
	if err := s.mayUse(ctx, m, policy); err != nil {
		return err
	}
	in, size, err := openInput(r.In)
	if err != nil {
		return err
	}
	defer in.Close()
	original, done, err := wholeOf(in, size)
	if err != nil {
		return err
	}
	defer done()
	digest, err := digestOf(original, size)
	if err != nil {
		return err
	}
	may, err := s.permit(ctx, m, r.Authorization, policy, level, [][]byte{digest})
	if err != nil {
		return err
	}
	s.sweeper.sweep(r.Out, time.Now())
	out, err := createOutput(r.Out)
	if err != nil {
		return err
	}
	defer out.discard()
	out.draft = newDraft(size)

	doc, err := s.prepare(ctx, r, policy, level, m, original, size, out)
	if err != nil {
		return fmt.Errorf("prepare %s: %w", r.In, err)
	}
	if err := out.flush(); err != nil { // a full disk is met before the key is used
		return fmt.Errorf("%w: %w", ErrOutput, err)
	}
	record, err := s.recordIntent(ctx, r.Operator, policy, level, m, doc)
	if err != nil {
		return err
	}
	signature, err := s.complete(ctx, m, may, doc, out)
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

// mayUse says whether a credential may sign under a policy at this moment.
func (s *Service) mayUse(ctx context.Context, m *material, policy *policies.Signature) error {
	c := m.credential
	if !policy.AllowsProfile(c.Profile) {
		return fmt.Errorf("%w: policy %q is not for credentials of profile %q", ErrPolicy, policy.Name, c.Profile)
	}
	now := s.c.Now()
	if now.Before(c.Certificate.NotBefore) || now.After(c.Certificate.NotAfter) {
		return fmt.Errorf("%w: it is valid from %s to %s", ErrCertificate,
			c.Certificate.NotBefore.Format(time.RFC3339), c.Certificate.NotAfter.Format(time.RFC3339))
	}
	if err := s.c.Status.CertificateGood(ctx, c.Certificate); err != nil {
		return fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	return nil
}

func openInput(path string) (*os.File, int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, fmt.Errorf("open document: %w", err)
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait for its writer
		return nil, 0, fmt.Errorf("%w: %s is not a regular file", pades.ErrNotPDF, path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("open document: %w", err)
	}
	if info, err = f.Stat(); err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// complete uses the key, finishes the file and lets our own validation judge it. When it
// returns, the file's bytes are on the disk.
func (s *Service) complete(ctx context.Context, m *material, may permit, doc Document, out *output) ([]byte, error) {
	signature, err := s.useKey(ctx, m, may, doc)
	if err != nil {
		return nil, err
	}
	if err := doc.Finish(ctx, signature); err != nil {
		return nil, fmt.Errorf("finish signature: %w", err)
	}
	return signature, s.release(ctx, out, doc.Size())
}

// useKey makes the signature value.
func (s *Service) useKey(ctx context.Context, m *material, may permit, doc Document) (signature []byte, err error) {
	if may.credential != m.credential.ID {
		return nil, ErrUnauthorized
	}
	_, dtbsr := doc.DTBSR()
	err = s.c.Keys.Use(ctx, m.wrapped, func(key crypto.Signer) error {
		if err := sameKey(key.Public(), m.credential.Certificate.RawSubjectPublicKeyInfo); err != nil {
			return err
		}
		var err error
		signature, err = key.Sign(rand.Reader, dtbsr, m.identity.SignerOpts())
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("use key of credential %s: %w", m.credential.ID, err)
	}
	return signature, nil
}

// release checks a finished file and puts its bytes on the disk, both at once: one waits
// for the processor and the other for the disk.
func (s *Service) release(ctx context.Context, out *output, size int64) error {
	if err := out.flush(); err != nil {
		return fmt.Errorf("%w: %w", ErrOutput, err)
	}
	synced := make(chan error, 1)
	go func() { synced <- out.Sync() }()
	refused := s.c.Checker.Check(ctx, out, size)
	if err := <-synced; err != nil {
		return fmt.Errorf("%w: %w", ErrOutput, err)
	}
	if refused != nil {
		return fmt.Errorf("%w: %w", ErrRefused, refused)
	}
	return nil
}
