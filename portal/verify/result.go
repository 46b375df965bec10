package verify

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"chop/validation"
	"chop/validation/changes"
	"chop/validation/eto"
)

// Verdict is the first line of a result.
type Verdict string

// Verdicts. Only Valid says that a document may be acted on, and it does so exactly when validation.Report.Passed does
// and somebody signed.
const (
	Valid      Verdict = "valid"
	Changed    Verdict = "changed"    // signed, and what is shown is not what was signed
	Invalid    Verdict = "invalid"    // TOTAL-FAILED
	Undecided  Verdict = "undecided"  // INDETERMINATE
	Unsigned   Verdict = "unsigned"   // nobody signed
	Unreadable Verdict = "unreadable" // no document of a format that is known
)

// verdicts in the order of filters.
var verdicts = []Verdict{Valid, Changed, Invalid, Undecided, Unsigned, Unreadable}

// Result is what the pages say, without the words of a language. It holds text of strangers as it came; whoever shows
// it makes it plain.
type Result struct {
	File     string    `json:"file"`
	Size     int64     `json:"size"`
	At       time.Time `json:"checked_at"`
	Kind     string    `json:"kind,omitempty"`
	Detached []string  `json:"detached,omitempty"`

	Verdict    Verdict       `json:"verdict"`
	Signatures []Signature   `json:"signatures,omitempty"` // of persons and seals
	Stamps     []Signature   `json:"stamps,omitempty"`     // time-stamps of a whole document
	Level      changes.Level `json:"modifications,omitempty"`
	Changes    []Change      `json:"changes,omitempty"`
	Unsigned   []string      `json:"unsigned,omitempty"`
	Faults     []string      `json:"faults,omitempty"`
	Sheets     []Sheet       `json:"sheets,omitempty"`
}

// Signature is one row of the report, with the Ordinance's answer.
type Signature struct {
	Name   string `json:"name"` // of the signer: their common name, or else the whole subject
	Issuer string `json:"issuer,omitempty"`
	validation.Signature
	ETO *eto.Verdict `json:"eto,omitempty"`
}

// Change is one change after the first signature.
type Change struct {
	Revision int          `json:"revision"`
	Kind     changes.Kind `json:"kind"`
	Page     int          `json:"page,omitempty"`
	Field    string       `json:"field,omitempty"`
	Object   uint32       `json:"object,omitempty"`
	Detail   string       `json:"detail"`
}

// Harmless changes nothing that a page shows.
func (c Change) Harmless() bool { return c.Kind == changes.Evidence || c.Kind == changes.Orphan }

// read takes the report in.
func (r *Result) read(report *validation.Report, answers []eto.Verdict, u *upload) {
	r.Level, r.Unsigned, r.Faults = report.Document.Modifications, report.Document.Unsigned, report.Document.Faults
	for _, s := range report.Signatures {
		row := Signature{Signature: s, Name: s.Signer}
		if e := s.Evidence; e != nil && e.Certificate != nil {
			if cn := strings.TrimSpace(e.Certificate.Subject.CommonName); cn != "" {
				row.Name = cn
			}
			row.Issuer = e.Certificate.Issuer.CommonName
		}
		if s.Format == validation.FormatTimestamp {
			r.Stamps = append(r.Stamps, row)
			continue
		}
		// Answers come in the order of the signatures, document time-stamps left out; the name says that they still do.
		if i := len(r.Signatures); i < len(answers) && answers[i].Field == s.Field {
			row.ETO = &answers[i]
		}
		r.Signatures = append(r.Signatures, row)
	}
	for _, c := range report.Document.Changes {
		r.Changes = append(r.Changes, Change{Revision: c.Revision, Kind: c.Kind, Page: c.Page, Field: c.Field, Object: uint32(c.Ref.Num), Detail: c.Detail})
	}
	r.Verdict = verdictOf(report, len(r.Signatures))
	r.Sheets = sheets(bytes.NewReader(u.document.content), r.Size, r.Signatures, report.Document.Changes)
}

// verdictOf orders what can be wrong: what is certain comes before what is not known.
func verdictOf(report *validation.Report, signatures int) Verdict {
	is := func(i validation.Indication) bool {
		return slices.ContainsFunc(report.Signatures, func(s validation.Signature) bool { return s.Indication == i })
	}
	d := report.Document
	switch {
	case is(validation.TotalFailed):
		return Invalid
	case len(report.Signatures) == 0 && len(d.Faults) > 0:
		return Undecided
	case signatures == 0 && !is(validation.Indeterminate):
		return Unsigned
	case d.Modifications == changes.Suspicious:
		return Changed
	case is(validation.Indeterminate):
		return Undecided
	case len(d.Unsigned) > 0 || len(d.Faults) > 0:
		return Changed
	case report.Passed():
		return Valid
	}
	return Undecided
}

// Reason is the key of the text that says why, by what decided; empty where the verdict says it all.
func (r *Result) Reason() string {
	switch r.Verdict {
	case Valid:
		return "why-" + string(r.Level)
	case Changed:
		if r.Level == changes.Suspicious {
			return "why-suspicious"
		}
		return "why-parts"
	case Unsigned:
		if len(r.Stamps) > 0 {
			return "why-stamped"
		}
		return "why-no-signature"
	case Unreadable:
		return "why-unreadable"
	}
	want := validation.Indeterminate
	if r.Verdict == Invalid {
		want = validation.TotalFailed
	}
	for _, s := range slices.Concat(r.Signatures, r.Stamps) {
		if s.Indication == want {
			return s.Reason()
		}
	}
	return "sub-other"
}

// Reason is the key of the text for the sub-indication.
func (s Signature) Reason() string {
	if s.Indication == validation.TotalPassed {
		return "sub-passed"
	}
	key := "sub-" + strings.ToLower(strings.ReplaceAll(string(s.SubIndication), "_", "-"))
	if slices.Contains(subs, key) {
		return key
	}
	return "sub-other"
}

var subs = func() (keys []string) {
	for _, s := range []validation.SubIndication{
		validation.FormatFailure, validation.HashFailure, validation.SigCryptoFailure, validation.Revoked, validation.Expired, validation.NotYetValid,
		validation.SigConstraintsFailure, validation.ChainConstraintsFailure, validation.CertificateChainGeneralFailure,
		validation.CryptoConstraintsFailure, validation.CryptoConstraintsFailureNoPOE, validation.TimestampOrderFailure,
		validation.NoSigningCertificateFound, validation.NoCertificateChainFound, validation.RevokedNoPOE, validation.RevokedCANoPOE,
		validation.OutOfBoundsNoPOE, validation.NoPOE, validation.SignedDataNotFound, validation.TryLater,
	} {
		keys = append(keys, "sub-"+strings.ToLower(strings.ReplaceAll(string(s), "_", "-")))
	}
	return keys
}()

// Visible are the changes that a page may show; the others are listed with the checks.
func (r *Result) Visible() (list []Change) {
	for _, c := range r.Changes {
		if !c.Harmless() {
			list = append(list, c)
		}
	}
	slices.SortStableFunc(list, func(a, b Change) int { return a.Page - b.Page })
	return list
}

// Behind are the changes that no page shows.
func (r *Result) Behind() (list []Change) {
	for _, c := range r.Changes {
		if c.Harmless() {
			list = append(list, c)
		}
	}
	return list
}

// Answer is the Ordinance's for all signatures together: the worst; empty where nobody signed.
func (r *Result) Answer() eto.Answer {
	order := []eto.Answer{eto.Satisfied, eto.Undecided, eto.NotSatisfied}
	worst := -1
	for _, s := range r.Signatures {
		if s.ETO == nil {
			worst = max(worst, 1)
			continue
		}
		worst = max(worst, slices.Index(order, s.ETO.Answer))
	}
	if worst < 0 {
		return ""
	}
	return order[worst]
}
