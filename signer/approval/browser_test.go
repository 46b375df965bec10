package approval

import (
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chop/internal/corpus"
)

// inBrowser runs a script of web/test in node, which drives a real browser on
// this origin and stands for the processes behind its sockets.
func inBrowser(t *testing.T, script string, env ...string) {
	t.Helper()
	if _, err := os.Stat("web/node_modules/playwright-core"); err != nil {
		t.Fatal("the page's tools are not installed; hint: make web-approval")
	}
	if _, err := os.Stat("/usr/bin/chromium"); err != nil {
		t.Fatal("there is no /usr/bin/chromium; hint: make deps-test")
	}
	folder, err := os.MkdirTemp("", "approval") // short: a socket's path has 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	address := "http://approve.localhost:" + port
	origin, err := New(Config{
		ApproveURL: address, PortalURL: "http://localhost:8080", Log: slog.New(slog.DiscardHandler),
		Activation: Unix(filepath.Join(folder, "approval-activation.sock")),
		Documents:  Unix(filepath.Join(folder, "documents.sock")),
	})
	if err != nil {
		t.Fatal(err)
	}
	if !origin.Built() {
		t.Fatal("the page is not built; hint: make web-approval")
	}
	server := &http.Server{Handler: origin, ReadHeaderTimeout: 5 * time.Second}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })

	cmd := exec.CommandContext(t.Context(), "node", append([]string{"test/" + script}, strings.Fields(os.Getenv("CHOP_DRAW"))...)...)
	cmd.Dir = "web"
	cmd.Env = append(os.Environ(), append([]string{"CHOP_ORIGIN=" + address, "CHOP_SOCKETS=" + folder}, env...)...)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("node test/%s: %v", script, err)
	}
}

// TestPictures takes pictures of every page, to be looked at, into the folder
// that CHOP_SHOTS names.
func TestPictures(t *testing.T) {
	folder := os.Getenv("CHOP_SHOTS")
	if folder == "" {
		return // nobody wants to look
	}
	inBrowser(t, "shots.mjs")
}

// TestDraw compares what the page draws with what pdftoppm draws, and sees that
// what cannot be drawn whole cannot be approved.
func TestDraw(t *testing.T) {
	corpora, _ := corpus.Find("")
	inBrowser(t, "draw.mjs", "CHOP_CORPORA="+corpora)
}

// TestFlow signs and sets up with a passkey, and goes through what can go wrong.
func TestFlow(t *testing.T) { inBrowser(t, "flow.mjs") }
