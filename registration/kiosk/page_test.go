package kiosk_test

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"chop/ca/infra"
	"chop/registration"
	"chop/registration/hkic/issuer"
	"chop/registration/kiosk"
)

// screen is a kiosk's browser: the rig's page over mutual TLS.
type screen struct {
	t    *testing.T
	url  string
	http *http.Client
	body string // of the last answer
	// cookie is the one that was set last.
	cookie *http.Cookie
}

func (g *rig) screen(kind, id string) *screen {
	g.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		g.t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{g.certificate(kind, id)}, RootCAs: g.infra.Pool()}}
	g.t.Cleanup(transport.CloseIdleConnections)
	return &screen{t: g.t, url: g.url, http: &http.Client{Transport: transport, Jar: jar}}
}

func (s *screen) take(resp *http.Response, err error) int {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	s.body = string(b)
	if list := resp.Cookies(); len(list) > 0 {
		s.cookie = list[0]
	}
	return resp.StatusCode
}

func (s *screen) get(path string) int { s.t.Helper(); return s.take(s.http.Get(s.url + path)) }

func (s *screen) post(path string, pairs ...string) int {
	s.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return s.take(s.http.PostForm(s.url+path, form))
}

// shows fails unless the page is that one, both as it was answered last and as the script is told.
func (s *screen) shows(page string, texts ...string) {
	s.t.Helper()
	for _, text := range append(texts, `data-page="`+page+`"`) {
		if !strings.Contains(s.body, text) {
			s.t.Errorf("the page shows no %q:\n%s", text, s.body)
		}
	}
	kept := s.body
	s.get("/state")
	var now struct{ Page string }
	if err := json.Unmarshal([]byte(s.body), &now); err != nil || now.Page != page {
		s.t.Errorf("the script is told %s, %v, want %s", s.body, err, page)
	}
	s.body = kept
}

// face goes before the camera; it returns the last answer.
func (s *screen) face(picture string) (answer struct {
	Nonce, Over string
	Tries       int
	Next        bool
}) {
	s.t.Helper()
	s.post("/face/begin")
	if err := json.Unmarshal([]byte(s.body), &answer); err != nil || answer.Nonce == "" {
		s.t.Fatalf("%s, %v", s.body, err)
	}
	r, err := http.NewRequest(http.MethodPost, s.url+"/face/frame", strings.NewReader(picture))
	if err != nil {
		s.t.Fatal(err)
	}
	if picture == "out of turn" {
		answer.Nonce = "of another challenge"
	}
	r.Header.Set("Frame-Nonce", answer.Nonce)
	s.take(s.http.Do(r))
	answer.Nonce = ""
	if err := json.Unmarshal([]byte(s.body), &answer); err != nil {
		s.t.Fatalf("%s, %v", s.body, err)
	}
	return answer
}

// What people see from the card to the phone: and a number that differs, a face that is another's, a second phone.
func TestScreen(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	s, a := g.screen(infra.Kiosk, here.ID), g.agent()
	s.get("/")
	s.shows("start", `lang="zh-Hant-HK"`)
	s.post("/language", "language", "en")
	s.shows("start", "Put your identity card into the reader")
	if v, err := a.Card(t.Context(), g.card(issuer.Genuine, 0)); err != nil || v.State != "read" {
		t.Fatalf("%+v, %v", v, err)
	}
	s.get("/")
	s.shows("data", "Is this you?", "•••", "14 March 1985")
	s.post("/continue")
	s.shows("face")
	if got := s.face("another"); got.Over != "try" || got.Tries != 2 {
		t.Errorf("another's face: %+v", got)
	}
	if got := s.face("theirs"); !got.Next {
		t.Errorf("their face: %+v", got)
	}
	s.get("/")
	s.shows("code", "Show the code")
	s.post("/code")
	s.shows("code", "data:image/png;base64,")

	session, err := g.book.Current(t.Context(), here)
	if err != nil {
		t.Fatal(err)
	}
	c := registration.Kiosk(here.ID, here.Place)
	scan := func() *registration.Phone {
		offer, err := g.registry.OfferBinding(t.Context(), c, session.ID, session.ID)
		if err != nil {
			t.Fatal(err)
		}
		phone, err := g.registry.BindDevice(t.Context(), offer.Token)
		if err != nil {
			t.Fatal(err)
		}
		return phone
	}
	phone := scan()
	s.get("/")
	s.shows("number", ">"+phone.Number+"<")
	if code := s.post("/number", "same", "no", "number", phone.Number); code != http.StatusConflict {
		t.Errorf("a number that differs: %d", code)
	}
	s.shows("code", "That phone was sent away")
	phone = scan()
	s.post("/number", "same", "yes", "number", phone.Number)
	s.shows("phone", phone.Number)
	s.post("/language", "language", "zh-Hans")
	s.shows("phone", "请在手机上继续")
	s.post("/end")
	s.shows("start", `lang="zh-Hant-HK"`)
	if p, err := g.registry.PhoneCase(t.Context(), phone.Secret); err != nil || p.State != registration.Bound {
		t.Errorf("the phone's case is %+v, %v", p, err)
	}
}

// The last try is the last: nobody is told to press a button that then sends them away.
func TestScreenTries(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	s, a := g.screen(infra.Kiosk, here.ID), g.agent()
	if _, err := a.Card(t.Context(), g.card(issuer.Genuine, 0)); err != nil {
		t.Fatal(err)
	}
	s.post("/continue")
	for i, picture := range []string{"another", "out of turn"} {
		if got := s.face(picture); got.Over != "try" || got.Tries != 2-i {
			t.Errorf("%s: %+v, want %d left", picture, got, 2-i)
		}
	}
	if got := s.face("out of turn"); got.Over != "" || !got.Next {
		t.Errorf("the last: %+v", got)
	}
	s.get("/")
	s.shows("no-portrait")
	g.nothingKept("no try left")
}

// A language is one person's: it goes a minute after they do, and with the end of their way.
func TestScreenLanguage(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	s, a := g.screen(infra.Kiosk, here.ID), g.agent()
	speaks := func(want string) {
		t.Helper()
		s.get("/state")
		var now struct{ Lang string }
		if err := json.Unmarshal([]byte(s.body), &now); err != nil || now.Lang != want {
			t.Errorf("the script is told %s, %v, want %s", s.body, err, want)
		}
	}
	speaks("zh-Hant-HK")
	s.post("/language", "language", "en")
	speaks("en")
	if s.cookie.MaxAge != 60 {
		t.Errorf("the language is kept for %d seconds", s.cookie.MaxAge)
	}
	// A hand on the first page keeps it too, though there is no session.
	s.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s.cookie = nil
	if s.post("/touch"); s.cookie == nil || s.cookie.Value != "en" {
		t.Errorf("a touch before the card: %v", s.cookie)
	}
	s.http.CheckRedirect = nil
	if _, err := a.Card(t.Context(), g.card(issuer.Genuine, 0)); err != nil {
		t.Fatal(err)
	}
	speaks("en")
	s.cookie = nil
	if s.post("/touch"); s.cookie == nil || s.cookie.Value != "en" || s.cookie.MaxAge != 60 {
		t.Errorf("a touch keeps the language: %v", s.cookie)
	}
	if _, err := a.Card(t.Context(), g.card(issuer.Expired, 8)); err != nil {
		t.Fatal(err)
	}
	s.get("/")
	s.shows("no-expired", `lang="en"`)
	s.post("/language", "language", "zh-Hans")
	s.shows("no-expired", `lang="zh-Hans"`)
	// Whoever comes now, with a card of theirs, has chosen nothing.
	if _, err := a.Card(t.Context(), g.card(issuer.Genuine, 0)); err != nil {
		t.Fatal(err)
	}
	speaks("zh-Hant-HK")
	s.get("/")
	s.shows("data", `lang="zh-Hant-HK"`)
	s.get("/")
	s.shows("data", `lang="zh-Hant-HK"`)
}

// Cards and people that go no further: a page for each, and nothing is kept.
func TestScreenEnds(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	s, a := g.screen(infra.Kiosk, here.ID), g.agent()
	for kind, page := range map[issuer.Kind]string{
		issuer.Cloned: "no-cloned", issuer.Tampered: "no-tampered", issuer.Expired: "no-expired", issuer.Foreign: "no-foreign",
	} {
		if _, err := a.Card(t.Context(), g.card(kind, 8)); err != nil {
			t.Fatal(err)
		}
		s.get("/")
		s.shows(page)
		s.post("/end")
		s.shows("start")
	}
	for _, c := range []struct {
		kind   issuer.Kind
		person int
		page   string
	}{{issuer.Replaced, 8, "no-replaced"}, {issuer.Genuine, 7, "no-record"}} {
		if _, err := a.Card(t.Context(), g.card(c.kind, c.person)); err != nil {
			t.Fatal(err)
		}
		s.post("/continue")
		s.face("theirs")
		s.get("/")
		s.shows(c.page)
		g.nothingKept(c.page)
	}
	if _, err := a.Card(t.Context(), issuer.PulledOut(g.card(issuer.Genuine, 0), 3)); err != nil {
		t.Fatal(err)
	}
	s.get("/")
	s.shows("again")
	if _, err := a.Card(t.Context(), g.card(issuer.Genuine, 0)); err != nil {
		t.Fatal(err)
	}
	s.get("/")
	s.shows("data")
	g.clock.pass(50 * time.Second)
	if code := s.post("/touch"); code != http.StatusNoContent {
		t.Errorf("a touch: %d", code)
	}
	g.clock.pass(50 * time.Second)
	s.get("/state") // which is no touch
	g.clock.pass(11 * time.Second)
	s.get("/")
	s.shows("start")
	g.nothingKept("walked away")
}

// Nobody but a kiosk sees the page, and no other site makes its browser act.
func TestScreenStrangers(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	if _, err := g.agent().Card(t.Context(), g.card(issuer.Genuine, 0)); err != nil {
		t.Fatal(err)
	}
	officer := g.screen(infra.Officer, here.ID)
	for _, path := range []string{"/", "/state"} {
		if code := officer.get(path); code != http.StatusForbidden {
			t.Errorf("an officer's certificate at %s: %d", path, code)
		}
	}
	other := g.screen(infra.Kiosk, "another")
	other.get("/")
	other.shows("start")
	s := g.screen(infra.Kiosk, here.ID)
	r, err := http.NewRequest(http.MethodPost, s.url+"/continue", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Origin", "https://elsewhere.example")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if code := s.take(s.http.Do(r)); code != http.StatusForbidden {
		t.Errorf("another site's form: %d", code)
	}
	s.get("/")
	s.shows("data")
	resp, err := s.http.Get(s.url + "/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if p := resp.Header.Get("Content-Security-Policy"); !strings.Contains(p, "default-src 'none'") || strings.Contains(p, "unsafe") || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers: %v", resp.Header)
	}
}

// A page is one answer: style and script are in it, as the policy allows them, and it asks for nothing more.
func TestScreenIsWhole(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	s := g.screen(infra.Kiosk, here.ID)
	resp, err := s.http.Get(s.url + "/")
	if err != nil {
		t.Fatal(err)
	}
	policy := resp.Header.Get("Content-Security-Policy")
	s.take(resp, nil)
	for _, part := range [][3]string{{"style-src", "<style>", "</style>"}, {"script-src", `<script type="module">`, "</script>"}} {
		_, rest, _ := strings.Cut(s.body, part[1])
		text, _, ok := strings.Cut(rest, part[2])
		sum := sha256.Sum256([]byte(text))
		if want := part[0] + " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "';"; !ok || len(text) < 1000 || !strings.Contains(policy, want) {
			t.Errorf("the policy is %q, want %q", policy, want)
		}
	}
	for _, tag := range regexp.MustCompile(`(?s)<(link|script|img)\b.*?>`).FindAllString(html.UnescapeString(s.body), -1) {
		if tag != `<script type="module">` && !strings.Contains(tag, `="data:image/svg+xml;base64,`) {
			t.Errorf("the page asks for more: %s", tag)
		}
	}
}

// The script's question is held while there is nothing new, and answered when there is: by whichever process the news came.
func TestScreenHears(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	s := g.screen(infra.Kiosk, here.ID)
	began := time.Now()
	if s.get("/state?page=start&lang=zh-Hant-HK"); time.Since(began) < time.Second || !strings.Contains(s.body, `"start"`) {
		t.Errorf("after %v: %s", time.Since(began), s.body)
	}
	if s.get("/state?page=start&lang=en"); !strings.Contains(s.body, `"zh-Hant-HK"`) {
		t.Errorf("another language: %s", s.body)
	}
	changed := g.book.Changed(here)
	other := g.book.Changed(kiosk.Kiosk{ID: "another"})
	done := make(chan error, 1)
	go func() {
		_, err := g.agent().Card(t.Context(), g.card(issuer.Genuine, 0))
		done <- err
	}()
	for page := "start"; page != "data"; {
		s.get("/state?lang=zh-Hant-HK&page=" + page)
		var now struct{ Page string }
		if err := json.Unmarshal([]byte(s.body), &now); err != nil {
			t.Fatalf("%s: %v", s.body, err)
		}
		page = now.Page
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	<-changed
	select {
	case <-other:
		t.Error("another kiosk's bell rang")
	default:
	}
}
