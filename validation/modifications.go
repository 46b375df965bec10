package validation

import (
	"fmt"
	"slices"

	"chop/internal/pdf"
	"chop/validation/changes"
)

// Oddities of the file's structure that let two readers see two documents. Those in
// the first list count wherever they are: they lead a reader past a revision, or out
// of the signed bytes. The others are the habits of some writers, but nothing that
// honest software adds after a signature.
var (
	everywhere   = []pdf.AnomalyKind{pdf.SecondStartXRef, pdf.RevisionOrder, pdf.BeyondRevision, pdf.TrailingBytes}
	afterSigning = []pdf.AnomalyKind{
		pdf.EntryTwice, pdf.Overlap, pdf.NoEOFMarker, pdf.MisplacedXRef, pdf.SizeTooSmall, pdf.WrongHeader, pdf.Unreadable,
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
	first := file.Len()
	for _, s := range list {
		first = min(first, s.revision)
	}
	var err error
	if d.Changes, err = changes.After(r.ctx, file, first); err != nil {
		return d, err
	}
	d.Changes = append(d.Changes, oddities(file, first, list)...)
	for _, why := range troubles {
		d.Changes = append(d.Changes, changes.Change{Revision: file.Len(), Kind: changes.Other, Detail: why})
	}
	if len(d.Changes) > 0 || first < file.Len()-1 {
		d.Modifications = changes.Allowed
	}
	for _, s := range list {
		if why := s.forbidden(d.Changes); why != "" {
			d.Modifications = changes.Suspicious
			s.settle(s.checks.conclude("SAV", undecided(SigConstraintsFailure, "changed after signing: %s", why), ""))
		} else if s.revision < file.Len()-1 {
			s.checks.add("SAV", Passed, "all changes after signing are allowed")
		}
	}
	return d, nil
}

// oddities turns anomalies of the structure into changes.
func oddities(file *pdf.File, first int, list []*signature) []changes.Change {
	var out []changes.Change
	for _, a := range file.Anomalies() {
		switch {
		case slices.Contains(everywhere, a.Kind), a.Kind == pdf.Overlap && inContents(list, a.Offset):
			a.Revision = file.Len()
		case a.Revision > first && slices.Contains(afterSigning, a.Kind):
		default:
			continue
		}
		out = append(out, changes.Change{Revision: a.Revision, Kind: changes.Other, Ref: a.Ref, Detail: fmt.Sprintf("%s: %s", a.Kind, a.Detail)})
	}
	return out
}

// inContents reports whether the offset lies in the bytes that a signature leaves
// out: an object there is covered by nothing.
func inContents(list []*signature, offset int64) bool {
	return slices.ContainsFunc(list, func(s *signature) bool {
		return offset >= s.byteRange[0].End && offset < s.byteRange[1].Start
	})
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
