package signer

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/signer/enrolled"
	"chop/signer/evidence"
	"chop/signer/ledger"
)

// Export is what an export of approvals is made from.
type Export struct {
	DB *postgres.DB
	// Identity is the activation process's key, a SubjectPublicKeyInfo.
	Identity []byte
	// Certificates are all that were issued under profiles that need a statement.
	Certificates []evidence.Certificate
	At           time.Time
	// Settle brings the activation process's events that are on their way into the log. It
	// is run after the signatures are read, so that each finds its events; nil: none are.
	Settle func(context.Context) error
}

// exportPage is how many rows are in memory at a time.
const exportPage = 200

// ExportApprovals writes what proves every resident's signature: see package evidence. It
// has no file of anybody, but the names of the documents and services that a resident
// has approved: it is for auditors.
func ExportApprovals(ctx context.Context, x Export, w io.Writer) error {
	// The events first, to know the head; those of signatures that are made meanwhile are
	// missing, so the signatures are read before them.
	var events []evidence.Event
	signatures, err := exportSignatures(ctx, x.DB)
	if err != nil {
		return err
	}
	if x.Settle != nil {
		if err := x.Settle(ctx); err != nil {
			return fmt.Errorf("export approvals: %w", err)
		}
	}
	head, err := audit.Each(ctx, x.DB, evidence.Actions(), func(e audit.Entry) error {
		events = append(events, evidence.Event{Kind: "event", ID: e.ID, At: e.At, Actor: e.Actor, Action: e.Action, Subject: e.Subject, Detail: e.Detail})
		return nil
	})
	if err != nil {
		return err
	}
	lines := []any{evidence.Head{
		Kind: "head", Version: evidence.Version, At: x.At.UTC(), Identity: x.Identity, LogBatch: head.Batch, LogHash: hex.EncodeToString(head.Hash[:]),
	}}
	for i := range x.Certificates {
		x.Certificates[i].Kind = "certificate"
		lines = append(lines, x.Certificates[i])
	}
	credentials, err := exportCredentials(ctx, x.DB)
	if err != nil {
		return err
	}
	lines = append(lines, credentials...)
	for _, e := range events {
		lines = append(lines, e)
	}
	lines = append(lines, signatures...)
	for _, l := range lines {
		if err := evidence.Write(w, l); err != nil {
			return fmt.Errorf("export approvals: %w", err)
		}
	}
	return nil
}

func exportCredentials(ctx context.Context, db *postgres.DB) (lines []any, err error) {
	store, after := enrolled.Store{DB: db}, uuid.Nil
	for {
		rows, err := store.AllCredentials(ctx, after, exportPage)
		if err != nil {
			return nil, fmt.Errorf("export credentials: %w", err)
		}
		for _, c := range rows {
			lines = append(lines, evidence.Credential{Kind: "credential", ID: c.ID.String(), Account: c.Account.String(), Ticket: c.Ticket})
			after = c.ID
		}
		if len(rows) < exportPage {
			return lines, nil
		}
	}
}

func exportSignatures(ctx context.Context, db *postgres.DB) (lines []any, err error) {
	store, after := ledger.Store{DB: db}, uuid.Nil
	for {
		rows, err := store.Proven(ctx, after, exportPage)
		if err != nil {
			return nil, fmt.Errorf("export signatures: %w", err)
		}
		ids := make([]uuid.UUID, len(rows))
		for i, g := range rows {
			ids[i], after = g.ID, g.ID
		}
		docs, err := store.Documents(ctx, ids...)
		if err != nil {
			return nil, fmt.Errorf("export signatures: %w", err)
		}
		for _, g := range rows {
			line := evidence.Signature{
				Kind: "signature", Signing: g.ID.String(), Account: g.Account.String(), Credential: g.CredentialID.String(), State: g.State, Certificate: g.Certificate,
			}
			if g.Evidence != nil {
				if line.Approval, err = readEvidence(g); err != nil {
					line.Approval = nil // the check names it
				}
			}
			for _, d := range docs {
				if d.SigningID == g.ID {
					line.Documents = append(line.Documents, evidence.Document{Digest: d.Digest, Attributes: d.Attributes, Signature: d.Signature})
				}
			}
			lines = append(lines, line)
		}
		if len(rows) < exportPage {
			return lines, nil
		}
	}
}
