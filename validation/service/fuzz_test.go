package service

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Whatever a request holds, reading it ends, and takes no more files than the limits say.
func FuzzRead(f *testing.F) {
	f.Add("--x\r\nContent-Disposition: form-data; name=\"document\"\r\n\r\nabc\r\n--x\r\nContent-Disposition: form-data; name=\"amount\"\r\n\r\n5\r\n--x--\r\n")
	f.Add(`{"signature":"AAAA","hash":{"algorithm":"sha-256","value":"AAAA"}}`)
	s := &Service{cfg: Config{Limits: Limits{Bytes: 1 << 20, Files: 2, Evidence: 2}}}
	f.Fuzz(func(t *testing.T, body string) {
		read := func(r func(*http.Request, map[string]string) (Request, error)) {
			q, err := r(httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)), map[string]string{"boundary": "x"})
			if err == nil && len(q.Detached) > 7 || q.Amount < 0 && err == nil {
				t.Errorf("%+v", q)
			}
			if err != nil {
				problem(err)
			}
		}
		read(s.readForm)
		read(s.readJSON)
	})
}
