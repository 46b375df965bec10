package activation

import (
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"chop/internal/solecontrol"
)

// The kernel says who connects; anybody else gets no answer at all.
func TestPeers(t *testing.T) {
	dir, err := os.MkdirTemp("", "act")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for name, c := range map[string]struct {
		uids []int
		ok   bool
	}{"us": {[]int{12345, os.Getuid()}, true}, "others": {[]int{os.Getuid() + 1}, false}} {
		path := filepath.Join(dir, name)
		l, err := Listen(path, c.uids, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"key":""}`)) })}
		go server.Serve(l)
		_, err = Dial(path).Identity(t.Context())
		if (err == nil) != c.ok {
			t.Errorf("%s: %v, want an answer: %v", name, err, c.ok)
		}
		server.Close()
		// What a killed process left is replaced; anything else is left alone.
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Listen(path, c.uids, slog.New(slog.DiscardHandler)); err == nil {
			t.Error("a file was taken for a socket")
		}
	}
	if _, err := Listen(filepath.Join(dir, "x"), nil, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a socket for nobody was made")
	}
	if _, err := net.Dial("unix", filepath.Join(dir, "x")); err == nil {
		t.Error("it listens")
	}
}

// A pins file is read again when it changes; one that is wrong is an error, and
// the old pins are not believed meanwhile.
func TestPinsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pins.json")
	write := func(text string, at time.Time) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	key := solecontrol.Bytes(spkiOf(t, newKey(t))).String()
	pins := PinsFile(path)
	if _, err := pins(); err == nil {
		t.Error("an absent file was read")
	}
	write(`{"officers":[],"kiosks":[{"id":"k","key":"`+key+`"}],"immigration":[],"issuing":[]}`, now)
	if p, err := pins(); err != nil || len(p.Kiosks) != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	write(`{"officers":[],"kiosks":[],"immigration":[],"issuing":[]}`, now.Add(time.Second))
	if p, err := pins(); err != nil || len(p.Kiosks) != 0 {
		t.Errorf("changed: %+v, %v", p, err)
	}
	for _, bad := range []string{
		`{"officers":[],"kiosks":[],"immigration":[]}`, `{}`, ``,
		`{"officers":[],"kiosks":[{"id":"k","key":"` + key + `"},{"id":"k","key":"` + key + `"}],"immigration":[],"issuing":[]}`,
		`{"officers":[],"kiosks":[{"id":"k","key":"AA"}],"immigration":[],"issuing":[]}`,
		`{"officers":[],"kiosks":[],"immigration":[],"issuing":["AA"]}`,
	} {
		now = now.Add(time.Minute)
		write(bad, now)
		if _, err := pins(); err == nil {
			t.Errorf("accepted: %s", bad)
		}
	}
}
