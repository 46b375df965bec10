package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"chop/internal/postgres"
	"chop/internal/solecontrol"
	"chop/signer/approval/device"
)

// A person is a resident who uses the portal's pages as they are, without script, and the scripted device for the
// approval page. They know nothing but what a page says.
type person struct {
	portal string // origin
	page   *device.Page
	handle []byte // of the sign-in passkey
	client *http.Client
	home   net.IP // from where they ask
	// unclear are answers that would leave a person at a loss.
	unclear []string
	last    []string // answers, for who looks why it went no further
}

// newPerson gives the demo's resident a sign-in passkey, which the demo's script has none of.
func newPerson(t *testing.T, a *appliance, portal, approve string) *person {
	t.Helper()
	d, err := device.Open(a.path("demo", "phone.json"))
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &person{portal: portal, page: &device.Page{Device: d, Origin: approve}, home: net.IPv4(127, 0, 1, 1)}
	p.client = device.LocalClient()
	p.client.Jar = jar
	p.client.Transport = &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		// The portal counts requests by address; a person does not sign hundreds of documents in a quarter of an hour.
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: p.home}}
		return dialer.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
	}}
	account := strings.TrimSpace(string(readFile(t, a.path("demo", "resident"))))
	a.withDatabase(t, func(db *postgres.DB) {
		if err := db.Pool.QueryRow(t.Context(), `SELECT user_handle FROM registration_account WHERE id = $1`, account).Scan(&p.handle); err != nil {
			t.Fatal(err)
		}
		made, err := d.Create("localhost", portal, solecontrol.CreateChallenge(solecontrol.NewNonce()), p.handle, false)
		if err != nil {
			t.Fatal(err)
		}
		record, err := json.Marshal(map[string]any{
			"id": []byte(made.ID), "publicKey": []byte(d.Passkeys("localhost")[0].COSE()), "attestationType": "none",
			"flags":         map[string]bool{"userPresent": true, "userVerified": true},
			"authenticator": map[string]any{"AAGUID": make([]byte, 16), "signCount": 0},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Pool.Exec(t.Context(), `UPDATE registration_passkey SET id = $2, record = $3 WHERE account = $1`, account, []byte(made.ID), record); err != nil {
			t.Fatal(err)
		}
	})
	return p
}

// withDatabase works on the appliance's database beside whoever else does.
func (a *appliance) withDatabase(t *testing.T, work func(*postgres.DB)) {
	t.Helper()
	private, err := postgres.StartPrivate(t.Context(), postgres.PrivateConfig{Dir: a.path("postgres")})
	if err != nil {
		t.Fatal(err)
	}
	defer private.Close()
	db, err := postgres.Open(t.Context(), postgres.Config{DSN: private.DSN()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	work(db)
}

// answer is a page.
type answer struct {
	status   int
	location string
	body     string
}

// ok: it is what was asked for, or leads there.
func (a *answer) ok() bool { return a != nil && a.status < 400 }

// ask sends one request; nil if nobody answered, as while the server starts again.
func (p *person) ask(t *testing.T, method, path, kind string, body []byte) *answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, p.portal+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if kind == "application/json" {
		req.Header.Set("Accept", kind)
	}
	res, err := p.client.Do(req)
	if err != nil {
		p.heard("%s %s: %v", method, path, err)
		return nil
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		p.heard("%s %s: %d, and then %v", method, path, res.StatusCode, err)
		return nil
	}
	a := &answer{res.StatusCode, res.Header.Get("Location"), string(b)}
	p.heard("%s %s: %d %s %s", method, path, a.status, a.location, title.FindString(a.body))
	if why := unclear(res, a.body); why != "" {
		p.unclear = append(p.unclear, fmt.Sprintf("%s %s: %d, %s: %.300s", method, path, a.status, why, a.body))
	}
	return a
}

// heard keeps the last answers.
func (p *person) heard(format string, args ...any) {
	said := fmt.Sprintf(time.Now().Format("05.000 ")+format, args...)
	if p.last = append(p.last, said); len(p.last) > 40 {
		p.last = p.last[1:]
	}
}

var (
	title     = regexp.MustCompile(`(?s)<h1 class="govuk-heading-l">[^<]{5,}</h1>`)
	paragraph = regexp.MustCompile(`(?s)<p class="govuk-body">[^<]{5,}</p>`)
)

// unclear says what an error page lacks: it has a title, says what happened and what to do, and leads on; a script is
// told in a sentence.
func unclear(res *http.Response, body string) string {
	kind := res.Header.Get("Content-Type")
	var problem struct{ Detail string }
	switch {
	case res.StatusCode < 400:
		return ""
	case strings.HasPrefix(kind, "application/problem+json"):
		if json.Unmarshal([]byte(body), &problem) != nil || len(problem.Detail) < 10 {
			return "a problem without a sentence"
		}
	case !strings.HasPrefix(kind, "text/html"):
		return "it is " + kind
	case !title.MatchString(body) || len(paragraph.FindAllString(body, -1)) < 2 || !strings.Contains(body, `href="/"`):
		return "a page without a title, what happened, what to do, or a way on"
	}
	return ""
}

func (p *person) get(t *testing.T, path string) *answer {
	t.Helper()
	return p.ask(t, http.MethodGet, path, "", nil)
}

func (p *person) post(t *testing.T, path string, fields ...string) *answer {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return p.ask(t, http.MethodPost, path, "application/x-www-form-urlencoded", []byte(form.Encode()))
}

// upload puts a PDF among what is to be signed.
func (p *person) upload(t *testing.T, name string, pdf []byte) *answer {
	t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	file, err := form.CreateFormFile("file", name)
	if err != nil {
		t.Fatal(err)
	}
	file.Write(pdf)
	if err := form.WriteField("kind", "none"); err != nil {
		t.Fatal(err)
	}
	form.Close()
	return p.ask(t, http.MethodPost, "/upload", form.FormDataContentType(), b.Bytes())
}

// signIn uses the sign-in passkey, as the page's script does.
func (p *person) signIn(t *testing.T) bool {
	t.Helper()
	begun := p.ask(t, http.MethodPost, "/sign-in/begin", "application/json", []byte("{}"))
	if !begun.ok() {
		return false
	}
	var options struct {
		PublicKey struct{ Challenge solecontrol.Bytes }
	}
	if err := json.Unmarshal([]byte(begun.body), &options); err != nil || len(options.PublicKey.Challenge) != 32 {
		t.Fatalf("%v: %s", err, begun.body)
	}
	id := p.page.Device.Passkeys("localhost")[0].ID
	made, _, err := p.page.Device.Get("localhost", p.portal, solecontrol.Digest(options.PublicKey.Challenge), id, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(map[string]any{"id": id, "rawId": id, "type": "public-key", "response": map[string]any{
		"authenticatorData": made.AuthenticatorData, "clientDataJSON": made.ClientDataJSON, "signature": made.Signature, "userHandle": solecontrol.Bytes(p.handle),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return p.ask(t, http.MethodPost, "/sign-in/finish", "application/json", body).ok()
}
