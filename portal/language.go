package portal

import (
	"net/http"
	"time"
)

// keepLanguage remembers a language in this browser for a year.
func (p *Portal) keepLanguage(w http.ResponseWriter, tag string) {
	c := p.cookie("", tag, 365*24*time.Hour)
	c.Name = languageCookie
	http.SetCookie(w, c)
}

// switchLanguage answers ?lang=TAG: remembers it, and goes to the page without it.
func (p *Portal) switchLanguage(w http.ResponseWriter, r *http.Request, tag string) {
	if tongueOf(tag) != nil {
		p.keepLanguage(w, tag)
	}
	q := r.URL.Query()
	q.Del("lang")
	to := r.URL.Path
	if len(q) > 0 {
		to += "?" + q.Encode()
	}
	if !local(to) {
		to = "/"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// typed makes one handler of a form's page and of what it sends. The language switch of
// such a page is a button of the form: what was typed comes with it, and the page is
// drawn anew with it, in the other language, unchecked and unsaved.
func (p *Portal) typed(draw, take handler) handler {
	return func(w http.ResponseWriter, r *http.Request, v *visit) error {
		if err := parseForm(r); err != nil {
			return err
		}
		if t := tongueOf(r.PostForm.Get("set-lang")); t != nil {
			p.keepLanguage(w, t.Tag)
			v.Lang, v.kept = t, r.PostForm
			return draw(w, r, v)
		}
		return take(w, r, v)
	}
}

// parseForm reads a posted form, whichever of the two encodings it has. All of it stays in
// memory: nobody's document lies in a temporary file. The route has bounded the body.
func parseForm(r *http.Request) error {
	if err := r.ParseMultipartForm(2*maxUpload + slack); err != nil && err != http.ErrNotMultipart {
		return err
	}
	return nil
}
