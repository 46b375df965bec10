package main_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

type stored struct {
	ID, State, Original, Newest string
	Generation                  int
}

// stored lists what the store has.
func (a *appliance) stored(t *testing.T) []stored {
	t.Helper()
	var said struct{ Documents []stored }
	r := a.must(t, "store list --json --limit 1000")
	if err := json.Unmarshal([]byte(r.stdout), &said); err != nil {
		t.Fatalf("%v: %v", err, r)
	}
	return said.Documents
}

// letterFile is one that no other test signs.
func letterFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "letter.pdf")
	if err := os.WriteFile(path, letter(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A department's file is taken, renewed, verified, handed over with its proof, and removed; by command and, beside a running server, by
// the department's program.
func TestStore(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	address := freePort()
	f, err := os.OpenFile(a.path("chop.yaml"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("validation: {department_listen: \"" + address + "\"}\n")
	f.Close()
	seal := a.seal(t, "Transport Department").ID
	signed := filepath.Join(t.TempDir(), "signed.pdf")
	a.must(t, "sign pdf", "--credential", seal, "--level", "B-T", "--in", letterFile(t, "a letter"), "--out", signed)

	a.refuses(t, "store add", "--department", "transport", letterFile(t, "a letter"))
	a.must(t, "store add", "--department", "transport", signed)
	list := a.stored(t)
	if len(list) != 1 || list[0].State != "kept" || list[0].Generation != 1 {
		t.Fatalf("%+v", list)
	}
	id := list[0].ID
	if r := a.must(t, "store add", "--department", "transport", signed); !strings.Contains(r.stdout, id) || !strings.Contains(r.stdout, "before") {
		t.Errorf("%v", r)
	}
	if r := a.must(t, "store renew"); !strings.Contains(r.stdout, "0 renewed") {
		t.Errorf("nothing is due: %v", r)
	}
	a.must(t, "store renew --all")
	a.must(t, "store verify")
	out := filepath.Join(t.TempDir(), "out")
	a.must(t, "store export", id, out)
	var log struct{ Head string }
	if err := json.Unmarshal([]byte(a.must(t, "audit verify --json").stdout), &log); err != nil {
		t.Fatal(err)
	}
	offline := []string{"store", "verify", "--export", out, "--trust", a.path("public", "root.pem")}
	if r := run(t, exec.Command(a.program, append(offline, "--head", log.Head)...)); r.code != 0 || !strings.Contains(r.stdout, "TOTAL-PASSED") {
		t.Errorf("the export, offline: %v", r)
	}
	if err := os.WriteFile(filepath.Join(out, "audit.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := run(t, exec.Command(a.program, offline...)); r.code != 1 {
		t.Errorf("the export without its proof: %v", r)
	}
	kept := filepath.Join(out, "document", "signed.pdf")
	if r := a.must(t, "validate", "--trust", a.path("public", "root.pem"), "--offline", "--evidence", filepath.Join(out, "evidence.zip"), kept); !strings.Contains(r.stdout, "B-LTA") {
		t.Errorf("%v", r)
	}

	s, err := a.serve(freePort())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
		a.nobodyLeft(t)
	}()
	ask := func(department, path string) (int, string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "c.pem")
		a.must(t, "department add", "--id", department, "--out", file)
		transport := &http.Transport{TLSClientConfig: kioskTLS(t, a, file)}
		defer transport.CloseIdleConnections()
		status, text := 0, ""
		eventually(t, "the departments' listener answers", func() bool {
			res, err := (&http.Client{Transport: transport}).Get("https://" + address + path)
			if err != nil {
				return false
			}
			defer res.Body.Close()
			b, _ := io.ReadAll(res.Body)
			status, text = res.StatusCode, string(b)
			return true
		})
		return status, text
	}
	content, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	if status, text := ask("transport", "/v1/store/"+id+"/document"); status != http.StatusOK || text != string(content) {
		t.Errorf("its program: %d, %d bytes, want %d", status, len(text), len(content))
	}
	if status, text := ask("lands", "/v1/store/"+id); status != http.StatusNotFound {
		t.Errorf("another department: %d %s", status, text)
	}
	a.refuses(t, "store remove", id)
	a.must(t, "store remove", id, "--reason", "a trial")
	if status, text := ask("transport", "/v1/store/"+id+"/document"); status != http.StatusGone {
		t.Errorf("after its removal: %d %s", status, text)
	}
	a.whole(t)
}

// Killed at any moment of an addition or a renewal, nothing that was taken is lost, and nothing is there by half.
func TestKilledWhileStoring(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	seal := a.seal(t, "Transport Department").ID
	n := 0
	file := func() string {
		t.Helper()
		out := filepath.Join(t.TempDir(), "signed.pdf")
		n++
		a.must(t, "sign pdf", "--credential", seal, "--level", "B-T", "--in", letterFile(t, strconv.Itoa(n)), "--out", out)
		return out
	}
	k := newKiller(t, a, a.timed(t, "store add", "--department", "transport", file()))
	want := 1
	for killed := 0; killed < kills(); {
		words, args := "store renew --all", []string(nil)
		if killed%2 == 0 {
			words, args = "store add", []string{"--department", "transport", file()}
		}
		if k.kill(t, words, args...) {
			killed++
		}
		if words == "store add" {
			a.must(t, words, args...) // it is there, or gone on with, or sent again: once in the end
			want++
		}
	}
	a.must(t, "store renew")
	list := a.stored(t)
	if len(list) != want {
		t.Errorf("%d documents, want %d", len(list), want)
	}
	for _, d := range list {
		if d.State != "kept" {
			t.Errorf("%+v", d)
		}
	}
	start := time.Now()
	a.must(t, "store verify")
	t.Logf("verified %d documents in %v", len(list), time.Since(start))
	a.whole(t)
	a.nobodyLeft(t)
}
