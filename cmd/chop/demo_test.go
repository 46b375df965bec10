package main_test

import (
	"bufio"
	"bytes"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// newProgram is an appliance that is not there yet.
func newProgram(t *testing.T) *appliance {
	t.Helper()
	dir := t.TempDir()
	a := &appliance{filepath.Join(dir, "data"), filepath.Join(dir, "chop")}
	if err := os.Link(program, a.program); err != nil {
		t.Fatal(err)
	}
	return a
}

var servingOn = regexp.MustCompile(`using (127\.0\.0\.1:\d+) instead`)

// The demo makes an appliance and signs; where its port is taken it takes another and says so; run again it
// carries on.
func TestDemo(t *testing.T) {
	t.Parallel()
	a := newProgram(t)
	// If this fails somebody else has the port, which is as good.
	if l, err := net.Listen("tcp", "127.0.0.1:8080"); err == nil {
		defer l.Close()
	}
	r := a.must(t, "demo --once")
	instead := servingOn.FindStringSubmatch(r.stdout)
	if instead == nil || !strings.Contains(r.stdout, "127.0.0.1:8080 is taken") {
		t.Fatalf("the port is taken: %v", r)
	}
	signed := a.path("out", "signed.pdf")
	for _, file := range []string{signed, a.root()} {
		if !strings.Contains(r.stdout, file) {
			t.Errorf("%s is not named: %v", file, r)
		}
	}
	a.passes(t, signed, "--offline")
	accepts(t, "qpdf", "--check", signed)
	// Its certificates point to where it really is.
	_, port, _ := net.SplitHostPort(instead[1])
	if text := accepts(t, "openssl", "x509", "-noout", "-text", "-in", a.path("public", "tsa.pem")).stdout; !strings.Contains(text, "http://localhost:"+port+"/ocsp") {
		t.Errorf("the certificates do not point to port %s:\n%s", port, text)
	}

	root := readFile(t, a.root())
	own := saved(t, "letter.pdf", letter("Dear Madam"))
	r = a.must(t, "demo --once", "--in", own)
	if !strings.Contains(r.stdout, "carrying on") || !bytes.Equal(readFile(t, a.root()), root) {
		t.Errorf("the second run: %v", r)
	}
	if !bytes.HasPrefix(readFile(t, signed), readFile(t, own)) {
		t.Error("the second run did not sign the file that it was given")
	}
	a.passes(t, signed, "--offline")
	if sealed := a.must(t, "seal list"); strings.Count(sealed.stdout, "\n") != 1 {
		t.Errorf("each run made a seal: %v", sealed)
	}
	a.nobodyLeft(t)
}

// Without --once it stays serving until it is interrupted, and ends in order.
func TestDemoServes(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	address := freePort()
	config := strings.Replace(string(readFile(t, a.path("chop.yaml"))), "127.0.0.1:8080", address, 1)
	if err := os.WriteFile(a.path("chop.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := a.command(t.Context(), "demo")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	said := ""
	for lines.Scan() {
		said += lines.Text() + "\n"
		if strings.HasPrefix(lines.Text(), "Serving on http://"+address) {
			break
		}
	}
	if !bytes.Equal(fetch(t, "http://"+address+"/ca/root.cer"), certificate(t, a.root()).Raw) {
		t.Error("it does not serve its root")
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		said += lines.Text() + "\n"
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s%s", err, said, &stderr)
	}
	a.nobodyLeft(t)
}
