package ca_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"chop/ca"
	"chop/ca/catest"
	"chop/internal/audit"
	"chop/internal/postgres/postgrestest"
)

func newKey(t testing.TB, spec string) crypto.Signer {
	t.Helper()
	key, err := catest.NewKey(spec)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

var (
	resident = ca.Subject{CommonName: "CHAN, Siu Ming", Surname: "CHAN", GivenName: "Siu Ming", SerialNumber: "SRN0000000042"}
	chinese  = ca.Subject{CommonName: "陳小明 CHAN, Siu Ming", Surname: "陳", GivenName: "小明", SerialNumber: "SRN0000000043"}
	seal     = ca.Subject{Organization: "Transport Department", CommonName: "Transport Department"}
	unit     = ca.Subject{Organization: "Chop Demonstration", CommonName: "Timestamp Unit 1"}
)

func TestIssueEachProfile(t *testing.T) {
	t.Parallel()
	c := catest.New(t, catest.Options{})
	for _, one := range []struct {
		profile string
		subject ca.Subject
		keys    []string
		usage   x509.KeyUsage
		years   int
	}{
		{"resident", resident, []string{"p256", "p384", "rsa2048"}, x509.KeyUsageContentCommitment, 3},
		{"resident", chinese, []string{"p256"}, x509.KeyUsageContentCommitment, 3},
		{"department-seal", seal, []string{"p256", "p384", "rsa2048", "rsa3072"}, x509.KeyUsageContentCommitment, 3},
		{"tsa-unit", unit, []string{"p256", "p384", "rsa2048"}, x509.KeyUsageDigitalSignature, 15},
	} {
		for _, spec := range one.keys {
			key := newKey(t, spec)
			csr, err := ca.NewCSR(key, one.subject)
			if err != nil {
				t.Fatal(err)
			}
			// The subject is taken from the request, as `ca issue` does.
			cert, err := c.Issue(t.Context(), ca.Request{Profile: one.profile, CSR: csr, Actor: "test"})
			if err != nil {
				t.Fatalf("%s %s: %v", one.profile, spec, err)
			}
			if cert.KeyUsage != one.usage {
				t.Errorf("%s: key usage %b, want %b", one.profile, cert.KeyUsage, one.usage)
			}
			want := cert.NotBefore.AddDate(one.years, 0, 0)
			if !cert.NotAfter.Equal(want.Add(-time.Second)) {
				t.Errorf("%s: ends %s, want one second before %s", one.profile, cert.NotAfter, want)
			}
			if err := cert.CheckSignatureFrom(c.Issuing()); err != nil {
				t.Errorf("%s: %v", one.profile, err)
			}
			if b := cert.SerialNumber.Bytes(); len(b) != 17 || b[0] != 1 {
				t.Errorf("%s: serial %x", one.profile, b)
			}
			stored, err := c.Certificate(t.Context(), cert.SerialNumber)
			if err != nil || !bytes.Equal(stored.Raw, cert.Raw) {
				t.Errorf("%s: stored certificate differs: %v", one.profile, err)
			}
			if st, err := c.Status(t.Context(), cert.SerialNumber); err != nil || st.State != ca.Good || st.Profile != one.profile {
				t.Errorf("%s: status %+v, %v", one.profile, st, err)
			}
		}
	}
	report, err := audit.Verify(t.Context(), c.DB)
	if err != nil || !report.OK() {
		t.Errorf("audit: %+v, %v", report, err)
	}
}

func TestIssueRefuses(t *testing.T) {
	t.Parallel()
	c := catest.New(t, catest.Options{})
	good := newKey(t, "p256")
	proof := func(key crypto.Signer, s ca.Subject) []byte {
		csr, err := ca.NewCSR(key, s)
		if err != nil {
			t.Fatal(err)
		}
		return csr
	}
	other := newKey(t, "p256")
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	broken := proof(good, resident)
	broken[len(broken)-1] ^= 1
	with := func(change func(*ca.Subject)) ca.Subject {
		s := resident
		change(&s)
		return s
	}
	foreign, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "X", Locality: []string{"Sha Tin"}}}, good)
	if err != nil {
		t.Fatal(err)
	}
	for name, one := range map[string]struct {
		r    ca.Request
		want error
	}{
		"no actor":              {ca.Request{Profile: "resident", CSR: proof(good, resident), Actor: ""}, ca.ErrRequest},
		"unknown profile":       {ca.Request{Profile: "king", CSR: proof(good, resident)}, ca.ErrRequest},
		"a responder":           {ca.Request{Profile: "ocsp-responder", CSR: proof(good, unit)}, ca.ErrRequest},
		"a CA":                  {ca.Request{Profile: "issuing-ca", CSR: proof(good, resident)}, ca.ErrRequest},
		"no request":            {ca.Request{Profile: "resident", Subject: resident}, ca.ErrCSR},
		"broken proof":          {ca.Request{Profile: "resident", CSR: broken}, ca.ErrCSR},
		"too long":              {ca.Request{Profile: "resident", CSR: make([]byte, 1<<20)}, ca.ErrCSR},
		"other key":             {ca.Request{Profile: "resident", CSR: proof(good, resident), PublicKey: other.Public()}, ca.ErrCSR},
		"unknown attribute":     {ca.Request{Profile: "resident", CSR: foreign}, ca.ErrCSR},
		"P-521":                 {ca.Request{Profile: "resident", CSR: proof(p521, resident)}, ca.ErrWeakKey},
		"RSA-1024":              {ca.Request{Profile: "resident", CSR: proof(small, resident)}, ca.ErrWeakKey},
		"no name":               {ca.Request{Profile: "resident", CSR: proof(good, with(func(s *ca.Subject) { s.CommonName = "" }))}, ca.ErrRequest},
		"organization":          {ca.Request{Profile: "resident", CSR: proof(good, with(func(s *ca.Subject) { s.Organization = "Me" }))}, ca.ErrRequest},
		"other country":         {ca.Request{Profile: "resident", CSR: proof(good, with(func(s *ca.Subject) { s.Country = "GB" }))}, ca.ErrRequest},
		"identity card":         {ca.Request{Profile: "resident", CSR: proof(good, with(func(s *ca.Subject) { s.SerialNumber = "A123456(3)" }))}, ca.ErrRequest},
		"identity card in name": {ca.Request{Profile: "resident", CSR: proof(good, with(func(s *ca.Subject) { s.CommonName = "CHAN A123456(3)" }))}, ca.ErrLint},
		"wide identity card":    {ca.Request{Profile: "resident", CSR: proof(good, with(func(s *ca.Subject) { s.CommonName = "CHAN Ａ１２３４５６" }))}, ca.ErrLint},
		"zero-width":            {ca.Request{Profile: "resident", CSR: proof(good, with(func(s *ca.Subject) { s.CommonName = "CH\u200bAN" }))}, ca.ErrRequest},
		"right to left":         {ca.Request{Profile: "resident", CSR: proof(good, with(func(s *ca.Subject) { s.CommonName = "CHAN \u202egnoS" }))}, ca.ErrRequest},
		"not normalized":        {ca.Request{Profile: "resident", CSR: proof(good, with(func(s *ca.Subject) { s.CommonName = "Rene\u0301" }))}, ca.ErrRequest},
		"blanks":                {ca.Request{Profile: "resident", CSR: proof(good, with(func(s *ca.Subject) { s.CommonName = " CHAN" }))}, ca.ErrRequest},
		"newline":               {ca.Request{Profile: "resident", CSR: proof(good, with(func(s *ca.Subject) { s.CommonName = "CHAN\nSiu" }))}, ca.ErrRequest},
		"65 characters":         {ca.Request{Profile: "resident", CSR: proof(good, with(func(s *ca.Subject) { s.CommonName = strings.Repeat("陳", 65) }))}, ca.ErrRequest},
	} {
		if name != "no actor" {
			one.r.Actor = "test"
		}
		cert, err := c.Issue(t.Context(), one.r)
		if !errors.Is(err, one.want) || cert != nil {
			t.Errorf("%s: got %v, want %v", name, err, one.want)
		}
	}
	// Nothing of it was recorded as begun.
	if n := count(t, c, `SELECT count(*) FROM ca_certificate WHERE profile NOT IN ('root', 'issuing-ca')`); n != 0 {
		t.Errorf("%d records of refused requests", n)
	}
}

func count(t *testing.T, c *catest.CA, sql string, args ...any) (n int) {
	t.Helper()
	if err := c.DB.Pool.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestKeyBelongsToOneCredential(t *testing.T) {
	t.Parallel()
	c := catest.New(t, catest.Options{})
	key := newKey(t, "p256")
	issue := func(credential string, s ca.Subject) error {
		csr, err := ca.NewCSR(key, s)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Issue(t.Context(), ca.Request{Profile: "resident", CSR: csr, Credential: credential, Actor: "test"})
		return err
	}
	if err := issue("credential:1", resident); err != nil {
		t.Fatal(err)
	}
	if err := issue("credential:1", resident); err != nil {
		t.Errorf("a second certificate for the same credential: %v", err)
	}
	if err := issue("credential:2", resident); !errors.Is(err, ca.ErrKeyTaken) {
		t.Errorf("another credential: %v, want %v", err, ca.ErrKeyTaken)
	}
	if err := issue("", chinese); !errors.Is(err, ca.ErrKeyTaken) {
		t.Errorf("another subject without credential: %v, want %v", err, ca.ErrKeyTaken)
	}
	// The schema refuses what a program might try.
	_, err := c.DB.Pool.Exec(t.Context(), `UPDATE ca_certificate SET credential = 'credential:2' WHERE credential = 'credential:1'`)
	if err == nil {
		t.Error("a certificate was moved to another credential")
	}
}

func TestStopIssuance(t *testing.T) {
	t.Parallel()
	c := catest.New(t, catest.Options{})
	issue := func(profile string, s ca.Subject) error {
		csr, err := ca.NewCSR(newKey(t, "p256"), s)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Issue(t.Context(), ca.Request{Profile: profile, CSR: csr, Actor: "test"})
		return err
	}
	if err := c.StopIssuance(t.Context(), "officer:1", "resident", "key generation under review"); err != nil {
		t.Fatal(err)
	}
	if err := issue("resident", resident); !errors.Is(err, ca.ErrStopped) || !strings.Contains(err.Error(), "under review") {
		t.Errorf("stopped profile: %v", err)
	}
	if err := issue("department-seal", seal); err != nil {
		t.Errorf("other profile: %v", err)
	}
	if err := c.StopIssuance(t.Context(), "officer:1", "*", "incident"); err != nil {
		t.Fatal(err)
	}
	if err := issue("department-seal", seal); !errors.Is(err, ca.ErrStopped) {
		t.Errorf("all stopped: %v", err)
	}
	for _, p := range []string{"*", "resident"} {
		if err := c.AllowIssuance(t.Context(), "officer:2", p, "review ended"); err != nil {
			t.Fatal(err)
		}
	}
	if err := issue("resident", resident); err != nil {
		t.Errorf("allowed again: %v", err)
	}
	if err := c.StopIssuance(t.Context(), "officer:1", "king", "x"); err == nil {
		t.Error("a profile that does not exist was stopped")
	}
}

func TestIssueInParallel(t *testing.T) {
	t.Parallel()
	c := catest.New(t, catest.Options{})
	var wg sync.WaitGroup
	serials := make(chan string, 100)
	for range 10 {
		wg.Go(func() {
			for range 10 {
				serials <- ca.FormatSerial(c.Resident(t, newKey(t, "p256")).SerialNumber)
			}
		})
	}
	wg.Wait()
	close(serials)
	seen := make(map[string]bool)
	for s := range serials {
		seen[s] = true
	}
	if len(seen) != 100 {
		t.Errorf("%d different serials of 100", len(seen))
	}
	if n := count(t, c, `SELECT count(*) FROM ca_certificate c JOIN audit_pending e ON e.subject = 'certificate:' || encode(c.serial, 'hex') AND e.action = 'ca.issue' WHERE c.profile = 'resident' AND c.status = 'good'`); n != 100 {
		t.Errorf("%d certificates with an audit event, want 100", n)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	c := catest.New(t, catest.Options{DB: postgrestest.New(t)})
	for name, change := range map[string]func(*ca.Config){
		"no database":           func(cfg *ca.Config) { cfg.DB = nil },
		"no URLs":               func(cfg *ca.Config) { cfg.URLs = ca.URLs{} },
		"another key":           func(cfg *ca.Config) { cfg.Key = newKey(t, "p256") },
		"another kind of key":   func(cfg *ca.Config) { cfg.Key = newKey(t, "rsa2048") },
		"root for issuing":      func(cfg *ca.Config) { cfg.Certificate = cfg.Root },
		"one key for both":      func(cfg *ca.Config) { cfg.Responder = cfg.Key },
		"a suite that is not":   func(cfg *ca.Config) { cfg.Suite = "none" },
		"issuing is not root's": func(cfg *ca.Config) { cfg.Root = cfg.Certificate },
	} {
		cfg := c.Config
		change(&cfg)
		if _, err := ca.New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
