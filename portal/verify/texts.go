package verify

import (
	"bytes"
	"embed"
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/text/language"
	"gopkg.in/yaml.v3"

	"chop/validation/eto"
)

//go:embed texts.yaml
var textsFile []byte

// The languages, in the order of the switch, and of each text's list.
var languages = []string{"en", "zh-Hant-HK", "zh-Hans"}

// Hong Kong's own comes first: who asks for none of them gets it.
var matcher = language.NewMatcher([]language.Tag{language.MustParse("zh-Hant-HK"), language.English, language.MustParse("zh-Hans")})

// texts maps a key to its text in each language.
type texts map[string][]string

func loadTexts() (texts, error) {
	t := texts{}
	dec := yaml.NewDecoder(bytes.NewReader(textsFile))
	dec.KnownFields(true)
	if err := dec.Decode(&t); err != nil {
		return nil, fmt.Errorf("read texts: %w", err)
	}
	for key, list := range t {
		if len(list) != len(languages) {
			return nil, fmt.Errorf("text %q has %d languages, not %d", key, len(list), len(languages))
		}
	}
	return t, nil
}

// in returns the text for a key, filled in. A key without a text shows as itself, which a test forbids.
func (t texts) in(lang, key string, args ...any) string {
	list, ok := t[key]
	if !ok {
		return "[" + key + "]"
	}
	text := list[max(0, slices.Index(languages, lang))]
	if len(args) > 0 {
		return fmt.Sprintf(text, args...)
	}
	return text
}

// The portal's own, so that a language that was chosen there counts here.
const languageCookie = "chop-language"

// languageOf is what was chosen, or else what the browser prefers.
func languageOf(r *http.Request) string {
	if c, err := r.Cookie(languageCookie); err == nil && slices.Contains(languages, c.Value) {
		return c.Value
	}
	asked := r.Header.Get("Accept-Language")
	if len(asked) > 200 { // nobody speaks so many; parsing is quadratic
		asked = ""
	}
	_, i := language.MatchStrings(matcher, asked)
	return []string{"zh-Hant-HK", "en", "zh-Hans"}[i]
}

func (s *Site) keepLanguage(w http.ResponseWriter, lang string) {
	http.SetCookie(w, &http.Cookie{
		Name: languageCookie, Value: lang, Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, Secure: s.c.Secure, SameSite: http.SameSiteLaxMode,
	})
}

// phrase is a text that package eto or the policies give, which name Chinese by script only.
func phrase(lang string, p map[string]string) string {
	if lang == "zh-Hant-HK" {
		return p["zh-Hant"]
	}
	return p[lang]
}

func etoPhrase(lang string, p eto.Phrases) string { return phrase(lang, p) }

var hongKong = time.FixedZone("HKT", 8*3600)

// moment is a time as the language writes it, in Hong Kong.
func moment(lang string, at time.Time) string {
	at = at.In(hongKong)
	if lang == "en" {
		return at.Format("2 January 2006, 15:04")
	}
	return at.Format("2006年1月2日 15:04")
}

// size writes a file's.
func size(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MB", n>>20)
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%d KB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}

// asset is one file that pages load.
type asset struct {
	kind, sum string
	body      []byte
}

//go:embed assets
var assets embed.FS

//go:embed templates/*.html
var templates embed.FS
