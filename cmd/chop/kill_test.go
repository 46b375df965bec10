package main_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"chop/ca"
	"chop/internal/postgres"
)

// kills is how often each command is killed; CHOP_KILLS sets it for a long run.
func kills(t *testing.T) int {
	n, err := strconv.Atoi(os.Getenv("CHOP_KILLS"))
	if err != nil {
		return 10
	}
	return n
}

// A killer ends a command with SIGKILL at a random moment of the time that it takes, and every other time the
// database's server too, as a power cut would.
type killer struct {
	*appliance
	random *mathrand.Rand
	length time.Duration
	round  int
}

func newKiller(t *testing.T, a *appliance, length time.Duration) *killer {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d; undisturbed it takes %v", seed, length)
	return &killer{appliance: a, random: mathrand.New(mathrand.NewPCG(seed, 0)), length: length}
}

// timed is how long a command takes that is left alone.
func (a *appliance) timed(t *testing.T, words string, args ...string) time.Duration {
	t.Helper()
	start := time.Now()
	a.must(t, words, args...)
	return time.Since(start)
}

func (k *killer) kill(t *testing.T, words string, args ...string) {
	t.Helper()
	k.round++
	cmd := k.command(t.Context(), words, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	after := time.Duration(k.random.Int64N(int64(k.length)))
	time.Sleep(after)
	if server := k.databaseServer(t); server != 0 && k.round%2 == 0 {
		_ = syscall.Kill(server, syscall.SIGKILL) // it may have ended
	}
	if err := cmd.Process.Kill(); err != nil && err != os.ErrProcessDone {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	t.Logf("round %d: killed after %v: %v %s", k.round, after.Round(time.Millisecond), cmd.ProcessState, &stderr)
	k.nobodyLeft(t)
}

// whole wants the audit log to be so.
func (a *appliance) whole(t *testing.T) {
	t.Helper()
	r := a.must(t, "audit verify --json")
	var said struct {
		Events   int
		Problems []string
	}
	if err := json.Unmarshal([]byte(r.stdout), &said); err != nil || said.Events == 0 || len(said.Problems) != 0 {
		t.Errorf("%v: %v", err, r)
	}
}

// onlyResults wants no visible file in the output's folder but the output.
func onlyResults(t *testing.T, out string) (there bool) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.Dir(out), "[^.]*"))
	if err != nil || len(files) > 1 || len(files) == 1 && files[0] != out {
		t.Errorf("%v: %v", files, err)
	}
	return len(files) == 1
}

func (a *appliance) status(t *testing.T, serial string) string {
	t.Helper()
	var said struct{ Serial, Status string }
	r := a.must(t, "ca status --json", "--serial", serial)
	if err := json.Unmarshal([]byte(r.stdout), &said); err != nil || !strings.EqualFold(said.Serial, serial) {
		t.Errorf("%v: %v", err, r)
	}
	return said.Status
}

func TestKilledWhileIssuing(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	k := newKiller(t, a, a.timed(t, "ca issue", "--profile", "resident", "--csr", newRequest(t), "--out", filepath.Join(t.TempDir(), "cert.pem")))
	for range kills(t) {
		csr, out := newRequest(t), filepath.Join(t.TempDir(), "cert.pem")
		k.kill(t, "ca issue", "--profile", "resident", "--csr", csr, "--out", out)
		if onlyResults(t, out) {
			if serial := ca.FormatSerial(certificate(t, out).SerialNumber); a.status(t, serial) != "good" {
				t.Errorf("the certificate %s was handed out and is not good", serial)
			}
		}
		a.must(t, "ca issue", "--profile", "resident", "--csr", csr, "--out", out)
	}
	a.whole(t)
	for serial, recorded := range records(t, a) {
		switch said := a.status(t, serial); {
		case recorded != "good" && said == "good":
			t.Errorf("%s is recorded as %q and is said to be good", serial, recorded)
		case recorded == "good" && said != "good":
			t.Errorf("%s is recorded as good and is said to be %q", serial, said)
		}
	}
	a.nobodyLeft(t)
	if server := a.databaseServer(t); server != 0 {
		t.Errorf("the last command left the database's server %d running", server)
	}
}

// records reads the status of some certificates from the database: of all that are not plainly good, and of two
// that are.
func records(t *testing.T, a *appliance) map[string]string {
	t.Helper()
	private, err := postgres.StartPrivate(t.Context(), postgres.PrivateConfig{Dir: a.path("postgres")})
	if err != nil {
		t.Fatal(err)
	}
	defer private.Close()
	db, err := postgres.Open(t.Context(), postgres.Config{DSN: private.DSN()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	issuer := sha256.Sum256(certificate(t, a.issuing()).RawSubjectPublicKeyInfo)
	rows, err := db.Pool.Query(t.Context(), `
		(SELECT encode(serial, 'hex'), status FROM ca_certificate WHERE issuer = $1 AND status <> 'good')
		UNION ALL (SELECT encode(serial, 'hex'), status FROM ca_certificate WHERE issuer = $1 AND status = 'good' LIMIT 2)`, issuer[:])
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for rows.Next() {
		var serial, status string
		if err := rows.Scan(&serial, &status); err != nil {
			t.Fatal(err)
		}
		found[serial] = status
	}
	if rows.Err() != nil || len(found) < 2 {
		t.Fatalf("%v, %v", found, rows.Err())
	}
	t.Logf("recorded: %v", found)
	return found
}

func TestKilledWhileSigning(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	seal := a.seal(t, "Transport Department").ID
	in := saved(t, "letter.pdf", letter("Dear Sir"))
	sign := func(out string) []string {
		return []string{"--credential", seal, "--level", "B-LTA", "--in", in, "--out", out}
	}
	k := newKiller(t, a, a.timed(t, "sign pdf", sign(filepath.Join(t.TempDir(), "out.pdf"))...))
	for round := range kills(t) {
		out := filepath.Join(t.TempDir(), "out.pdf")
		old := []byte("as it was")
		if round%2 == 0 {
			if err := os.WriteFile(out, old, 0o600); err != nil {
				t.Fatal(err)
			}
		} else {
			old = nil
		}
		k.kill(t, "sign pdf", sign(out)...)
		there := onlyResults(t, out)
		switch {
		case !there && old != nil:
			t.Error("the old file is gone, and there is no new one")
		case there && !bytes.Equal(readFile(t, out), old):
			a.passes(t, out, "--offline")
		}
		a.must(t, "sign pdf", sign(out)...)
	}
	a.passes(t, a.sign(t, seal, "B-LTA", in), "--offline")
	a.whole(t)
	a.nobodyLeft(t)
}

// newRequest is a certificate signing request for a new key.
func newRequest(t testing.TB) (file string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	name := pkix.Name{Country: []string{"HK"}, CommonName: "CHAN Siu Ming"}
	for oid, value := range map[int]string{4: "CHAN", 42: "Siu Ming", 5: fmt.Sprintf("SRN%010d", time.Now().UnixNano()%1e10)} {
		name.ExtraNames = append(name.ExtraNames, pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, oid}, Value: value})
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: name}, key)
	if err != nil {
		t.Fatal(err)
	}
	return saved(t, "req.der", der)
}
