package page

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"github.com/skip2/go-qrcode"

	"chop/registration"
	"chop/registration/hkic"
	"chop/registration/kiosk"
)

// The pages. Those of a card or case that goes no further are "no-" and a reason.
const (
	pageStart   = "start"   // put the card in
	pageReading = "reading" // it is in
	pageAgain   = "again"   // put it back
	pageData    = "data"    // what it says
	pageFace    = "face"
	pageCode    = "code"   // for the phone
	pageNumber  = "number" // on both
	pagePhone   = "phone"  // go on there
	pageMaking  = "making"
	pageDone    = "done"
)

// reasons are why a card or a case goes no further, as far as they are told at a kiosk.
var reasons = []string{"foreign", "tampered", "cloned", "expired", "replaced", "portrait", "record", "registered", "too-young", "failed", "moved", "busy"}

// steps are the five that a person sees, and the pages of each.
var steps = []struct {
	name  string
	pages []string
}{
	{"card", []string{pageStart, pageReading, pageAgain, pageData}}, {"face", []string{pageFace}}, {"pair", []string{pageCode, pageNumber}},
	{"phone", []string{pagePhone}}, {"certificate", []string{pageMaking, pageDone}},
}

// shown is a session as a page.
type shown struct {
	page    string
	session *kiosk.Session     // nil: none
	one     *registration.Case // nil: none
}

// casePages are the pages of a case's states; the others are ends.
var casePages = map[registration.CaseState]string{
	registration.Confirmed: pageFace, registration.Verified: pageCode, registration.Scanned: pageNumber, registration.Bound: pagePhone,
	registration.Accepted: pagePhone, registration.Enrolling: pagePhone, registration.Ticketed: pageMaking, registration.Made: pageMaking,
	registration.Issued: pageMaking, registration.Done: pageDone,
}

// outcomes are how the ends of a case are told. What the Immigration Department said of somebody is for a counter.
func outcome(c *registration.Case) string {
	switch c.Outcome {
	case "replaced", "portrait", "failed":
		return "no-" + c.Outcome
	case "not-found", "no-match", "deceased":
		return "no-record"
	}
	return "no-moved"
}

// now is where a kiosk's session is.
func (s *Site) now(ctx context.Context, k kiosk.Kiosk) (*shown, error) {
	session, err := s.cfg.Book.Current(ctx, k)
	if errors.Is(err, kiosk.ErrNoSession) {
		return &shown{page: pageStart}, nil
	}
	if err != nil {
		return nil, err
	}
	v := &shown{session: session}
	switch session.State {
	case kiosk.Waiting:
		v.page = pageReading
		if session.Reason != "" {
			v.page = pageAgain
		}
	case kiosk.Read:
		v.page = pageData
	case kiosk.Refused:
		v.page = "no-" + session.Reason
	case kiosk.Cased:
		if v.one, err = s.cfg.Registry.Case(ctx, caller(k), session.ID); err != nil {
			return nil, err
		}
		if v.page = casePages[v.one.State]; v.page == "" {
			v.page = outcome(v.one)
		}
	default:
		v = &shown{page: pageStart}
	}
	return v, nil
}

func caller(k kiosk.Kiosk) registration.Caller { return registration.Kiosk(k.ID, k.Place) }

// view is what the page gets.
type view struct {
	Lang, Page, Place string
	Left              int // seconds until the session is over; 0: there is none
	Card              *hkic.Card
	Case              *registration.Case
	QR                template.URL
	Alert             string // key of a text
	Once              bool   // only this answer says so: the page goes when it was read, and not when its script asks where the session is
	Presence          bool
	inline
	site *Site
}

// T is the text for a key in the page's language.
func (v *view) T(key string) string { return v.site.texts.in(v.Lang, key) }

// Languages are the switch's.
func (v *view) Languages() []string { return languages }

// Poses and Hints are the words that the camera's script says.
func (v *view) Poses() []string { return registration.Poses }

// Hints are why a frame does not count.
func (v *view) Hints() []string { return registration.FaceHints }

// Upgrade reports whether the case makes a Lite account full.
func (v *view) Upgrade() bool { return v.Case != nil && v.Case.Purpose == registration.Upgrading }

// Date is a date as the page's language writes it; a card may say the year, or year and month, alone.
func (v *view) Date(d hkic.Date) string {
	english, chinese := "2 January 2006", "2006年1月2日"
	switch {
	case d.Month == 0:
		english, chinese = "2006", "2006年"
	case d.Day == 0:
		english, chinese = "January 2006", "2006年1月"
	}
	at := time.Date(d.Year, time.Month(max(1, d.Month)), max(1, d.Day), 0, 0, 0, 0, time.UTC)
	if v.Lang == "en" {
		return at.Format(english)
	}
	return at.Format(chinese)
}

// Ended reports whether nothing follows.
func (v *view) Ended() bool { return len(v.Page) > 3 && v.Page[:3] == "no-" }

// step is one of five, and how it is shown.
type step struct {
	Name          string
	Done, Present bool
}

// Steps are those of the page; none on the first and on ends.
func (v *view) Steps() (list []step) {
	at := -1
	for i, s := range steps {
		for _, p := range s.pages {
			if p == v.Page && p != pageStart {
				at = i
			}
		}
	}
	for i, s := range steps {
		if at >= 0 {
			list = append(list, step{s.name, i < at || v.Page == pageDone, i == at && v.Page != pageDone})
		}
	}
	return list
}

// show answers with the page.
func (q *request) show(status int, v *shown, offer *registration.Offer, alert string) error {
	// The next person chooses anew.
	if q.spoke.over && !last(v.page) {
		q.lang = usual
		q.speak(spoken{})
	} else {
		q.speak(spoken{q.spoke.language, last(v.page)})
	}
	d := &view{Lang: q.lang, Page: v.page, Place: q.site.places.Name(q.kiosk.Place, q.lang), Case: v.one, Alert: alert, Presence: q.site.cfg.Registry.Presence(), inline: q.site.inline, site: q.site}
	d.Once = v.session == nil && d.Ended()
	if v.session != nil {
		d.Left = max(0, int(v.session.ExpiresAt.Sub(q.site.cfg.Now()).Seconds()))
	}
	if v.page == pageData {
		data, err := q.site.cfg.Book.Card(q.Context(), q.kiosk, v.session.ID)
		if err != nil {
			return err
		}
		card := data.Card()
		d.Card = &card
	}
	if offer != nil {
		png, err := qrcode.Encode(offer.URL, qrcode.Medium, 640)
		if err != nil {
			return err
		}
		d.QR = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(png))
	}
	var out bytes.Buffer
	if err := q.site.page.ExecuteTemplate(&out, "kiosk.html", d); err != nil {
		return fmt.Errorf("kiosk page %s: %w", v.page, err)
	}
	q.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	q.w.WriteHeader(status)
	_, _ = q.w.Write(out.Bytes()) // the browser has gone: nobody is left to tell
	return nil
}

// back sends the browser to the page after a form.
func (q *request) back() error {
	http.Redirect(q.w, q.Request, "/", http.StatusSeeOther)
	return nil
}
