package page

import "time"

const (
	// held is how long an answer waits for something that its page does not show yet.
	held = time.Second
	// looked is how often it looks meanwhile, for what another process did. What this one did it hears at once.
	looked = 100 * time.Millisecond
)

// state is where the session is, as a word for the page's script.
func (q *request) state() error {
	shows := q.FormValue("page")
	over := time.NewTimer(held)
	defer over.Stop()
	for due := shows == ""; ; {
		changed := q.site.cfg.Book.Changed(q.kiosk)
		v, err := q.site.now(q.Context(), q.kiosk)
		if err != nil {
			return err
		}
		lang := q.spokenAt(v.page)
		if due || v.page != shows || lang != q.FormValue("lang") {
			left := 0.0
			if v.session != nil {
				left = max(0, v.session.ExpiresAt.Sub(q.site.cfg.Now()).Seconds())
			}
			return q.json(map[string]any{"page": v.page, "left": left, "lang": lang})
		}
		select {
		case <-changed:
		case <-time.After(looked):
		case <-over.C:
			due = true
		case <-q.Context().Done(): // the browser has gone
			return nil
		}
	}
}

// spokenAt is the language of a page: whoever comes after an end has chosen none.
func (q *request) spokenAt(page string) string {
	if q.spoke.over && !last(page) {
		return usual
	}
	return q.lang
}
