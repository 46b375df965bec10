package portal

import (
	"net/http"
	"time"
)

// letter is a notice as its reader sees it.
type letter struct {
	ID, Subject, Body string
	At                time.Time
	Unread            bool
}

// inbox lists the notices, newest first.
func (p *Portal) inbox(w http.ResponseWriter, r *http.Request, v *visit) error {
	list, err := p.cfg.Notices.Inbox(r.Context(), v.Account.ID, 100)
	if err != nil {
		return err
	}
	var letters []letter
	for _, m := range list {
		subject, body, err := p.cfg.Notices.Text(m, v.Lang.Tag)
		if err != nil {
			return err
		}
		letters = append(letters, letter{ID: m.ID, Subject: subject, Body: body, At: m.At, Unread: m.ReadAt.IsZero()})
	}
	return p.show(w, r, v, http.StatusOK, "inbox", view{D: map[string]any{"Letters": letters}})
}

// markRead marks one notice, or all of them.
func (p *Portal) markRead(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := parseForm(r); err != nil {
		return err
	}
	id := r.PostForm.Get("id")
	if id == "" || len(id) > 64 {
		return refuse(http.StatusBadRequest, "error.request")
	}
	if id == "all" {
		id = ""
	}
	if err := p.cfg.Notices.MarkRead(r.Context(), v.Account.ID, id); err != nil {
		return err
	}
	return redirect(w, r, "/inbox")
}
