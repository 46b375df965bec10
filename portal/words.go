package portal

import (
	"embed"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"

	"chop/registration/hkic"
)

//go:embed locales/*.toml
var localeFiles embed.FS

// A tongue is one of the portal's languages.
type tongue struct {
	Tag   string // BCP 47, as in html lang
	Short string // in the switch
	Name  string // in full, for those who hear the page
	Fonts string // the style sheet of its fonts
}

// tongues in the order of the switch. Who asks for none of them gets the second:
// Hong Kong's own.
var tongues = []*tongue{
	{"en", "English", "English", "fonts-hk.css"},
	{"zh-Hant-HK", "繁體", "繁體中文", "fonts-hk.css"},
	{"zh-Hans", "简体", "简体中文", "fonts-sc.css"},
}

// tongueOf returns the language of that tag, or nil.
func tongueOf(tag string) *tongue {
	i := slices.IndexFunc(tongues, func(t *tongue) bool { return t.Tag == tag })
	if i < 0 {
		return nil
	}
	return tongues[i]
}

// words are all texts of the portal.
type words struct {
	bundle     *i18n.Bundle
	localizers map[string]*i18n.Localizer
	matcher    language.Matcher
}

func loadWords() (*words, error) {
	w := &words{bundle: i18n.NewBundle(language.English), localizers: map[string]*i18n.Localizer{}}
	w.bundle.RegisterUnmarshalFunc("toml", toml.Unmarshal)
	tags := []language.Tag{language.MustParse("zh-Hant-HK")}
	for _, t := range tongues {
		if _, err := w.bundle.LoadMessageFileFS(localeFiles, "locales/"+t.Tag+".toml"); err != nil {
			return nil, fmt.Errorf("load texts in %s: %w", t.Tag, err)
		}
		w.localizers[t.Tag] = i18n.NewLocalizer(w.bundle, t.Tag)
		tags = append(tags, language.MustParse(t.Tag))
	}
	w.matcher = language.NewMatcher(tags)
	return w, nil
}

// text returns a text. args are names and values, in pairs; a Count chooses between
// singular and plural. A text that is missing is a defect, which a test finds.
func (w *words) text(t *tongue, id string, args ...any) (string, error) {
	if len(args)%2 != 0 {
		return "", fmt.Errorf("text %s: odd number of arguments", id)
	}
	c := &i18n.LocalizeConfig{MessageID: id}
	if len(args) > 0 {
		data := map[string]any{}
		for i := 0; i < len(args); i += 2 {
			name, ok := args[i].(string)
			if !ok {
				return "", fmt.Errorf("text %s: argument %d is no name", id, i)
			}
			data[name] = args[i+1]
		}
		c.TemplateData, c.PluralCount = data, data["Count"]
	}
	return w.localizers[t.Tag].Localize(c)
}

const languageCookie = "chop-language" // one name under both schemes: it is no secret

// choose finds the language of a request: what was chosen before, else what the
// browser asks for.
func (w *words) choose(r *http.Request) *tongue {
	if c, err := r.Cookie(languageCookie); err == nil {
		if t := tongueOf(c.Value); t != nil {
			return t
		}
	}
	asked := r.Header.Get("Accept-Language")
	if len(asked) > 200 { // nobody speaks so many; parsing is quadratic
		asked = ""
	}
	wanted, _, err := language.ParseAcceptLanguage(asked)
	if err != nil || len(wanted) == 0 {
		return tongues[1]
	}
	for _, tag := range wanted { // in order: the matcher would prefer the closest, not the first
		if _, i, sure := w.matcher.Match(tag); sure != language.No && i > 0 {
			return tongues[i-1]
		} else if sure > language.Low {
			return tongues[1]
		}
	}
	return tongues[1]
}

// hongKong has had no summer time since 1979.
var hongKong = time.FixedZone("HKT", 8*60*60)

// date writes a day as people here do.
func (t *tongue) date(at time.Time) string {
	at = at.In(hongKong)
	if t.Tag == "en" {
		return at.Format("2 January 2006")
	}
	return at.Format("2006年1月2日")
}

// birth writes a date of birth, of which a card may know the year only.
func (t *tongue) birth(d hkic.Date) string {
	switch {
	case d.IsZero():
		return "–"
	case d.Whole():
		return t.date(time.Date(d.Year, time.Month(d.Month), d.Day, 0, 0, 0, 0, hongKong))
	case d.Month != 0 && t.Tag == "en":
		return time.Month(d.Month).String() + " " + strconv.Itoa(d.Year)
	case d.Month != 0:
		return fmt.Sprintf("%d年%d月", d.Year, d.Month)
	case t.Tag == "en":
		return strconv.Itoa(d.Year)
	}
	return fmt.Sprintf("%d年", d.Year)
}

// moment writes a day and a time.
func (t *tongue) moment(at time.Time) string {
	at = at.In(hongKong)
	if t.Tag == "en" {
		return at.Format("2 January 2006, 15:04")
	}
	return at.Format("2006年1月2日 15:04")
}

// size writes a file's.
func size(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%d KB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}

// grouped writes a serial number in groups of four, to be read aloud.
func grouped(serial string) string {
	var b strings.Builder
	for i, c := range strings.ToUpper(serial) {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// in returns a function that gives texts in a language. A text that is missing shows as
// its name, and a test finds it.
func (w *words) in(t *tongue) func(id string, args ...any) string {
	return func(id string, args ...any) string {
		text, err := w.text(t, id, args...)
		if err != nil {
			return id
		}
		return text
	}
}

// known is the text of a word that another service uses, in a group of texts; a word
// that has none shows as "other" of the group.
func (w *words) known(t *tongue, group, word string) string {
	if text, err := w.text(t, group+"."+word); err == nil {
		return text
	}
	return w.in(t)(group + ".other")
}
