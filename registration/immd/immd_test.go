package immd_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"chop/internal/solecontrol"
	"chop/registration/hkic"
	"chop/registration/immd"
)

var noon = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)

func now() time.Time { return noon }

const reference = "SRN0123456789"

// department is a server of the department with mutual TLS, whose answers pass through bend.
type department struct {
	*httptest.Server
	key    *ecdsa.PrivateKey
	client tls.Certificate
	asked  atomic.Int32
	bend   func(w http.ResponseWriter, answer []byte)
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func start(t *testing.T, change ...func(*immd.ReferenceConfig)) *department {
	t.Helper()
	d := &department{key: newKey(t)}
	cfg := immd.ReferenceConfig{Key: d.key, KeyID: "immd-1", Now: now}
	for _, c := range change {
		c(&cfg)
	}
	ref, err := immd.NewReference(cfg)
	if err != nil {
		t.Fatal(err)
	}
	clientKey := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "registration"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, clientKey.Public(), clientKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	d.client = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: clientKey}
	handler := ref.Handler()
	d.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.asked.Add(1)
		if d.bend == nil {
			handler.ServeHTTP(w, r)
			return
		}
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, r)
		d.bend(w, rec.Body.Bytes())
	}))
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	d.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	d.Config.ErrorLog = nil
	d.StartTLS()
	t.Cleanup(d.Close)
	return d
}

func (d *department) connect(t *testing.T, change ...func(*immd.Config)) *immd.Client {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(d.Certificate())
	cfg := immd.Config{
		URL: d.URL, TLS: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{d.client}},
		Keys: map[string]*ecdsa.PublicKey{"immd-1": &d.key.PublicKey}, Pause: time.Millisecond, Broken: 1000, Now: now,
	}
	for _, c := range change {
		c(&cfg)
	}
	c, err := immd.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func card(t *testing.T, note string) hkic.Card {
	t.Helper()
	for _, p := range immd.People(noon) {
		if strings.HasPrefix(p.Note, note) {
			return p.Card
		}
	}
	t.Fatalf("nobody is %q", note)
	return hkic.Card{}
}

func TestPeople(t *testing.T) {
	people := immd.People(noon)
	if len(people) != 10 {
		t.Errorf("%d people, want 10", len(people))
	}
	young := 0
	for _, p := range people {
		c, err := p.Card.Check(noon)
		if err != nil || c != p.Card {
			t.Errorf("%s: %v, normal form %+v", p.Note, err, c)
		}
		if !c.OldEnough(noon) {
			young++
		}
	}
	if young != 1 {
		t.Errorf("%d are too young, want 1", young)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	d := start(t)
	client := d.connect(t)
	change := func(c hkic.Card, f func(*hkic.Card)) hkic.Card { f(&c); return c }
	for name, c := range map[string]struct {
		card hkic.Card
		want immd.Result
	}{
		"match":             {card(t, "adult"), immd.Match},
		"two letters":       {card(t, "number with two"), immd.Match},
		"HKSCS":             {card(t, "Chinese name beyond"), immd.Match},
		"partial birth":     {card(t, "only the year"), immd.Match},
		"no gender":         {card(t, "old card"), immd.Match},
		"ten years old":     {card(t, "ten"), immd.Match}, // the age is registration's rule
		"deceased":          {card(t, "deceased"), immd.Deceased},
		"long names":        {card(t, "names of forty"), immd.Match},
		"replaced":          {change(card(t, "the card issued"), func(c *hkic.Card) { c.Issued = hkic.Date{Year: 2019, Month: 6, Day: 10} }), immd.Replaced},
		"issued never":      {change(card(t, "the card issued"), func(c *hkic.Card) { c.Issued = hkic.Date{Year: 2018, Month: 6, Day: 10} }), immd.NoMatch},
		"other name":        {change(card(t, "adult"), func(c *hkic.Card) { c.GivenNames = "Tai Ming" }), immd.NoMatch},
		"other birth":       {change(card(t, "adult"), func(c *hkic.Card) { c.Birth.Day++ }), immd.NoMatch},
		"other character":   {change(card(t, "Chinese name beyond"), func(c *hkic.Card) { c.ChineseName = "黃小立" }), immd.NoMatch},
		"unknown":           {change(card(t, "adult"), func(c *hkic.Card) { c.Number, _ = hkic.Parse("E364912(5)") }), immd.NotFound},
		"deceased, no name": {change(card(t, "deceased"), func(c *hkic.Card) { c.Surname = "LI" }), immd.NoMatch}, // a stranger learns nothing of the dead
	} {
		a, err := client.Verify(t.Context(), immd.Query{Card: c.card, Reference: reference})
		if err != nil || a.Result != c.want {
			t.Errorf("%s: %+v, %v; want %s", name, a, err, c.want)
			continue
		}
		signed, err := solecontrol.ParseSignedAnswer(a.Signed)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := signed.Verify(&d.key.PublicKey)
		digest, _ := immd.Subject(c.card, reference).Digest()
		if err != nil || answer.Result != string(c.want) || !bytes.Equal(answer.Subject, digest[:]) {
			t.Errorf("%s: signed answer %+v, %v", name, answer, err)
		}
		// As a JSON value: a digest in base64url has two given letters often enough.
		for _, secret := range []string{c.card.Number.Normal(), `"` + c.card.Surname + `"`} {
			if bytes.Contains(signed.Answer, []byte(secret)) {
				t.Errorf("%s: the answer repeats personal data", name)
			}
		}
	}
}

// reply is the signed JSON, for tests that sign it anew.
type reply map[string]any

// resign changes the answer and signs it with a key.
func resign(t *testing.T, raw []byte, key *ecdsa.PrivateKey, id string, change func(reply)) []byte {
	t.Helper()
	signed, err := solecontrol.ParseSignedAnswer(raw)
	if err != nil {
		t.Fatal(err)
	}
	r := reply{}
	if err := json.Unmarshal(signed.Answer, &r); err != nil {
		t.Fatal(err)
	}
	change(r)
	if signed.Answer, err = json.Marshal(r); err != nil {
		t.Fatal(err)
	}
	if signed.Signature, err = solecontrol.SignRaw(key, solecontrol.AnswerMessage(signed.Answer)); err != nil {
		t.Fatal(err)
	}
	signed.Key = id
	out, err := solecontrol.Encode(signed)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Lies and garbage: none of it is an answer.
func TestLies(t *testing.T) {
	t.Parallel()
	d := start(t)
	other := newKey(t)
	var earlier []byte
	for name, bend := range map[string]func(w http.ResponseWriter, raw []byte){
		"nothing":           func(http.ResponseWriter, []byte) {},
		"status 500":        func(w http.ResponseWriter, _ []byte) { http.Error(w, "no", 500) },
		"redirect":          func(w http.ResponseWriter, _ []byte) { w.Header().Set("Location", "/other"); w.WriteHeader(302) },
		"HTML":              func(w http.ResponseWriter, _ []byte) { io.WriteString(w, "<html>match</html>") },
		"bare word":         func(w http.ResponseWriter, _ []byte) { io.WriteString(w, `{"result":"match"}`) },
		"endless":           func(w http.ResponseWriter, raw []byte) { w.Write(append(raw, bytes.Repeat([]byte(" "), 1<<20)...)) },
		"something follows": func(w http.ResponseWriter, raw []byte) { w.Write(append(raw, raw...)) },
		"cut short":         func(w http.ResponseWriter, raw []byte) { w.Write(raw[:len(raw)/2]) },
		"connection cut":    func(http.ResponseWriter, []byte) { panic(http.ErrAbortHandler) },
		"one bit": func(w http.ResponseWriter, raw []byte) {
			w.Write(bytes.Replace(raw, []byte(`"signature":"`), []byte(`"signature":"A`), 1))
		},
		"other's key": func(w http.ResponseWriter, raw []byte) { w.Write(resign(t, raw, other, "immd-1", func(reply) {})) },
		"unknown key": func(w http.ResponseWriter, raw []byte) { w.Write(resign(t, raw, other, "immd-2", func(reply) {})) },
		"other result": func(w http.ResponseWriter, raw []byte) {
			w.Write(resign(t, raw, d.key, "immd-1", func(r reply) { r["result"] = "yes" }))
		},
		"could not decide": func(w http.ResponseWriter, raw []byte) {
			w.Write(resign(t, raw, d.key, "immd-1", func(r reply) { r["result"] = "error" }))
		},
		"other request": func(w http.ResponseWriter, raw []byte) {
			w.Write(resign(t, raw, d.key, "immd-1", func(r reply) { r["request"] = solecontrol.NewID() }))
		},
		"other subject": func(w http.ResponseWriter, raw []byte) {
			w.Write(resign(t, raw, d.key, "immd-1", func(r reply) { r["subject"] = solecontrol.NewNonce().String() }))
		},
		"other question": func(w http.ResponseWriter, raw []byte) {
			w.Write(resign(t, raw, d.key, "immd-1", func(r reply) { r["question"] = solecontrol.NewNonce().String() }))
		},
		"of yesterday": func(w http.ResponseWriter, raw []byte) {
			w.Write(resign(t, raw, d.key, "immd-1", func(r reply) { r["at"] = "2026-11-22T04:00:00Z" }))
		},
		"of tomorrow": func(w http.ResponseWriter, raw []byte) {
			w.Write(resign(t, raw, d.key, "immd-1", func(r reply) { r["at"] = "2026-11-24T04:00:00Z" }))
		},
		"a member more": func(w http.ResponseWriter, raw []byte) {
			w.Write(resign(t, raw, d.key, "immd-1", func(r reply) { r["also"] = 1 }))
		},
		"replayed of others": func(w http.ResponseWriter, raw []byte) { w.Write(earlier) },
	} {
		t.Run(name, func(t *testing.T) {
			d.bend = func(w http.ResponseWriter, raw []byte) { earlier = bytes.Clone(raw); w.Write(raw) }
			client := d.connect(t, func(c *immd.Config) { c.Tries = 2 })
			q := immd.Query{Card: card(t, "adult"), Reference: reference}
			if _, err := client.Verify(t.Context(), q); err != nil {
				t.Fatalf("before: %v", err)
			}
			d.bend = bend
			a, err := client.Verify(t.Context(), q)
			if !errors.Is(err, immd.ErrUnavailable) || a != nil {
				t.Errorf("%+v, %v; want ErrUnavailable", a, err)
			}
			if s := fmt.Sprint(err); strings.Contains(s, "A123456") || strings.Contains(s, "CHAN") {
				t.Errorf("the error has personal data: %s", s)
			}
			d.bend = nil
			if a, err := client.Verify(t.Context(), q); err != nil || a.Result != immd.Match {
				t.Errorf("after: %+v, %v", a, err)
			}
		})
	}
}

func TestSlow(t *testing.T) {
	t.Parallel()
	d := start(t)
	slow := make(chan struct{})
	defer close(slow)
	d.bend = func(w http.ResponseWriter, raw []byte) { <-slow }
	client := d.connect(t, func(c *immd.Config) { c.Timeout, c.Tries = 50*time.Millisecond, 2 })
	// It ends: whether a try reached the department in its time is the machine's affair.
	if _, err := client.Verify(t.Context(), immd.Query{Card: card(t, "adult"), Reference: reference}); !errors.Is(err, immd.ErrUnavailable) {
		t.Errorf("%v, want ErrUnavailable", err)
	}
	if tries := d.asked.Load(); tries > 2 {
		t.Errorf("%d tries, at most 2 are configured", tries)
	}
}

// A department that fails is left alone, asked once after the rest, and then asked as before.
func TestBreaker(t *testing.T) {
	t.Parallel()
	d := start(t)
	at := noon
	client := d.connect(t, func(c *immd.Config) {
		c.Tries, c.Broken, c.Rest, c.Now = 1, 3, time.Minute, func() time.Time { return at }
	})
	ask := func() error {
		_, err := client.Verify(t.Context(), immd.Query{Card: card(t, "adult"), Reference: reference})
		return err
	}
	d.bend = func(w http.ResponseWriter, _ []byte) { http.Error(w, "no", 500) }
	for range 10 {
		if err := ask(); !errors.Is(err, immd.ErrUnavailable) {
			t.Fatal(err)
		}
	}
	if n := d.asked.Load(); n != 3 {
		t.Errorf("asked %d times, want 3", n)
	}
	at = at.Add(time.Minute)
	for range 3 {
		_ = ask()
	}
	if n := d.asked.Load(); n != 4 {
		t.Errorf("asked %d times after the rest, want 4", n)
	}
	d.bend = nil
	at = at.Add(time.Minute)
	for range 3 {
		if err := ask(); err != nil {
			t.Error(err)
		}
	}
	if n := d.asked.Load(); n != 7 {
		t.Errorf("asked %d times when it is back, want 7", n)
	}
}

// Without our certificate nobody is answered, and an impostor's server is not asked.
func TestMutualTLS(t *testing.T) {
	t.Parallel()
	d := start(t)
	stranger := start(t)
	for name, change := range map[string]func(*immd.Config){
		"client certificate of others": func(c *immd.Config) { c.TLS.Certificates = []tls.Certificate{stranger.client} },
		"another server":               func(c *immd.Config) { c.URL = stranger.URL },
	} {
		client := d.connect(t, change, func(c *immd.Config) { c.Tries = 1 })
		if _, err := client.Verify(t.Context(), immd.Query{Card: card(t, "adult"), Reference: reference}); !errors.Is(err, immd.ErrUnavailable) {
			t.Errorf("%s: %v, want ErrUnavailable", name, err)
		}
	}
	if n := d.asked.Load() + stranger.asked.Load(); n != 0 {
		t.Errorf("%d questions came through", n)
	}
	for name, cfg := range map[string]immd.Config{
		"plain http with TLS":   {URL: "http://immd.example", TLS: &tls.Config{}, Keys: map[string]*ecdsa.PublicKey{"a": nil}},
		"no client certificate": {URL: "https://immd.example", TLS: &tls.Config{}, Keys: map[string]*ecdsa.PublicKey{"a": nil}},
		"no keys":               {URL: "http://localhost"},
		"no address":            {Keys: map[string]*ecdsa.PublicKey{"a": nil}},
	} {
		if _, err := immd.New(cfg); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// Who gives up is not counted against the department.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	d := start(t)
	client := d.connect(t, func(c *immd.Config) { c.Broken = 1 })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	q := immd.Query{Card: card(t, "adult"), Reference: reference}
	if _, err := client.Verify(ctx, q); !errors.Is(err, immd.ErrUnavailable) {
		t.Error(err)
	}
	if _, err := client.Verify(t.Context(), q); err != nil {
		t.Error(err)
	}
}

func FuzzReference(f *testing.F) {
	key := newKey(f)
	ref, err := immd.NewReference(immd.ReferenceConfig{Key: key, KeyID: "immd-1", Now: now})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"request":"AAAAAAAAAAAAAAAAAAAAAA","number":"A123456(3)","surname":"CHAN","givenNames":"Tai Man","chineseName":"","birth":"1985-03-14","gender":"M","issued":"2019-09-16","reference":"SRN0123456789"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		raw, err := ref.Answer(body)
		if err != nil {
			return
		}
		signed, err := solecontrol.ParseSignedAnswer(raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := signed.Verify(&key.PublicKey); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzAnswer: whatever comes back, without the key nothing is believed.
func FuzzAnswer(f *testing.F) {
	key := newKey(f)
	f.Add([]byte(`{"answer":"e30","signature":"AAAA","key":"immd-1"}`))
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(body) }))
	f.Cleanup(server.Close)
	client, err := immd.New(immd.Config{URL: server.URL, Keys: map[string]*ecdsa.PublicKey{"immd-1": &key.PublicKey}, Tries: 1, Broken: 1 << 30})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		body = b
		if _, err := client.Verify(t.Context(), immd.Query{Reference: reference}); !errors.Is(err, immd.ErrUnavailable) {
			t.Fatalf("%q: %v", b, err)
		}
	})
}
