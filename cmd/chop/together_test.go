package main_test

import (
	"path/filepath"
	"sync"
	"testing"
)

// Many commands at the same time, on the folder of a server that is running: they share the database, the tokens'
// files and the records, and none of them gets in another's way.
func TestCommandsTogether(t *testing.T) {
	t.Parallel()
	a := shared.open(t)
	seal := shared.seal(t, "p256", "")
	in := saved(t, "letter.pdf", letter("Dear Sir"))
	var all sync.WaitGroup
	for range 4 {
		signed, cert := filepath.Join(t.TempDir(), "signed.pdf"), filepath.Join(t.TempDir(), "cert.pem")
		for _, c := range []struct {
			words string
			args  []string
		}{
			{"sign pdf", []string{"--credential", seal, "--level", "B-LT", "--in", in, "--out", signed}},
			{"ca issue", []string{"--profile", "department-seal", "--csr", newRequest(t), "--out", cert}},
			{"seal list", nil},
			{"seal create", []string{"--name", "Lands Department"}},
			{"audit verify", nil},
		} {
			all.Go(func() {
				if r := a.run(t, c.words, c.args...); r.code != 0 {
					t.Errorf("%v", r)
				}
			})
		}
	}
	all.Wait()
}
