package portal

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"chop/registration"
	"chop/signer"
)

// addresses are all pages that a full account can open by GET.
func addresses(h *house) []string {
	list := []string{"/", "/accessibility", "/privacy", "/terms", "/upgrade", "/places", "/places/sha-tin", "/places/kowloon-city", "/places/nowhere", "/lost", "/stop/xxxx", "/sign-in", "/bind", "/register", "/signed", "/nothing",
		"/account", "/account/activity", "/account/contact", "/account/suspend", "/account/close", "/account/code", "/inbox",
		"/forms", "/upload", "/to-sign", "/signings", "/signings/signed/receipt", "/signings/none"}
	for _, f := range h.cfg.Forms.Forms() {
		list = append(list, "/forms/"+f.ID)
	}
	for _, s := range []string{"prepared", "waiting", "approved", "signed", "declined", "expired", "failed", "cancelled"} {
		list = append(list, "/signings/"+s)
	}
	return list
}

// Every page is drawn in every language, with all its texts; every link on it leads
// somewhere; nothing in it is script or style within the page; no number of a card is whole.
func TestEveryPage(t *testing.T) {
	h := newHouse(t, "http://localhost:8080", "http://approve.localhost:8080")
	links, seen := regexp.MustCompile(`(?:href|src|action|formaction)="([^"]*)"`), map[string]bool{}
	inline := regexp.MustCompile(`(?i)<style|<script(?:>| [^>]*>[^<])|\son[a-z]+=|\sstyle=|javascript:`)
	for _, tongue := range tongues {
		for _, who := range []string{chan_, long, lite, ""} {
			b := h.browser()
			b.header["Accept-Language"] = tongue.Tag
			if who != "" {
				b.enter(who, "device")
			}
			for _, address := range addresses(h) {
				w := b.get(address)
				body := w.Body.String()
				if w.Code == http.StatusSeeOther {
					continue
				}
				if w.Code >= 500 || w.Code == 0 || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
					t.Errorf("%s %s %s: %d %s", tongue.Tag, who, address, w.Code, w.Header().Get("Content-Type"))
					continue
				}
				if !strings.Contains(body, `<html lang="`+tongue.Tag+`"`) || strings.Contains(body, "&lt;no value&gt;") {
					t.Errorf("%s %s: not in that language, or a value is missing", tongue.Tag, address)
				}
				if m := inline.FindString(body); m != "" {
					t.Errorf("%s: inline %q", address, m)
				}
				for _, secret := range []string{"A123456", "Z683365", "WX123456"} {
					if strings.Contains(body, secret) {
						t.Errorf("%s shows %s", address, secret)
					}
				}
				checkHeaders(t, address, w.Header())
				for _, m := range links.FindAllStringSubmatch(body, -1) {
					seen[strings.ReplaceAll(m[1], "&amp;", "&")] = true
				}
			}
		}
	}
	b := h.browser().enter(chan_, "device")
	b.from = "198.51.100.1:1" // somebody else than who has just drawn hundreds of pages
	for link := range seen {
		target, _, _ := strings.Cut(link, "#")
		switch {
		case target == "" || strings.HasPrefix(link, "http://approve.localhost:8080/#sign/"):
		case target == "/verify": // portal/verify answers it, at the same address (cmd/chop/routes.go)
		case strings.HasPrefix(target, "?lang="):
		case !strings.HasPrefix(target, "/"):
			t.Errorf("a link leads to %q", link)
		default:
			if w := b.get(target); w.Code >= 400 && w.Code != http.StatusMethodNotAllowed && !built(target) && target != "/nothing" && target != "/signings/none" {
				t.Errorf("the link %s answers %d", target, w.Code)
			}
		}
	}
	if len(seen) < 40 {
		t.Errorf("only %d links were found", len(seen))
	}
}

// built reports whether an address is of a built file: on a bare clone there are none.
func built(target string) bool {
	if !strings.HasPrefix(target, "/static/") {
		return false
	}
	_, err := os.Stat("static/portal.css")
	return err != nil
}

func checkHeaders(t *testing.T, address string, h http.Header) {
	t.Helper()
	policy := h.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("%s: policy %q lacks %s", address, policy, want)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") || strings.Contains(policy, "data:") {
		t.Errorf("%s: policy %q", address, policy)
	}
	if h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "same-origin" {
		t.Errorf("%s: header %v", address, h)
	}
}

// No template has a script or a style within, or names another host.
func TestTemplates(t *testing.T) {
	files, err := filepath.Glob("templates/*.html")
	if err != nil || len(files) < 25 {
		t.Fatal(len(files), err)
	}
	bad := regexp.MustCompile(`(?i)<style|<script(?:>| [^>]*>[^<])|\son[a-z]+=|\sstyle=|javascript:|https?://|<img|<iframe`)
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if m := bad.FindString(string(text)); m != "" {
			t.Errorf("%s has %q", name, m)
		}
	}
}

// Pages that are somebody's want somebody: the person comes back after signing in, and
// nowhere else.
func TestSignInComesBack(t *testing.T) {
	h := newHouse(t, "http://localhost:8080", "http://approve.localhost:8080")
	b := h.browser()
	if w := b.get("/signings/signed"); w.Code != 303 || w.Header().Get("Location") != "/sign-in" {
		t.Fatalf("%d %s", w.Code, w.Header())
	}
	if w := b.get("/test/enter/" + chan_ + "/device"); w.Header().Get("Location") != "/signings/signed" {
		t.Errorf("after signing in: %s", w.Header().Get("Location"))
	}
	for path, want := range map[string]bool{"/account": true, "//evil.example": false, "https://evil.example": false, `/\evil.example`: false, "": false, "/a\r\nb": false} {
		if got := local(path); got != want {
			t.Errorf("local(%q) is %v", path, got)
		}
	}
}

// A session ends at once when the account is suspended, from anywhere, or when its
// sessions are ended.
func TestSessionsEnd(t *testing.T) {
	h := newHouse(t, "http://localhost:8080", "http://approve.localhost:8080")
	phone, computer := h.browser().enter(chan_, "device"), h.browser().enter(chan_, "linked")
	if w := computer.get("/account"); w.Code != 200 || !strings.Contains(w.Body.String(), "signed in by your phone") {
		t.Fatalf("linked: %d", w.Code)
	}
	h.now = h.now.Add(1e9)
	if w := phone.post("/account/suspend", ""); w.Code != 303 || w.Header().Get("Location") != "/sign-in?why=suspended" {
		t.Fatalf("suspend: %d %s", w.Code, w.Body)
	}
	for name, b := range map[string]*browser{"phone": phone, "computer": computer} {
		w := b.get("/account")
		if w.Code != 303 {
			t.Errorf("%s still sees the account: %d", name, w.Code)
		}
		// Who was not told yet is told why.
		if to := w.Header().Get("Location"); name == "computer" && to != "/sign-in?why=suspended" {
			t.Errorf("the computer is sent to %s", to)
		}
	}
	// Resumed: the old sessions stay void.
	h.accounts.setState(chan_, registration.Active)
	h.now = h.now.Add(1e9)
	again := h.browser().enter(chan_, "device")
	if w := again.get("/account"); w.Code != 200 {
		t.Errorf("signed in anew: %d %s", w.Code, w.Header())
	}
	var stored int
	if err := h.cfg.DB.Pool.QueryRow(t.Context(), `SELECT count(*) FROM sessions WHERE token = $1`, again.cookies["chop"].Value).Scan(&stored); err != nil || stored != 0 {
		t.Errorf("the table holds %d session tokens as the cookie has them, %v", stored, err)
	}
}

// Another site's form is refused, with a page; ours is not.
func TestCrossOrigin(t *testing.T) {
	h := newHouse(t, "http://localhost:8080", "http://approve.localhost:8080")
	b := h.browser().enter(chan_, "device")
	for _, site := range []string{"cross-site", "same-site"} {
		b.header["Sec-Fetch-Site"] = site
		if w := b.post("/account/suspend", ""); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "another site") {
			t.Errorf("%s: %d %s", site, w.Code, w.Body)
		}
	}
	b.header["Sec-Fetch-Site"] = "same-origin"
	if w := b.get("/account"); w.Code != 200 {
		t.Errorf("%d", w.Code)
	}
}

// The language is changed in the middle of a form: what was typed stays, nothing is saved.
func TestLanguageKeepsTyped(t *testing.T) {
	h := newHouse(t, "http://localhost:8080", "http://approve.localhost:8080")
	b := h.browser().enter(chan_, "device")
	w := b.post("/account/contact", "phone=1&email=typed%40example.hk&language=en&set-lang=zh-Hant-HK")
	if body := w.Body.String(); w.Code != 200 || !strings.Contains(body, `value="typed@example.hk"`) || !strings.Contains(body, "電郵地址") {
		t.Errorf("%d %s", w.Code, body)
	}
	if got := h.accounts.data[chan_].Contact.Email; got != "tai.man@example.hk" {
		t.Errorf("it was saved: %s", got)
	}
	if w := b.get("/account/contact"); !strings.Contains(w.Body.String(), "電郵地址") {
		t.Error("the language was forgotten")
	}
	if w := b.get("/forms?q=x&lang=zh-Hans"); w.Code != 303 || w.Header().Get("Location") != "/forms?q=x" {
		t.Errorf("by link: %d %s", w.Code, w.Header())
	}
}

// Errors of the services have pages that say what to do, and tell no reason.
func TestErrors(t *testing.T) {
	h := newHouse(t, "http://localhost:8080", "http://approve.localhost:8080")
	b := h.browser().enter(chan_, "device")
	if code, body := b.upload("a.pdf", "none", onePage); code != 303 {
		t.Fatal(code, body)
	}
	for err, want := range map[error]struct {
		status int
		says   string
	}{
		signer.ErrLite:                {403, "cannot sign yet"},
		signer.ErrSuspended:           {403, "account is suspended"},
		signer.ErrBusy:                {409, "Another approval is open"},
		signer.ErrCertificate:         {409, "certificate is not good"},
		fmt.Errorf("a secret reason"): {500, "Something went wrong on our side"},
	} {
		h.signings.fail = fmt.Errorf("prepare: %w", err)
		w := b.post("/to-sign", "with=phone")
		if w.Code != want.status || !strings.Contains(w.Body.String(), want.says) || strings.Contains(w.Body.String(), "secret reason") {
			t.Errorf("%v: %d, want %d saying %q", err, w.Code, want.status, want.says)
		}
		if w := b.get("/to-sign"); !strings.Contains(w.Body.String(), "a.pdf") {
			t.Errorf("%v: the document was lost", err)
		}
	}
	b.header["Accept"] = "application/json"
	if w := b.get("/signings/none/state"); w.Code != 404 || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("for a script: %d %s", w.Code, w.Body)
	}
}

// The link of a notice: looking at it does nothing, the button stops, and a link that is not good says so.
func TestStop(t *testing.T) {
	h := newHouse(t, "http://localhost:8080", "http://approve.localhost:8080")
	b := h.browser()
	if w := b.get("/stop/good"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `action="/stop/good"`) {
		t.Errorf("the page: %d", w.Code)
	}
	if w := b.post("/stop/good", ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `role="status"`) {
		t.Errorf("the button: %d %s", w.Code, w.Body)
	}
	if w := b.post("/stop/other", ""); w.Code != http.StatusGone || !strings.Contains(w.Body.String(), "This link is no longer good") || !strings.Contains(w.Body.String(), `<a class="govuk-link" href="/lost">Suspend`) {
		t.Errorf("a link that is not good: %d %s", w.Code, w.Body)
	}
}

// Guessing is slowed down.
func TestLimits(t *testing.T) {
	h := newHouse(t, "http://localhost:8080", "http://approve.localhost:8080")
	b := h.browser()
	for range 10 {
		if w := b.post("/lost", "code=00000-00000"); w.Code != http.StatusUnprocessableEntity {
			t.Fatalf("a wrong code: %d", w.Code)
		}
	}
	if w := b.post("/lost", "code=12345-67890"); w.Code != http.StatusTooManyRequests || !strings.Contains(w.Body.String(), "Too many tries") {
		t.Errorf("the eleventh: %d", w.Code)
	}
}

// Whoever shares a person's address (a household, a carrier's gateway) can use up what one address may ask, and not keep
// the person from stopping what somebody does with their account.
func TestLimitsStop(t *testing.T) {
	h := newHouse(t, "http://localhost:8080", "http://approve.localhost:8080")
	stranger, person := h.browser(), h.browser()
	for range 40 {
		stranger.get("/stop/other")
		stranger.post("/stop/other", "")
	}
	if w := stranger.post("/stop/other", ""); w.Code != http.StatusTooManyRequests {
		t.Errorf("one link again and again: %d", w.Code)
	}
	for i := 0; stranger.get("/terms").Code != http.StatusTooManyRequests; i++ {
		if i > 600 {
			t.Fatal("nothing limits one address")
		}
	}
	if w := person.get("/stop/good"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `action="/stop/good"`) {
		t.Errorf("the page: %d", w.Code)
	}
	if w := person.post("/stop/good", ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `role="status"`) {
		t.Errorf("the button: %d", w.Code)
	}
}

// Phones behind one address send their frames beside each other: a registration has a limit of its own.
func TestLimitsFrames(t *testing.T) {
	h := newHouse(t, "http://localhost:8080", "http://approve.localhost:8080")
	h.remote.to(registration.RemoteEntered, "")
	phone := func(secret string) *browser {
		b := h.browser()
		b.cookies[registerCookie] = &http.Cookie{Name: registerCookie, Value: secret}
		b.header["Accept"] = "application/json"
		return b
	}
	one, another := phone("register-secret"), phone("another-secret")
	code := 0
	for i := range 301 {
		code = one.send("POST", "/register/face/frame", "text/plain", "").Code
		if i == 0 && code != http.StatusUnsupportedMediaType {
			t.Fatalf("the first: %d", code)
		}
	}
	if code != http.StatusTooManyRequests {
		t.Errorf("frame 301 of a minute: %d", code)
	}
	for range 299 {
		code = another.send("POST", "/register/face/frame", "image/jpeg", "jpeg").Code
	}
	if code != http.StatusOK {
		t.Errorf("another phone's: %d", code)
	}
	if w := h.browser().get("/"); w.Code != http.StatusOK {
		t.Errorf("frames are counted with pages: %d", w.Code)
	}
}

// A network is one address, or of IPv6 what one customer has; a proxy's port is nothing.
func TestNetwork(t *testing.T) {
	of := func(address string) string { return network(&http.Request{RemoteAddr: address}) }
	for _, same := range [][2]string{{"192.0.2.1:1", "192.0.2.1:2"}, {"[2001:db8::1]:1", "[2001:db8::ffff]:2"}} {
		if of(same[0]) != of(same[1]) {
			t.Errorf("%s and %s are two", same[0], same[1])
		}
	}
	for _, other := range [][2]string{{"192.0.2.1:1", "192.0.2.2:1"}, {"[2001:db8::1]:1", "[2001:db8:0:1::1]:1"}} {
		if of(other[0]) == of(other[1]) {
			t.Errorf("%s and %s are one", other[0], other[1])
		}
	}
}
