package eto

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"chop/policies"
	"chop/validation"
	"chop/validation/changes"
)

var (
	start  = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	end    = start.AddDate(1, 0, 0)
	signed = start.AddDate(0, 3, 0)
	policy = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 32473, 1}
)

func load(t testing.TB) *policies.Set {
	set, err := policies.Load()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// good is a signature that satisfies everything, with a question to match.
func good() (*validation.Report, Question) {
	at := signed
	cert := &x509.Certificate{NotBefore: start, NotAfter: end, KeyUsage: x509.KeyUsageContentCommitment, PolicyIdentifiers: []asn1.ObjectIdentifier{policy}}
	return &validation.Report{
		Document: validation.Document{Modifications: changes.None},
		Signatures: []validation.Signature{{
			Field: "S", Format: validation.FormatCAdES, Indication: validation.TotalPassed, BestSignatureTime: &at,
			Anchor:   &validation.Anchor{Subject: "CN=CA", List: &validation.ListEntry{Territory: "HK", Sequence: 3, Service: "CA", Provider: "P", Status: "granted", Approved: true, Since: start, At: at}},
			Evidence: &validation.SignerEvidence{Certificate: cert, Bound: true, At: end, Lists: true, StatusKnown: true},
		}},
	}, Question{Kind: Other, Terms: []Terms{{Policy: policy, Limit: 200_000}}}
}

func TestJudge(t *testing.T) {
	at := func(months int) *time.Time { x := start.AddDate(0, months, 0); return &x }
	hold := func(from, seen, until int) []validation.Hold {
		h := validation.Hold{From: *at(from), Seen: *at(seen)}
		if until > 0 {
			h.Until = *at(until)
		}
		return []validation.Hold{h}
	}
	type state struct {
		r *validation.Report
		s *validation.Signature
		e *validation.SignerEvidence
		q *Question
	}
	for name, c := range map[string]struct {
		change func(state)
		want   Answer
		code   string // of the part that decides
	}{
		"all is well":           {func(state) {}, Satisfied, "within"},
		"changed after signing": {func(x state) { x.r.Document.Modifications = changes.Suspicious }, Undecided, "changed"},
		"broken":                {func(x state) { x.s.Indication, x.s.SubIndication = validation.TotalFailed, validation.HashFailure }, NotSatisfied, "broken"},
		"signed file is missing": {func(x state) {
			x.s.Indication, x.s.SubIndication = validation.Indeterminate, validation.SignedDataNotFound
		}, Undecided, "unclear"},
		"no list":                            {func(x state) { x.s.Anchor, x.e.Lists = nil, false }, Undecided, "no-list"},
		"no path to the list":                {func(x state) { x.s.Anchor = nil }, Undecided, "no-chain"},
		"a CA that is not listed":            {func(x state) { x.s.Anchor.List = nil }, NotSatisfied, "not-listed"},
		"withdrawn, made before or after?":   {func(x state) { x.s.Anchor.List.Approved = false }, Undecided, "withdrawn-unproven"},
		"withdrawn, made after":              {func(x state) { x.s.Anchor.List.Approved, x.e.NotEarlier = false, at(2) }, NotSatisfied, "withdrawn"},
		"list is stale":                      {func(x state) { x.s.Anchor.List.Stale = true }, Undecided, "stale-list"},
		"no time-stamp, judged now":          {func(x state) { x.s.BestSignatureTime, x.e.At = nil, signed }, Satisfied, "within"},
		"no time-stamp, judged for then":     {func(x state) { x.s.BestSignatureTime, x.e.At, x.e.Hypothetical = nil, signed, true }, Undecided, "no-proof-of-time"},
		"existed before the certificate":     {func(x state) { x.s.BestSignatureTime = at(-1) }, NotSatisfied, "before-validity"},
		"proven only after the end":          {func(x state) { x.s.BestSignatureTime = at(13) }, Undecided, "expired-unproven"},
		"made after the end":                 {func(x state) { x.s.BestSignatureTime, x.e.NotEarlier = at(14), at(13) }, NotSatisfied, "after-validity"},
		"revoked later":                      {func(x state) { x.e.Revoked = at(5) }, Satisfied, "within"},
		"revoked before the time-stamp":      {func(x state) { x.e.Revoked = at(2) }, Undecided, "revoked-unproven"},
		"made after the revocation":          {func(x state) { x.e.Revoked, x.e.NotEarlier = at(1), at(2) }, NotSatisfied, "revoked-before"},
		"on hold before the time-stamp":      {func(x state) { x.e.Holds = hold(1, 1, 2) }, Undecided, "hold-unproven"},
		"on hold later":                      {func(x state) { x.e.Holds = hold(4, 4, 0) }, Satisfied, "within"},
		"hold was over before it was made":   {func(x state) { x.e.Holds, x.e.NotEarlier = hold(0, 0, 1), at(2) }, Satisfied, "within"},
		"made during the hold":               {func(x state) { x.e.Holds, x.e.NotEarlier = hold(1, 4, 0), at(2) }, NotSatisfied, "suspended"},
		"hold not known to last":             {func(x state) { x.e.Holds, x.e.NotEarlier = hold(1, 1, 0), at(2) }, Undecided, "hold-unproven"},
		"certificate not bound":              {func(x state) { x.e.Bound = false }, Undecided, "not-bound"},
		"not bound, but bounded":             {func(x state) { x.e.Bound, x.e.NotEarlier = false, at(1) }, Satisfied, "within"},
		"no revocation information":          {func(x state) { x.e.StatusKnown = false }, Undecided, "status-unknown"},
		"no certificate":                     {func(x state) { x.s.Evidence = nil }, Undecided, "no-certificate"},
		"for authentication only":            {func(x state) { x.e.Certificate.KeyUsage = x509.KeyUsageDigitalSignature }, NotSatisfied, "key-usage"},
		"policy of unknown terms":            {func(x state) { x.q.Terms = nil }, Undecided, "terms-unknown"},
		"no policy":                          {func(x state) { x.e.Certificate.PolicyIdentifiers = nil }, Undecided, "no-policy"},
		"within the limit":                   {func(x state) { x.q.Amount = 200_000 }, Satisfied, "within-limit"},
		"beyond the limit":                   {func(x state) { x.q.Amount = 200_001 }, NotSatisfied, "beyond-limit"},
		"no limit":                           {func(x state) { x.q.Amount, x.q.Terms[0].Limit = 1e9, 0 }, Satisfied, "terms-known"},
		"kind not declared":                  {func(x state) { x.q.Kind = "" }, Undecided, "kind-not-declared"},
		"a will":                             {func(x state) { x.q.Kind = "will" }, NotSatisfied, "kind-excluded"},
		"a will outdoes what is not decided": {func(x state) { x.q.Kind, x.q.Terms = "will", nil }, NotSatisfied, "kind-excluded"},
		"expired as the engine said it, no TS": {func(x state) {
			x.s.Indication, x.s.SubIndication, x.s.BestSignatureTime, x.e.At = validation.Indeterminate, validation.OutOfBoundsNoPOE, nil, *at(13)
		}, Undecided, "expired-unproven"},
	} {
		t.Run(name, func(t *testing.T) {
			r, q := good()
			c.change(state{r, &r.Signatures[0], r.Signatures[0].Evidence, &q})
			got, err := Judge(r, load(t), q)
			if err != nil || len(got) != 1 {
				t.Fatal(got, err)
			}
			v := got[0]
			if v.Answer != c.want {
				t.Errorf("answer %s, want %s", v.Answer, c.want)
			}
			i := slices.IndexFunc(v.Parts, func(p Part) bool { return p.Reasons[0].Code == c.code })
			if i < 0 || v.Parts[i].Answer != c.want {
				t.Fatalf("no part says %s: %+v", c.code, v.Parts)
			}
			for _, p := range v.Parts {
				for _, reason := range p.Reasons {
					if (p.Answer == Undecided) != (len(reason.Decides) > 0) {
						t.Errorf("%s is %s, and what would decide it is %q", reason.Code, p.Answer, reason.Decides["en"])
					}
					for lang, text := range reason.Text {
						if strings.ContainsAny(text, "{}") {
							t.Errorf("%s, %s: %q", reason.Code, lang, text)
						}
					}
				}
			}
		})
	}
}

func TestTimestampsAreNoSignatures(t *testing.T) {
	r, q := good()
	r.Signatures[0].Format = validation.FormatTimestamp
	if got, err := Judge(r, load(t), q); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := Judge(r, load(t), Question{Kind: "letter"}); !errors.Is(err, ErrKind) {
		t.Errorf("a kind that is none: %v", err)
	}
}

// Every text is there in three languages, and all take the same arguments.
func TestWords(t *testing.T) {
	places := regexp.MustCompile(`\{\d\}`)
	check := func(what string, p Phrases) {
		for _, lang := range []string{"en", "zh-Hant", "zh-Hans"} {
			if p[lang] == "" {
				t.Errorf("%s has no %s", what, lang)
			}
			want, got := places.FindAllString(p["en"], -1), places.FindAllString(p[lang], -1)
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(want, got) {
				t.Errorf("%s, %s: %v, want %v", what, lang, got, want)
			}
		}
		if p["zh-Hant"] == p["en"] {
			t.Errorf("%s is not translated", what)
		}
	}
	for code, p := range reasons {
		check(code, p.text)
		if p.decides != nil {
			check(code+" decides", p.decides)
		}
	}
	for a, p := range answers {
		check(string(a), p)
	}
	for name, p := range titles {
		check(name, p)
	}
}

func TestDollars(t *testing.T) {
	for s, want := range map[string]int64{"HK$200,000": 200_000, "5": 5} {
		if got, err := ParseDollars(s); err != nil || got != want {
			t.Errorf("%s: %d, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "HK$", "-1", "1.5", "US$3", "9999999999999999"} {
		if got, err := ParseDollars(s); err == nil {
			t.Errorf("%q is %d", s, got)
		}
	}
	if got := dollars(1234567); got != "HK$1,234,567" {
		t.Error(got)
	}
}
