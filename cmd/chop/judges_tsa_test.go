package main_test

import (
	"bytes"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// stamp posts a timestamp query and returns the file of the reply.
func stamp(t testing.TB, query string) (reply string) {
	t.Helper()
	response, err := http.Post(shared.url+"/tsa", "application/timestamp-query", bytes.NewReader(readFile(t, query)))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if kind := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || kind != "application/timestamp-reply" {
		t.Fatalf("POST /tsa: %s, %s", response.Status, kind)
	}
	return saved(t, "reply.tsr", body)
}

// query is what `openssl ts -query` asks for data.
func query(t testing.TB, data string, args ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "query.tsq")
	accepts(t, "openssl", append([]string{"ts", "-query", "-data", data, "-out", file}, args...)...)
	return file
}

func TestJudgesTSA(t *testing.T) {
	t.Parallel()
	a := shared.open(t)
	data := saved(t, "letter.pdf", letter("Dear Madam"))
	other := saved(t, "other.pdf", letter("Dear Sir"))
	for _, args := range [][]string{
		{"-sha256", "-cert"},
		{"-sha384", "-cert"},
		{"-sha512", "-cert", "-no_nonce"},
	} {
		asked := query(t, data, args...)
		reply := stamp(t, asked)
		verify := []string{"ts", "-verify", "-in", reply, "-CAfile", a.root(), "-untrusted", a.issuing()}
		accepts(t, "openssl", append(verify, "-queryfile", asked)...)
		accepts(t, "openssl", append(verify, "-data", data)...)
		if said := tool(t, "openssl", append(verify, "-data", other)...); said.code == 0 {
			t.Errorf("a timestamp over other bytes was accepted: %v", said)
		}
	}
	// Without -cert the token carries no certificate: who asks so has it.
	reply := stamp(t, query(t, data, "-sha256"))
	accepts(t, "openssl", "ts", "-verify", "-in", reply, "-data", data, "-CAfile", a.root(),
		"-untrusted", saved(t, "chain.pem", append(readFile(t, a.path("public", "tsa.pem")), readFile(t, a.issuing())...)))
}

// What cannot be stamped is refused inside the protocol, with a reason.
func TestJudgesTSARefusals(t *testing.T) {
	t.Parallel()
	shared.open(t)
	data := saved(t, "letter.pdf", letter("Dear Madam"))
	for name, c := range map[string]struct{ query, want string }{
		"SHA-1":          {query(t, data, "-sha1"), "unrecognized or unsupported algorithm"},
		"unknown policy": {query(t, data, "-sha256", "-tspolicy", "1.2.3.4"), "the requested TSA policy is not supported"},
		"no query":       {data, "bad data format|the data submitted has the wrong format|transaction not permitted"},
	} {
		said := accepts(t, "openssl", "ts", "-reply", "-in", stamp(t, c.query), "-text")
		reason := false
		for want := range strings.SplitSeq(c.want, "|") {
			reason = reason || strings.Contains(said.stdout, want)
		}
		if !strings.Contains(said.stdout, "Status: Rejected.") || !reason {
			t.Errorf("%s: want a rejection with %q: %v", name, c.want, said)
		}
	}
}
