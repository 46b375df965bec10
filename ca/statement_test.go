package ca_test

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"chop/ca"
	"chop/ca/catest"
)

// enrolled is a request for a resident's certificate with the statement for it.
func enrolled(t *testing.T, c *catest.CA, profile string, change func(*ca.Statement)) ca.Request {
	t.Helper()
	csr, err := ca.NewCSR(newKey(t, "p256"), resident)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificateRequest(csr)
	if err != nil {
		t.Fatal(err)
	}
	subject := resident
	subject.Country = "HK"
	digest, err := ca.SubjectDigest(subject)
	if err != nil {
		t.Fatal(err)
	}
	s := ca.Statement{Credential: "credential:7", SPKI: parsed.RawSubjectPublicKeyInfo, Subject: digest, At: time.Now()}
	if change != nil {
		change(&s)
	}
	return ca.Request{Profile: profile, CSR: csr, Credential: "credential:7", Actor: "officer:1", Statement: c.State(s)}
}

// A resident's certificate is issued for what was stated, and for nothing else.
func TestResidentNeedsStatement(t *testing.T) {
	t.Parallel()
	c := catest.New(t, catest.Options{})
	other := [sha256.Size]byte{1}
	for name, r := range map[string]ca.Request{
		"nothing stated":          func() ca.Request { r := enrolled(t, c, "resident", nil); r.Statement = nil; return r }(),
		"forged":                  func() ca.Request { r := enrolled(t, c, "resident", nil); r.Statement = []byte("{}"); return r }(),
		"too long":                func() ca.Request { r := enrolled(t, c, "resident", nil); r.Statement = make([]byte, 1<<20); return r }(),
		"another key":             enrolled(t, c, "resident", func(s *ca.Statement) { s.SPKI = []byte("another") }),
		"another subject":         enrolled(t, c, "resident", func(s *ca.Statement) { s.Subject = other }),
		"another credential":      enrolled(t, c, "resident", func(s *ca.Statement) { s.Credential = "credential:8" }),
		"no credential":           func() ca.Request { r := enrolled(t, c, "resident", nil); r.Credential = ""; return r }(),
		"from the future":         enrolled(t, c, "resident", func(s *ca.Statement) { s.At = time.Now().Add(time.Hour) }),
		"synced passkey":          enrolled(t, c, "resident", func(s *ca.Statement) { s.BackupEligible = true }),
		"synced, with device key": enrolled(t, c, "resident", func(s *ca.Statement) { s.BackupEligible, s.DeviceKey = true, true }),
		"no device key":           enrolled(t, c, "resident-device-key", func(s *ca.Statement) { s.BackupEligible = true }),
		"a seal with a statement": func() ca.Request {
			r := enrolled(t, c, "department-seal", nil)
			r.Subject = seal
			return r
		}(),
	} {
		if cert, err := c.Authority.Issue(t.Context(), r); !errors.Is(err, ca.ErrStatement) || cert != nil {
			t.Errorf("%s: %v, want %v", name, err, ca.ErrStatement)
		}
	}
	if n := count(t, c, `SELECT count(*) FROM ca_certificate WHERE profile LIKE 'resident%'`); n != 0 {
		t.Errorf("%d certificates were begun", n)
	}
	cfg := c.Config
	cfg.Statements = nil
	without, err := ca.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := without.Issue(t.Context(), enrolled(t, c, "resident", nil)); !errors.Is(err, ca.ErrStatement) {
		t.Errorf("without an identity key: %v", err)
	}
}

// A statement serves once, however it is wrapped, and is recorded and logged.
func TestStatementServesOnce(t *testing.T) {
	t.Parallel()
	c := catest.New(t, catest.Options{})
	said := sha256.Sum256([]byte("S"))
	var stated ca.Statement
	r := enrolled(t, c, "resident-device-key", func(s *ca.Statement) {
		s.Digest, s.BackupEligible, s.DeviceKey = said, true, true
		stated = *s
	})
	cert, err := c.Authority.Issue(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if got := cert.PolicyIdentifiers; len(got) != 1 || got[0].String() != "1.3.6.1.4.1.32473.553.1.5" {
		t.Errorf("policies %v", got)
	}
	again := r
	again.Statement = c.State(stated) // the same words in another envelope
	if _, err := c.Authority.Issue(t.Context(), again); !errors.Is(err, ca.ErrStatement) {
		t.Errorf("a second certificate on one statement: %v", err)
	}
	if n := count(t, c, `SELECT count(*) FROM audit_pending WHERE action = 'ca.issue' AND detail->>'statement_sha256' = $1`, hex.EncodeToString(said[:])); n != 1 {
		t.Errorf("%d audit events name the statement", n)
	}
	if n := count(t, c, `SELECT count(*) FROM ca_certificate WHERE statement = $1 AND statement_sha256 = $2`, r.Statement, said[:]); n != 1 {
		t.Errorf("%d certificates carry the statement", n)
	}
}

// A certificate that was never released does not use its statement up.
func TestStatementAfterFailedIssuance(t *testing.T) {
	t.Parallel()
	c := catest.New(t, catest.Options{})
	r := enrolled(t, c, "resident", nil)
	if _, err := c.DB.Pool.Exec(t.Context(), `
		CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''disk full''; END';
		CREATE TRIGGER full_disk BEFORE INSERT ON ca_status FOR EACH ROW WHEN (NEW.status = 'good') EXECUTE FUNCTION full_disk()`); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Authority.Issue(t.Context(), r); err == nil {
		t.Fatal("issued without a record")
	}
	if _, err := c.DB.Pool.Exec(t.Context(), `DROP TRIGGER full_disk ON ca_status`); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Authority.Issue(t.Context(), r); !errors.Is(err, ca.ErrStatement) {
		t.Errorf("while the first one may still come: %v", err)
	}
	cfg := c.Config
	cfg.Now = func() time.Time { return time.Now().Add(time.Hour) }
	later, err := ca.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := later.Recover(t.Context()); err != nil || n != 1 {
		t.Fatalf("recovered %d, %v", n, err)
	}
	if _, err := c.Authority.Issue(t.Context(), r); err != nil {
		t.Errorf("after the first one was given up: %v", err)
	}
}

// A resident sees every certificate in their name, for whichever key.
func TestCertificatesOfSubscriber(t *testing.T) {
	t.Parallel()
	c := catest.New(t, catest.Options{})
	first, second := c.Resident(t, newKey(t, "p256")), c.Resident(t, newKey(t, "p256"))
	c.Seal(t, newKey(t, "p256"), "Department")
	if err := c.Revoke(t.Context(), "officer:1", first.SerialNumber, ca.Reason{Code: ca.KeyCompromise}); err != nil {
		t.Fatal(err)
	}
	got, err := c.CertificatesOf(t.Context(), resident.SerialNumber)
	if err != nil || len(got) != 2 {
		t.Fatalf("%d certificates, %v", len(got), err)
	}
	if !got[0].Certificate.Equal(second) || got[0].State != ca.Good || !got[1].Certificate.Equal(first) || got[1].State != ca.Revoked || got[1].StatementDigest == nil {
		t.Errorf("certificates %+v, %+v", got[0], got[1])
	}
	mine, err := c.CertificatesFor(t.Context(), got[0].Credential)
	if err != nil || len(mine) != 1 || mine[0].Reference != resident.SerialNumber {
		t.Errorf("by credential: %v, %v", mine, err)
	}
	if none, err := c.CertificatesOf(t.Context(), "SRN9999999999"); err != nil || len(none) != 0 {
		t.Errorf("a stranger's: %v, %v", none, err)
	}
}
