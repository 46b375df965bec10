package signer

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"chop/internal/audit"
	"chop/policies"
	"chop/signer/pades"
)

// recordIntent is the first transaction: from here on it is known what the key was
// asked to sign, by whom, and under which policy.
func (s *Service) recordIntent(ctx context.Context, operator string, policy *policies.Signature, level pades.Level, m *material, doc Document) (*signatureRow, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("make signature id: %w", err)
	}
	credential, err := uuid.Parse(m.credential.ID)
	if err != nil {
		return nil, fmt.Errorf("read credential id: %w", err)
	}
	h, dtbsr := doc.DTBSR()
	row := &signatureRow{
		ID: id, CredentialID: credential, Policy: policy.Name, Level: string(level), Operator: operator,
		Field: doc.Field(), Hash: policies.HashAlgorithm(h), Digest: doc.Digest(), DTBSR: dtbsr, PreparedAt: s.c.Now(),
	}
	err = insertSignature(ctx, s.c.DB, row, row.event("signer.prepare", row.PreparedAt, map[string]any{
		"credential": m.credential.ID, "policy": row.Policy, "level": row.Level, "field": row.Field,
		"document": row.Hash + ":" + hex.EncodeToString(row.Digest), "dtbsr": hex.EncodeToString(row.DTBSR),
	}))
	if err != nil {
		return nil, fmt.Errorf("record intent to sign: %w", err)
	}
	return row, nil
}

// recordSigned is the second transaction.
func (s *Service) recordSigned(ctx context.Context, row *signatureRow, signature []byte, size int64) error {
	err := closeSigned(ctx, s.c.DB, row.ID, signature, size, row.event("signer.sign", s.c.Now(), map[string]any{
		"credential": row.CredentialID.String(), "dtbsr": hex.EncodeToString(row.DTBSR), "bytes": size,
	}))
	if err != nil {
		return fmt.Errorf("record signature: %w", err)
	}
	return nil
}

// recordTimeout is how long recording a failure may take after the caller has gone.
const recordTimeout = 10 * time.Second

// recordFailure closes the record also if the request was cancelled meanwhile.
func (s *Service) recordFailure(ctx context.Context, row *signatureRow, why error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	e := row.event("signer.fail", s.c.Now(), map[string]any{"credential": row.CredentialID.String()})
	e.Reason = printable(why.Error())
	err := closeFailed(ctx, s.c.DB, row.ID, e)
	if err != nil {
		return fmt.Errorf("record failure of signature %s: %w", row.ID, err)
	}
	return nil
}

func (r *signatureRow) event(action string, at time.Time, detail map[string]any) audit.Event {
	return audit.Event{At: at, Actor: r.Operator, Action: action, Subject: "signature:" + r.ID.String(), Detail: detail}
}

// printable makes an error's text fit for the record: some of it may come from a file.
func printable(text string) string {
	const limit = 1000
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "")
	}
	return text
}
