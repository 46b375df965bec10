package main_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScript runs testdata/*.txtar: the command line as other people's scripts use it. A script finds
//
//	$DIR         the shared appliance, which is being served
//	$SEAL        the id of a department's seal
//	$TAKEN       a TCP address that somebody else listens on
//	letter.pdf   a page of text
//	form.pdf     a page with a text field and two empty signature fields
//	req.pem      a certificate signing request
//	plan.yaml    the ceremony's plan that init carried out
//
// and has three commands more: `exits CODE PROGRAM ARGS` wants that exit code, `serial CERT.pem` sets $SERIAL, and
// $UPPERSERIAL in OpenSSL's capitals, and `jwk A.jws KEY.jwk` writes the public key of a signature's certificate.
func TestScript(t *testing.T) {
	a := shared.open(t)
	seal := shared.seal(t, "p256", "")
	csr := request(t, bodyName)
	for _, name := range []string{"qpdf", "openssl", "xmlsec1", "jose"} {
		tool(t, name, "--help")
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", filepath.Dir(program)+string(os.PathListSeparator)+os.Getenv("PATH"))
			env.Setenv("DIR", a.dir)
			env.Setenv("SEAL", seal)
			env.Setenv("TAKEN", taken.Addr().String())
			request, err := os.ReadFile(csr)
			plan, failed := os.ReadFile(filepath.Join("..", "..", "ca", "ceremony.yaml"))
			err = errors.Join(err, failed)
			for name, data := range map[string][]byte{
				"letter.pdf": letter("Dear Sir"), "form.pdf": form(), "req.pem": request, "plan.yaml": plan,
			} {
				err = errors.Join(err, os.WriteFile(filepath.Join(env.WorkDir, name), data, 0o600))
			}
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "serial": serial, "jwk": jwk},
	})
}

// exits runs a program that must end with the given exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// serial sets $SERIAL to a certificate's serial number.
func serial(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(ts.Exec("openssl", "x509", "-noout", "-serial", "-in", args[0]))
	number := strings.TrimPrefix(strings.TrimSpace(ts.ReadFile("stdout")), "serial=")
	ts.Setenv("UPPERSERIAL", number)
	ts.Setenv("SERIAL", strings.ToLower(number))
}
