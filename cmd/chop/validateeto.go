package main

import (
	"encoding/asn1"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"chop/policies"
	"chop/validation"
	"chop/validation/eto"
)

// etoFlags ask for the verdict under the Electronic Transactions Ordinance.
type etoFlags struct {
	ETO    bool     `name:"eto" help:"Answer too whether each signature satisfies section 6 of the Electronic Transactions Ordinance (Cap. 553)."`
	Kind   string   `placeholder:"KIND" help:"With --eto: what kind of document it is, as \"will\" of policies/files/excluded.yaml, or \"other\" for none that Schedule 1 excludes."`
	Amount int64    `placeholder:"HKD" help:"With --eto: what is relied on, in Hong Kong dollars."`
	Terms  []string `placeholder:"OID[=HKD]" help:"With --eto: a certificate policy whose terms you know and that are kept, and its reliance limit. Repeatable. --dir knows its appliance's own."`
	Lang   string   `default:"en" enum:"en,zh-Hant,zh-Hans" help:"With --eto or --report: the language (${enum})."`
}

// etoReport is the report with the answers.
type etoReport struct {
	*validation.Report
	ETO []eto.Verdict `json:"eto"`
}

// answer judges a report; satisfied is true of all signatures, and of one at least.
func (f etoFlags) answer(r *validation.Report, dir string) (verdicts []eto.Verdict, satisfied bool, err error) {
	q := eto.Question{Kind: f.Kind, Amount: f.Amount}
	if q.Terms, err = parseTerms(f.Terms); err != nil {
		return nil, false, unusable(err, "for example --terms 1.3.6.1.4.1.32473.553.1.3=200000")
	}
	set, err := policies.Load()
	if err != nil {
		return nil, false, err
	}
	if dir != "" {
		config, err := folder(dir).open()
		if err != nil {
			return nil, false, unusable(err, "")
		}
		if set, err = config.policies(); err != nil {
			return nil, false, err
		}
		own, err := ownTerms(set)
		if err != nil {
			return nil, false, err
		}
		q.Terms = append(q.Terms, own...)
	}
	if verdicts, err = eto.Judge(r, set, q); err != nil {
		var names []string
		for _, x := range set.AllExcluded() {
			names = append(names, x.Name)
		}
		return nil, false, unusable(err, "kinds are "+eto.Other+", "+strings.Join(names, ", "))
	}
	satisfied = len(verdicts) > 0 && !slices.ContainsFunc(verdicts, func(v eto.Verdict) bool { return v.Answer != eto.Satisfied })
	return verdicts, satisfied, nil
}

// ownTerms are those of the profiles whose certificates sign.
func ownTerms(set *policies.Set) ([]eto.Terms, error) {
	var out []eto.Terms
	for _, name := range set.Profiles() {
		p, err := set.Profile(name)
		if err != nil {
			return nil, err
		}
		if p.Policy == nil || p.Policy.RelianceLimit == "" {
			continue
		}
		limit, err := eto.ParseDollars(p.Policy.RelianceLimit)
		if err != nil {
			return nil, fmt.Errorf("reliance limit of profile %s: %w", name, err)
		}
		out = append(out, eto.Terms{Policy: p.Policy.OID, Limit: limit})
	}
	return out, nil
}

func parseTerms(list []string) ([]eto.Terms, error) {
	var out []eto.Terms
	for _, s := range list {
		dotted, limit, has := strings.Cut(s, "=")
		t := eto.Terms{}
		for arc := range strings.SplitSeq(dotted, ".") {
			n, err := strconv.Atoi(arc)
			if err != nil || n < 0 {
				return nil, fmt.Errorf("--terms %q: no object identifier", s)
			}
			t.Policy = append(t.Policy, n)
		}
		if _, err := asn1.Marshal(t.Policy); err != nil {
			return nil, fmt.Errorf("--terms %q: no object identifier", s)
		}
		if has {
			var err error
			if t.Limit, err = eto.ParseDollars(limit); err != nil {
				return nil, fmt.Errorf("--terms %q: %w", s, err)
			}
		}
		out = append(out, t)
	}
	return out, nil
}

// etoText is the answers for a person.
func etoText(verdicts []eto.Verdict, lang string) string {
	var b strings.Builder
	for _, v := range verdicts {
		fmt.Fprintf(&b, "\n  %-22s Cap. 553, s. 6: %s", v.Field, v.Words[lang])
		for _, p := range v.Parts {
			fmt.Fprintf(&b, "\n    %-17s %s", p.Answer, p.Title[lang])
			for _, r := range p.Reasons {
				fmt.Fprintf(&b, "\n      %s", r.Text[lang])
				if d := r.Decides[lang]; d != "" {
					fmt.Fprintf(&b, "\n      → %s", d)
				}
			}
		}
	}
	return b.String()
}
