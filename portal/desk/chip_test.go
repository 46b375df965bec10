package desk

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"chop/registration/hkic"
	"chop/registration/hkic/issuer"
	"chop/registration/immd"
	"chop/registration/kiosk"
)

// readers are those of the room's counter, and what is put into them.
type readers struct {
	*kiosk.Book
	m     *room
	cards *issuer.Issuer
	now   time.Time
}

func (m *room) readers() *readers {
	m.t.Helper()
	r := &readers{m: m, now: time.Now()}
	var err error
	r.cards, err = issuer.New(r.now)
	m.must(err)
	r.Book, err = kiosk.New(kiosk.Config{
		DB: m.db, Registry: m.reg, Sealer: openSealer{}, Trust: r.cards.Trust(), Now: func() time.Time { return r.now }, Log: slog.New(slog.DiscardHandler),
	})
	m.must(err)
	m.desk.c.Cards = r.Book
	return r
}

// insert puts a person's card into the nth reader of a place, and returns the session.
func (r *readers) insert(n int, place string, person int) string {
	r.m.t.Helper()
	ctx, k := r.m.t.Context(), kiosk.Kiosk{ID: kiosk.ReaderID(n, place), Place: place}
	s, challenge, err := r.Open(ctx, k)
	r.m.must(err)
	card, err := r.cards.Make(issuer.Genuine, issuer.Person{Card: immd.People(r.now)[person].Card}, r.now)
	r.m.must(err)
	evidence, err := hkic.Collect(ctx, card, challenge)
	r.m.must(err)
	s, err = r.Read(ctx, k, s.ID, evidence)
	r.m.must(err)
	if s.State != kiosk.Read {
		r.m.t.Fatalf("the card is %+v", s)
	}
	return s.ID
}

// A card's chip opens an officer's case that needs no second officer: at their own place, once, within a minute.
func TestChip(t *testing.T) {
	t.Parallel()
	const here, elsewhere = "counter-kwun-tong", "counter-wan-chai"
	m := newRoom(t)
	m.sits("chan", "counter", "100041")
	if w := m.send("GET", "/chip", nil); w.Code != http.StatusForbidden {
		t.Errorf("a desk without readers: %d", w.Code)
	}
	r := m.readers()
	if w := m.send("GET", "/chip", nil); w.Code != 200 || !strings.Contains(w.Body.String(), "No card was read") {
		t.Fatalf("no card: %d %s", w.Code, w.Body)
	}
	other, third := r.insert(1, elsewhere, 1), r.insert(3, here, 2)
	card := immd.People(r.now)[2].Card
	w := m.send("GET", "/chip", nil)
	if body := w.Body.String(); !strings.Contains(body, `value="`+third+`"`) || strings.Contains(body, other) || strings.Contains(body, card.Surname) || strings.Contains(body, card.Number.Normal()) {
		t.Errorf("what lies here: %s", body)
	}
	for name, form := range map[string]url.Values{
		"another place's": {"card": {other}}, "no card": {"card": {"x"}}, "nothing": {},
	} {
		if w := m.send("POST", "/chip", form); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "not there any more") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if w := m.send("POST", "/chip", url.Values{"card": {third}, "phone": {"12"}}); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a telephone that is none: %d", w.Code)
	}
	m.sits("lee", "hotline", "100042")
	if w := m.send("POST", "/chip", url.Values{"card": {third}}); w.Code != http.StatusForbidden {
		t.Errorf("the hotline: %d", w.Code)
	}
	if w := m.send("GET", "/chip", nil); w.Code != http.StatusForbidden {
		t.Errorf("the hotline looks: %d", w.Code)
	}
	m.officer = "chan"
	w = m.send("POST", "/chip", url.Values{"card": {third}, "phone": {"9123 4567"}, "language": {"en"}})
	if w.Header().Get("Location") != "/cases/"+third {
		t.Fatalf("open: %d %s", w.Code, w.Body)
	}
	if body := m.send("GET", "/cases/"+third, nil).Body.String(); !strings.Contains(body, "chip") || strings.Contains(body, "Second officer") || !strings.Contains(body, `action="/cases/`+third+`/verify"`) {
		t.Errorf("the case: %s", body)
	}
	if w := m.send("POST", "/cases/"+third+"/verify", nil); w.Header().Get("Location") != "/cases/"+third {
		t.Errorf("verify: %d %s", w.Code, w.Body)
	}
	if w := m.send("POST", "/chip", url.Values{"card": {third}}); w.Code != http.StatusConflict {
		t.Errorf("the same card again: %d", w.Code)
	}

	// The minute is over: the card is gone, and the case is not.
	late := r.insert(1, here, 3)
	r.now = r.now.Add(time.Minute)
	if w := m.send("POST", "/chip", url.Values{"card": {late}}); w.Code != http.StatusConflict {
		t.Errorf("after a minute: %d", w.Code)
	}
	if _, err := r.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
	m.kept(0)
	if list, err := r.Lying(t.Context(), here); err != nil || len(list) != 0 {
		t.Errorf("lying: %v, %v", list, err)
	}
	if body := m.send("GET", "/cases/"+third, nil).Body.String(); !strings.Contains(body, "/offer") {
		t.Errorf("the case ended with the card: %s", body)
	}

	// Somebody who has an account, and a child: told why, and the card is gone.
	for person, want := range map[int]int{2: http.StatusConflict, 5: http.StatusConflict} {
		id := r.insert(2, here, person)
		if w := m.send("POST", "/chip", url.Values{"card": {id}}); w.Code != want {
			t.Errorf("person %d: %d %s", person, w.Code, w.Body)
		}
		m.kept(0)
	}
}

// kept counts the sessions that hold a card.
func (m *room) kept(want int) {
	m.t.Helper()
	var n int
	m.must(m.db.Pool.QueryRow(m.t.Context(), `SELECT count(*) FROM registration_kiosk_session WHERE evidence IS NOT NULL`).Scan(&n))
	if n != want {
		m.t.Errorf("%d sessions hold a card, want %d", n, want)
	}
}

// Reviewers and supervisors search by status and date; nobody else does, and by nothing else.
func TestSearch(t *testing.T) {
	t.Parallel()
	m := newRoom(t)
	r := m.readers()
	m.sits("chan", "counter", "100043")
	id := r.insert(1, "counter-kwun-tong", 0)
	m.send("POST", "/chip", url.Values{"card": {id}})
	if w := m.send("GET", "/search?what=cases&state=confirmed", nil); w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), id[24:]) {
		t.Errorf("the counter: %d", w.Code)
	}
	today := time.Now().In(hongKong).Format("2006-01-02")
	before := time.Now().In(hongKong).AddDate(0, 0, -1).Format("2006-01-02")
	for i, role := range []string{"reviewer", "supervisor"} {
		m.sits("of-"+role, role, []string{"100044", "100045"}[i])
		if w := m.send("GET", "/", nil); !strings.Contains(w.Body.String(), `href="/search"`) {
			t.Errorf("%s: no way to the search", role)
		}
		for query, found := range map[string]bool{
			"what=cases&state=confirmed": true, "what=cases&from=" + today: true, "what=cases&state=confirmed&from=" + today + "&to=" + today: true,
			"what=cases&state=done": false, "what=cases&to=" + before: false, "what=accounts&state=pending": false, "what=accounts&state=active": false,
		} {
			w := m.send("GET", "/search?"+query, nil)
			body := w.Body.String()
			if w.Code != 200 || strings.Contains(body, id[24:]) != found {
				t.Errorf("%s by %s: %d, found %v", query, role, w.Code, !found)
			}
			if strings.Contains(body, "CHAN") || strings.Contains(body, "A123") {
				t.Errorf("%s shows whose it is", query)
			}
		}
		if w := m.send("GET", "/search?what=accounts&state=pending", nil); !strings.Contains(w.Body.String(), "SRN") {
			t.Errorf("accounts: %s", w.Body)
		}
		for _, query := range []string{"what=cases", "what=people&state=done", "what=cases&state=active", "what=accounts&state=done", "what=cases&from=yesterday", "what=cases&from=" + today + "&to=" + before, "what=cases&state=done&after=x"} {
			if w := m.send("GET", "/search?"+query, nil); w.Code != http.StatusUnprocessableEntity {
				t.Errorf("%s: %d", query, w.Code)
			}
		}
	}
}
