package main_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"chop/internal/postgres"
)

// What --out and FILE name may be no file at all. Nothing is put in its place: a rename over /dev/null would take
// the device from the whole machine. And nothing waits for the other end of a pipe.
func TestNoRegularFile(t *testing.T) {
	t.Parallel()
	a := shared.open(t)
	in, csr := saved(t, "letter.pdf", letter("Dear Sir")), newRequest(t)
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	seal := shared.seal(t, "p256", "")
	for _, odd := range []string{pipe, t.TempDir()} {
		a.refuses(t, "ca crl", "--out", odd)
		a.refuses(t, "ca issue", "--profile", "department-seal", "--csr", csr, "--out", odd)
		a.refuses(t, "validate", odd)
		a.refuses(t, "sign pdf", "--credential", seal, "--in", odd, "--out", in)
		if r := a.run(t, "sign pdf", "--credential", seal, "--in", in, "--out", odd); r.code == 0 {
			t.Errorf("%v", r)
		}
	}
	if info, err := os.Lstat(pipe); err != nil || info.Mode().Type() != os.ModeNamedPipe {
		t.Errorf("the pipe has become %v, %v", info, err)
	}
}

// A link that --out names leads to the new file, and is still one.
func TestOutThroughLink(t *testing.T) {
	t.Parallel()
	a := shared.open(t)
	file := saved(t, "old.crl", []byte("old"))
	link := filepath.Join(t.TempDir(), "link.crl")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	a.must(t, "ca crl", "--out", link)
	if to, err := os.Readlink(link); err != nil || to != file || string(readFile(t, file)) == "old" {
		t.Errorf("the link leads to %q, %v; the file has %d bytes", to, err, len(readFile(t, file)))
	}
}

// A certificate that could not be written is not issued.
func TestIssueNowhere(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	before := a.must(t, "audit verify", "--json").stdout
	a.refuses(t, "ca issue", "--profile", "department-seal", "--csr", newRequest(t), "--out", filepath.Join(t.TempDir(), "absent", "cert.pem"))
	if after := a.must(t, "audit verify", "--json").stdout; after != before {
		t.Errorf("something was recorded: %s, before %s", after, before)
	}
}

// What is served is there for HEAD too (RFC 9110, 9.1).
func TestHead(t *testing.T) {
	t.Parallel()
	shared.open(t)
	for _, path := range []string{"/", "/pki", "/cps", "/ca/root.cer", "/ca/issuing.cer", "/crl/issuing-0.crl", "/arl/root.crl"} {
		answer, err := http.Head(shared.url + path)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK || answer.ContentLength == 0 {
			t.Errorf("HEAD %s: %s, %d bytes", path, answer.Status, answer.ContentLength)
		}
	}
}

// `config check` refuses what a start would refuse.
func TestConfigCheck(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	a.must(t, "config check")
	good := string(readFile(t, a.path("chop.yaml")))
	for _, bad := range []string{
		"",
		strings.Replace(good, `arc: ""`, `arc: "1.2.x"`, 1),
		strings.Replace(good, `dsn_file: ""`, `dsn_file: /nowhere/dsn`, 1),
		strings.Replace(good, `dsn_file: ""`, `dsn_file: `+a.path("secrets", "sealer.pin"), 1), // and none for activation
		strings.Replace(good, `enrolment:`, "mail: {server: mailhost}\nenrolment:", 1),
		strings.Replace(good, `enrolment:`, "mail: {server: \"mailhost:25\", password_file: /nowhere/password}\nenrolment:", 1),
		strings.Replace(good, `enrolment:`, "immigration: {answer_keys: {one: /nowhere/key}}\nenrolment:", 1),
		strings.Replace(good, `backup_eligible: with-device-key`, `backup_eligible: gladly`, 1),
		strings.Replace(good, `approve_url: http://approve.`, `approve_url: http://`, 1),
		strings.Replace(good, `module: ""`, `module: /nowhere/pkcs11.so`, 1),
		good + "registration: {face_weights: " + a.path("secrets") + "}\n",
		good + "misspelt: 1\n",
	} {
		if bad == good {
			t.Fatal("the configuration has changed its form")
		}
		if err := os.WriteFile(a.path("chop.yaml"), []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		a.refuses(t, "config check")
	}
}

// A seal's name that the CA would refuse is refused first: it is in no record.
func TestRefusedSealLeavesNoName(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	names := []string{strings.Repeat("Department of long names ", 3), "Depart\tment", "Department\u202e", "Department\x7f"}
	for _, name := range names {
		if r := a.run(t, "seal create", "--name", name); r.code == 0 {
			t.Errorf("%q: %v", name, r)
		}
	}
	a.withDatabase(t, func(db *postgres.DB) {
		for _, table := range []string{"audit_event", "audit_pending"} {
			n := -1
			err := db.Pool.QueryRow(t.Context(), `SELECT count(*) FROM `+table+` WHERE action LIKE 'signer.%seal'`).Scan(&n)
			if err != nil || n != 0 {
				t.Errorf("%s: %d, %v", table, n, err)
			}
		}
	})
	a.seal(t, "Transport Department")
}
