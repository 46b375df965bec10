package validation

import (
	"fmt"

	"chop/internal/pdf"
	"chop/validation/changes"
)

// Oddities of the file's structure that let two readers see two documents. Those in
// the first list have no honest cause; those in the second are the habits of some
// writers, but not of a revision that honest software adds after a signature.
var (
	neverHonest = []pdf.AnomalyKind{
		pdf.SecondStartXRef, pdf.RevisionOrder, pdf.EntryTwice, pdf.BeyondRevision, pdf.Overlap,
	}
	afterSigning = []pdf.AnomalyKind{
		pdf.TrailingBytes, pdf.NoEOFMarker, pdf.MisplacedXRef, pdf.SizeTooSmall, pdf.WrongHeader, pdf.Unreadable,
		pdf.BadStreamLength, pdf.IntoEarlier, pdf.HybridConflict, pdf.WrongStartXRef, pdf.DuplicateKey, pdf.NoRoot,
	}
)

// modifications compares the revisions after the first signature one by one with the
// one before, and judges what changed by what each signature allows. A signature
// with a change after it that it does not allow is INDETERMINATE,
// SIG_CONSTRAINTS_FAILURE: what it covers is intact, but not what the reader is
// shown.
func (r *run) modifications(file *pdf.File, list []*signature, troubles []string) (Document, error) {
	d := Document{Modifications: changes.None}
	if len(list) == 0 {
		return d, nil
	}
	first := len(file.Revisions())
	for _, s := range list {
		first = min(first, s.revision)
	}
	for i := first + 1; i < len(file.Revisions()); i++ {
		found, err := changes.Compare(r.ctx, file, i)
		if err != nil {
			return d, err
		}
		d.Changes = append(d.Changes, found...)
	}
	d.Changes = append(d.Changes, oddities(file, first)...)
	for _, why := range troubles {
		d.Changes = append(d.Changes, changes.Change{Revision: len(file.Revisions()), Kind: changes.Other, Detail: why})
	}
	if len(d.Changes) > 0 || first < len(file.Revisions())-1 {
		d.Modifications = changes.Allowed
	}
	for _, s := range list {
		if why := s.forbidden(d.Changes); why != "" {
			d.Modifications = changes.Suspicious
			s.settle(s.checks.conclude("SAV", undecided(SigConstraintsFailure, "changed after signing: %s", why), ""))
		} else if s.revision < len(file.Revisions())-1 {
			s.checks.add("SAV", Passed, "all changes after signing are allowed")
		}
	}
	return d, nil
}

// oddities turns anomalies of the structure into changes. Those of signed revisions
// count for every signature, whichever revision they are in.
func oddities(file *pdf.File, first int) []changes.Change {
	var out []changes.Change
	for _, a := range file.Anomalies() {
		switch {
		case contains(neverHonest, a.Kind):
			a.Revision = len(file.Revisions())
		case contains(afterSigning, a.Kind) && (a.Revision > first || a.Kind == pdf.TrailingBytes):
			if a.Kind == pdf.TrailingBytes {
				a.Revision = len(file.Revisions())
			}
		default:
			continue
		}
		out = append(out, changes.Change{Revision: a.Revision, Kind: changes.Other, Ref: a.Ref, Detail: fmt.Sprintf("%s: %s", a.Kind, a.Detail)})
	}
	return out
}

func contains(list []pdf.AnomalyKind, k pdf.AnomalyKind) bool {
	for _, e := range list {
		if e == k {
			return true
		}
	}
	return false
}

// forbidden returns the first change after the signature that it does not allow.
func (s *signature) forbidden(list []changes.Change) string {
	for _, c := range list {
		if c.Revision > s.revision && !s.permits.Allows(c) {
			return c.String()
		}
	}
	return ""
}
