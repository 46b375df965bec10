package main_test

import (
	"bytes"
	"crypto/rand"
	"io"
	"io/fs"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What somebody uploads to be checked is nowhere afterwards: not in the data folder, whose database is in it, not in the
// folder for temporary files, and not in the log.
func TestUploadIsNotKept(t *testing.T) {
	a := newAppliance(t)
	temporary := filepath.Join(t.TempDir(), "tmp")
	if err := os.Mkdir(temporary, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(temporary, 0o777); err != nil { // for the users of all roles
		t.Fatal(err)
	}
	seal := a.seal(t, "Lands Department")
	name, content := rand.Text(), rand.Text()
	in := filepath.Join(t.TempDir(), "in.json")
	if err := os.WriteFile(in, []byte(`{"text": "`+content+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out.jws")
	a.must(t, "sign json", "--credential", seal.ID, "--in", in, "--out", out)
	signed, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", temporary)
	address, server := served(t, a)
	// A document that is judged, with its signature's own bytes; a name and content of none; more than is taken.
	uploads := []struct {
		content []byte
		status  int
	}{{signed, 200}, {[]byte(content), 200}, {bytes.Repeat([]byte(content), 34<<20/len(content)), 413}}
	for _, path := range []string{"/verify", "/verify/files"} {
		for _, u := range uploads {
			var form bytes.Buffer
			m := multipart.NewWriter(&form)
			file, err := m.CreateFormFile("document", name+".jws")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := file.Write(u.content); err != nil {
				t.Fatal(err)
			}
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
			answer, err := http.Post("http://"+address+path, m.FormDataContentType(), &form)
			if err != nil {
				t.Fatal(err)
			}
			page, err := io.ReadAll(answer.Body)
			answer.Body.Close()
			if err != nil || answer.StatusCode != u.status {
				t.Fatalf("%s: %d, %v; want %d: %s", path, answer.StatusCode, err, u.status, page)
			}
			if u.status == 200 && path == "/verify" && !strings.Contains(string(page), name) {
				t.Fatalf("the page is about something else: %s", page)
			}
		}
	}
	// Of the signed document, what nobody else has is its signature value.
	value := string(signed[len(signed)-60 : len(signed)-10])
	markers := []string{name, content, value}
	found := func() (where []string) {
		for _, folder := range []string{a.dir, temporary} {
			err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
				if err != nil || !e.Type().IsRegular() {
					return nil // what the database took away meanwhile
				}
				for _, m := range markers {
					if strings.Contains(path, m) {
						where = append(where, path)
					}
				}
				b, err := os.ReadFile(path)
				if err != nil {
					return nil
				}
				for _, m := range markers {
					if bytes.Contains(b, []byte(m)) {
						where = append(where, path)
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		return where
	}
	if where := found(); len(where) > 0 {
		t.Errorf("left in %q", where)
	}
	log := server.stderr.String()
	for _, m := range markers {
		if strings.Contains(log, m) {
			t.Errorf("the log has %q:\n%s", m, log)
		}
	}
	// The search must be able to find.
	if err := os.WriteFile(filepath.Join(temporary, "kept"), signed, 0o600); err != nil {
		t.Fatal(err)
	}
	if where := found(); len(where) == 0 {
		t.Error("a document that is there is not found")
	}
}
