package ca_test

import (
	"bytes"
	"crypto"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"chop/ca"
	"chop/ca/catest"
)

// hostileKey is the issuing CA's key in a token that misbehaves.
type hostileKey struct {
	crypto.Signer
	sign func(k crypto.Signer, rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error)
}

func (k hostileKey) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return k.sign(k.Signer, rand, digest, opts)
}

func TestTokenMisbehaves(t *testing.T) {
	t.Parallel()
	c := catest.New(t, catest.Options{})
	for name, sign := range map[string]func(crypto.Signer, io.Reader, []byte, crypto.SignerOpts) ([]byte, error){
		"fails": func(crypto.Signer, io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
			return nil, errors.New("CKR_DEVICE_ERROR")
		},
		"signs something else": func(k crypto.Signer, r io.Reader, d []byte, o crypto.SignerOpts) ([]byte, error) {
			d = bytes.Clone(d)
			d[0] ^= 1
			return k.Sign(r, d, o)
		},
		"signs with another key": func(_ crypto.Signer, r io.Reader, d []byte, o crypto.SignerOpts) ([]byte, error) {
			k, err := catest.NewKey("p256")
			if err != nil {
				return nil, err
			}
			return k.Sign(r, d, o)
		},
	} {
		cfg := c.Config
		cfg.Key = hostileKey{c.Config.Key, sign}
		a, err := ca.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		csr, err := ca.NewCSR(newKey(t, "p256"), resident)
		if err != nil {
			t.Fatal(err)
		}
		if cert, err := a.Issue(t.Context(), c.Stated(ca.Request{Profile: "resident", CSR: csr, Actor: "test"})); err == nil || cert != nil {
			t.Errorf("%s: a certificate was released", name)
		}
	}
	if n := count(t, c, `SELECT count(*) FROM ca_certificate WHERE status = 'abandoned' AND certificate IS NULL`); n != 3 {
		t.Errorf("%d abandoned records, want 3", n)
	}
	if n := count(t, c, `SELECT count(*) FROM audit_pending WHERE action = 'ca.abandon'`); n != 3 {
		t.Errorf("%d audit events, want 3", n)
	}
}

// A process that dies between recording and storing leaves a record that the
// next start closes; one whose certificate comes too late is not released.
func TestRecover(t *testing.T) {
	t.Parallel()
	clock := time.Now()
	now := func() time.Time { return clock }
	c := catest.New(t, catest.Options{Now: now})
	cfg := c.Config
	signed := 0
	cfg.Key = hostileKey{c.Config.Key, func(k crypto.Signer, r io.Reader, d []byte, o crypto.SignerOpts) ([]byte, error) {
		signed++
		// While the token signs, the process is believed dead.
		clock = clock.Add(10 * time.Minute)
		n, err := c.Recover(t.Context())
		if n != 1 || err != nil {
			t.Errorf("recovered %d, %v", n, err)
		}
		return k.Sign(r, d, o)
	}}
	slow, err := ca.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	csr, err := ca.NewCSR(newKey(t, "p256"), resident)
	if err != nil {
		t.Fatal(err)
	}
	if cert, err := slow.Issue(t.Context(), c.Stated(ca.Request{Profile: "resident", CSR: csr, Actor: "test"})); !errors.Is(err, ca.ErrAbandoned) || cert != nil || signed != 1 {
		t.Fatalf("got %v after %d signatures, want %v", err, signed, ca.ErrAbandoned)
	}
	if n, err := c.Recover(t.Context()); n != 0 || err != nil {
		t.Errorf("second recovery: %d, %v", n, err)
	}
	var serial []byte
	if err := c.DB.Pool.QueryRow(t.Context(), `SELECT serial FROM ca_certificate WHERE status = 'abandoned'`).Scan(&serial); err != nil {
		t.Fatal(err)
	}
	number, err := ca.ParseSerial(strings.ToUpper(hexOf(serial)))
	if err != nil {
		t.Fatal(err)
	}
	if st, err := c.Status(t.Context(), number); err != nil || st.State != ca.Unknown {
		t.Errorf("abandoned serial is %v, %v", st, err)
	}
	if got := askOne(t, c, number); got.Status.String() != "unknown" {
		t.Errorf("OCSP says %s for an abandoned serial", got.Status)
	}
	// Should it surface, it can be revoked, and is then on the CRL.
	if err := c.Revoke(t.Context(), "officer:1", number, ca.Reason{Code: ca.KeyCompromise}); err != nil {
		t.Fatal(err)
	}
	if got := askOne(t, c, number); got.Status.String() != "revoked" {
		t.Errorf("OCSP says %s for a surfaced serial", got.Status)
	}
	if !onList(t, c.CRL, number) {
		t.Error("a surfaced serial is not on the CRL")
	}
}
