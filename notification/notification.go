// Package notification tells residents what happened to their accounts: a
// notice in their inbox, and an e-mail where an address is given, if and only
// if the transaction that it is about was committed.
package notification

import (
	"context"
	"errors"
	"time"

	"chop/internal/postgres"
)

// Kind of a notice.
type Kind string

// The kinds.
const (
	AccountOpened       Kind = "account-opened"
	Signed              Kind = "signed"
	Suspended           Kind = "suspended"
	Resumed             Kind = "resumed"
	CertificateIssued   Kind = "certificate-issued"
	CertificateExpiring Kind = "certificate-expiring"
	SignInNewDevice     Kind = "sign-in-new-device"
)

// Notice is one to send. Params fill its text; they hold no secret and no card's number.
type Notice struct {
	Account string
	Kind    Kind
	Params  map[string]string // see texts.yaml: "service", "document", "place", "until", "device"
}

// Message is one in the inbox.
type Message struct {
	ID     string
	Kind   Kind
	Params map[string]string
	At     time.Time
	ReadAt time.Time // zero: unread
}

// Service keeps and sends notices.
type Service struct{}

var errNotBuilt = errors.New("not built yet")

// Notify puts a notice into the caller's transaction.
func (s *Service) Notify(ctx context.Context, tx postgres.Tx, n Notice) error { return errNotBuilt }

// Inbox lists an account's notices, newest first, at most limit.
func (s *Service) Inbox(ctx context.Context, account string, limit int) ([]Message, error) {
	return nil, errNotBuilt
}

// Unread counts them.
func (s *Service) Unread(ctx context.Context, account string) (int, error) { return 0, errNotBuilt }

// MarkRead marks one, or all with an empty id, as read.
func (s *Service) MarkRead(ctx context.Context, account, id string) error { return errNotBuilt }

// Text is the notice's subject and body in a language (en, zh-Hant-HK, zh-Hans).
func (s *Service) Text(m Message, language string) (subject, body string, err error) {
	return "", "", errNotBuilt
}

// Run sends e-mail until ctx ends.
func (s *Service) Run(ctx context.Context) error { return errNotBuilt }
