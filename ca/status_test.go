package ca_test

import (
	"encoding/hex"
	"errors"
	"math/big"
	"sync"
	"testing"
	"time"

	"chop/ca"
	"chop/ca/catest"
)

func hexOf(b []byte) string { return hex.EncodeToString(b) }

func TestTransitions(t *testing.T) {
	t.Parallel()
	c := catest.New(t, catest.Options{})
	suspend := func(s *big.Int) error { return c.Suspend(t.Context(), "officer:1", s, ca.Reason{Note: "phone lost"}) }
	resume := func(s *big.Int) error { return c.Resume(t.Context(), "officer:1", s, ca.Reason{Note: "phone found"}) }
	revoke := func(s *big.Int) error {
		return c.Revoke(t.Context(), "officer:1", s, ca.Reason{Code: ca.Superseded})
	}
	type act = func(*big.Int) error
	for name, one := range map[string]struct {
		acts []act
		last bool // the last act is allowed
		want ca.State
	}{
		"suspend":                 {[]act{suspend}, true, ca.Suspended},
		"suspend, resume":         {[]act{suspend, resume}, true, ca.Good},
		"suspend, resume, again":  {[]act{suspend, resume, suspend, resume, suspend}, true, ca.Suspended},
		"suspend, revoke":         {[]act{suspend, revoke}, true, ca.Revoked},
		"revoke":                  {[]act{revoke}, true, ca.Revoked},
		"suspend twice":           {[]act{suspend, suspend}, false, ca.Suspended},
		"resume good":             {[]act{resume}, false, ca.Good},
		"revoke twice":            {[]act{revoke, revoke}, false, ca.Revoked},
		"resume revoked":          {[]act{revoke, resume}, false, ca.Revoked},
		"suspend revoked":         {[]act{revoke, suspend}, false, ca.Revoked},
		"resume held and revoked": {[]act{suspend, revoke, resume}, false, ca.Revoked},
	} {
		serial := c.Resident(t, newKey(t, "p256")).SerialNumber
		for i, f := range one.acts {
			err := f(serial)
			if allowed := i < len(one.acts)-1 || one.last; allowed != (err == nil) || (!allowed && !errors.Is(err, ca.ErrTransition)) {
				t.Errorf("%s: act %d: %v", name, i, err)
			}
		}
		if st, err := c.Status(t.Context(), serial); err != nil || st.State != one.want {
			t.Errorf("%s: %+v, %v, want %s", name, st, err, one.want)
		}
	}
	if err := revoke(big.NewInt(12345)); !errors.Is(err, ca.ErrUnknownSerial) {
		t.Errorf("unknown serial: %v", err)
	}
	serial := c.Resident(t, newKey(t, "p256")).SerialNumber
	if err := c.Suspend(t.Context(), "officer:1", serial, ca.Reason{Code: ca.KeyCompromise}); !errors.Is(err, ca.ErrTransition) {
		t.Errorf("suspension for keyCompromise: %v", err)
	}
	for _, code := range []ca.ReasonCode{ca.CertificateHold, 7, 8, 11, -1} {
		if err := c.Revoke(t.Context(), "officer:1", serial, ca.Reason{Code: code}); !errors.Is(err, ca.ErrTransition) {
			t.Errorf("revocation for %s: %v", code, err)
		}
	}
	if err := c.Revoke(t.Context(), "", serial, ca.Reason{}); !errors.Is(err, ca.ErrRequest) {
		t.Errorf("revocation by nobody: %v", err)
	}
}

// The revocation date of a certificate that was on hold is the date of the hold.
func TestHeldThenRevokedKeepsDate(t *testing.T) {
	t.Parallel()
	clock := time.Now().Truncate(time.Second)
	c := catest.New(t, catest.Options{Now: func() time.Time { return clock }})
	serial := c.Resident(t, newKey(t, "p256")).SerialNumber
	clock = clock.Add(time.Hour)
	held := clock
	if err := c.Suspend(t.Context(), "officer:1", serial, ca.Reason{}); err != nil {
		t.Fatal(err)
	}
	clock = clock.Add(time.Hour)
	if err := c.Revoke(t.Context(), "officer:1", serial, ca.Reason{Code: ca.KeyCompromise}); err != nil {
		t.Fatal(err)
	}
	st, err := c.Status(t.Context(), serial)
	if err != nil || !st.Since.Equal(held) || !st.ChangedAt.Equal(clock) || st.Reason != ca.KeyCompromise {
		t.Errorf("got %+v, %v; want since %s", st, err, held)
	}
	if got := askOne(t, c, serial); !got.RevokedAt.Equal(held) || got.Reason != 1 {
		t.Errorf("OCSP: revoked at %s for %d, want %s for 1", got.RevokedAt, got.Reason, held)
	}
}

// The schema itself holds that revoked is final and that the history has no gap.
func TestSchemaHoldsTransitions(t *testing.T) {
	t.Parallel()
	c := catest.New(t, catest.Options{})
	serial := c.Resident(t, newKey(t, "p256")).SerialNumber
	if err := c.Revoke(t.Context(), "officer:1", serial, ca.Reason{Code: ca.KeyCompromise}); err != nil {
		t.Fatal(err)
	}
	const id = `(SELECT id FROM ca_certificate WHERE serial = $1)`
	for name, sql := range map[string]string{
		"good again":             `INSERT INTO ca_status VALUES (` + id + `, 3, 'good', 2, 'revoked', 0, now(), now())`,
		"good after another":     `INSERT INTO ca_status VALUES (` + id + `, 3, 'good', 2, 'suspended', 0, now(), now())`,
		"second branch":          `INSERT INTO ca_status VALUES (` + id + `, 2, 'suspended', 1, 'good', 6, now(), now())`,
		"gap":                    `INSERT INTO ca_status VALUES (` + id + `, 4, 'revoked', 1, 'good', 0, now(), now())`,
		"new beginning":          `INSERT INTO ca_status VALUES (` + id + `, 1, 'good', NULL, NULL, 0, now(), now())`,
		"status without history": `UPDATE ca_certificate SET status = 'suspended' WHERE serial = $1`,
		"back to waiting":        `UPDATE ca_certificate SET status = 'wait', version = NULL WHERE serial = $1`,
		"good without bytes":     `UPDATE ca_certificate SET status = 'good', version = 1, certificate = NULL WHERE serial = $1`,
		"history deleted":        `DELETE FROM ca_status WHERE certificate_id = ` + id,
		"short serial":           `UPDATE ca_certificate SET serial = substr(serial, 1, 16) WHERE serial = $1`,
		"negative serial":        `UPDATE ca_certificate SET serial = set_byte(serial, 0, 128) WHERE serial = $1`,
		"same digest twice":      `UPDATE ca_certificate SET tbs_sha256 = (SELECT tbs_sha256 FROM ca_certificate WHERE profile = 'root') WHERE serial = $1`,
	} {
		if _, err := c.DB.Pool.Exec(t.Context(), sql, serial.Bytes()); err == nil {
			t.Errorf("%s: the schema allows it", name)
		}
	}
}

func TestParseReason(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]ca.Reason{
		"":                            {},
		"keyCompromise":               {Code: ca.KeyCompromise},
		"KEYCOMPROMISE":               {Code: ca.KeyCompromise},
		"keyCompromise: token stolen": {Code: ca.KeyCompromise, Note: "token stolen"},
		"superseded":                  {Code: ca.Superseded},
		"lost phone":                  {Note: "lost phone"},
		"certificateHold":             {Code: ca.CertificateHold},
	} {
		if got, err := ca.ParseReason(in); err != nil || got != want {
			t.Errorf("%q: %+v, %v, want %+v", in, got, err, want)
		}
	}
	if _, err := ca.ParseReason("removeFromCRL"); err == nil {
		t.Error("removeFromCRL was taken for a reason")
	}
}

func TestParseSerial(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"01AB", "01ab", "01:ab", "0001ab"} {
		if n, err := ca.ParseSerial(in); err != nil || ca.FormatSerial(n) != "01ab" {
			t.Errorf("%q: %v, %v", in, n, err)
		}
	}
	for _, in := range []string{"", "xyz", "1", "-1", "0102030405060708090a0b0c0d0e0f101112131415"} {
		if n, err := ca.ParseSerial(in); err == nil {
			t.Errorf("%q: accepted as %v", in, n)
		}
	}
}

// Many ask at once for different certificates: each gets the status of its own.
func TestStatusOfManyAtOnce(t *testing.T) {
	t.Parallel()
	c := catest.New(t, catest.Options{})
	good, revoked := c.Resident(t, newKey(t, "p256")).SerialNumber, c.Resident(t, newKey(t, "p256")).SerialNumber
	if err := c.Revoke(t.Context(), "officer:1", revoked, ca.Reason{Code: ca.Superseded}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 90 {
		serial, want := good, ca.Good
		switch i % 3 {
		case 1:
			serial, want = revoked, ca.Revoked
		case 2:
			serial, want = big.NewInt(int64(i)), ca.Unknown
		}
		wg.Go(func() {
			if st, err := c.Status(t.Context(), serial); err != nil || st.State != want {
				t.Errorf("%v: %+v, %v, want %s", serial, st, err, want)
			}
		})
	}
	wg.Wait()
}
