package portal

import (
	"net/http"
	"strings"
	"testing"

	"chop/registration"
)

// A phone at the counter: the code once, the agreement by its id, each step by the case's
// state, and nothing for a browser that did not scan.
func TestBind(t *testing.T) {
	h := newHouse(t, "http://localhost:8080", "http://approve.localhost:8080")
	phone := h.browser()
	if w := phone.get("/bind/phone"); w.Code != http.StatusGone {
		t.Errorf("without a code: %d", w.Code)
	}
	if w := phone.post("/bind", "token=wrong"); w.Code != http.StatusGone {
		t.Errorf("a wrong code: %d", w.Code)
	}
	if w := phone.post("/bind", "token=token"); w.Code != http.StatusSeeOther {
		t.Fatalf("the code: %d %s", w.Code, w.Body)
	}
	if w := h.browser().post("/bind", "token=token"); w.Code != http.StatusGone {
		t.Errorf("a second scanner: %d", w.Code)
	}
	if body := phone.get("/bind/phone").Body.String(); !strings.Contains(body, `class="code">47<`) {
		t.Errorf("no number: %s", body)
	}
	to := func(s registration.CaseState, waiting string) {
		h.accounts.mu.Lock()
		defer h.accounts.mu.Unlock()
		h.accounts.phone.State, h.accounts.phone.Waiting = s, waiting
	}
	to(registration.Bound, "")
	if w := phone.post("/bind/phone", "act=agree&agreement="+Agreement); !strings.Contains(w.Body.String(), "Tick the box") || h.accounts.agreed != "" {
		t.Errorf("without a tick: %d", w.Code)
	}
	if w := phone.post("/bind/phone", "act=enrol"); w.Code != http.StatusConflict {
		t.Errorf("enrolling before its time: %d", w.Code)
	}
	if w := phone.post("/bind/phone", "act=agree&agree=yes&agreement="+Agreement); w.Code != http.StatusSeeOther || h.accounts.agreed != Agreement {
		t.Errorf("agreed: %d, to %q", w.Code, h.accounts.agreed)
	}
	h.accounts.phone.HasPasskey = true
	if w := phone.post("/bind/phone", "act=enrol"); w.Header().Get("Location") != "http://approve.localhost:8080/#enrol/enrolment" {
		t.Errorf("enrol: %d %s", w.Code, w.Header())
	}
	to(registration.Made, "certificates")
	if body := phone.get("/bind/phone").Body.String(); !strings.Contains(body, "does not answer just now") {
		t.Errorf("waiting for the CA: %s", body)
	}
	if w := phone.get("/bind/phone/state"); w.Body.String() != `{"state":"made+?"}` {
		t.Errorf("state %s", w.Body)
	}
	to(registration.Done, "")
	if body := phone.get("/bind/phone").Body.String(); !strings.Contains(body, "Your account is active") {
		t.Errorf("done: %s", body)
	}
	if w := phone.post("/bind/phone", "act=not-me"); w.Code != 200 || phone.cookies[bindCookie] != nil {
		t.Errorf("not me: %d, the secret is still there: %v", w.Code, phone.cookies[bindCookie] != nil)
	}
}

// Passkey ceremonies answer once, and only to what was begun.
func TestCeremonies(t *testing.T) {
	h := newHouse(t, "http://localhost:8080", "http://approve.localhost:8080")
	b := h.browser()
	b.header["Accept"] = "application/json"
	w := b.send("POST", "/sign-in/begin", "application/json", "{}")
	if body := w.Body.String(); w.Code != 200 || !strings.Contains(body, `"hints":["client-device","hybrid"]`) || !strings.Contains(body, `"userVerification":"required"`) || strings.Contains(body, "transports") || strings.Contains(body, "prf") {
		t.Fatalf("options: %d %s", w.Code, body)
	}
	for i, want := range []int{http.StatusForbidden, http.StatusConflict} { // a bad answer uses the question up
		if w := b.send("POST", "/sign-in/finish", "application/json", `{"id":"x"}`); w.Code != want {
			t.Errorf("answer %d: %d %s, want %d", i, w.Code, w.Body, want)
		}
	}
	b.send("POST", "/sign-in/begin", "application/json", "{}")
	if w := b.send("POST", "/bind/phone/finish", "application/json", "{}"); w.Code != http.StatusConflict {
		t.Errorf("an answer of another kind: %d", w.Code)
	}
	if w := b.send("POST", "/sign-in/begin", "text/plain", "{}"); w.Code != http.StatusUnsupportedMediaType {
		t.Errorf("a form in disguise: %d", w.Code)
	}
}
