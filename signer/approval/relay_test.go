package approval

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// Only the contract's endpoints go through, as they were said.
func TestRelay(t *testing.T) {
	o, back, log := open(t)
	approve := `{"request":"eyJhIjoxfQ","assertion":{"id":"AA"},"enc":"AA","ciphertext":"AA"}`
	for _, c := range []struct{ method, path, body, want string }{
		{"GET", "/api/tx/" + someID, "", "GET /v1/tx/" + someID + " "},
		{"POST", "/api/tx/" + someID + "/approve", approve, "POST /v1/tx/" + someID + "/approve " + approve},
		{"POST", "/api/tx/" + someID + "/decline", `{"reason":"not-me"}`, "POST /v1/tx/" + someID + `/decline {"reason":"not-me"}`},
		{"GET", "/api/enrol/" + someID, "", "GET /v1/enrol/" + someID + " "},
		{"POST", "/api/enrol/" + someID + "/passkey", `{"id":"AA"}`, "POST /v1/enrol/" + someID + `/passkey {"id":"AA"}`},
		{"POST", "/api/enrol/" + someID + "/seal", `{"enc":"AA"}`, "POST /v1/enrol/" + someID + `/seal {"enc":"AA"}`},
	} {
		w := ask1(o, c.method, c.path, c.body)
		if got := back.asked[len(back.asked)-1]; w.Code != 200 || got != c.want || w.Body.String() != `{"state":"approved"}` || w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%s: %d %s, asked %q, want %q", c.path, w.Code, w.Body, got, c.want)
		}
	}
	if strings.Contains(log.String(), someID) {
		t.Errorf("the log names a transaction: %s", log)
	}
	// A problem keeps its status and its code; anything else behind us is unavailable.
	back.answer = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(409)
		io.WriteString(w, `{"code":"used"}`)
	}
	if w := ask1(o, "GET", "/api/tx/"+someID, ""); w.Code != 409 || w.Body.String() != `{"code":"used"}` {
		t.Errorf("a problem became %d %s", w.Code, w.Body)
	}
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request){
		"HTML":    func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<script>") },
		"no JSON": func(w http.ResponseWriter, r *http.Request) { ok(w, r); io.WriteString(w, "}") },
		"too long": func(w http.ResponseWriter, r *http.Request) {
			ok(w, r)
			io.WriteString(w, strings.Repeat(" ", maxAnswer))
		},
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/v1/identity", http.StatusFound) },
	} {
		back.answer = answer
		if w := ask1(o, "GET", "/api/tx/"+someID, ""); w.Code != 503 {
			t.Errorf("%s became %d %s", name, w.Code, w.Body)
		}
	}
}

// A passkey's extension results never pass, wherever they hide; each is alarmed.
func TestSecretKeys(t *testing.T) {
	o, back, log := open(t)
	for name, body := range map[string]string{
		"at the top":        `{"request":"","prf":{"results":{"first":"c2VjcmV0"}}}`,
		"deep":              `{"assertion":{"clientExtensionResults":{}}}`,
		"in an array":       `{"assertion":[[{"a":[{"prf":1}]}]]}`,
		"in capitals":       `{"assertion":{"PRF":1}}`,
		"escaped":           `{"assertion":{"\u0070rf":1}}`,
		"inside R":          `{"request":"eyJhIjp7InByZiI6MX19"}`,
		"in broken JSON":    `{"assertion":{"prf":"c2VjcmV0"`,
		"after a twice key": `{"a":1,"a":2,"prf":3}`,
	} {
		before := len(back.asked)
		w := ask1(o, "POST", "/api/tx/"+someID+"/approve", body)
		asked := back.asked[before:]
		if w.Code != 400 || len(asked) != 1 || asked[0] != `POST /v1/alarm {"what":"prf"}` {
			t.Errorf("%s: %d, asked %q", name, w.Code, asked)
		}
	}
	if s := log.String() + fmt.Sprint(back.asked); strings.Contains(s, "c2VjcmV0") || strings.Contains(s, someID) {
		t.Errorf("told further: %s", s)
	}
}

func TestRefusedBodies(t *testing.T) {
	o, back, _ := open(t)
	for name, body := range map[string]string{
		"empty": "", "a list": "[]", "a text": `"a"`, "two": `{"reason":"declined"}{}`, "a key twice": `{"reason":"a","reason":"b"}`,
		"an unknown key": `{"reason":"declined","tx":"x"}`, "not UTF-8": "{\"reason\":\"\xff\"}", "deep": `{"reason":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}`,
		"cut off": `{"reason":"decl`,
	} {
		if w := ask1(o, "POST", "/api/tx/"+someID+"/decline", body); w.Code != 400 {
			t.Errorf("%s: status %d %s", name, w.Code, w.Body)
		}
	}
	if w := ask1(o, "POST", "/api/tx/"+someID+"/approve", `{"enc":"`+strings.Repeat("A", maxBody)+`"}`); w.Code != 413 {
		t.Errorf("too long: status %d", w.Code)
	}
	if len(back.asked) > 0 {
		t.Errorf("forwarded: %q", back.asked)
	}
}

func TestDocuments(t *testing.T) {
	o, back, _ := open(t)
	back.answer = func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "%PDF-1.7 <script>") }
	w := ask1(o, "GET", "/api/tx/"+someID+"/documents/0", "")
	if w.Code != 200 || w.Body.String() != "%PDF-1.7 <script>" || w.Header().Get("Content-Type") != "application/octet-stream" ||
		w.Header().Get("Content-Disposition") != "attachment" || back.asked[0] != "GET /v1/transactions/"+someID+"/documents/0 " {
		t.Errorf("%d %v %s, asked %q", w.Code, w.Header(), w.Body, back.asked)
	}
	before := len(back.asked)
	for _, n := range []string{"-1", "20", "00", "1e1", "x", "+1"} {
		if w := ask1(o, "GET", "/api/tx/"+someID+"/documents/"+n, ""); w.Code != 404 || len(back.asked) != before {
			t.Errorf("document %s: status %d", n, w.Code)
		}
	}
	back.answer = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(MaxDocument+1))
		w.WriteHeader(200)
	}
	if w := ask1(o, "GET", "/api/tx/"+someID+"/documents/1", ""); w.Code != 502 {
		t.Errorf("too large: status %d", w.Code)
	}
	// Larger than announced: cut off, so that the page cannot take it for whole.
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = "approve.example.hk"
		o.ServeHTTP(w, r)
	}))
	defer server.Close()
	back.answer = func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, MaxDocument+2)) }
	resp, err := http.Get(server.URL + "/api/tx/" + someID + "/documents/1")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if n, err := io.Copy(io.Discard, resp.Body); err == nil && resp.StatusCode == 200 {
		t.Errorf("read %d bytes without an error", n)
	}
}

func TestIdentity(t *testing.T) {
	o, back, _ := open(t)
	back.answer = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }
	if w := ask1(o, "GET", "/identity.json", ""); w.Code != 503 {
		t.Errorf("status %d", w.Code)
	}
	back.answer = func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"key":"a2V5"}`) }
	for range 2 {
		if w := ask1(o, "GET", "/identity.json", ""); w.Body.String() != `{"key":"a2V5","portal":"https://example.hk"}` {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	if len(back.asked) != 2 {
		t.Errorf("asked %q; want once in vain, and once", back.asked)
	}
}

// FuzzInspect: what inspect lets through is one JSON object by another reader
// too, and no key that this one finds is a secret one.
func FuzzInspect(f *testing.F) {
	for _, s := range []string{`{"request":"eyJhIjoxfQ"}`, `{"assertion":{"prf":1}}`, `{"a":[1,{"b":null}]}`, `{"\u0070rf":1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if inspect(body, "request", "assertion") != nil {
			return
		}
		var got map[string]any
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatalf("let through %q: %v", body, err)
		}
		walkKeys(got, func(key string) {
			if slices.Contains(secretKeys, strings.ToLower(key)) {
				t.Fatalf("let through %q", body)
			}
		})
	})
}

func walkKeys(v any, see func(string)) {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			see(key)
			walkKeys(inner, see)
		}
	case []any:
		for _, inner := range v {
			walkKeys(inner, see)
		}
	}
}
