package portal

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// shown makes a computer show a code, and returns the address in it.
func (b *browser) shown() (path, number string) {
	b.h.t.Helper()
	if w := b.post("/sign-in/phone", ""); w.Code != http.StatusSeeOther {
		b.h.t.Fatalf("start: %d %s", w.Code, w.Body)
	}
	body := b.get("/sign-in/phone").Body.String()
	m := regexp.MustCompile(`class="code">(\d\d)<`).FindStringSubmatch(body)
	if m == nil {
		b.h.t.Fatalf("no number: %s", body)
	}
	address := b.get("/test/link").Body.String()
	return address[strings.Index(address, "/link/"):], m[1]
}

const chromeOnWindows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"

// A computer signs in by a phone: named, with one number on both; the session is linked.
func TestLink(t *testing.T) {
	h := newHouse(t, "http://localhost:8080", "http://approve.localhost:8080")
	computer, phone := h.browser(), h.browser().enter(chan_, "device")
	computer.header["User-Agent"] = chromeOnWindows
	path, number := computer.shown()
	w := phone.get(path)
	if body := w.Body.String(); w.Code != 200 || !strings.Contains(body, "Chrome on Windows") || !strings.Contains(body, `class="code">`+number+"<") {
		t.Fatalf("phone sees %d %s", w.Code, body)
	}
	if w := computer.get("/sign-in/phone/state"); strings.TrimSpace(w.Body.String()) != `{"state":"scanned"}` {
		t.Errorf("state %s", w.Body)
	}
	if w := phone.post(path, "answer=same"); w.Code != 200 || !strings.Contains(w.Body.String(), "The computer is signed in") {
		t.Fatalf("confirm: %d %s", w.Code, w.Body)
	}
	before := computer.cookies["chop"].Value
	if w := computer.get("/sign-in/phone"); w.Code != 303 || w.Header().Get("Location") != "/account" {
		t.Fatalf("computer: %d %s", w.Code, w.Header())
	}
	if computer.cookies["chop"].Value == before {
		t.Error("the session's token did not change with sign-in")
	}
	if w := computer.get("/account"); !strings.Contains(w.Body.String(), "signed in by your phone") {
		t.Errorf("not linked: %s", w.Body)
	}
	// A linked session asks and never gives, and does not change the account.
	if body := computer.get("/signings/waiting").Body.String(); strings.Contains(body, "Sign with this device") || !strings.Contains(body, "0417") {
		t.Errorf("waiting: %s", body)
	}
	for _, path := range []string{"/account/close", "/account/code"} {
		if w := computer.post(path, "sure=yes"); w.Code != http.StatusForbidden {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	// Replay: the code, the answer.
	for name, b := range map[string]*browser{"the same phone": phone, "another phone": h.browser().enter(lite, "device")} {
		if w := b.get(path); w.Code != http.StatusGone || !strings.Contains(w.Body.String(), "no longer good") {
			t.Errorf("replay by %s: %d", name, w.Code)
		}
	}
}

// Only the first phone has the code; a forwarded one, an old one and the computer's own
// are refused; so is a link by a session that is linked itself.
func TestLinkRefusals(t *testing.T) {
	h := newHouse(t, "http://localhost:8080", "http://approve.localhost:8080")
	computer := h.browser()
	path, _ := computer.shown()
	if w := computer.get(path); w.Code != http.StatusConflict {
		t.Errorf("the computer itself: %d", w.Code)
	}
	first, second := h.browser().enter(chan_, "device"), h.browser().enter(lite, "device")
	if w := first.get(path); w.Code != 200 {
		t.Fatalf("first: %d", w.Code)
	}
	if w := second.get(path); w.Code != http.StatusGone {
		t.Errorf("second scanner: %d", w.Code)
	}
	if w := second.post(path, "answer=same"); w.Code != http.StatusGone {
		t.Errorf("second scanner confirms: %d", w.Code)
	}
	if w := first.post(path, "answer=not-me"); w.Code != 200 || !strings.Contains(w.Body.String(), "Nobody was signed in") {
		t.Errorf("not me: %d", w.Code)
	}
	if w := computer.get("/sign-in/phone"); w.Code != 200 || !strings.Contains(w.Body.String(), "The phone said no") {
		t.Errorf("computer: %d %s", w.Code, w.Body)
	}

	path, _ = computer.shown()
	h.now = h.now.Add(linkLife + time.Second)
	if w := first.get(path); w.Code != http.StatusGone {
		t.Errorf("after 90 s: %d", w.Code)
	}
	if w := computer.get("/sign-in/phone"); !strings.Contains(w.Body.String(), "The code has run out") {
		t.Errorf("computer after 90 s: %s", w.Body)
	}

	path, _ = computer.shown()
	linked := h.browser().enter(chan_, "linked")
	if w := linked.get(path); w.Code != 303 || w.Header().Get("Location") != "/sign-in?why=own-device" {
		t.Errorf("a linked session: %d %s", w.Code, w.Header())
	}
	if w := linked.post(path, "answer=same"); w.Code != 303 {
		t.Errorf("a linked session confirms: %d", w.Code)
	}
	if w := h.browser().get("/link/short"); w.Code != http.StatusGone {
		t.Errorf("no token: %d", w.Code)
	}
	// A phone that signs in on the way comes back to the code.
	path, _ = computer.shown()
	stranger := h.browser()
	if w := stranger.get(path); w.Code != 303 {
		t.Fatalf("not signed in: %d", w.Code)
	}
	if w := stranger.get("/test/enter/" + chan_ + "/device"); w.Header().Get("Location") != path {
		t.Errorf("comes back to %s", w.Header().Get("Location"))
	}
	if w := stranger.get(path); w.Code != 200 {
		t.Errorf("after signing in: %d", w.Code)
	}
}

func TestAgent(t *testing.T) {
	for ua, want := range map[string]string{
		chromeOnWindows: "Windows, Chrome",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1": "iPhone, Safari",
		"Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36":                   "Android, Chrome",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0":           "Windows, Edge",
		"curl/8": "", "": "",
	} {
		if got := deviceName(agent(ua)); got != want {
			t.Errorf("%q is %q, want %q", ua, got, want)
		}
	}
}
