// Package audit is the append-only log of everything that the appliance did:
// who, in which role and place, did what to whom, when and why (EN 319 401,
// 7.10; EN 319 411-1, 6.4.5).
//
// An event is recorded inside of the transaction that it is about: both are
// kept, or neither. It has no place in the log yet, so that transactions do not
// queue behind each other. One sequencer gives committed events their places,
// in batches, within a second. A batch has a Merkle tree over its events
// (RFC 6962, 2.1) and a SHA-256 chain over the batches before it. Verify finds
// every event or batch that was changed, removed or put in afterwards.
//
// What it cannot find: an event that was removed before it got its place (a
// second at most), and a log that somebody who controls the whole database has
// written anew from some batch on. Against the second, keep a Head elsewhere,
// and give it to Verify.
package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// ErrEvent: the event lacks something, or says more than an event may.
var ErrEvent = errors.New("invalid audit event")

// Limits of an event. A log that anyone can fill is a log that nobody reads.
const (
	maxText   = 4 << 10  // bytes of each text
	maxDetail = 64 << 10 // bytes of the detail's JSON
)

// Event is one entry. Texts are UTF-8 without control characters. It names
// people by their references, and never holds a key, a PIN or a secret.
type Event struct {
	At      time.Time      // when, from the caller's Now; kept to the microsecond
	Actor   string         // who, "officer:…", "local:alice", "system"; required
	Role    string         // as what
	Place   string         // from where: a desk, a kiosk, an address
	Action  string         // package and verb: "ca.issue"; required
	Subject string         // kind and name: "certificate:0a1b…"
	Reason  string         // why, in the actor's words
	Detail  map[string]any // anything else that JSON can say
}

// Record puts the event into the caller's transaction.
func Record(ctx context.Context, tx pgx.Tx, e Event) error {
	r, err := e.row()
	if err != nil {
		return err
	}
	if err := insertPending(ctx, tx, r); err != nil {
		return fmt.Errorf("record audit event %s: %w", e.Action, err)
	}
	return nil
}

// Queue adds an event to a batch that runs in one transaction with what it is about.
func Queue(b *pgx.Batch, e Event) error {
	r, err := e.row()
	if err != nil {
		return err
	}
	b.Queue(insertPendingSQL, r.arguments()...)
	return nil
}

// row is an event as it is stored and hashed.
type row struct {
	ID                                          uuid.UUID
	At                                          time.Time
	Actor, Role, Place, Action, Subject, Reason string
	Detail                                      string // JSON, this exact text
}

func (e Event) row() (row, error) {
	if e.At.IsZero() || e.Actor == "" || e.Action == "" {
		return row{}, fmt.Errorf("%w: time, actor and action are required", ErrEvent)
	}
	texts := []string{e.Actor, e.Role, e.Place, e.Action, e.Subject, e.Reason}
	for i, name := range []string{"actor", "role", "place", "action", "subject", "reason"} {
		if err := checkText(texts[i]); err != nil {
			return row{}, fmt.Errorf("%w: %s %w", ErrEvent, name, err)
		}
	}
	detail, err := encodeDetail(e.Detail)
	if err != nil {
		return row{}, fmt.Errorf("%w: detail: %w", ErrEvent, err)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return row{}, fmt.Errorf("make event id: %w", err)
	}
	return row{
		// PostgreSQL rounds to the microsecond; the hash must see what it keeps.
		ID: id, At: e.At.UTC().Truncate(time.Microsecond),
		Actor: e.Actor, Role: e.Role, Place: e.Place,
		Action: e.Action, Subject: e.Subject, Reason: e.Reason,
		Detail: detail,
	}, nil
}

// checkText refuses what could forge a second line in a listing, or what
// PostgreSQL cannot store. A reason may have several lines.
func checkText(s string) error {
	switch {
	case len(s) > maxText:
		return fmt.Errorf("has %d bytes, at most %d are possible", len(s), maxText)
	case !utf8.ValidString(s):
		return errors.New("is not UTF-8")
	case strings.ContainsFunc(s, func(r rune) bool { return (r < ' ' && r != '\n' && r != '\t') || r == 0x7f }):
		return errors.New("has control characters")
	}
	return nil
}

// encodeDetail gives the JSON with sorted keys; "{}" for nothing.
func encodeDetail(detail map[string]any) (string, error) {
	if len(detail) == 0 {
		return "{}", nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(detail); err != nil {
		return "", err
	}
	if b.Len() > maxDetail {
		return "", fmt.Errorf("has %d bytes, at most %d are possible", b.Len(), maxDetail)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}
