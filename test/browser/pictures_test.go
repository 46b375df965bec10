//go:build browser

package browser

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"chop/internal/postgres"
	"chop/registration/photos/phototest"
)

// pictures are all that the story's people showed to cameras and officers saw, as bytes, and backups that were taken while
// a case waited for an officer. Neither a backup nor what the appliance has written may hold a part of one, at any time.
type pictures struct {
	a  *appliance
	db *postgres.Private

	mu     sync.Mutex
	taken  map[string][]byte
	backed string // the newest backup
}

// newPictures shares the appliance's database, for its backups.
func newPictures(t *testing.T, a *appliance) *pictures {
	t.Helper()
	db, err := postgres.StartPrivate(t.Context(), postgres.PrivateConfig{Dir: a.path("postgres")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return &pictures{a: a, db: db, taken: map[string][]byte{}}
}

// routes are for the story: POST /picture with one as the body, POST /backup?name=, POST /search?name=, POST /kill.
func (p *pictures) routes(t *testing.T, mux *http.ServeMux) {
	handle := func(path string, do func(name string, r *http.Request) error) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			p.mu.Lock()
			defer p.mu.Unlock()
			if err := do(r.URL.Query().Get("name"), r); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		})
	}
	handle("/picture", func(name string, r *http.Request) error {
		b, err := io.ReadAll(r.Body)
		p.taken[fmt.Sprintf("%s %d", name, len(p.taken))] = b
		return err
	})
	handle("/backup", func(name string, _ *http.Request) error { return p.backup(name) })
	handle("/search", func(name string, _ *http.Request) error { return p.search(t, name) })
	handle("/kill", func(string, *http.Request) error { p.a.restart(t); return nil })
}

// backup is of the database by its own tool, and of the whole data folder.
func (p *pictures) backup(name string) error {
	folder := filepath.Join(p.a.scratch, "backups", name)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	p.backed = folder
	programs, err := filepath.Glob("/usr/lib/postgresql/*/bin/pg_dumpall")
	if err != nil || len(programs) == 0 {
		return fmt.Errorf("no pg_dumpall: %v", err)
	}
	for _, args := range [][]string{
		{programs[len(programs)-1], "--dbname", p.db.AdminDSN(), "--file", filepath.Join(folder, "dump.sql")},
		{"cp", "-a", p.a.dir, filepath.Join(folder, "folder")},
	} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w: %s", args, err, out)
		}
	}
	return nil
}

// search looks for all pictures in the newest backup, or in these, and in what the appliance has written.
func (p *pictures) search(t *testing.T, when string, backups ...string) error {
	if len(p.taken) < 2 {
		return fmt.Errorf("%d pictures were taken", len(p.taken))
	}
	if len(backups) == 0 && p.backed != "" {
		backups = []string{p.backed}
	}
	var err error
	for _, found := range phototest.Search(t, p.taken, append(backups, p.a.dir, p.a.temp())...) {
		err = fmt.Errorf("after %s: %s", when, found)
		t.Error(err)
	}
	t.Logf("after %s: %d pictures are nowhere", when, len(p.taken))
	return err
}

// finds looks once more, into all backups and the logs; and shows that the search can find, with a picture in a file.
func (p *pictures) finds(t *testing.T) {
	t.Helper()
	logs := filepath.Join(p.a.temp(), "logs")
	for i, l := range p.a.logs {
		if err := os.WriteFile(fmt.Sprintf("%s-%d", logs, i), l.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_ = p.search(t, "the end, in logs too", filepath.Join(p.a.scratch, "backups")) // it tells t itself
	for name, b := range p.taken {
		stray := p.a.path("stray")
		if err := os.WriteFile(stray, append([]byte("before"), b...), 0o600); err != nil {
			t.Fatal(err)
		}
		if found := phototest.Search(t, map[string][]byte{name: b}, p.a.dir); len(found) != 1 {
			t.Errorf("a picture in a file is found as %v", found)
		}
		return
	}
}
