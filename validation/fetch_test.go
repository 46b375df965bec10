package validation_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"chop/internal/ocsp"
	"chop/validation"
)

// online is a CA's web server; it counts its answers.
func online(t *testing.T, w *world) (*httptest.Server, *atomic.Int64) {
	var asked atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("POST /ocsp", func(rw http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		body, _ := io.ReadAll(r.Body)
		req, err := ocsp.ParseRequest(body)
		if err != nil || !req.CertIDs[0].Names(w.ca.cert) {
			rw.Write(ocsp.Failure(ocsp.Unauthorized))
			return
		}
		rw.Write(w.ocsp(&x509.Certificate{SerialNumber: req.CertIDs[0].Serial}, day, answer{}))
	})
	mux.HandleFunc("GET /root.crl", func(rw http.ResponseWriter, _ *http.Request) { asked.Add(1); rw.Write(w.arl(day)) })
	mux.HandleFunc("GET /issuing.cer", func(rw http.ResponseWriter, _ *http.Request) { asked.Add(1); rw.Write(w.ca.cert.Raw) })
	mux.HandleFunc("/huge", func(rw http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		for range 20 {
			rw.Write(make([]byte, 1<<20))
		}
	})
	mux.HandleFunc("/away", func(rw http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		http.Redirect(rw, r, "http://127.0.0.1:9/", http.StatusFound)
	})
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { asked.Add(1); <-r.Context().Done() })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s, &asked
}

func fetcher(s *httptest.Server, cfg validation.HTTPConfig) *validation.HTTPFetcher {
	if s != nil {
		cfg.Hosts = append(cfg.Hosts, strings.TrimPrefix(s.URL, "http://"))
	}
	return validation.NewHTTPFetcher(cfg)
}

// A B-B signature whose CA certificate and revocation information are to be had
// online only.
func TestOnline(t *testing.T) {
	w := newWorld(t)
	server, asked := online(t, w)
	w.certify(w.ca, &x509.Certificate{
		Subject: w.ca.cert.Subject, NotBefore: years(-1), NotAfter: years(30), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, CRLDistributionPoints: []string{server.URL + "/root.crl"},
	}, w.root)
	by := w.issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "Chan Tai Man"}, KeyUsage: x509.KeyUsageContentCommitment,
		OCSPServer: []string{server.URL + "/ocsp"}, IssuingCertificateURL: []string{server.URL + "/issuing.cer"},
	}, w.ca)
	doc := w.sign(blank(0), draft{by: by, field: "S", certs: [][]byte{by.cert.Raw}})
	for _, c := range []struct {
		name    string
		fetcher validation.Fetcher
		offline bool
		want    string
		asked   int64
	}{
		{"online", fetcher(server, validation.HTTPConfig{}), false, passed, 3},
		{"--offline", fetcher(server, validation.HTTPConfig{}), true, "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND", 0},
		{"no fetcher", nil, false, "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND", 0},
		{"the server is in a private network", fetcher(nil, validation.HTTPConfig{}), false, "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND", 0},
		{"the server is not listed", fetcher(nil, validation.HTTPConfig{Hosts: []string{"ca.example.test"}, OnlyHosts: true}), false, "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked.Store(0)
			v := newValidator(t, validation.Config{Trust: []*x509.Certificate{w.root.cert}, Fetcher: c.fetcher})
			r, err := v.Validate(context.Background(), bytes.NewReader(doc), int64(len(doc)), validation.Options{At: day, Offline: c.offline})
			if err != nil {
				t.Fatal(err)
			}
			want(t, r, c.want)
			if asked.Load() != c.asked {
				t.Errorf("%d questions asked, want %d", asked.Load(), c.asked)
			}
		})
	}
}

// The addresses come from the document's author, who may point us anywhere.
func TestFetchLimits(t *testing.T) {
	w := newWorld(t)
	server, _ := online(t, w)
	with := func(url string) *x509.Certificate {
		return &x509.Certificate{IssuingCertificateURL: []string{url}, RawIssuer: []byte(url)}
	}
	for name, c := range map[string]struct {
		url  string
		list *httptest.Server
	}{
		"another scheme":              {"file:///etc/passwd", server},
		"a name and password":         {"http://root:x@" + server.URL[len("http://"):] + "/issuing.cer", server},
		"loopback":                    {server.URL + "/issuing.cer", nil},
		"loopback by name":            {"http://localhost:" + server.URL[strings.LastIndex(server.URL, ":")+1:] + "/issuing.cer", nil},
		"metadata service":            {"http://169.254.169.254/latest/", nil},
		"private network":             {"http://10.0.0.1/", nil},
		"carrier's network":           {"http://100.64.0.1/", nil},
		"IPv4 in IPv6":                {"http://[::ffff:127.0.0.1]:80/", nil},
		"redirection away":            {server.URL + "/away", server},
		"an answer that does not end": {server.URL + "/huge", server},
		"an answer that never comes":  {server.URL + "/slow", server},
	} {
		t.Run(name, func(t *testing.T) {
			f := fetcher(c.list, validation.HTTPConfig{Timeout: 200 * time.Millisecond})
			if got, err := f.Issuers(context.Background(), with(c.url)); err == nil || len(got) > 0 {
				t.Errorf("%s: got %d certificates, %v", c.url, len(got), err)
			}
		})
	}
}
