//go:build browser

package browser

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// outcome is what the scripts leave to be judged.
type outcome struct {
	Files   []signedFile
	Secrets []string // every s of the run, in hexadecimal
}

// signedFile is a signed PDF, and the name of who signed. Superseded: the certificate was revoked afterwards.
type signedFile struct {
	Name, Signer string
	Superseded   bool
}

// People open accounts, sign, lose their connection, are suspended and resumed; see flow.mjs.
// What they signed is judged by chop validate and pdfsig, and s is searched for in all that
// the appliance has written.
func TestPeople(t *testing.T) {
	wantTools(t)
	a := newAppliance(t)
	house := a.house(t)
	made := a.story(t, "flow.mjs", house)
	// pdfsig asks our OCSP responder at the address in the certificate: we are still serving.
	judge(t, a, house["out"], made, 8)
	a.stop()
	search(t, a, made.Secrets, "registration.verify-caller")
}

func wantTools(t *testing.T) {
	t.Helper()
	for _, want := range []string{"/usr/bin/chromium", "node_modules/playwright-core"} {
		if _, err := os.Stat(want); err != nil {
			t.Fatalf("wants %s; hint: make deps-test web-browser", want)
		}
	}
}

// house is what the scripts are told of the appliance.
func (a *appliance) house(t *testing.T) map[string]string {
	t.Helper()
	shots := os.Getenv("CHOP_SCREENSHOTS")
	if shots == "" {
		shots = "../../bin/screenshots"
	}
	return map[string]string{
		"portal": a.portal, "approve": a.approve, "desk": a.desk, "dir": a.dir, "program": a.program, "out": t.TempDir(), "shots": shots,
	}
}

// story runs a script to its end, and returns what it leaves.
func (a *appliance) story(t *testing.T, script string, house map[string]string) (made outcome) {
	t.Helper()
	text, err := json.Marshal(house)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", script)
	cmd.Env = append(os.Environ(), "CHOP_HOUSE="+string(text))
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	err = cmd.Run()
	t.Logf("screenshots: %s", house["shots"])
	if err != nil {
		t.Fatal(err)
	}
	if text, err = os.ReadFile(filepath.Join(house["out"], "outcome.json")); err == nil {
		err = json.Unmarshal(text, &made)
	}
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// judge wants each file valid for whoever has our root, and the resident named.
func judge(t *testing.T, a *appliance, folder string, made outcome, least int) {
	t.Helper()
	if len(made.Files) < least {
		t.Errorf("only %d signed files", len(made.Files))
	}
	nss := "sql:" + t.TempDir()
	must(t, exec.CommandContext(t.Context(), "certutil", "-N", "-d", nss, "--empty-password"))
	must(t, exec.CommandContext(t.Context(), "certutil", "-A", "-d", nss, "-n", "root", "-t", "CT,C,C", "-a", "-i", a.path("public", "root.pem")))
	for _, f := range made.Files {
		file := filepath.Join(folder, f.Name)
		must(t, exec.CommandContext(t.Context(), a.program, "validate", "--trust", a.path("public", "root.pem"), file))
		said := must(t, exec.CommandContext(t.Context(), "pdfsig", "-nssdir", nss, file))
		status := "Certificate is Trusted."
		if f.Superseded { // pdfsig asks about now, and chop validate about then
			status = "Certificate has been Revoked."
		}
		for _, want := range []string{"Signature is Valid.", status, "Signer Certificate Common Name: " + f.Signer} {
			if strings.Count(said, want) != 1 {
				t.Errorf("%s: pdfsig does not say %q once:\n%s", f.Name, want, said)
			}
		}
	}
}

// search looks for s, in each form in which it could be written, in every file of the data
// folder (the database's own, spools, tokens) and in what the processes logged.
func search(t *testing.T, a *appliance, secrets []string, act string) {
	t.Helper()
	if len(secrets) < 2 {
		t.Fatalf("%d secrets: there were two residents", len(secrets))
	}
	var needles [][]byte
	for _, s := range secrets {
		raw, err := hex.DecodeString(s)
		if err != nil || len(raw) != 32 {
			t.Fatalf("s is %q", s)
		}
		// Half of it is enough to find it, wherever a line was broken.
		needles = append(needles, raw[:16], []byte(s[:32]), []byte(strings.ToUpper(s[:32])),
			[]byte(base64.StdEncoding.EncodeToString(raw[:15])), []byte(base64.URLEncoding.EncodeToString(raw[:15])))
	}
	find := func(where string, data []byte) {
		for _, n := range needles {
			if bytes.Contains(data, n) {
				t.Errorf("s is in %s", where)
			}
		}
	}
	for _, l := range a.logs {
		find("the log", l.Bytes())
	}
	files, known := 0, false
	err := filepath.WalkDir(a.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		find(path, data)
		files++
		known = known || bytes.Contains(data, []byte(act))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// The search must be able to find: act, of the audit log, lies in the database's files.
	if files < 100 || !known {
		t.Fatalf("searched %d files, and found what is known to be there: %v", files, known)
	}
}
