package validation

import (
	"io"
	"slices"

	"chop/internal/pdf"
)

// validatePDF runs the whole process on a PDF file.
func (r *run) validatePDF(doc io.ReaderAt, file *pdf.File, o Options) (*Report, error) {
	list, troubles := findSignatures(file)
	for _, s := range list {
		s.read(file, doc)
		s.form, s.place = s, s.revision+1
	}
	if err := hashContents(r.ctx, doc, list); err != nil {
		return nil, err
	}
	troubles = append(troubles, r.gather(file, list)...)
	r.addGiven(o)
	r.archive(list)
	slices.SortStableFunc(list, func(a, b *signature) int { return a.revision - b.revision })
	for _, s := range list {
		if !s.timestamp() {
			r.judge(&s.subject)
		}
	}
	document, err := r.modifications(file, list, troubles)
	if err != nil {
		return nil, err
	}
	report := &Report{Signatures: []Signature{}, Document: document}
	for _, s := range list {
		row := s.row()
		row.Level, row.Covers = r.level(&s.subject), s.covers
		report.Signatures = append(report.Signatures, row)
	}
	return report, nil
}

func (s *subject) row() Signature {
	row := Signature{
		Field: s.field, Format: s.format, SigningTime: s.claimed,
		Indication: s.result.ind, SubIndication: s.result.sub, Anchor: s.anchor, Evidence: s.known, Checks: s.checks,
	}
	if s.cert != nil {
		row.Signer = name(s.cert)
	}
	if s.proven {
		row.BestSignatureTime = &s.best
	}
	return row
}
