// Package eto answers, for a signature that package validation has judged, whether it
// satisfies section 6 of the Electronic Transactions Ordinance (Cap. 553): supported by
// a recognized certificate, generated within the validity of that certificate, used in
// accordance with its terms, on a document that Schedule 1 does not exclude.
//
// There are three answers, each with its reasons in three languages and, where it is
// "cannot be decided", with what would decide it. It is no legal advice: what was
// recognised is data of a trusted list, and what kind a document is the department says.
package eto

import (
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"

	"chop/policies"
	"chop/validation"
	"chop/validation/changes"
)

// Answer is one of three.
type Answer string

// The answers.
const (
	Satisfied    Answer = "satisfied"
	NotSatisfied Answer = "not satisfied"
	Undecided    Answer = "cannot be decided"
)

// ErrKind says that a kind of document is none that is known.
var ErrKind = errors.New("unknown kind of document")

// Other is the kind of a document that is none of those that Schedule 1 excludes.
const Other = "other"

// Question is what the department declares.
type Question struct {
	// Kind is the name of an excluded kind (policies), Other, or empty: not declared.
	Kind string
	// Amount is what is relied on, in Hong Kong dollars; 0: not declared.
	Amount int64
	// Terms are those that the department knows.
	Terms []Terms
}

// Terms are the terms of a certificate policy, as far as they matter here.
type Terms struct {
	Policy asn1.ObjectIdentifier
	// Limit is the reliance limit (s.42) in Hong Kong dollars; 0: none.
	Limit int64
}

// Verdict is the answer for one signature.
type Verdict struct {
	Field  string  `json:"field"`
	Answer Answer  `json:"answer"`
	Parts  []Part  `json:"parts"`
	Kind   string  `json:"kind,omitempty"`
	Words  Phrases `json:"words"`
}

// Part is the answer to one of the questions that the section asks.
type Part struct {
	// Name is signature, recognized-certificate, within-validity, terms, or kind.
	Name    string   `json:"name"`
	Title   Phrases  `json:"title"`
	Answer  Answer   `json:"answer"`
	Reasons []Reason `json:"reasons"`
}

// Reason is why, by a code for programs and in words for people.
type Reason struct {
	Code string  `json:"code"`
	Text Phrases `json:"text"`
	// Decides is what would decide it, of what cannot be decided.
	Decides Phrases `json:"decides,omitempty"`
}

// Judge answers for every signature of a report, document time-stamps left out.
func Judge(r *validation.Report, set *policies.Set, q Question) ([]Verdict, error) {
	kind, err := kindOf(set, q.Kind)
	if err != nil {
		return nil, err
	}
	out := []Verdict{}
	for _, s := range r.Signatures {
		if s.Format == validation.FormatTimestamp {
			continue
		}
		v := Verdict{Field: s.Field, Kind: q.Kind, Parts: []Part{
			signature(s, r.Document), recognized(s), within(s), terms(s, q), kind,
		}}
		v.Answer = Satisfied
		for i := range v.Parts {
			p := &v.Parts[i]
			p.Title = titles[p.Name]
			v.Answer = worse(v.Answer, p.Answer)
		}
		v.Words = answers[v.Answer]
		out = append(out, v)
	}
	return out, nil
}

// worse: one part that is not satisfied is enough, and one that cannot be decided leaves
// the whole undecided otherwise.
func worse(a, b Answer) Answer {
	order := []Answer{Satisfied, Undecided, NotSatisfied}
	return order[max(slices.Index(order, a), slices.Index(order, b))]
}

func part(name string, a Answer, code string, args ...any) Part {
	return Part{Name: name, Answer: a, Reasons: []Reason{reason(code, args...)}}
}

// others are the sub-indications that the other parts speak of.
var others = []validation.SubIndication{
	validation.NoCertificateChainFound, validation.OutOfBoundsNoPOE, validation.RevokedNoPOE, validation.RevokedCANoPOE,
	validation.TryLater, validation.Revoked, validation.Expired, validation.NotYetValid,
}

// signature is whether there is a digital signature of this document at all.
func signature(s validation.Signature, d validation.Document) Part {
	const name = "signature"
	switch {
	case d.Modifications == changes.Suspicious || len(d.Unsigned) > 0:
		return part(name, Undecided, "changed")
	case s.Indication == validation.TotalPassed, slices.Contains(others, s.SubIndication):
		return part(name, Satisfied, "intact")
	case s.Indication == validation.TotalFailed:
		return part(name, NotSatisfied, "broken", s.SubIndication)
	}
	return part(name, Undecided, "unclear", s.SubIndication)
}

// recognized is s.6(1A)(a): supported by a recognized certificate (s.2, s.34), at the
// time of generation.
func recognized(s validation.Signature) Part {
	const name = "recognized-certificate"
	e := s.Evidence
	switch {
	case s.Anchor == nil && (e == nil || !e.Lists):
		return part(name, Undecided, "no-list")
	case s.Anchor == nil:
		return part(name, Undecided, "no-chain")
	case s.Anchor.List == nil:
		return part(name, NotSatisfied, "not-listed", s.Anchor.Subject)
	}
	l := s.Anchor.List
	args := []any{l.Service, l.Provider, l.Territory, l.Sequence, l.Status, day(l.Since), clock(l.At)}
	switch {
	case l.Stale:
		return part(name, Undecided, "stale-list", args...)
	case l.Approved && certain(s):
		return part(name, Satisfied, "listed", args...)
	case l.Approved:
		return part(name, Undecided, "listed-unproven", args...)
	case s.Evidence != nil && s.Evidence.NotEarlier != nil && !s.Evidence.NotEarlier.Before(l.Since):
		return part(name, NotSatisfied, "withdrawn", args...)
	}
	return part(name, Undecided, "withdrawn-unproven", args...)
}

// certain reports whether the time that was judged is one at which the signature is
// known to have existed: proven, or simply now.
func certain(s validation.Signature) bool {
	return s.BestSignatureTime != nil || s.Evidence != nil && !s.Evidence.Hypothetical
}

// terms is s.6(1A)(c): used in accordance with the certificate's terms.
func terms(s validation.Signature, q Question) Part {
	const name = "terms"
	if s.Evidence == nil || s.Evidence.Certificate == nil {
		return part(name, Undecided, "no-certificate")
	}
	cert := s.Evidence.Certificate
	if !mayCommit(cert) {
		return part(name, NotSatisfied, "key-usage")
	}
	if len(cert.PolicyIdentifiers) == 0 {
		return part(name, Undecided, "no-policy")
	}
	for _, t := range q.Terms {
		if !slices.ContainsFunc(cert.PolicyIdentifiers, t.Policy.Equal) {
			continue
		}
		switch {
		case t.Limit > 0 && q.Amount > t.Limit:
			return part(name, NotSatisfied, "beyond-limit", dollars(q.Amount), dollars(t.Limit))
		case t.Limit > 0:
			return part(name, Satisfied, "within-limit", t.Policy, dollars(t.Limit))
		}
		return part(name, Satisfied, "terms-known", t.Policy)
	}
	return part(name, Undecided, "terms-unknown", cert.PolicyIdentifiers[0])
}

// kindOf is Schedule 1.
func kindOf(set *policies.Set, kind string) (Part, error) {
	const name = "kind"
	switch kind {
	case "":
		return part(name, Undecided, "kind-not-declared"), nil
	case Other:
		return part(name, Satisfied, "kind-other"), nil
	}
	x, err := set.Excluded(kind)
	if err != nil {
		return Part{}, fmt.Errorf("%w %q", ErrKind, kind)
	}
	p := part(name, NotSatisfied, "kind-excluded", x.Item)
	for lang, text := range p.Reasons[0].Text {
		p.Reasons[0].Text[lang] = text + " " + x.Names[lang]
	}
	return p, nil
}
