package page

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"chop/registration/kiosk"
)

// languages are in the order of each text's list.
var languages = []string{"en", "zh-Hant-HK", "zh-Hans"}

// usual is the language of a kiosk at which nobody has chosen one.
const usual = "zh-Hant-HK"

// A language is one person's: the cookie that holds it lives as long as a session does without a touch, and is renewed by
// what a session is renewed by.
const (
	languageCookie = "__Host-kiosk-language"
	languageLife   = kiosk.Life
	spokenOver     = ".over" // behind the language, once its person has seen the end of their way
)

// texts maps a key to its text in each language.
type texts map[string][]string

func loadTexts() (texts, error) {
	t := texts{}
	if err := yaml.NewDecoder(bytes.NewReader(textsFile)).Decode(&t); err != nil {
		return nil, fmt.Errorf("read the kiosk's texts: %w", err)
	}
	for key, list := range t {
		if len(list) != len(languages) {
			return nil, fmt.Errorf("the kiosk's text %q has %d languages, not %d", key, len(list), len(languages))
		}
	}
	return t, nil
}

// in returns a text. A key without one shows as itself, which a test forbids.
func (t texts) in(lang, key string) string {
	if list, ok := t[key]; ok {
		return list[slices.Index(languages, lang)]
	}
	return "[" + key + "]"
}

// spoken is the language that somebody chose; empty: nobody has. over: the way of who chose it is at its end, and what comes after
// is the next person's.
type spoken struct {
	language string
	over     bool
}

// spokenBy is what was chosen at this kiosk.
func spokenBy(r *http.Request) (s spoken) {
	if c, err := r.Cookie(languageCookie); err == nil {
		s.language, s.over = strings.CutSuffix(c.Value, spokenOver)
	}
	if !slices.Contains(languages, s.language) {
		return spoken{}
	}
	return s
}

// speak keeps what was chosen for another while, or forgets it.
func (q *request) speak(s spoken) {
	if s == q.spoke && s.language == "" {
		return
	}
	c := &http.Cookie{Name: languageCookie, Value: s.language, Path: "/", MaxAge: int(languageLife / time.Second), Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if s.over {
		c.Value += spokenOver
	}
	if s.language == "" {
		c.MaxAge = -1
	}
	http.SetCookie(q.w, c)
}

// last reports whether a page ends somebody's way. After one that asks to begin again later the session may still be theirs.
func last(page string) bool {
	return page == pageDone || strings.HasPrefix(page, "no-") && page != "no-busy" && page != "no-failed"
}
