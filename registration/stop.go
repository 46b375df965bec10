package registration

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/crypto/cryptobyte"

	"chop/internal/postgres"
	"chop/registration/attempts"
)

// stopLife is how long a link in a notice stops the account.
const stopLife = 30 * 24 * time.Hour

// stopMemory is how long a used link is remembered: a notice's e-mail may be sent, and its link made, again some days later.
const stopMemory = 2 * stopLife

// limitStop is against who tries links without end; none of them can be guessed.
var limitStop = attempts.Limit{Kind: "stop-link", Most: 100, Window: time.Hour}

// stopToken is what a link says: whose account, in which notice, until when; and a keyed
// digest over these, under the key of look-ups.
type stopToken struct {
	account, notice uuid.UUID
	until           int64 // seconds of Unix time
	mac             []byte
}

func (t *stopToken) said() []byte {
	var b cryptobyte.Builder
	b.AddUint8(1) // version
	b.AddBytes(t.account[:])
	b.AddBytes(t.notice[:])
	b.AddUint64(uint64(t.until))
	return b.BytesOrPanic()
}

// parseStop reads a token. ErrToken.
func parseStop(s string) (*stopToken, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(raw) != 1+16+16+8+32 {
		return nil, ErrToken
	}
	t := &stopToken{mac: raw[41:]}
	in := cryptobyte.String(raw)
	var version uint8
	var account, notice []byte
	var until uint64
	if !in.ReadUint8(&version) || version != 1 || !in.ReadBytes(&account, 16) || !in.ReadBytes(&notice, 16) || !in.ReadUint64(&until) {
		return nil, ErrToken
	}
	t.account, t.notice, t.until = uuid.UUID(account), uuid.UUID(notice), int64(until)
	return t, nil
}

// StopLink makes the link of a notice that stops its account with one touch, without
// signing in, once, within 30 days from now.
func (r *Registry) StopLink(ctx context.Context, account, notice string) (string, error) {
	t := &stopToken{until: r.cfg.Now().Add(stopLife).Unix()}
	var err, err2 error
	t.account, err = uuid.Parse(account)
	t.notice, err2 = uuid.Parse(notice)
	if err := errors.Join(err, err2); err != nil {
		return "", fmt.Errorf("make stop link: %w", err)
	}
	mac, err := r.people.Digest(ctx, "stop-link", string(t.said()))
	if err != nil {
		return "", fmt.Errorf("make stop link: %w", err)
	}
	return strings.TrimSuffix(r.cfg.PortalURL, "/") + "/stop/" + base64.RawURLEncoding.EncodeToString(append(t.said(), mac...)), nil
}

// SuspendByLink suspends by the token of a notice's link. All that it can do is to stop:
// whoever gets hold of one does no harm that lasts. ErrToken: not ours, used, or too late;
// ErrTooMany, ErrState, ErrUnfinished.
func (r *Registry) SuspendByLink(ctx context.Context, token string) error {
	stranger := Caller{Actor: "unknown", Role: "resident", Place: "portal"}
	t, err := parseStop(token)
	if err == nil {
		want, failed := r.people.Digest(ctx, "stop-link", string(t.said()))
		if failed != nil {
			return failed
		}
		if !hmac.Equal(want, t.mac) || !r.cfg.Now().Before(time.Unix(t.until, 0)) {
			err = ErrToken
		}
	}
	if err != nil {
		if err := r.attempts.Take(ctx, limitStop, "portal", who(stranger)); err != nil {
			return err
		}
		return r.refuse(ctx, stranger, "suspend-by-link", "", ErrToken)
	}
	account := t.account.String()
	return r.suspend(ctx, Caller{Actor: "account:" + account, Role: "resident", Place: "portal"}, account, "link in a notice", func(tx postgres.Tx) error {
		return takeStop(ctx, tx, t.notice.String(), account, r.cfg.Now())
	})
}
