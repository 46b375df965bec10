//go:build browser

package verify

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// received writes a hundred files as a department gets them, and returns the verdict that each row must have. Every
// fifth file of a detached signature has its row with it.
func (d *desk) received(folder string) map[string]Verdict {
	d.t.Helper()
	want := map[string]Verdict{}
	write := func(name string, content []byte) {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			d.t.Fatal(err)
		}
	}
	kinds := []struct {
		name string
		want Verdict
		make func(text string) []byte
	}{
		{"letter-%02d.pdf", Valid, func(s string) []byte { return d.pdf(d.good, s) }},
		{"amended-%02d.pdf", Changed, d.changedPDF},
		{"altered-%02d.pdf", Invalid, func(s string) []byte { return flipped(d.t, d.pdf(d.good, s), "100", "900") }},
		{"suspended-%02d.pdf", Undecided, func(s string) []byte { return d.pdf(d.revoked, s) }},
		{"plain-%02d.pdf", Unsigned, blank},
		{"record-%02d.xml", Valid, func(s string) []byte { return d.xml(d.good, s) }},
		{"record-altered-%02d.xml", Invalid, func(s string) []byte { return flipped(d.t, d.xml(d.good, s), "100", "900") }},
		{"bundle-%02d.asice", Valid, func(s string) []byte { return d.asic(d.good, s) }},
		{"receipt-%02d.jws", Valid, func(s string) []byte { return d.json(d.good, s) }},
	}
	for i := range 100 {
		text := fmt.Sprintf("No %d: 100 dollars", i)
		if i%10 == 9 {
			name := fmt.Sprintf("圖則 plan-%02d.dwg", i)
			write(name, []byte(text))
			write(name+".p7s", d.cms(d.good, text, true))
			want[name+".p7s"] = Valid
			continue
		}
		k := kinds[i%10]
		name := fmt.Sprintf(k.name, i)
		write(name, k.make(text))
		want[name] = k.want
	}
	return want
}

// A hundred files in the table, and one on a page, as a person and axe-core see them; see ../web/test/verify.mjs.
func TestPages(t *testing.T) {
	for _, wanted := range []string{"/usr/bin/chromium", "../web/node_modules/playwright-core"} {
		if _, err := os.Stat(wanted); err != nil {
			t.Fatalf("wants %s; hint: make deps-test web-portal", wanted)
		}
	}
	d := newDesk(t, func(c *Config) {
		c.Sheet = func(lang string) string {
			return map[string]string{"zh-Hans": "/static/fonts-sc.css"}[lang] + map[string]string{"en": "/static/fonts-hk.css", "zh-Hant-HK": "/static/fonts-hk.css"}[lang]
		}
	})
	files := t.TempDir()
	want, err := json.Marshal(d.received(files))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/static/", http.StripPrefix("/static/", http.FileServer(http.Dir("../static")))) // as the portal serves its fonts
	mux.Handle("/", d.handler)
	server := &http.Server{Handler: mux}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close() })
	folder := os.Getenv("CHOP_SCREENSHOTS")
	if folder == "" {
		folder = t.TempDir()
	}
	cmd := exec.CommandContext(t.Context(), "node", "test/verify.mjs", fmt.Sprintf("http://localhost:%d", l.Addr().(*net.TCPAddr).Port), folder, files)
	cmd.Dir, cmd.Env = "../web", append(os.Environ(), "WANT="+string(want))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
