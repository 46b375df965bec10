package main_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"chop/registration/face/facetest"
	"chop/registration/face/nets"
)

// `serve` offers registration on phones where the face nets' weights are installed, also if root alone can walk to them and read them;
// where they are not installed, it says where to go instead.
func TestPhonesOffered(t *testing.T) {
	t.Parallel()
	model := facetest.Model(t)
	for name, installed := range map[string]bool{"installed": true, "not installed": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAppliance(t)
			if installed {
				folder := filepath.Join(filepath.Dir(a.program), "share", "face")
				if err := os.MkdirAll(folder, 0o700); err != nil {
					t.Fatal(err)
				}
				for _, file := range nets.Files() {
					if err := os.WriteFile(filepath.Join(folder, file), readFile(t, filepath.Join(model, file)), 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := os.Chmod(filepath.Dir(a.program), 0o700); err != nil {
				t.Fatal(err)
			}
			address, _ := served(t, a)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/register", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = "localhost"
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			page, err := io.ReadAll(answer.Body)
			if err != nil || answer.StatusCode != http.StatusOK || strings.Contains(string(page), `name="agree"`) != installed {
				t.Errorf("offered: %v, want %v; %s, %v", !installed, installed, answer.Status, err)
			}
		})
	}
}
