package main_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"chop/hsm"
	"chop/internal/postgres"
)

var responderSerial = regexp.MustCompile(`(?s)\nCertificate:.*?Serial Number:\s*([0-9a-f:]+)`)

// The responder's certificate is revoked and replaced beside a server: it answers by the new one, and OpenSSL takes its word.
func TestRenewResponder(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	address, _ := served(t, a)
	r := issue(t, a)
	responder := func(nonce string) string {
		said := accepts(t, "openssl", "ocsp", "-issuer", a.issuing(), "-CAfile", a.root(), "-verify_other", a.issuing(),
			"-url", "http://"+address+"/ocsp", "-cert", r.file, nonce, "-resp_text")
		m := responderSerial.FindStringSubmatch(said.stdout)
		if m == nil || !strings.Contains(said.stderr, "Response verify OK") || !strings.Contains(said.stdout, r.file+": good") {
			t.Fatalf("%v", said)
		}
		return strings.ReplaceAll(m[1], ":", "")
	}
	old := responder("-no_nonce")
	for range 2 {
		a.must(t, "ca revoke", "--serial", old, "--reason", "keyCompromise")
		var made struct{ Serial string }
		if err := json.Unmarshal([]byte(a.must(t, "ca renew-responder --json").stdout), &made); err != nil || made.Serial == "" {
			t.Fatalf("%q, %v", made.Serial, err)
		}
		for _, nonce := range []string{"-no_nonce", "-nonce"} {
			eventually(t, "the server answers by the new certificate", func() bool { return responder(nonce) == made.Serial })
		}
		if made.Serial == old {
			t.Error("it is the old one")
		}
		old = made.Serial
	}
	a.whole(t)
}

// A key that was replaced an hour ago is destroyed by whoever keeps house, and the server answers by the other.
func TestReplacedResponderGoes(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	a.inToken(t, "ca", func(w hsm.Token) error {
		_, err := w.GenerateKey(t.Context(), "ocsp-20200101T000000.000000", hsm.P256)
		return err
	})
	address, _ := served(t, a)
	a.withDatabase(t, func(db *postgres.DB) {
		eventually(t, "the old key was destroyed", func() bool {
			var subjects []string
			err := db.Pool.QueryRow(t.Context(), `SELECT array_agg(subject) FROM audit_event WHERE action = 'ca.destroy-key'`).Scan(&subjects)
			if err != nil {
				t.Fatal(err)
			}
			if len(subjects) > 1 || len(subjects) == 1 && subjects[0] != "key:ocsp" {
				t.Fatalf("destroyed: %q", subjects)
			}
			return len(subjects) == 1
		})
	})
	r := issue(t, a)
	said := accepts(t, "openssl", "ocsp", "-issuer", a.issuing(), "-CAfile", a.root(), "-verify_other", a.issuing(), "-url", "http://"+address+"/ocsp", "-cert", r.file)
	if !strings.Contains(said.stderr, "Response verify OK") || !strings.Contains(said.stdout, r.file+": good") {
		t.Errorf("%v", said)
	}
}
