package main_test

import (
	"bytes"
	"io"
	"io/fs"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// validated sends a document to the service and returns what it answers.
func validated(t *testing.T, address, name string, document []byte) (status int, answer string) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("document", name)
	if err != nil {
		t.Fatal(err)
	}
	part.Write(document)
	form.Close()
	res, err := http.Post("http://"+address+"/v1/validations", form.FormDataContentType(), &body)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// filesWith finds the files under a folder that hold a text: those of the database too.
func filesWith(t *testing.T, dir, text string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil // files come and go under a server
		}
		if b, err := os.ReadFile(path); err == nil && bytes.Contains(b, []byte(text)) {
			found = append(found, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A served appliance judges what it is sent, and keeps nothing of it: not in its folder with the database, not in the
// temporary files, not in what it logs.
func TestValidationsKeepNothing(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	signed := readFile(t, a.sign(t, a.seal(t, "Transport Department").ID, "B-LT", saved(t, "a.pdf", letter("zebra7391 in a letter"))))
	temporary, address := t.TempDir(), freePort()
	log := &strings.Builder{}
	cmd := exec.Command(a.program, "serve", "--verbose", "--dir", a.dir, "--listen", address, "--officer-listen", "none")
	cmd.Env = append(os.Environ(), "TMPDIR="+temporary)
	cmd.Stderr, cmd.Stdout = log, io.Discard
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &server{cmd, log}
	stopped := false
	t.Cleanup(func() {
		if !stopped {
			_ = s.stop()
		}
	})
	eventually(t, "the site answers", func() bool { return status(address, "localhost") == http.StatusOK })

	if status, answer := validated(t, address, "zebra7391.pdf", signed); status != 200 || !strings.Contains(answer, "TOTAL-PASSED") || !strings.Contains(answer, `"eto":[{`) {
		t.Errorf("a good one: %d %s", status, answer)
	}
	if status, answer := validated(t, address, "zebra7391.pdf", bytes.Replace(signed, []byte("zebra7391 in a"), []byte("zebra7391 in b"), 1)); status != 200 || strings.Contains(answer, "TOTAL-PASSED") {
		t.Errorf("a changed one: %d %s", status, answer)
	}
	if status, answer := validated(t, address, "zebra7391.xml", []byte("<zebra7391>")); status != http.StatusUnprocessableEntity || strings.Contains(answer, "zebra") {
		t.Errorf("a broken one: %d %s", status, answer)
	}
	res, err := http.Get("http://" + address + "/v1/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("the description: %d", res.StatusCode)
	}
	running := append(filesWith(t, a.dir, "zebra7391"), filesWith(t, temporary, "zebra7391")...)
	stopped = true
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	for _, f := range append(running, append(filesWith(t, a.dir, "zebra7391"), filesWith(t, temporary, "zebra7391")...)...) {
		t.Errorf("kept in %s", f)
	}
	if text := log.String(); strings.Contains(text, "zebra7391") {
		t.Errorf("the log: %s", text)
	}
	// The search finds what is there.
	if err := os.WriteFile(filepath.Join(temporary, "x"), []byte("a zebra7391"), 0o600); err != nil {
		t.Fatal(err)
	}
	if len(filesWith(t, temporary, "zebra7391")) != 1 || len(filesWith(t, a.dir, "Transport Department")) == 0 {
		t.Error("the search finds nothing at all")
	}
}
