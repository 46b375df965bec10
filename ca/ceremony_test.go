package ca_test

import (
	"bytes"
	"context"
	"crypto"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chop/ca"
	"chop/ca/catest"
	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/internal/postgres/postgrestest"
	"chop/policies"
)

func ceremonyConfig(t *testing.T, db *postgres.DB, keys ca.Keys) ca.CeremonyConfig {
	t.Helper()
	set, err := policies.Load()
	if err != nil {
		t.Fatal(err)
	}
	urls, err := ca.URLsUnder("http://ca.example")
	if err != nil {
		t.Fatal(err)
	}
	return ca.CeremonyConfig{
		DB: db, Policies: set, Plan: ca.DefaultPlan(), Keys: keys, URLs: urls, PublicDir: t.TempDir(),
		Tools: map[string]string{"chop": "test", "token root": "software"},
	}
}

func TestCeremony(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	keys := new(catest.Keys)
	cfg := ceremonyConfig(t, db, keys)

	cfg.DryRun = true
	r, err := ca.RunCeremony(t.Context(), cfg)
	if err != nil || !strings.Contains(r.Transcript, "nothing was done") || r.Root != nil {
		t.Fatalf("dry run: %v\n%s", err, r.Transcript)
	}
	if _, err := keys.Key(t.Context(), "root", "root-ca"); !errors.Is(err, ca.ErrKeyNotFound) {
		t.Errorf("a dry run made a key: %v", err)
	}
	cfg.DryRun = false
	r, err = ca.RunCeremony(t.Context(), cfg)
	if err != nil || r.AlreadyDone {
		t.Fatal(err)
	}
	for _, want := range []string{
		"CHOP-DEMO-ROOT-1", "Plan SHA-256", "CHAN Wing Sum", "LAM Tsz Kit", "SPKI SHA-256",
		ca.FormatSerial(r.Root.SerialNumber), ca.FormatSerial(r.Issuing.SerialNumber), "token root      software",
	} {
		if !strings.Contains(r.Transcript, want) {
			t.Errorf("transcript lacks %q:\n%s", want, r.Transcript)
		}
	}
	for name, want := range map[string][]byte{"root.pem": r.Root.Raw, "issuing.pem": r.Issuing.Raw} {
		b, err := os.ReadFile(filepath.Join(cfg.PublicDir, name))
		if err != nil {
			t.Fatal(err)
		}
		if block, _ := pem.Decode(b); block == nil || !bytes.Equal(block.Bytes, want) {
			t.Errorf("%s is not the certificate", name)
		}
	}
	if life := r.Root.NotAfter.Year() - r.Root.NotBefore.Year(); life != 25 && life != 24 {
		t.Errorf("root lives %d years", life)
	}

	// The same plan again does nothing, needs no token, and says so.
	os.Remove(filepath.Join(cfg.PublicDir, "issuing.pem"))
	cfg.Keys = noKeys{}
	again, err := ca.RunCeremony(t.Context(), cfg)
	if err != nil || !again.AlreadyDone || !again.Root.Equal(r.Root) || !again.Issuing.Equal(r.Issuing) || again.Transcript != r.Transcript {
		t.Errorf("second run: %+v, %v", again, err)
	}
	if _, err := os.Stat(filepath.Join(cfg.PublicDir, "issuing.pem")); err != nil {
		t.Error("a lost file is not published again")
	}
	// Another plan is refused, even one that differs in a blank.
	cfg.Plan = append(ca.DefaultPlan(), '\n')
	if _, err := ca.RunCeremony(t.Context(), cfg); !errors.Is(err, ca.ErrOtherPlan) {
		t.Errorf("another plan: %v", err)
	}
	report, err := audit.Verify(t.Context(), db)
	if err != nil || !report.OK() {
		t.Errorf("audit: %+v, %v", report, err)
	}
}

// noKeys fails the test's call: a finished ceremony touches no token.
type noKeys struct{}

func (noKeys) GenerateKey(context.Context, string, string, string) (crypto.Signer, error) {
	return nil, errors.New("a key was asked for")
}

func (noKeys) Key(context.Context, string, string) (crypto.Signer, error) {
	return nil, errors.New("a key was asked for")
}

// killed is what the clock throws to end a run at a chosen moment.
type killed struct{ at int }

// A ceremony is killed at each of its moments (each look at the clock is one:
// they lie between all steps) and run again. It ends with one root, one issuing
// CA, one key each, and records without a gap.
func TestCeremonyKilled(t *testing.T) {
	t.Parallel()
	for at := 1; ; at++ {
		if !killCeremonyAt(t, at) {
			if at < 20 {
				t.Errorf("only %d moments were tried", at)
			}
			return
		}
	}
}

// killCeremonyAt reports whether the ceremony was killed before it ended.
func killCeremonyAt(t *testing.T, at int) (wasKilled bool) {
	db := postgrestest.New(t)
	keys := new(catest.Keys)
	cfg := ceremonyConfig(t, db, keys)
	looks := 0
	cfg.Now = func() time.Time {
		if looks++; looks == at {
			panic(killed{at})
		}
		return time.Now()
	}
	func() {
		defer func() {
			switch p := recover().(type) {
			case nil:
			case killed:
				wasKilled = true
			default:
				panic(p)
			}
		}()
		if _, err := ca.RunCeremony(t.Context(), cfg); err != nil {
			t.Fatalf("killed at %d: first run: %v", at, err)
		}
	}()
	cfg.Now = time.Now
	r, err := ca.RunCeremony(t.Context(), cfg)
	if err != nil {
		t.Errorf("killed at %d: second run: %v", at, err)
		return wasKilled
	}
	if err := r.Issuing.CheckSignatureFrom(r.Root); err != nil {
		t.Errorf("killed at %d: %v", at, err)
	}
	var good, waiting, unsigned int
	if err := db.Pool.QueryRow(t.Context(), `SELECT
		(SELECT count(*) FROM ca_certificate WHERE status = 'good'),
		(SELECT count(*) FROM ca_certificate WHERE status = 'wait'),
		(SELECT count(*) FROM ca_ceremony_step WHERE result IS NULL)`).Scan(&good, &waiting, &unsigned); err != nil {
		t.Fatal(err)
	}
	if good != 2 || waiting != 0 || unsigned != 0 {
		t.Errorf("killed at %d: %d good and %d waiting certificates, %d unfinished steps", at, good, waiting, unsigned)
	}
	return wasKilled
}

// A key that lies in the token already is not adopted: nobody knows whose it is.
func TestCeremonyRefusesForeignKey(t *testing.T) {
	t.Parallel()
	keys := new(catest.Keys)
	if _, err := keys.GenerateKey(t.Context(), "root", "root-ca", "p384"); err != nil {
		t.Fatal(err)
	}
	if _, err := ca.RunCeremony(t.Context(), ceremonyConfig(t, postgrestest.New(t), keys)); !errors.Is(err, ca.ErrPlan) {
		t.Errorf("got %v, want %v", err, ca.ErrPlan)
	}
}

// Two at a time: one carries it out, the other is told to wait or finds it done.
func TestCeremonyTwice(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	cfg := ceremonyConfig(t, db, new(catest.Keys))
	results := make(chan error, 4)
	for range 4 {
		go func() {
			_, err := ca.RunCeremony(t.Context(), cfg)
			results <- err
		}()
	}
	done := 0
	for range 4 {
		err := <-results
		if err == nil {
			done++
		} else if !strings.Contains(err.Error(), "another process is at a ceremony") {
			t.Error(err)
		}
	}
	if done == 0 {
		t.Error("nobody carried it out")
	}
}

func TestRenewARL(t *testing.T) {
	t.Parallel()
	clock := time.Now()
	now := func() time.Time { return clock }
	c := catest.New(t, catest.Options{Now: now})
	cfg := ca.CeremonyConfig{DB: c.DB, Policies: c.Policies, Keys: c.Keys, URLs: c.URLs, Now: now}
	plan := func(reference, more string) []byte {
		return fmt.Appendf(nil, `
ceremony: renew-arl
reference: %s
persons: [{duty: administrator, name: CHAN Wing Sum}, {duty: witness, name: HO Ka Yan}]
arl: {validity: 1y}
%s`, reference, more)
	}
	der, err := c.ARL(t.Context())
	first := parseList(t, der, err)
	clock = clock.AddDate(0, 11, 0)
	cfg.Plan = plan("RENEW-1", "")
	r, err := ca.RunCeremony(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	second := parseList(t, r.ARL, nil)
	if second.Number.Cmp(first.Number) <= 0 || !second.NextUpdate.After(first.NextUpdate) || len(second.RevokedCertificateEntries) != 0 {
		t.Errorf("second ARL: %+v", second)
	}
	if again, err := ca.RunCeremony(t.Context(), cfg); err != nil || !again.AlreadyDone || !bytes.Equal(again.ARL, r.ARL) {
		t.Errorf("again: %v", err)
	}
	// The root revokes the issuing CA: it is on the ARL and signs no more.
	cfg.Plan = plan("RENEW-2", "revoke: [{serial: "+ca.FormatSerial(c.Issuing().SerialNumber)+", reason: cACompromise}]")
	if r, err = ca.RunCeremony(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	third := parseList(t, r.ARL, nil)
	if len(third.RevokedCertificateEntries) != 1 || third.RevokedCertificateEntries[0].ReasonCode != 2 {
		t.Errorf("third ARL: %+v", third.RevokedCertificateEntries)
	}
	csr, err := ca.NewCSR(newKey(t, "p256"), resident)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Issue(t.Context(), ca.Request{Profile: "resident", CSR: csr, Actor: "test"}); !errors.Is(err, ca.ErrIssuer) {
		t.Errorf("a revoked CA issued: %v", err)
	}
}

func TestPlanRefuses(t *testing.T) {
	t.Parallel()
	good := string(ca.DefaultPlan())
	if _, err := ca.ParsePlan([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, one := range map[string][2]string{
		"unknown key":        {"ceremony: create", "ceremony: create\nhaste: true"},
		"duplicate key":      {"ceremony: create", "ceremony: create\nceremony: create"},
		"unknown kind":       {"ceremony: create", "ceremony: destroy"},
		"no reference":       {"reference: CHOP-DEMO-ROOT-1", "reference: ''"},
		"one person":         {"  - {duty: key custodian, name: LAM Tsz Kit}\n  - {duty: witness, name: HO Ka Yan}\n", ""},
		"same person twice":  {"LAM Tsz Kit", "chan  wing sum"},
		"forged line":        {"name: LAM Tsz Kit", `name: "LAM\n  ____  HO Ka Yan"`},
		"one token for both": {"role: ca,", "role: root,"},
		"no validity":        {"validity: 1y", "validity: ''"},
		"endless":            {"validity: 1y", "validity: 9999y"},
		"two documents":      {"ceremony: create", "ceremony: create\n---\nceremony: create"},
	} {
		text := strings.Replace(good, one[0], one[1], 1)
		if text == good {
			t.Fatalf("%s: nothing replaced", name)
		}
		if _, err := ca.ParsePlan([]byte(text)); !errors.Is(err, ca.ErrPlan) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What only the rehearsal finds is refused before a token is touched.
	for name, one := range map[string][2]string{
		"weak key":      {"spec: p384", "spec: rsa2048"},
		"unknown key":   {"spec: p384", "spec: dsa"},
		"identity card": {"common_name: Chop Demonstration Root CA", "common_name: Root A123456(3)"},
	} {
		cfg := ceremonyConfig(t, nil, noKeys{})
		cfg.DryRun = true
		cfg.Plan = []byte(strings.Replace(good, one[0], one[1], 1))
		if _, err := ca.RunCeremony(t.Context(), cfg); !errors.Is(err, ca.ErrPlan) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParsePlan(f *testing.F) {
	f.Add(ca.DefaultPlan())
	f.Add([]byte("ceremony: renew-arl\nreference: R\npersons: [{duty: a, name: b}, {duty: c, name: d}]\narl: {validity: 30d}\nrevoke: [{serial: 01ab, reason: superseded}]"))
	f.Add([]byte("a: &a [*a, *a]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ca.ParsePlan(b)
		if err == nil && (len(p.Persons) < 2 || p.Reference == "") {
			t.Errorf("accepted %q", b)
		}
		if err != nil && !errors.Is(err, ca.ErrPlan) {
			t.Errorf("%v is not %v", err, ca.ErrPlan)
		}
	})
}
