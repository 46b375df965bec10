package notification_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"chop/internal/postgres"
	"chop/internal/postgres/postgrestest"
	"chop/notification"
)

var noon = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)

func service(t *testing.T, db *postgres.DB, change func(*notification.Config)) *notification.Service {
	t.Helper()
	cfg := notification.Config{
		DB: db, From: "Chop <no-reply@chop.example>", Outbox: filepath.Join(t.TempDir(), "out", "mail"), Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler),
		Address: func(context.Context, string) (string, string, error) { return "tai.man@example.hk", "zh-Hant-HK", nil },
	}
	if change != nil {
		change(&cfg)
	}
	s, err := notification.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// run runs the service until the test ends.
func run(t *testing.T, s *notification.Service) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func account(t *testing.T) string {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	return id.String()
}

func notify(t *testing.T, db *postgres.DB, s *notification.Service, n notification.Notice, end error) error {
	t.Helper()
	return db.InTx(t.Context(), func(tx postgres.Tx) error {
		if err := s.Notify(t.Context(), tx, n); err != nil {
			return err
		}
		return end
	})
}

// eventually waits for a condition, for 20 seconds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("%s: not within 20 seconds", what)
}

// The link that stops an account is in the e-mails that have one, and nowhere else.
func TestStopLink(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	outbox := t.TempDir()
	s := service(t, db, func(c *notification.Config) {
		c.Outbox = outbox
		c.Stop = func(_ context.Context, account, notice string) (string, error) {
			return "https://portal.example/stop/" + account[:8] + "-" + notice[:8], nil
		}
	})
	me := account(t)
	kinds := []notification.Kind{notification.Resumed, notification.DeviceReplacing, notification.DeviceReplaced}
	for _, k := range kinds {
		if err := notify(t, db, s, notification.Notice{Account: me, Kind: k, Params: map[string]string{"place": "Kwun Tong", "stop": "https://elsewhere.example"}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	run(t, s)
	eventually(t, "three e-mails", func() bool {
		files, _ := filepath.Glob(filepath.Join(outbox, "*.eml"))
		return len(files) == 3
	})
	inbox, err := s.Inbox(t.Context(), me, 10)
	if err != nil || len(inbox) != 3 {
		t.Fatalf("inbox %+v, %v", inbox, err)
	}
	for _, m := range inbox {
		raw, err := os.ReadFile(filepath.Join(outbox, m.ID+".eml"))
		if err != nil {
			t.Fatal(err)
		}
		mail := strings.ReplaceAll(string(raw), "=\r\n", "")
		want := m.Kind != notification.Resumed
		if got := strings.Contains(mail, "https://portal.example/stop/"+me[:8]+"-"+m.ID[:8]); got != want {
			t.Errorf("%s: the link is there: %t, want %t:\n%s", m.Kind, got, want, mail)
		}
		_, body, err := s.Text(m, "en")
		if err != nil || strings.Contains(mail+body, "elsewhere.example") || strings.Contains(body, "/stop/") {
			t.Errorf("%s: %v: %s", m.Kind, err, body)
		}
	}
}

// A notice and its e-mail are there if the transaction was committed, and not otherwise.
func TestNotify(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	outbox := t.TempDir()
	s := service(t, db, func(c *notification.Config) { c.Outbox = outbox })
	me, other := account(t), account(t)
	refused := errors.New("refused")
	if err := notify(t, db, s, notification.Notice{Account: me, Kind: notification.Suspended}, refused); !errors.Is(err, refused) {
		t.Fatal(err)
	}
	for _, n := range []notification.Notice{
		{Account: me, Kind: notification.AccountOpened, Params: map[string]string{"place": "Kwun Tong counter", "secret": "not listed"}},
		{Account: me, Kind: notification.CertificateIssued, Params: map[string]string{"until": "2029-11-23T04:05:00Z"}},
		{Account: other, Kind: notification.Resumed},
	} {
		if err := notify(t, db, s, n, nil); err != nil {
			t.Fatal(err)
		}
	}
	inbox, err := s.Inbox(t.Context(), me, 10)
	if err != nil || len(inbox) != 2 || inbox[0].Kind != notification.CertificateIssued || inbox[1].Params["place"] == "" || inbox[1].Params["secret"] != "" {
		t.Fatalf("inbox %+v, %v", inbox, err)
	}
	if err := s.MarkRead(t.Context(), other, inbox[0].ID); !errors.Is(err, notification.ErrNoMessage) {
		t.Errorf("another's notice: %v", err)
	}
	if err := s.MarkRead(t.Context(), me, inbox[0].ID); err != nil {
		t.Error(err)
	}
	if n, err := s.Unread(t.Context(), me); err != nil || n != 1 {
		t.Errorf("%d unread, %v", n, err)
	}
	if err := s.MarkRead(t.Context(), me, ""); err != nil {
		t.Error(err)
	}
	if n, err := s.Unread(t.Context(), me); err != nil || n != 0 {
		t.Errorf("%d unread, %v", n, err)
	}

	run(t, s)
	var files []string
	eventually(t, "three e-mails", func() bool {
		files, _ = filepath.Glob(filepath.Join(outbox, "*.eml"))
		return len(files) == 3
	})
	b, err := os.ReadFile(filepath.Join(outbox, inbox[0].ID+".eml"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := mail.ReadMessage(strings.NewReader(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || subject != "你已獲發數碼簽署證書" || !strings.Contains(m.Header.Get("To"), "tai.man@example.hk") || !strings.Contains(m.Header.Get("Message-ID"), inbox[0].ID) {
		t.Errorf("header %v, subject %q, %v", m.Header, subject, err)
	}
	var jobs string
	if err := db.Pool.QueryRow(t.Context(), `SELECT coalesce(string_agg(j::text, ' '), '') FROM river_job j`).Scan(&jobs); err != nil || strings.Contains(jobs, "example.hk") {
		t.Errorf("the queue has the address (%v): %s", err, jobs)
	}
}

// Every kind has a text in each language, in which nothing is left over.
func TestTexts(t *testing.T) {
	t.Parallel()
	s := service(t, postgrestest.New(t), nil)
	params := map[string]string{"place": "P<1>", "service": "Transport Department", "count": "3", "until": "2029-11-23T04:05:00Z", "device": "Phone"}
	for _, kind := range notification.Kinds {
		seen := map[string]bool{}
		for _, language := range notification.Languages {
			for _, p := range []map[string]string{nil, params} {
				subject, body, err := s.Text(notification.Message{Kind: kind, Params: p}, language)
				if err != nil || subject == "" || body == "" || strings.ContainsAny(subject, "\n{}") || strings.Contains(body, "no value") || strings.Contains(body, "{{") || strings.Contains(body, "2029-11") {
					t.Errorf("%s in %s: %q, %q, %v", kind, language, subject, body, err)
				}
				seen[body] = true
			}
		}
		if len(seen) < 3 {
			t.Errorf("%s: two languages have one text", kind)
		}
	}
	_, body, _ := s.Text(notification.Message{Kind: notification.CertificateIssued, Params: params}, "en")
	if !strings.Contains(body, "23 November 2029, 12:05") {
		t.Errorf("time in Hong Kong: %s", body)
	}
	if _, _, err := s.Text(notification.Message{Kind: "else"}, "en"); !errors.Is(err, notification.ErrNotice) {
		t.Error(err)
	}
}

// A real conversation with a mail server, one that refuses, and a job that dies with an event in the log.
func TestSMTP(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	var refuse atomic.Bool
	got := make(chan string, 10)
	address := smtpServer(t, &refuse, got)
	s := service(t, db, func(c *notification.Config) {
		host, port, _ := net.SplitHostPort(address)
		c.Outbox, c.SMTP, c.Tries = "", &notification.SMTP{Host: host, Plain: true}, 1
		fmt.Sscan(port, &c.SMTP.Port)
	})
	run(t, s)
	if err := notify(t, db, s, notification.Notice{Account: account(t), Kind: notification.Suspended}, nil); err != nil {
		t.Fatal(err)
	}
	select {
	case text := <-got:
		if !strings.Contains(text, "tai.man@example.hk") || !strings.Contains(text, "Auto-Submitted: auto-generated") {
			t.Errorf("the server got %s", text)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("no e-mail within 20 seconds")
	}
	refuse.Store(true)
	if err := notify(t, db, s, notification.Notice{Account: account(t), Kind: notification.Suspended}, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "an event for the dead job", func() bool {
		var n int
		err := db.Pool.QueryRow(t.Context(), `SELECT count(*) FROM audit_pending WHERE action = 'notification.dead'`).Scan(&n)
		return err == nil && n == 1
	})
	var all string
	if err := db.Pool.QueryRow(t.Context(), `SELECT string_agg(j::text, ' ') FROM river_job j`).Scan(&all); err != nil || strings.Contains(all, "example.hk") {
		t.Errorf("the queue has the address (%v): %s", err, all)
	}
}

// smtpServer speaks enough of RFC 5321 for one message a connection.
func smtpServer(t *testing.T, refuse *atomic.Bool, got chan<- string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				say := func(s string) { io.WriteString(conn, s+"\r\n") }
				say("220 test ESMTP")
				r := bufio.NewReader(conn)
				for {
					line, err := r.ReadString('\n')
					if err != nil {
						return
					}
					switch verb := strings.ToUpper(strings.Fields(line + " x")[0]); verb {
					case "EHLO":
						say("250 test")
					case "RCPT":
						if refuse.Load() {
							say("550 no such mailbox tai.man@example.hk")
							continue
						}
						say("250 ok")
					case "DATA":
						say("354 go on")
						var text strings.Builder
						for {
							line, err := r.ReadString('\n')
							if err != nil {
								return
							}
							if line == ".\r\n" {
								break
							}
							text.WriteString(line)
						}
						say("250 taken")
						got <- text.String()
					case "QUIT":
						say("221 bye")
						return
					default:
						say("250 ok")
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

func TestNew(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	address := func(context.Context, string) (string, string, error) { return "", "", nil }
	for name, cfg := range map[string]notification.Config{
		"no database":     {},
		"no address book": {DB: db, From: "a@b.example", Outbox: "x"},
		"nowhere to":      {DB: db, From: "a@b.example", Address: address},
		"two ways":        {DB: db, From: "a@b.example", Address: address, Outbox: "x", SMTP: &notification.SMTP{Host: "h"}},
		"no sender":       {DB: db, From: "somebody", Address: address, Outbox: "x"},
	} {
		if _, err := notification.New(cfg); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	s, err := notification.New(notification.Config{DB: db})
	if err != nil {
		t.Fatal(err)
	}
	if err := notify(t, db, s, notification.Notice{Account: account(t), Kind: "else"}, nil); !errors.Is(err, notification.ErrNotice) {
		t.Error(err)
	}
}
