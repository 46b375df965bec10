package ca_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	xocsp "golang.org/x/crypto/ocsp"

	"chop/ca"
	"chop/ca/catest"
	"chop/internal/ocsp"
)

// ask sends CertIDs to an authority and returns the parsed and verified answer.
func ask(t *testing.T, a *ca.Authority, nonce []byte, ids ...ocsp.CertID) *ocsp.Response {
	t.Helper()
	der, err := (&ocsp.Request{CertIDs: ids, Nonce: nonce}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	answer, err := a.RespondOCSP(t.Context(), der)
	if err != nil {
		t.Fatal(err)
	}
	r, err := ocsp.ParseResponse(answer)
	if err != nil {
		t.Fatal(err)
	}
	if r.Status != ocsp.Successful || len(r.Certificates) != 1 || len(r.Singles) != len(ids) {
		t.Fatalf("status %d, %d certificates, %d answers for %d", r.Status, len(r.Certificates), len(r.Singles), len(ids))
	}
	responder := r.Certificates[0]
	if err := r.CheckSignature(responder.PublicKey); err != nil {
		t.Fatal(err)
	}
	if err := responder.CheckSignatureFrom(a.Issuing()); err != nil || !r.ResponderID.Matches(responder) {
		t.Fatalf("responder: %v", err)
	}
	return r
}

func certID(t *testing.T, h crypto.Hash, issuer *x509.Certificate, serial *big.Int) ocsp.CertID {
	t.Helper()
	id, err := ocsp.NewCertID(h, issuer, serial)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func askOne(t *testing.T, c *catest.CA, serial *big.Int) ocsp.Single {
	t.Helper()
	return ask(t, c.Authority, nil, certID(t, crypto.SHA1, c.Issuing(), serial)).Singles[0]
}

func TestOCSPAnswers(t *testing.T) {
	t.Parallel()
	c := catest.New(t, catest.Options{})
	good, held, gone := c.Resident(t, newKey(t, "p256")), c.Resident(t, newKey(t, "p256")), c.Resident(t, newKey(t, "p256"))
	if err := c.Suspend(t.Context(), "officer:1", held.SerialNumber, ca.Reason{}); err != nil {
		t.Fatal(err)
	}
	if err := c.Revoke(t.Context(), "officer:1", gone.SerialNumber, ca.Reason{Code: ca.Superseded}); err != nil {
		t.Fatal(err)
	}
	nonce := bytes.Repeat([]byte{0xa5}, 128)
	for _, h := range []crypto.Hash{crypto.SHA1, crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		ids := []ocsp.CertID{
			certID(t, h, c.Issuing(), good.SerialNumber),
			certID(t, h, c.Issuing(), held.SerialNumber),
			certID(t, h, c.Issuing(), gone.SerialNumber),
			certID(t, h, c.Issuing(), big.NewInt(4711)),
			certID(t, h, c.Root(), good.SerialNumber), // another CA's
		}
		r := ask(t, c.Authority, nonce, ids...)
		want := []struct {
			status ocsp.CertStatus
			reason int
		}{{ocsp.Good, -1}, {ocsp.Revoked, 6}, {ocsp.Revoked, 4}, {ocsp.Unknown, -1}, {ocsp.Unknown, -1}}
		for i, s := range r.Singles {
			if s.Status != want[i].status || s.Reason != want[i].reason || !bytes.Equal(s.CertID.Raw, ids[i].Raw) {
				t.Errorf("hash %v, answer %d: %s for %d, want %s for %d", h, i, s.Status, s.Reason, want[i].status, want[i].reason)
			}
			if s.Status != ocsp.Unknown && !s.ArchiveCutoff.Equal(c.Issuing().NotBefore) {
				t.Errorf("answer %d: archiveCutoff %s", i, s.ArchiveCutoff)
			}
			if !s.NextUpdate.After(s.ThisUpdate) {
				t.Errorf("answer %d: %s to %s", i, s.ThisUpdate, s.NextUpdate)
			}
		}
		if !bytes.Equal(r.Nonce, nonce) {
			t.Errorf("nonce %x", r.Nonce)
		}
	}
	responder := ask(t, c.Authority, nil, certID(t, crypto.SHA1, c.Issuing(), good.SerialNumber)).Certificates[0]
	if life := responder.NotAfter.Sub(responder.NotBefore); life > 30*24*time.Hour {
		t.Errorf("responder lives %s", life)
	}
}

// A nonce answer is made for its request: asking twice gives two signatures,
// and none of them is given to one who asked without a nonce.
func TestOCSPNonceIsNotCached(t *testing.T) {
	t.Parallel()
	c := catest.New(t, catest.Options{})
	id := certID(t, crypto.SHA1, c.Issuing(), c.Resident(t, newKey(t, "p256")).SerialNumber)
	plain := ask(t, c.Authority, nil, id)
	if again := ask(t, c.Authority, nil, id); !bytes.Equal(plain.Raw, again.Raw) {
		t.Error("an unchanged answer was signed again")
	}
	a, b := make([]byte, 32), make([]byte, 32)
	rand.Read(a)
	rand.Read(b)
	if ra, rb := ask(t, c.Authority, a, id), ask(t, c.Authority, b, id); !bytes.Equal(ra.Nonce, a) || !bytes.Equal(rb.Nonce, b) {
		t.Error("nonces were mixed up")
	}
	if after := ask(t, c.Authority, nil, id); after.Nonce != nil {
		t.Error("an answer with a nonce was kept")
	}
}

// A change made by another process shows within 5 s, one made here at once.
func TestOCSPChangeShows(t *testing.T) {
	t.Parallel()
	clock := time.Now()
	c := catest.New(t, catest.Options{Now: func() time.Time { return clock }})
	other, err := ca.New(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	serial := c.Resident(t, newKey(t, "p256")).SerialNumber
	id := certID(t, crypto.SHA1, c.Issuing(), serial)
	if got := ask(t, other, nil, id).Singles[0].Status; got != ocsp.Good {
		t.Fatal(got)
	}
	if got := askOne(t, c, serial).Status; got != ocsp.Good {
		t.Fatal(got)
	}
	if err := c.Suspend(t.Context(), "officer:1", serial, ca.Reason{}); err != nil {
		t.Fatal(err)
	}
	if got := askOne(t, c, serial).Status; got != ocsp.Revoked {
		t.Errorf("here: %s after the suspension", got)
	}
	clock = clock.Add(4900 * time.Millisecond)
	if got := ask(t, other, nil, id).Singles[0].Status; got != ocsp.Revoked {
		t.Errorf("elsewhere: %s 4.9 s after the suspension", got)
	}
	if err := c.Resume(t.Context(), "officer:1", serial, ca.Reason{}); err != nil {
		t.Fatal(err)
	}
	clock = clock.Add(4900 * time.Millisecond)
	if got := ask(t, other, nil, id).Singles[0].Status; got != ocsp.Good {
		t.Errorf("elsewhere: %s 4.9 s after the resumption", got)
	}
}

func TestOCSPResponderIsRenewed(t *testing.T) {
	t.Parallel()
	clock := time.Now()
	c := catest.New(t, catest.Options{Now: func() time.Time { return clock }})
	id := certID(t, crypto.SHA1, c.Issuing(), c.Resident(t, newKey(t, "p256")).SerialNumber)
	first := ask(t, c.Authority, nil, id).Certificates[0]
	clock = clock.AddDate(0, 0, 15)
	if got := ask(t, c.Authority, nil, id).Certificates[0]; !got.Equal(first) {
		t.Error("renewed too early")
	}
	clock = clock.AddDate(0, 0, 6)
	second := ask(t, c.Authority, nil, id).Certificates[0]
	if second.Equal(first) || !second.NotAfter.After(first.NotAfter) {
		t.Error("not renewed with a third of its life left")
	}
	// A second process finds it and makes none of its own.
	other, err := ca.New(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	if got := ask(t, other, nil, id).Certificates[0]; !got.Equal(second) {
		t.Error("the other process has another responder certificate")
	}
	// With issuance stopped the old one serves to its end, and not beyond.
	if err := c.StopIssuance(t.Context(), "officer:1", "*", "incident"); err != nil {
		t.Fatal(err)
	}
	clock = clock.AddDate(0, 0, 25)
	if got := ask(t, c.Authority, nil, id).Certificates[0]; !got.Equal(second) {
		t.Error("no answer while the old certificate is valid")
	}
	clock = clock.AddDate(0, 0, 6)
	der, err := (&ocsp.Request{CertIDs: []ocsp.CertID{id}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.RespondOCSP(t.Context(), der); err == nil {
		t.Error("answered under an expired responder certificate")
	}
}

// A responder's key that was replaced in one process is used by the others, and their answers of before are given no more.
func TestOCSPResponderIsReplaced(t *testing.T) {
	t.Parallel()
	c := catest.New(t, catest.Options{})
	id := certID(t, crypto.SHA1, c.Issuing(), c.Resident(t, newKey(t, "p256")).SerialNumber)
	current := c.Config.Responder
	c.Config.FindResponder = func(context.Context) (crypto.Signer, error) { return current, nil }
	running, err := ca.New(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	old := ask(t, running, nil, id).Certificates[0]
	if err := running.Revoke(t.Context(), "officer:1", old.SerialNumber, ca.Reason{Code: ca.KeyCompromise}); err != nil {
		t.Fatal(err)
	}
	current = newKey(t, "p256")
	if err := running.EnsureResponder(t.Context()); err != nil { // nothing is issued for it yet
		t.Fatal(err)
	}
	replaced := c.Config
	replaced.Responder = current
	other, err := ca.New(replaced)
	if err != nil {
		t.Fatal(err)
	}
	made, err := other.Responder(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if made.Equal(old) || !made.PublicKey.(*ecdsa.PublicKey).Equal(current.Public()) {
		t.Fatalf("the new responder is %v", made.SerialNumber)
	}
	if err := running.EnsureResponder(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, running, nil, id).Certificates[0]; !got.Equal(made) {
		t.Errorf("answered by %x, want %x", got.SerialNumber, made.SerialNumber)
	}
	if err := running.Probe(t.Context(), made.SerialNumber); err != nil {
		t.Error(err)
	}
}

func serve(t testing.TB, a *ca.Authority) *httptest.Server {
	t.Helper()
	r := chi.NewRouter()
	a.Routes(r)
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	return s
}

func TestOCSPOverHTTP(t *testing.T) {
	t.Parallel()
	c := catest.New(t, catest.Options{})
	s := serve(t, c.Authority)
	cert := c.Resident(t, newKey(t, "p256"))
	// A request made by others' code, and one whose Base64 holds the awkward characters.
	plain, err := xocsp.CreateRequest(cert, c.Issuing(), nil)
	if err != nil {
		t.Fatal(err)
	}
	awkward := plain
	id := certID(t, crypto.SHA256, c.Issuing(), cert.SerialNumber)
	for n := 0; ; n++ {
		b64 := base64.StdEncoding.EncodeToString(awkward)
		if strings.Contains(b64, "//") && strings.Contains(b64, "+") && strings.HasSuffix(b64, "=") {
			break
		}
		nonce := make([]byte, 30+n%3)
		rand.Read(nonce)
		if awkward, err = (&ocsp.Request{CertIDs: []ocsp.CertID{id}, Nonce: nonce}).Marshal(); err != nil {
			t.Fatal(err)
		}
	}
	get := func(path string) *http.Request {
		r, err := http.NewRequest("GET", s.URL+"/ocsp/"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	post := func(body []byte) *http.Request {
		r, err := http.NewRequest("POST", s.URL+"/ocsp", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	b64 := base64.StdEncoding.EncodeToString(awkward)
	for name, one := range map[string]struct {
		request *http.Request
		want    ocsp.ResponseStatus
	}{
		"POST":                {post(plain), ocsp.Successful},
		"GET":                 {get(url.PathEscape(base64.StdEncoding.EncodeToString(plain))), ocsp.Successful},
		"GET escaped":         {get(strings.NewReplacer("/", "%2F", "+", "%2B", "=", "%3D").Replace(b64)), ocsp.Successful},
		"GET lower case":      {get(strings.NewReplacer("/", "%2f", "+", "%2b", "=", "%3d").Replace(b64)), ocsp.Successful},
		"GET as it is":        {get(b64), ocsp.Successful},
		"GET without padding": {get(strings.TrimRight(b64, "=")), ocsp.Successful},
		"GET nothing":         {get(""), ocsp.MalformedRequest},
		"GET no Base64":       {get("%00%01"), ocsp.MalformedRequest},
		"GET bad escape":      {get("MFE%252"), ocsp.MalformedRequest},
		"POST nothing":        {post(nil), ocsp.MalformedRequest},
		"POST cut":            {post(plain[:len(plain)-1]), ocsp.MalformedRequest},
		"POST trailing":       {post(append(bytes.Clone(plain), 0)), ocsp.MalformedRequest},
		"POST much":           {post(make([]byte, 1<<20)), ocsp.MalformedRequest},
	} {
		resp, err := http.DefaultClient.Do(one.request)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/ocsp-response" {
			t.Errorf("%s: HTTP %d, %s", name, resp.StatusCode, resp.Header.Get("Content-Type"))
		}
		r, err := ocsp.ParseResponse(body)
		if err != nil || r.Status != one.want {
			t.Errorf("%s: %v, want status %d", name, err, one.want)
			continue
		}
		if name == "POST" || name == "GET" {
			x, err := xocsp.ParseResponseForCert(body, cert, c.Issuing())
			if err != nil || x.Status != xocsp.Good || x.SerialNumber.Cmp(cert.SerialNumber) != 0 {
				t.Errorf("%s: x/crypto/ocsp: %+v, %v", name, x, err)
			}
		}
	}
}

// Every address in a certificate answers, with what it promises.
func TestPointersAnswer(t *testing.T) {
	t.Parallel()
	var handler http.Handler
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(s.Close)
	c := catest.New(t, catest.Options{PublicURL: s.URL})
	router := chi.NewRouter()
	c.Routes(router)
	handler = router
	fetch := func(u, kind string) []byte {
		t.Helper()
		resp, err := http.Get(u)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 200 || resp.Header.Get("Content-Type") != kind {
			t.Fatalf("%s: HTTP %d, %s, %v", u, resp.StatusCode, resp.Header.Get("Content-Type"), err)
		}
		return b
	}
	cert := c.Resident(t, newKey(t, "p256"))
	if got := fetch(cert.IssuingCertificateURL[0], "application/pkix-cert"); !bytes.Equal(got, c.Issuing().Raw) {
		t.Error("caIssuers is not the issuing CA")
	}
	if got := fetch(c.Issuing().IssuingCertificateURL[0], "application/pkix-cert"); !bytes.Equal(got, c.Root().Raw) {
		t.Error("caIssuers of the issuing CA is not the root")
	}
	for u, signer := range map[string]*x509.Certificate{
		cert.CRLDistributionPoints[0]:        c.Issuing(),
		c.URLs.Delta:                         c.Issuing(),
		c.Issuing().CRLDistributionPoints[0]: c.Root(),
	} {
		l, err := x509.ParseRevocationList(fetch(u, "application/pkix-crl"))
		if err != nil {
			t.Fatalf("%s: %v", u, err)
		}
		if err := l.CheckSignatureFrom(signer); err != nil {
			t.Errorf("%s: %v", u, err)
		}
	}
	if cert.OCSPServer[0] != s.URL+"/ocsp" {
		t.Errorf("OCSP at %s", cert.OCSPServer[0])
	}
}

// onList reports whether a serial is on the list that get returns.
func onList(t *testing.T, get func(context.Context) ([]byte, error), serial *big.Int) bool {
	t.Helper()
	_, ok := entry(t, get, serial)
	return ok
}

func entry(t *testing.T, get func(context.Context) ([]byte, error), serial *big.Int) (x509.RevocationListEntry, bool) {
	t.Helper()
	der, err := get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l, err := x509.ParseRevocationList(der)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range l.RevokedCertificateEntries {
		if e.SerialNumber.Cmp(serial) == 0 {
			return e, true
		}
	}
	return x509.RevocationListEntry{}, false
}
