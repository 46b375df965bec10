package signer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"chop/signer/ledger"
	"chop/signer/pades"
)

// Signing says how a signing stands, after driving it on: an approved one is finished
// before the answer. An error of driving is logged and not returned; the state is true
// all the same.
func (r *Residents) Signing(ctx context.Context, by Caller, id string) (*Signing, error) {
	g, err := r.own(ctx, by, id)
	if err != nil {
		return nil, err
	}
	if ledger.Open(g.State) {
		if err := r.drive(ctx, g, true); err != nil {
			r.c.Log.Warn("a resident's signing did not move", "signing", g.ID, "error", printable(err.Error()))
		}
	}
	return r.show(ctx, g.ID)
}

// Page is a part of a history, the newest first.
type Page struct {
	Before string // the id of the last one seen; empty: from the newest
	Limit  int    // at most 100; 0: 20
}

// List returns an account's signings, as they are recorded: it drives none on.
func (r *Residents) List(ctx context.Context, by Caller, p Page) ([]*Signing, error) {
	account, err := uuid.Parse(by.Account)
	if err != nil {
		return nil, fmt.Errorf("%w: %q is no account id", ErrAccount, by.Account)
	}
	before := uuid.Max
	if p.Before != "" {
		if before, err = uuid.Parse(p.Before); err != nil {
			return nil, fmt.Errorf("%w: %q is no signing's id", pades.ErrRequest, p.Before)
		}
	}
	if p.Limit < 0 || p.Limit > 100 {
		return nil, fmt.Errorf("%w: a page has at most 100 entries", pades.ErrRequest)
	}
	if p.Limit == 0 {
		p.Limit = 20
	}
	rows, err := r.store.History(ctx, account, before, p.Limit)
	if err != nil {
		return nil, err
	}
	return r.showAll(ctx, rows)
}

func (r *Residents) show(ctx context.Context, id uuid.UUID) (*Signing, error) {
	g, err := r.store.Find(ctx, id)
	if err != nil {
		return nil, err
	}
	list, err := r.showAll(ctx, []*ledger.Signing{g})
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

func (r *Residents) showAll(ctx context.Context, rows []*ledger.Signing) ([]*Signing, error) {
	var ids, credentials []uuid.UUID
	for _, g := range rows {
		ids, credentials = append(ids, g.ID), append(credentials, g.CredentialID)
	}
	docs, err := r.store.Documents(ctx, ids...)
	if err != nil {
		return nil, err
	}
	certs, err := r.enrolled.Certificates(ctx, credentials...)
	if err != nil {
		return nil, err
	}
	list := make([]*Signing, len(rows))
	for i, g := range rows {
		s := summary(g)
		for _, c := range certs {
			if bytes.Equal(c.SHA256, g.Certificate) {
				cert, err := readCertificate(c)
				if err != nil {
					return nil, err
				}
				s.Serial = cert.Serial
			}
		}
		for _, d := range docs {
			if d.SigningID == g.ID {
				s.Documents = append(s.Documents, documentOf(d))
			}
		}
		list[i] = s
	}
	return list, nil
}

// shown is a state in the words for people: that the files of an approval are still being
// made is approved.
func shown(state ledger.State) string {
	if state == ledger.Collected {
		return SigningApproved
	}
	return state
}

func summary(g *ledger.Signing) *Signing {
	s := &Signing{
		ID: g.ID.String(), Account: g.Account.String(), Credential: g.CredentialID.String(), State: shown(g.State), Failure: g.Failure,
		Service: ResidentService{g.ServiceID, g.ServiceName}, Level: g.Level, Reason: g.Reason, DocumentKind: g.Kind, Return: g.ReturnURL,
		CreatedAt: g.CreatedAt, ApprovedAt: timeOf(g.ApprovedAt), ClosedAt: timeOf(g.ClosedAt),
		Renewable: ledger.Renewable(g.State) && g.DataKey != nil,
	}
	if g.State == ledger.Waiting {
		s.Tx, s.Code, s.NotAfter = *g.Tx, *g.Code, *g.NotAfter
	}
	if g.State == ledger.Signed && g.DataKey != nil {
		s.FilesUntil = timeOf(g.FilesUntil)
	}
	return s
}

func documentOf(d *ledger.Document) SigningDocument {
	out := SigningDocument{
		Number: d.Number, Name: d.Name, Field: d.Field, Size: d.Size, Prepared: d.PreparedSize, Digest: d.Digest, DTBSR: d.DTBSR,
		SignedSHA256: d.SignedSHA256, TimestampAt: timeOf(d.TimestampAt),
	}
	if d.SignedSize != nil {
		out.SignedSize = *d.SignedSize
	}
	return out
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// Document returns a signed file and its name, once all of the signing's are made. ErrGone
// when it is kept no longer.
func (r *Residents) Document(ctx context.Context, by Caller, id string, n int) (name string, pdf []byte, err error) {
	return r.document(ctx, by, id, n, ledger.SignedFile)
}

// Original returns a document as it will be signed, while the signing is not at its end.
func (r *Residents) Original(ctx context.Context, by Caller, id string, n int) (name string, pdf []byte, err error) {
	return r.document(ctx, by, id, n, ledger.PreparedFile)
}

func (r *Residents) document(ctx context.Context, by Caller, id string, n int, f ledger.File) (string, []byte, error) {
	g, err := r.own(ctx, by, id)
	if err != nil {
		return "", nil, err
	}
	if f == ledger.SignedFile && g.State != ledger.Signed {
		return "", nil, fmt.Errorf("%w: it is %s", ErrState, shown(g.State))
	}
	docs, err := r.store.Documents(ctx, g.ID)
	if err != nil {
		return "", nil, err
	}
	if n < 0 || n >= len(docs) {
		return "", nil, ErrSigningNotFound
	}
	v, err := r.vault(ctx, g)
	if err != nil {
		return "", nil, err
	}
	pdf, err := r.file(ctx, g, v, n, f)
	return docs[n].Name, pdf, err
}

// Prepared returns the prepared bytes of document n, from 0, of an open question: what
// the approval page shows. Who asks is known by the socket; nobody else has a tx.
func (r *Residents) Prepared(ctx context.Context, tx string, n int) ([]byte, error) {
	g, err := r.store.FindTx(ctx, tx)
	if errors.Is(err, ledger.ErrNotFound) || err == nil && g.State != ledger.Waiting {
		return nil, ErrNoTransaction
	}
	if err != nil {
		return nil, err
	}
	v, err := r.vault(ctx, g)
	if err != nil {
		return nil, err
	}
	b, err := r.file(ctx, g, v, n, ledger.PreparedFile)
	if errors.Is(err, ledger.ErrNotFound) {
		return nil, ErrSigningNotFound
	}
	return b, err
}
