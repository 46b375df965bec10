package notification

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
)

// SMTP is the server that takes e-mail (RFC 6409). TLS is required unless Plain says otherwise.
type SMTP struct {
	Host               string
	Port               int // 0: 587
	Username, Password string
	// Plain allows a connection without TLS, for a server on this machine.
	Plain bool
	// TLS has the server's roots; nil: the system's.
	TLS *tls.Config
}

// email is one to send.
type email struct {
	id                string // the notice's
	to, subject, body string
	at                time.Time
}

// sendTime bounds one try.
const sendTime = 30 * time.Second

func newSender(cfg Config) (func(context.Context, *email) error, error) {
	_, domain, _ := strings.Cut(strings.TrimSuffix(cfg.From, ">"), "@")
	compose := func(e *email) (*mail.Msg, error) {
		m := mail.NewMsg()
		if err := errors.Join(m.From(cfg.From), m.To(e.to)); err != nil {
			return nil, errors.New("compose e-mail: address refused") // go-mail's error quotes it
		}
		m.Subject(e.subject)
		m.SetDateWithValue(e.at)
		m.SetMessageIDWithValue(e.id + "@" + domain)
		m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834
		m.SetBodyString(mail.TypeTextPlain, e.body+"\n")
		return m, nil
	}
	if cfg.SMTP == nil {
		return func(_ context.Context, e *email) error {
			m, err := compose(e)
			if err != nil {
				return err
			}
			return toFile(cfg.Outbox, e.id, m)
		}, nil
	}
	options := []mail.Option{mail.WithTimeout(sendTime), mail.WithTLSPolicy(mail.TLSMandatory)}
	if cfg.SMTP.Plain {
		options = append(options, mail.WithTLSPolicy(mail.TLSOpportunistic))
	}
	port := cfg.SMTP.Port
	if port == 0 {
		port = 587
	}
	options = append(options, mail.WithPort(port))
	if cfg.SMTP.TLS != nil {
		options = append(options, mail.WithTLSConfig(cfg.SMTP.TLS))
	}
	if cfg.SMTP.Username != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(cfg.SMTP.Username), mail.WithPassword(cfg.SMTP.Password))
	}
	if _, err := mail.NewClient(cfg.SMTP.Host, options...); err != nil {
		return nil, fmt.Errorf("SMTP: %w", err)
	}
	return func(ctx context.Context, e *email) error {
		m, err := compose(e)
		if err != nil {
			return err
		}
		client, err := mail.NewClient(cfg.SMTP.Host, options...)
		if err != nil {
			return fmt.Errorf("send e-mail: %w", err)
		}
		if err := client.DialAndSendWithContext(ctx, m); err != nil {
			// The server's own words may quote the address: they stay out of logs and of the queue.
			var failed *mail.SendError
			if errors.As(err, &failed) {
				return fmt.Errorf("send e-mail: the server refused it (temporary: %t)", failed.IsTemp())
			}
			return errors.New("send e-mail: the server was not reached")
		}
		return nil
	}, nil
}

// toFile writes an e-mail whole or not at all.
func toFile(dir, id string, m *mail.Msg) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make outbox: %w", err)
	}
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return fmt.Errorf("write e-mail: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = m.WriteTo(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write e-mail: %w", err)
	}
	if err := os.Rename(f.Name(), filepath.Join(dir, id+".eml")); err != nil {
		return fmt.Errorf("write e-mail: %w", err)
	}
	return nil
}
