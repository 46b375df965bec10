package department

import (
	"bytes"
	"embed"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/text/language"
	"gopkg.in/yaml.v3"
)

//go:embed texts.yaml
var textsFile []byte

//go:embed templates/*.html
var templates embed.FS

//go:embed assets
var assets embed.FS

// The languages, in the order of the switch, and of each text's list.
var languages = []string{"en", "zh-Hant-HK", "zh-Hans"}

var matcher = language.NewMatcher([]language.Tag{
	language.English, language.MustParse("zh-Hant-HK"), language.MustParse("zh-Hans"),
})

// texts maps a key to its text in each language.
type texts map[string][]string

func loadTexts() (texts, error) {
	t := texts{}
	dec := yaml.NewDecoder(bytes.NewReader(textsFile))
	dec.KnownFields(true)
	if err := dec.Decode(&t); err != nil {
		return nil, fmt.Errorf("read the texts: %w", err)
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
	text := list[0]
	for i, l := range languages {
		if l == lang {
			text = list[i]
		}
	}
	if len(args) > 0 {
		return fmt.Sprintf(text, args...)
	}
	return text
}

const languageCookie = "chop-language"

// languageOf is what was chosen, or else what the browser prefers.
func languageOf(r *http.Request) string {
	if c, err := r.Cookie(languageCookie); err == nil {
		for _, l := range languages {
			if c.Value == l {
				return l
			}
		}
	}
	header := r.Header.Get("Accept-Language")
	if len(header) > 200 || strings.TrimSpace(header) == "" {
		return languages[0]
	}
	_, i := language.MatchStrings(matcher, header)
	return languages[i]
}
