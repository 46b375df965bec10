package signer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"chop/signer/evidence"
	"chop/signer/ledger"
	"chop/signer/pades"
)

const (
	// finishTimeout bounds finishing one document: a timestamp, evidence, our validation.
	finishTimeout = 90 * time.Second
	// retryAfter is multiplied by the number of attempts.
	retryAfter = 5 * time.Second
	maxRetry   = 5 * time.Minute
)

// finish makes the files of an approved signing: each is completed with its signature,
// timestamp and evidence, judged by our own validation and kept; when all are there the
// signing is signed. A file that is done is not done again after a crash. Nobody gets one
// before all are done.
func (r *Residents) finish(ctx context.Context, g *ledger.Signing) error {
	ctx = context.WithoutCancel(ctx)
	lease := r.newLease()
	got, err := r.store.Lease(ctx, g.ID, lease, leaseTime)
	if err != nil || !got {
		return err
	}
	defer r.hold(ctx, g.ID, lease)()
	if !g.Acknowledged {
		if err := r.acknowledge(ctx, g); err != nil {
			r.c.Log.Warn("the activation process was not told that it may forget", "signing", g.ID, "error", err.Error())
		}
	}
	docs, err := r.finishAll(ctx, g, lease)
	if err == nil {
		err = r.release(ctx, g, docs, lease)
	}
	if err == nil || errors.Is(err, ledger.ErrTransition) {
		return nil
	}
	now := r.c.Now()
	switch {
	case permanent(err):
		return r.fail(ctx, g, "refused", err)
	case now.After(r.kept.finishing.End(*g.ApprovedAt)):
		return r.fail(ctx, g, "late", err)
	}
	wait := min(time.Duration(g.Attempts+1)*retryAfter, maxRetry)
	return errors.Join(fmt.Errorf("finish signing %s: %w", g.ID, err), r.store.Release(ctx, g.ID, lease, now.Add(wait), true))
}

// permanent: trying again gives the same.
func permanent(err error) bool {
	for _, p := range []error{pades.ErrState, pades.ErrSignature, pades.ErrTooLarge, ErrRefused, ErrGone} {
		if errors.Is(err, p) {
			return true
		}
	}
	return false
}

func (r *Residents) finishAll(ctx context.Context, g *ledger.Signing, lease string) ([]*ledger.Document, error) {
	r.heavy <- struct{}{}
	defer func() { <-r.heavy }()
	m, err := r.material(ctx, g)
	if err != nil {
		return nil, err
	}
	v, err := r.vault(ctx, g)
	if err != nil {
		return nil, err
	}
	docs, err := r.store.Documents(ctx, g.ID)
	if err != nil {
		return nil, err
	}
	for _, d := range docs {
		if d.SignedSHA256 != nil {
			continue
		}
		if got, err := r.store.Lease(ctx, g.ID, lease, leaseTime); err != nil || !got {
			return nil, errors.Join(err, ledger.ErrTransition)
		}
		if err := r.finishOne(ctx, g, m, v, d, lease); err != nil {
			return nil, fmt.Errorf("document %d: %w", d.Number+1, err)
		}
	}
	return docs, nil
}

func (r *Residents) finishOne(ctx context.Context, g *ledger.Signing, m *residentMaterial, v *vault, d *ledger.Document, lease string) error {
	ctx, cancel := context.WithTimeout(ctx, finishTimeout)
	defer cancel()
	prepared, err := r.file(ctx, g, v, d.Number, ledger.PreparedFile)
	if err != nil {
		return err
	}
	out := pades.NewBuffer(prepared)
	doc, err := pades.Resume(ctx, pades.ResumeRequest{
		State: d.Description, Out: out, Identity: m.identity, Timestamper: r.c.Timestamper, Evidence: r.c.Evidence,
	})
	if err != nil {
		return err
	}
	if _, dtbsr := doc.DTBSR(); !bytes.Equal(dtbsr, d.DTBSR) {
		return fmt.Errorf("%w: it is not what was approved", pades.ErrState)
	}
	if err := doc.Finish(ctx, d.Signature); err != nil {
		return fmt.Errorf("finish signature: %w", err)
	}
	if err := r.c.Checker.Check(ctx, out, doc.Size()); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	sum, size := sha256.Sum256(out.Bytes()), doc.Size()
	token, at := doc.Timestamp()
	d.SignedSHA256, d.SignedSize, d.TimestampToken, d.TimestampAt = sum[:], &size, token, &at
	sealed, err := v.seal(d.Number, ledger.SignedFile, out.Bytes())
	if err != nil {
		return err
	}
	return r.store.StoreFinished(ctx, d, sealed, lease)
}

// release records that all files are made: signed, logged, and told to the resident, in
// one transaction. From here on the files are handed out.
func (r *Residents) release(ctx context.Context, g *ledger.Signing, docs []*ledger.Document, lease string) error {
	a, err := readEvidence(g)
	if err != nil {
		return err
	}
	return r.close(ctx, ledger.Change{
		ID: g.ID, From: ledger.Collected, To: ledger.Signed, Lease: lease,
		Event: r.event(g, evidence.ActionSigned, provenDetail(g, docs, a)),
		Then:  r.notice(g, "signed"),
	})
}

func readEvidence(g *ledger.Signing) (*ApprovalEvidence, error) {
	var a ApprovalEvidence
	if err := json.Unmarshal(g.Evidence, &a); err != nil {
		return nil, fmt.Errorf("read evidence of signing %s: %w", g.ID, err)
	}
	return &a, nil
}
