//go:build browser

package browser

import (
	"archive/zip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A department's operators check what it receives, a hundred files of all kinds, and have letters sealed under four eyes,
// while the server is killed; see department.mjs. What they take away is judged by chop validate.
func TestDepartment(t *testing.T) {
	wantTools(t)
	port := freePort(t)
	a := newAppliance(t, func(a *appliance) {
		a.append(t, "validation: {department_listen: \"127.0.0.1:"+port+"\"}\n")
	})
	own := a.newSeal(t, "--name", "Transport Department", "--department", "transport")
	received := filepath.Join(a.scratch, "received")
	want := received100(t, a, a.newSeal(t, "--name", "Lands Department"), received)
	letters := filepath.Join(a.scratch, "letters")
	sealable := letters40(t, letters)

	control := http.NewServeMux()
	control.HandleFunc("POST /kill", func(http.ResponseWriter, *http.Request) { a.restart(t) })
	hand := httptest.NewServer(control)
	t.Cleanup(hand.Close)
	house := a.house(t)
	house["department"], house["hands"], house["received"], house["letters"], house["seal"] = "https://localhost:"+port, hand.URL, received, letters, own
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	house["want"] = string(text)
	a.story(t, "department.mjs", house)

	// The seal signs nothing for the command line, whatever its user may do.
	out := filepath.Join(a.scratch, "out.jws")
	said, err := a.command(t.Context(), "sign json", "--credential", own, "--in", filepath.Join(letters, sealable["json"]), "--out", out).CombinedOutput()
	if err == nil || !strings.Contains(string(said), "operators") {
		t.Errorf("a department's seal on the command line: %v\n%s", err, said)
	}
	sealed := unzip(t, filepath.Join(house["out"], "sealed.zip"))
	if len(sealed) != 40 {
		t.Errorf("%d sealed files, want 40: %q", len(sealed), sealed)
	}
	for _, file := range sealed {
		must(t, exec.CommandContext(t.Context(), a.program, "validate", "--trust", a.path("public", "root.pem"), file))
	}
	a.stop()
}

// newSeal makes a seal, and returns its id.
func (a *appliance) newSeal(t *testing.T, args ...string) string {
	t.Helper()
	var made struct{ ID string }
	if err := json.Unmarshal([]byte(must(t, a.command(t.Context(), "seal create --json", args...))), &made); err != nil {
		t.Fatal(err)
	}
	return made.ID
}

// unzip writes an archive's files beside it, and returns them.
func unzip(t *testing.T, name string) (files []string) {
	t.Helper()
	r, err := zip.OpenReader(name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(filepath.Dir(name), "sealed-"+f.Name)
		if err := os.WriteFile(to, content, 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, to)
	}
	return files
}
