package portal

import (
	"bytes"
	"context"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"chop/registration"
	"chop/registration/hkic"
)

// fakeRemote is a case on a phone that is wherever a test puts it.
type fakeRemote struct {
	mu      sync.Mutex
	c       *registration.RemoteCase
	now     func() time.Time
	card    hkic.Card
	network string
	text    registration.CardText
	fail    error // of the next act
	photo   []byte
	frames  int
	notices []string
	secret  string // of the form's browser
	passkey registration.Passkey
}

func newFakeRemote(now func() time.Time) *fakeRemote {
	return &fakeRemote{now: now, text: registration.CardText{Number: "A123456(3)", Surname: "CHAN", GivenNames: "Tai Man", ChineseName: "陳大文", Birth: "1990-03-00", Issued: "2019-06-10", Gender: "M"}}
}

func (f *fakeRemote) to(state registration.RemoteState, outcome string) *fakeRemote {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.c = &registration.RemoteCase{ID: "r", State: state, Outcome: outcome, TriesLeft: 2, UserHandle: []byte(chan_[4:]), UserName: "SRN0000000009", ExpiresAt: f.now().Add(30 * time.Minute)}
	return f
}

// act is one act of a secret's holder: it fails as told, once.
func (f *fakeRemote) act(secret string, do func()) (*registration.RemoteCase, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if secret == "" || secret != "register-secret" && secret != f.secret || f.c == nil {
		return nil, registration.ErrNoCase
	}
	if err := f.fail; err != nil {
		f.fail = nil
		return nil, err
	}
	do()
	copied := *f.c
	return &copied, nil
}

func (f *fakeRemote) BeginRemote(_ context.Context, network, language, notice, browser string) (string, error) {
	if network == "" || notice != CollectionNotice {
		return "", registration.ErrNotice
	}
	if f.secret != "" && f.secret == browser {
		return browser, nil
	}
	f.to(registration.RemoteNoticed, "")
	f.notices = append(f.notices, language+" "+notice)
	if f.secret = browser; browser == "" {
		return "register-secret", nil
	}
	return browser, nil
}

func (f *fakeRemote) Remote(_ context.Context, secret string) (*registration.RemoteCase, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if secret == "" || secret != "register-secret" && secret != f.secret || f.c == nil {
		return nil, registration.ErrNoCase
	}
	copied := *f.c
	return &copied, nil
}

func (f *fakeRemote) RemotePhoto(_ context.Context, secret string, picture []byte) (*registration.RemoteCase, error) {
	return f.act(secret, func() { f.photo, f.c.State = bytes.Clone(picture), registration.RemotePictured })
}

func (f *fakeRemote) RemoteCard(context.Context, string) (registration.CardText, error) {
	return f.text, nil
}

func (f *fakeRemote) ConfirmRemote(_ context.Context, secret, network string, card hkic.Card) (*registration.RemoteCase, error) {
	return f.act(secret, func() { f.card, f.network, f.c.State = card, network, registration.RemoteEntered })
}

func (f *fakeRemote) CorrectRemote(_ context.Context, secret string) error {
	_, err := f.act(secret, func() { f.c.State = registration.RemotePictured })
	return err
}

func (f *fakeRemote) step() registration.FaceStep {
	return registration.FaceStep{Pose: registration.Poses[f.frames%4], Nonce: "nonce-" + registration.Poses[f.frames%4], Deadline: f.now().Add(10 * time.Second), Step: f.frames%4 + 1, Of: 4, Passed: f.frames == 4}
}

func (f *fakeRemote) BeginFace(_ context.Context, secret string) (s registration.FaceStep, err error) {
	_, err = f.act(secret, func() { f.frames = 0; s = f.step() })
	return s, err
}

func (f *fakeRemote) Frame(_ context.Context, secret, nonce string, frame []byte) (s registration.FaceStep, err error) {
	_, err = f.act(secret, func() {
		switch {
		case nonce != f.step().Nonce || len(frame) < 3:
			err = registration.ErrTry
		default:
			if f.frames++; f.frames == 4 {
				f.c.State = registration.RemoteFaced
			}
			s = f.step()
		}
	})
	if s.Nonce == "" && err == nil {
		err = registration.ErrTry
	}
	return s, err
}

func (f *fakeRemote) CompleteRemote(_ context.Context, secret string, p registration.Passkey) (*registration.RemoteCase, error) {
	return f.act(secret, func() { f.passkey, f.c.State = p, registration.RemoteDone })
}

func (f *fakeRemote) AbandonRemote(_ context.Context, secret string) error {
	_, err := f.act(secret, func() { f.c.State, f.c.Outcome = registration.RemoteEnded, "cancelled" })
	return err
}

// photo posts a picture as the form does; a script asks for JSON.
func (b *browser) photo(content []byte, accept string) (code int, body, location string) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	if content != nil {
		part, err := w.CreateFormFile("photo", "card.jpg")
		if err != nil {
			b.h.t.Fatal(err)
		}
		_, _ = part.Write(content)
	}
	_ = w.Close()
	if accept != "" {
		b.header["Accept"] = accept
		defer delete(b.header, "Accept")
	}
	answer := b.send("POST", "/register/photo", w.FormDataContentType(), form.String())
	return answer.Code, answer.Body.String(), answer.Header().Get("Location")
}

const cardForm = "number=A123456%283%29&surname=CHAN&given=Tai+Man&chinese=%E9%99%B3%E5%A4%A7%E6%96%87&birth-year=1990&birth-month=3&birth-day=&gender=M&issued-year=2019&issued-month=6&issued-day=10"

// A person registers on their phone: each step at its address only, and nothing for another browser.
func TestRegister(t *testing.T) {
	h := newHouse(t, "http://localhost:8080", "http://approve.localhost:8080")
	phone := h.browser()
	if w := phone.get("/register"); w.Code != 200 || !strings.Contains(w.Body.String(), "Cap. 486") || !strings.Contains(w.Body.String(), CollectionNotice) {
		t.Fatalf("the notice: %d", w.Code)
	}
	if w := phone.post("/register", "notice="+CollectionNotice); w.Code != 422 || len(h.remote.notices) != 0 {
		t.Errorf("without a tick: %d", w.Code)
	}
	if w := phone.post("/register", "agree=yes&notice=older"); w.Header().Get("Location") != "/register" {
		t.Errorf("another notice: %d", w.Code)
	}
	if w := phone.post("/register", "agree=yes&notice="+CollectionNotice); w.Header().Get("Location") != "/register/photo" || h.remote.notices[0] != "en "+CollectionNotice {
		t.Fatalf("begin: %d %v", w.Code, h.remote.notices)
	}
	if w := phone.post("/register", "agree=yes&notice="+CollectionNotice); w.Header().Get("Location") != "/register" || len(h.remote.notices) != 1 {
		t.Errorf("begun twice: %d, %d cases", w.Code, len(h.remote.notices))
	}
	for _, address := range []string{"/register/card", "/register/face", "/register/wait", "/register/passkey", "/register/end"} {
		if w := phone.get(address); w.Code != 303 || w.Header().Get("Location") != "/register" {
			t.Errorf("%s before its time: %d", address, w.Code)
		}
	}
	if w := h.browser().get("/register/photo"); w.Code != 303 {
		t.Errorf("another browser: %d", w.Code)
	}
	if w := phone.get("/register/photo"); w.Code != 200 || !strings.Contains(w.Header().Get("Permissions-Policy"), "camera=(self)") || !strings.Contains(w.Body.String(), `capture="environment"`) {
		t.Errorf("photo: %d %s", w.Code, w.Header().Get("Permissions-Policy"))
	}
	if w := phone.get("/"); !strings.Contains(w.Header().Get("Permissions-Policy"), "camera=()") {
		t.Errorf("the camera elsewhere: %s", w.Header().Get("Permissions-Policy"))
	}

	if code, body, _ := phone.photo(nil, ""); code != 422 || !strings.Contains(body, "not a photo that we can use") {
		t.Errorf("no file: %d", code)
	}
	for err, says := range map[error]string{registration.ErrDark: "too dark", registration.ErrNoFace: "no portrait", registration.ErrSmallFace: "too small", registration.ErrManyFaces: "more than one face", registration.ErrPicture: "not a photo"} {
		h.remote.fail = err
		if code, body, _ := phone.photo([]byte("x"), ""); code != 422 || !strings.Contains(body, says) {
			t.Errorf("%v: %d", err, code)
		}
		h.remote.fail = err
		if code, body, _ := phone.photo([]byte("x"), "application/json"); code != 200 || !strings.Contains(body, `"said":`) || !strings.Contains(body, says) {
			t.Errorf("%v, for a script: %d %s", err, code, body)
		}
	}
	h.remote.fail = registration.ErrTooMany
	if code, _, _ := phone.photo([]byte("x"), ""); code != 429 {
		t.Errorf("too many: %d", code)
	}
	if code, _, to := phone.photo([]byte("\xff\xd8\xff photo"), ""); code != 303 || to != "/register/card" || string(h.remote.photo) != "\xff\xd8\xff photo" {
		t.Fatalf("the photo: %d", code)
	}

	// What was read is filled in; a number whose check digit is wrong is refused by its field.
	body := phone.get("/register/card").Body.String()
	for _, want := range []string{`value="CHAN"`, `value="陳大文"`, `value="1990"`, `id="birth-day" name="birth-day" type="text" inputmode="numeric" maxlength="2" value=""`} {
		if !strings.Contains(body, want) {
			t.Errorf("the form has no %s", want)
		}
	}
	for change, says := range map[string]string{
		"number=A123456%283%29>number=A123456%28A%29": "the digit in brackets does not go with it", "surname=CHAN>surname=": "Enter the surname", "birth-month=3>birth-month=13": "Enter a date of birth",
		"issued-day=10>issued-day=": "Enter the whole date of issue", "issued-year=2019>issued-year=1980": "Enter the whole date of issue", "chinese=%E9%99%B3>chinese=Chan": "six Chinese characters", "gender=M>gender=X": "Choose what the card says",
		"birth-year=1990>birth-year=-1": "Enter a date of birth", "given=Tai+Man>given=9": "Enter the given names",
	} {
		from, to, _ := strings.Cut(change, ">")
		if w := phone.post("/register/card", strings.Replace(cardForm, from, to, 1)); w.Code != 422 || !strings.Contains(w.Body.String(), says) || strings.Count(w.Body.String(), "govuk-form-group--error") != 1 {
			t.Errorf("%s: %d, %d fields", change, w.Code, strings.Count(w.Body.String(), "govuk-form-group--error"))
		}
	}
	if w := phone.post("/register/card", strings.Replace(cardForm, "CHAN", "WONG", 1)+"&set-lang=zh-Hans"); w.Code != 200 || !strings.Contains(w.Body.String(), `value="WONG"`) || h.remote.c.State != registration.RemotePictured {
		t.Errorf("another language: %d", w.Code)
	}
	delete(phone.cookies, languageCookie)
	if w := phone.post("/register/card", cardForm); w.Header().Get("Location") != "/register/face" {
		t.Fatalf("the card: %d %s", w.Code, w.Body)
	}
	if h.remote.network == "" {
		t.Error("the client's network is not said")
	}
	if got := h.remote.card; got.Number.Secret() != "A123456(3)" || got.Birth.String() != "1990-03-00" || got.Issued.String() != "2019-06-10" || got.GivenNames != "Tai Man" {
		t.Errorf("the card: %+v", got)
	}
	if w := phone.post("/register/correct", ""); w.Header().Get("Location") != "/register/card" {
		t.Errorf("correct: %d", w.Code)
	}
	h.remote.fail = registration.ErrRefused
	if w := phone.post("/register/card", cardForm); w.Header().Get("Location") != "/register/end" {
		t.Errorf("too young: %d", w.Code)
	}
	phone.post("/register/card", cardForm)

	if w := phone.get("/register/face"); w.Code != 200 || !strings.Contains(w.Body.String(), "Turn your head to your left") || !strings.Contains(w.Body.String(), "Tries that you have: 2") {
		t.Errorf("face: %d", w.Code)
	}
	phone.header["Accept"] = "application/json"
	frame := func(nonce, kind, body string) string {
		phone.header["Frame-Nonce"] = nonce
		defer delete(phone.header, "Frame-Nonce")
		w := phone.send("POST", "/register/face/frame", kind, body)
		return strings.TrimSpace(http.StatusText(w.Code) + " " + w.Body.String())
	}
	if got := phone.send("POST", "/register/face/begin", "application/json", "{}").Body.String(); !strings.Contains(got, `"pose":"front"`) || !strings.Contains(got, `"nonce":"nonce-front"`) || !strings.Contains(got, `"left":10`) {
		t.Errorf("begin: %s", got)
	}
	if got := frame("nonce-front", "text/plain", "jpeg"); !strings.HasPrefix(got, "Unsupported Media Type") {
		t.Errorf("another type: %s", got)
	}
	if got := frame("nonce-front", "image/jpeg", strings.Repeat("x", 600<<10)); !strings.HasPrefix(got, "Request Entity Too Large") {
		t.Errorf("large: %.200s", got)
	}
	if got := frame("other", "image/jpeg", "jpeg"); got != `OK {"over":true,"tries":2}` {
		t.Errorf("another nonce: %s", got)
	}
	for _, pose := range registration.Poses {
		got := frame("nonce-"+pose, "image/jpeg", "jpeg")
		if pose == "blink" && !strings.Contains(got, `"next":"/register"`) || pose != "blink" && strings.Contains(got, "next") {
			t.Errorf("%s: %s", pose, got)
		}
	}
	if got := frame("nonce-blink", "image/jpeg", "jpeg"); !strings.Contains(got, `"next":"/register"`) {
		t.Errorf("after the end: %s", got)
	}
	delete(phone.header, "Accept")

	if w := phone.get("/register/state"); w.Body.String() != `{"state":"faced"}` {
		t.Errorf("state: %s", w.Body)
	}
	h.remote.c.Waiting = "immigration"
	if w := phone.get("/register/wait"); !strings.Contains(w.Body.String(), "does not answer just now") || !strings.Contains(w.Body.String(), `data-state="faced?"`) {
		t.Errorf("Immigration is down: %d", w.Code)
	}
	h.remote.to(registration.RemoteReferred, "")
	if w := phone.get("/register/wait"); !strings.Contains(w.Body.String(), "An officer looks at your pictures") {
		t.Errorf("referred: %d", w.Code)
	}
	h.remote.to(registration.RemoteVerified, "")
	if w := phone.get("/register"); w.Header().Get("Location") != "/register/passkey" {
		t.Errorf("verified: %d", w.Code)
	}
	w := phone.send("POST", "/register/passkey/begin", "application/json", "{}")
	if body := w.Body.String(); w.Code != 200 || !strings.Contains(body, `"userVerification":"required"`) || !strings.Contains(body, "SRN0000000009") || strings.Contains(body, "prf") || strings.Contains(body, "CHAN") {
		t.Errorf("passkey: %d %s", w.Code, body)
	}
	if w := phone.send("POST", "/register/passkey/finish", "application/json", "{}"); w.Code != http.StatusForbidden || h.remote.passkey.ID != nil {
		t.Errorf("a bad passkey: %d", w.Code)
	}
	if w := phone.post("/register/leave", ""); w.Header().Get("Location") != "/register/end" || h.remote.c.State != registration.RemoteEnded {
		t.Errorf("leave: %d", w.Code)
	}
	if w := phone.post("/register/anew", ""); w.Header().Get("Location") != "/register" || phone.cookies[registerCookie] != nil {
		t.Errorf("anew: %d", w.Code)
	}
}

// What strangers learn from how it ended: not that somebody has an account, nor what the Immigration Department said.
func TestRegisterEndsAlike(t *testing.T) {
	h := newHouse(t, "http://localhost:8080", "http://approve.localhost:8080")
	b := h.browser()
	b.post("/register", "agree=yes&notice="+CollectionNotice)
	pages := map[string]bool{}
	for _, outcome := range []string{"registered", "not-found", "no-match", "deceased", "replaced", "portrait", "officer"} {
		h.remote.to(registration.RemoteRefused, outcome)
		w := b.get("/register/end")
		if w.Code != 200 || strings.Contains(w.Body.String(), "already") || strings.Contains(w.Body.String(), "why") { // the counter does not see the reason either
			t.Errorf("%s: %d", outcome, w.Code)
		}
		pages[w.Body.String()] = true
	}
	if len(pages) != 1 {
		t.Errorf("%d different pages for what is nobody's business", len(pages))
	}
	for outcome, says := range map[string]string{"too-young": "from 11 on", "face": "three times", "expired": "Time ran out", "cancelled": "No account was opened"} {
		h.remote.to(registration.RemoteRefused, outcome)
		if w := b.get("/register/end"); !strings.Contains(w.Body.String(), says) || !strings.Contains(w.Body.String(), "are deleted") {
			t.Errorf("%s: %d", outcome, w.Code)
		}
	}
}

// The button pressed twice at once, before any answer has come: one case, and both answers name the same browser.
func TestRegisterTwiceAtOnce(t *testing.T) {
	h := newHouse(t, "http://localhost:8080", "http://approve.localhost:8080")
	form := regexp.MustCompile(`name="browser" value="([^"]+)"`)
	tokens := map[string]bool{}
	for range 2 {
		found := form.FindStringSubmatch(h.browser().get("/register").Body.String())
		if found == nil {
			t.Fatal("the form names no browser")
		}
		tokens[found[1]] = true
		for range 2 {
			w := h.browser().post("/register", "agree=yes&notice="+CollectionNotice+"&browser="+found[1]) // without a cookie
			if w.Header().Get("Location") != "/register/photo" || !strings.Contains(w.Header().Get("Set-Cookie"), found[1]) {
				t.Errorf("%d %v", w.Code, w.Header())
			}
		}
	}
	if len(tokens) != 2 || len(h.remote.notices) != 2 {
		t.Errorf("%d forms, %d cases", len(tokens), len(h.remote.notices))
	}
}

// Where it is not offered, the page says where to go instead.
func TestRegisterNotOffered(t *testing.T) {
	h := newHouse(t, "http://localhost:8080", "http://approve.localhost:8080")
	h.cfg.Remote = nil
	b := h.browser()
	if w := b.get("/register"); w.Code != 200 || !strings.Contains(w.Body.String(), "cannot be opened on a phone") {
		t.Errorf("%d", w.Code)
	}
	if w := b.post("/register", "agree=yes&notice="+CollectionNotice); w.Code != 404 {
		t.Errorf("begin: %d", w.Code)
	}
}

// Every step's page in every language.
func TestRegisterPages(t *testing.T) {
	h := newHouse(t, "http://localhost:8080", "http://approve.localhost:8080")
	for _, tongue := range tongues {
		b := h.browser()
		b.header["Accept-Language"] = tongue.Tag
		b.post("/register", "agree=yes&notice="+CollectionNotice)
		for state, page := range registerSteps {
			h.remote.to(state, "")
			w := b.get("/register/" + page)
			if w.Code != 200 || !strings.Contains(w.Body.String(), `<html lang="`+tongue.Tag+`"`) || strings.Contains(w.Body.String(), "&lt;no value&gt;") {
				t.Errorf("%s %s: %d", tongue.Tag, state, w.Code)
			}
			checkHeaders(t, page, w.Header())
		}
	}
}

// The parts of a date as a person types them, and back; never more than was typed.
func FuzzCardText(f *testing.F) {
	f.Add("1990", "3", "")
	f.Add("", "", "")
	f.Add("99999", "-1", "٣")
	f.Fuzz(func(t *testing.T, year, month, day string) {
		s := dateText(year, month, day)
		d, err := hkic.ParseDate(s)
		if err != nil {
			return
		}
		if again := dateText(dateParts3(s)[0], dateParts3(s)[1], dateParts3(s)[2]); again != d.String() {
			t.Errorf("%q %q %q is %s, and then %s", year, month, day, d, again)
		}
	})
}
