package main_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A department's program asks with its certificate, and is refused once that is withdrawn; a kiosk's is nobody's here.
func TestDepartments(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	address := freePort()
	f, err := os.OpenFile(a.path("chop.yaml"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("validation: {department_listen: \"" + address + "\", department_per_minute: 1}\n")
	f.Close()
	s, err := a.serve(freePort())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
		a.nobodyLeft(t)
	})
	client := func(words string, args ...string) *http.Client {
		file := filepath.Join(t.TempDir(), "c.pem")
		a.must(t, words, append(args, "--out", file)...)
		transport := &http.Transport{TLSClientConfig: kioskTLS(t, a, file)}
		t.Cleanup(transport.CloseIdleConnections)
		return &http.Client{Transport: transport}
	}
	ask := func(c *http.Client) (int, string) {
		res, err := c.Post("https://"+address+"/v1/validations", "text/plain", strings.NewReader("x"))
		if err != nil {
			return 0, err.Error()
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(b)
	}
	transport, lands := client("department add", "--id", "transport"), client("department add", "--id", "lands")
	eventually(t, "the departments' listener answers", func() bool {
		status, _ := ask(transport)
		return status == http.StatusUnsupportedMediaType
	})
	eventually(t, "it is beyond its limit", func() bool { // whichever minute it is
		status, _ := ask(transport)
		return status == http.StatusTooManyRequests
	})
	if status, text := ask(lands); status != http.StatusUnsupportedMediaType {
		t.Errorf("another department: %d %s", status, text)
	}
	a.must(t, "department remove", "--id", "lands", "--reason", "key lost")
	if status, text := ask(lands); status != http.StatusForbidden || !strings.Contains(text, `"stranger"`) {
		t.Errorf("a withdrawn one: %d %s", status, text)
	}
	if status, text := ask(client("kiosk add", "--place", kioskPlace)); status != http.StatusForbidden {
		t.Errorf("a kiosk: %d %s", status, text)
	}
	own := &http.Client{Transport: &http.Transport{TLSClientConfig: kioskTLS(t, a, a.path("secrets", "immigration-client.pem"))}}
	if status, text := ask(own); status != http.StatusForbidden || !strings.Contains(text, `"stranger"`) {
		t.Errorf("the appliance's own client of the Immigration Department: %d %s", status, text)
	}
	bare := kioskTLS(t, a, filepath.Join(a.dir, "secrets", "department-server.pem"))
	bare.Certificates = nil
	if status, text := ask(&http.Client{Transport: &http.Transport{TLSClientConfig: bare}}); status != 0 {
		t.Errorf("without a certificate: %d %s", status, text)
	}
}
