// Package reports writes a verdict of package validation, and the Ordinance's answers, for those who read them: simple,
// for a person who wants to know whether to act; detailed, with every check and its constraint; and the validation
// report of ETSI TS 119 102-2 for programs. A person's words are in three languages; indications stay in the standard's.
//
// It judges nothing, and signs nothing. What strangers wrote (names, fields) is made plain before it is shown, so
// that no text of theirs can pass for one of ours.
package reports

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"chop/validation"
	"chop/validation/changes"
	"chop/validation/eto"
)

// ErrLanguage says that there are no words in a language.
var ErrLanguage = errors.New("no words in this language")

// Languages are those that there are words in.
var Languages = []string{"en", "zh-Hant", "zh-Hans"}

// Subject is what a report is about.
type Subject struct {
	// Name is the document's; SHA256 is its digest.
	Name   string
	SHA256 []byte
	// At is when it was judged.
	At     time.Time
	Report *validation.Report
	// ETO are the Ordinance's answers, if it was asked for them.
	ETO []eto.Verdict
	// Pictures are the pages that were signed, from Draw; only PDF shows them.
	Pictures *Pictures
}

// Simple is a report for a person: one verdict, then who signed, when, and what to do about what did not pass.
func Simple(s Subject, lang string) (string, error) { return write(s, lang, false) }

// Detailed has every check with what it wants and what was found.
func Detailed(s Subject, lang string) (string, error) { return write(s, lang, true) }

type writer struct {
	strings.Builder
	lang string
}

// fact is a line of a label and what there is, a depth in.
func (w *writer) fact(depth int, label, value string) {
	fmt.Fprintf(w, "%s%s: %s\n", strings.Repeat("  ", depth), word(label, w.lang), validation.Plain(strings.ReplaceAll(value, "\n", "; ")))
}

func write(s Subject, lang string, detailed bool) (string, error) {
	if !slices.Contains(Languages, lang) {
		return "", fmt.Errorf("%w: %q", ErrLanguage, lang)
	}
	w := &writer{lang: lang}
	fmt.Fprintln(w, word("title", lang))
	w.fact(0, "document", s.Name)
	w.fact(0, "digest", fmt.Sprintf("%x", s.SHA256))
	w.fact(0, "judged", stamp(s.At))
	fmt.Fprintf(w, "\n%s\n", word(overall(s.Report), lang))
	w.fact(0, "changes", word("changes-"+string(s.Report.Document.Modifications), lang))
	for _, place := range s.Report.Document.Unsigned {
		w.fact(0, "unsigned", place)
	}
	for _, fault := range s.Report.Document.Faults {
		w.fact(0, "fault", fault)
	}
	for i := range s.Report.Signatures {
		w.signature(&s.Report.Signatures[i], detailed)
	}
	for _, v := range s.ETO {
		w.ordinance(v, detailed)
	}
	if detailed && s.Pictures != nil {
		for _, what := range s.Pictures.remarks() {
			fmt.Fprintf(w, "\n%s\n", word(what, lang))
		}
	}
	fmt.Fprintf(w, "\n%s\n", word("footing", lang))
	return w.String(), nil
}

// overall is the one sentence that matters.
func overall(r *validation.Report) string {
	failed := func(s validation.Signature) bool { return s.Indication == validation.TotalFailed }
	switch {
	case len(r.Signatures) == 0:
		return "not-signed"
	case r.Passed():
		return "passed"
	case slices.ContainsFunc(r.Signatures, failed), r.Document.Modifications == changes.Suspicious, len(r.Document.Faults) > 0:
		return "failed"
	}
	return "undecided"
}

func (w *writer) signature(s *validation.Signature, detailed bool) {
	fmt.Fprintf(w, "\n%s %s\n", word("signature", w.lang), validation.Plain(s.Field))
	w.fact(1, "indication", strings.TrimSuffix(string(s.Indication)+"/"+string(s.SubIndication), "/"))
	if m := meaning(s.SubIndication); m != "" {
		fmt.Fprintf(w, "  %s\n", word(m, w.lang))
	}
	if s.Signer != "" {
		w.fact(1, "signer", s.Signer)
	}
	if s.SigningTime != nil {
		w.fact(1, "claimed", stamp(*s.SigningTime))
	}
	if s.BestSignatureTime != nil {
		w.fact(1, "proven", stamp(*s.BestSignatureTime))
	} else {
		fmt.Fprintf(w, "  %s\n", word("unproven", w.lang))
	}
	for _, what := range s.Signed {
		w.fact(1, "signs", what)
	}
	if !detailed {
		return
	}
	w.fact(1, "format", strings.TrimSpace(s.Format+" "+s.Level))
	if s.Anchor != nil {
		w.fact(1, "anchor", s.Anchor.Subject)
		if l := s.Anchor.List; l != nil {
			w.fact(1, "list", fmt.Sprintf("%s %d: %s, %s, %s", l.Territory, l.Sequence, l.Service, l.Status, stamp(l.Since)))
		}
	}
	for _, c := range s.Checks {
		fmt.Fprintf(w, "  %-8s %-4s %s\n", c.Status, c.Name, word("check-"+c.Name, w.lang))
		fmt.Fprintf(w, "           %s\n", validation.Plain(strings.ReplaceAll(c.Detail, "\n", "; ")))
	}
}

func (w *writer) ordinance(v eto.Verdict, detailed bool) {
	fmt.Fprintf(w, "\n%s: %s: %s\n", word("ordinance", w.lang), validation.Plain(v.Field), v.Words[w.lang])
	for _, p := range v.Parts {
		if !detailed && p.Answer == eto.Satisfied {
			continue
		}
		fmt.Fprintf(w, "  %s: %s\n", p.Title[w.lang], eto.Words(p.Answer)[w.lang])
		for _, r := range p.Reasons {
			fmt.Fprintf(w, "    %s\n", validation.Plain(r.Text[w.lang]))
			if d := r.Decides[w.lang]; d != "" {
				fmt.Fprintf(w, "    → %s\n", validation.Plain(d))
			}
		}
	}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
