// Package notification tells residents what happened to their accounts: a notice
// in their inbox, and an e-mail where an address is given, if and only if the
// transaction that it is about was committed.
//
// A notice is a row, and its e-mail a job of the queue (River), both written in
// the caller's transaction. The job knows the notice's number alone: the address is
// asked for when it is sent, so that none lies in the queue. An e-mail may come
// twice, with the same Message-ID, when a process dies between sending it and
// noting that; it is never lost for less than a day of failures.
//
// The package decides nothing and holds no personal data. Texts are data, in
// texts.yaml, in three languages.
package notification

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/riverqueue/river"

	"chop/internal/postgres"
)

// Kind of a notice.
type Kind string

// The kinds.
const (
	AccountOpened       Kind = "account-opened"
	Signed              Kind = "signed"
	NotSigned           Kind = "not-signed"
	Suspended           Kind = "suspended"
	Resumed             Kind = "resumed"
	CertificateIssued   Kind = "certificate-issued"
	CertificateExpiring Kind = "certificate-expiring"
	SignInNewDevice     Kind = "sign-in-new-device"
	DeviceReplacing     Kind = "device-replacing"
	DeviceReplaced      Kind = "device-replaced"
)

// Kinds are all.
var Kinds = []Kind{AccountOpened, Signed, NotSigned, Suspended, Resumed, CertificateIssued, CertificateExpiring, SignInNewDevice, DeviceReplacing, DeviceReplaced}

// Languages are those of the texts; the first one stands in for one that is not there.
var Languages = []string{"zh-Hant-HK", "en", "zh-Hans"}

var (
	// ErrNotice says what of a notice is not as texts.yaml has it.
	ErrNotice = errors.New("invalid notice")
	// ErrNoMessage says that there is no such notice in the account's inbox.
	ErrNoMessage = errors.New("no such notice")
)

// Notice is one to send. Params fill its text, as texts.yaml lists them: place,
// service, count, until (RFC 3339), device. They are kept in the clear, and hold no
// personal datum and no secret.
type Notice struct {
	Account string
	Kind    Kind
	Params  map[string]string
}

// Message is one in the inbox.
type Message struct {
	ID     string
	Kind   Kind
	Params map[string]string
	At     time.Time
	ReadAt time.Time // zero: unread
}

// Config is what a Service needs.
type Config struct {
	// DB has the migrated schema.
	DB *postgres.DB
	// Address gives the e-mail address of an account, "" for none, and its
	// language. It is asked when an e-mail is sent, by Run.
	Address func(ctx context.Context, account string) (email, language string, err error)
	// Place gives the name of the place whose id a notice's parameter place is; nil: it is shown as it is.
	Place func(id, language string) string
	// Stop gives the link that stops the account with one touch, for the e-mails whose text
	// has one; nil: there is none. It is asked when an e-mail is sent, so that the link
	// lies neither with the notice nor in the queue.
	Stop func(ctx context.Context, account, notice string) (url string, err error)
	// From is the sender's address; empty: no e-mail is sent at all.
	From string
	// SMTP sends e-mail; nil with From set: to files in Outbox.
	SMTP *SMTP
	// Outbox is a folder that gets each e-mail as a file, <notice>.eml.
	Outbox string
	// Tries is how often an e-mail is tried; 0 means 12, over about a day.
	Tries int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Log gets what happens in the background; nil means slog.Default.
	Log *slog.Logger
}

// Service keeps and sends notices. It is safe for concurrent use.
type Service struct {
	cfg   Config
	store *store
	texts map[Kind]*texts
	jobs  *river.Client[postgres.Tx]
	send  func(context.Context, *email) error // nil: no e-mail
}

// New checks the configuration; it sends nothing before Run.
func New(cfg Config) (*Service, error) {
	if cfg.DB == nil {
		return nil, errors.New("new notification: DB is wanted")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Tries == 0 {
		cfg.Tries = 12
	}
	s := &Service{cfg: cfg, store: &store{cfg.DB}}
	var err error
	if s.texts, err = loadTexts(); err != nil {
		return nil, fmt.Errorf("new notification: %w", err)
	}
	if cfg.From != "" {
		if a, err := mail.ParseAddress(cfg.From); err != nil || a.Address == "" {
			return nil, errors.New("new notification: From is not an address")
		}
		if cfg.Address == nil || (cfg.SMTP == nil) == (cfg.Outbox == "") {
			return nil, errors.New("new notification: Address, and one of SMTP and Outbox, are wanted with From")
		}
		if s.send, err = newSender(cfg); err != nil {
			return nil, fmt.Errorf("new notification: %w", err)
		}
	}
	if s.jobs, err = newJobs(s); err != nil {
		return nil, fmt.Errorf("new notification: %w", err)
	}
	return s, nil
}

// maxParam bounds a parameter, in characters.
const maxParam = 200

// Notify puts a notice, and the job for its e-mail, into the caller's transaction.
// Parameters that the kind does not list are left out.
func (s *Service) Notify(ctx context.Context, tx postgres.Tx, n Notice) error {
	t := s.texts[n.Kind]
	if t == nil {
		return fmt.Errorf("notify: %w: kind %q", ErrNotice, n.Kind)
	}
	kept := make(map[string]string)
	for k, v := range n.Params {
		if !slices.Contains(t.Params, k) {
			continue
		}
		if !utf8.ValidString(v) || utf8.RuneCountInString(v) > maxParam {
			return fmt.Errorf("notify: %w: parameter %q", ErrNotice, k)
		}
		kept[k] = v
	}
	id, err := insert(ctx, tx, n, kept, s.cfg.Now())
	if err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	if s.send == nil {
		return nil
	}
	if _, err := s.jobs.InsertTx(ctx, tx, emailArgs{id}, nil); err != nil {
		return fmt.Errorf("notify: enqueue e-mail: %w", err)
	}
	return nil
}

// Forget deletes an account's notices.
func Forget(ctx context.Context, tx postgres.Tx, account string) error {
	if err := forget(ctx, tx, account); err != nil {
		return fmt.Errorf("forget notices: %w", err)
	}
	return nil
}

// Inbox lists an account's notices, newest first, at most limit.
func (s *Service) Inbox(ctx context.Context, account string, limit int) ([]Message, error) {
	return s.store.inbox(ctx, account, max(1, min(limit, 1000)))
}

// Unread counts the notices that were not read.
func (s *Service) Unread(ctx context.Context, account string) (int, error) {
	return s.store.unread(ctx, account)
}

// MarkRead marks one notice, or all with an empty id, as read. ErrNoMessage.
func (s *Service) MarkRead(ctx context.Context, account, id string) error {
	return s.store.markRead(ctx, account, id, s.cfg.Now())
}
