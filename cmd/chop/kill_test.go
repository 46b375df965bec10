package main_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"chop/ca"
	"chop/internal/postgres"
)

// A command that is killed leaves no certificate without its record, no half-written file, and no process; and the
// next one works.
func TestKilledWhileIssuing(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	k := newKiller(t, a, a.timed(t, "ca issue", "--profile", "department-seal", "--csr", newRequest(t), "--out", filepath.Join(t.TempDir(), "cert.pem")))
	for killed := 0; killed < kills(); {
		csr, out := newRequest(t), filepath.Join(t.TempDir(), "cert.pem")
		if k.kill(t, "ca issue", "--profile", "department-seal", "--csr", csr, "--out", out) {
			killed++
		}
		if onlyResults(t, out) {
			if serial := ca.FormatSerial(certificate(t, out).SerialNumber); a.status(t, serial) != "good" {
				t.Errorf("the certificate %s was handed out and is not good", serial)
			}
		}
		a.must(t, "ca issue", "--profile", "department-seal", "--csr", csr, "--out", out)
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

func (a *appliance) status(t *testing.T, serial string) string {
	t.Helper()
	var said struct{ Serial, Status string }
	r := a.must(t, "ca status --json", "--serial", serial)
	if err := json.Unmarshal([]byte(r.stdout), &said); err != nil || !strings.EqualFold(said.Serial, serial) {
		t.Errorf("%v: %v", err, r)
	}
	return said.Status
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
	for killed := 0; killed < kills(); {
		out := filepath.Join(t.TempDir(), "out.pdf")
		old := []byte("as it was")
		if k.round%4 < 2 {
			if err := os.WriteFile(out, old, 0o600); err != nil {
				t.Fatal(err)
			}
		} else {
			old = nil
		}
		if k.kill(t, "sign pdf", sign(out)...) {
			killed++
		}
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
