package desk

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// A page that waits looks again by itself: that is nobody sitting at the desk, and the session ends as if it did not.
func TestLookingIsNoUse(t *testing.T) {
	t.Parallel()
	m := newRoom(t)
	m.sits("wong", "counter", "100031")
	used := func() (at time.Time) {
		t.Helper()
		m.must(m.db.Pool.QueryRow(t.Context(), `SELECT used_at FROM desk_session`).Scan(&at))
		return at
	}
	since := func(d time.Duration) time.Time {
		t.Helper()
		_, err := m.db.Pool.Exec(t.Context(), `UPDATE desk_session SET used_at = $1`, time.Now().Add(-d))
		m.must(err)
		return used()
	}
	m.header = http.Header{pollHeader: {"yes"}}
	before := since(29 * time.Minute)
	if w := m.send("GET", "/", nil); w.Code != http.StatusOK || !used().Equal(before) {
		t.Errorf("a page that looks: %d, used %s and then %s", w.Code, before, used())
	}
	since(31 * time.Minute)
	if w := m.send("GET", "/", nil); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/sign-on" {
		t.Errorf("a page that looks after half an hour: %d", w.Code)
	}
	m.header = nil
	if w := m.send("GET", "/", nil); w.Code != http.StatusSeeOther {
		t.Errorf("an officer after half an hour: %d", w.Code)
	}
	before = since(29 * time.Minute)
	if w := m.send("GET", "/", nil); w.Code != http.StatusOK || !used().After(before) {
		t.Errorf("an officer: %d, used %s and then %s", w.Code, before, used())
	}
	script := string(m.desk.files["desk.js"].body)
	if n := strings.Count(script, "fetch("); n == 0 || strings.Count(script, "'"+pollHeader+"'") != n {
		t.Errorf("of %d requests of the script not each says that it looks", n)
	}
}
