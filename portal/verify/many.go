package verify

import (
	"encoding/json"
	"net/http"
	"time"

	"chop/validation"
	"chop/validation/changes"
	"chop/validation/eto"
)

// maxRows is how many files one table takes.
const maxRows = 500

// many is the table. The browser fills it: here is nothing to keep.
func (s *Site) many(w http.ResponseWriter, r *http.Request, lang string) error {
	return s.show(w, r, lang, http.StatusOK, "many", view{})
}

// row is what the table gets of one file: data for filters and downloads, and its words in each language, so that a
// table that is there needs no document again to be read in another one.
type row struct {
	Verdict Verdict    `json:"verdict"`
	Signers []string   `json:"signers"`
	Time    *time.Time `json:"time"`
	// Proven: by a time-stamp; otherwise the time is the signer's word.
	Proven  bool                `json:"time_proven"`
	Level   changes.Level       `json:"modifications"`
	Changed int                 `json:"visible_changes"`
	Answer  eto.Answer          `json:"ordinance"`
	Reason  map[string]string   `json:"reason"`
	Details map[string][]detail `json:"details"`
}

// detail is one block of a row that was opened.
type detail struct {
	Title string   `json:"title"`
	Mark  string   `json:"mark,omitempty"` // changed: it is to be highlighted
	Lines []string `json:"lines"`
}

// answerFile judges one file of a table.
func (s *Site) answerFile(w http.ResponseWriter, r *http.Request, _ string) error {
	u, done, err := s.receive(r)
	if err != nil {
		return err
	}
	defer done()
	result, err := s.judge(r.Context(), u)
	if err != nil {
		return err
	}
	body, err := json.Marshal(s.row(result))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body) // the browser has gone: nobody is left to tell
	return nil
}

func (s *Site) row(r *Result) *row {
	out := &row{
		Verdict: r.Verdict, Level: r.Level, Answer: r.Answer(), Changed: len(r.Visible()), Signers: []string{},
		Reason: map[string]string{}, Details: map[string][]detail{},
	}
	for i, x := range r.Signatures {
		out.Signers = append(out.Signers, plainName(x.Name))
		if at, proven := x.When(); i == 0 {
			out.Time, out.Proven = at, proven
		}
	}
	for _, lang := range languages {
		out.Reason[lang] = s.texts.in(lang, r.Reason())
		out.Details[lang] = s.details(lang, r)
	}
	return out
}

// When is the best signature time, or else what the signer claims.
func (s Signature) When() (at *time.Time, proven bool) {
	if s.BestSignatureTime != nil {
		return s.BestSignatureTime, true
	}
	return s.SigningTime, false
}

// details are what a row opens to.
func (s *Site) details(lang string, r *Result) []detail {
	list := []detail{}
	t := func(key string, args ...any) string { return s.texts.in(lang, key, args...) }
	if changed := r.Visible(); len(changed) > 0 {
		d := detail{Title: t("changes"), Mark: "changed"}
		for _, c := range changed {
			d.Lines = append(d.Lines, s.change(lang, c))
		}
		list = append(list, d)
	}
	if len(r.Unsigned)+len(r.Faults) > 0 {
		d := detail{Title: t("not-covered"), Mark: "changed"}
		for _, what := range append(r.Unsigned[:len(r.Unsigned):len(r.Unsigned)], r.Faults...) {
			d.Lines = append(d.Lines, s.coverage(lang, what))
		}
		list = append(list, d)
	}
	for _, x := range r.Signatures {
		d := detail{Title: plainName(x.Name), Lines: []string{t(x.Reason())}}
		if d.Title == "" {
			d.Title = t("nobody")
		}
		if at, proven := x.When(); proven {
			d.Lines = append(d.Lines, t("time-proven", moment(lang, *at)))
		} else if at != nil {
			d.Lines = append(d.Lines, t("time-claimed", moment(lang, *at)))
		}
		for _, what := range x.Signed {
			d.Lines = append(d.Lines, t("covers")+": "+s.coverage(lang, what))
		}
		if x.ETO != nil {
			d.Lines = append(d.Lines, t("ordinance")+": "+etoPhrase(lang, x.ETO.Words))
			for _, p := range x.ETO.Parts {
				for _, why := range p.Reasons {
					line := etoPhrase(lang, p.Title) + ": " + validation.Plain(etoPhrase(lang, why.Text))
					if decides := etoPhrase(lang, why.Decides); decides != "" {
						line += " " + validation.Plain(decides)
					}
					d.Lines = append(d.Lines, line)
				}
			}
		}
		list = append(list, d)
	}
	return list
}

// change says one in words.
func (s *Site) change(lang string, c Change) string {
	line := s.texts.in(lang, "kind-"+slug(c.Kind))
	if c.Field != "" {
		line = s.texts.in(lang, "in-field", line, plainName(c.Field))
	}
	if c.Page > 0 {
		line = s.texts.in(lang, "on-page", c.Page, line)
	}
	return line
}

// scriptTexts are those that many.js writes.
func (s *Site) scriptTexts(lang string) map[string]any {
	out := map[string]any{"lang": lang, "rows": maxRows, "bytes": s.most}
	for _, key := range scriptKeys {
		out[key] = s.texts.in(lang, key)
	}
	return out
}

var scriptKeys = []string{
	"verdict-valid", "verdict-changed", "verdict-invalid", "verdict-undecided", "verdict-unsigned", "verdict-unreadable",
	"row-waiting", "row-sending", "row-lost", "row-again", "row-refused", "row-open", "many-progress", "many-done", "many-lost", "many-pause", "many-too-many", "many-shown",
	"row-large", "row-proven", "row-claimed", "changes-none", "changes-allowed", "changes-suspicious", "changes-seen", "eto-satisfied", "eto-not-satisfied", "eto-cannot-be-decided",
	"row-gone", "row-with",
}

// plainName is a stranger's name, on one line and not without end.
func plainName(name string) string {
	if runes := []rune(name); len(runes) > 300 {
		name = string(runes[:300]) + "…"
	}
	return validation.Plain(name)
}
