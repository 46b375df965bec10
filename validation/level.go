package validation

import "slices"

// level judges the baseline level of EN 319 142-1, EN 319 132-1, EN 319 122-1 or TS 119 182-1 by what is there and
// valid: a time-stamp that does not validate makes no B-T, evidence that does not speak for the certificate makes no
// B-LT.
func (r *run) level(s *subject) string {
	baseline := slices.Contains([]string{FormatCAdES, FormatXAdES, FormatCAdESFile, FormatJAdES}, s.format)
	if !baseline || s.cert == nil || s.strict.ind != "" || !s.form.binds() {
		return ""
	}
	stamps := s.tokens
	for _, a := range r.archives { // the oldest one over the signature, which is last
		if len(s.tokens) == 0 && a.place > s.place {
			stamps = []*token{a} // table 1: in place of a signature time-stamp
		}
	}
	if len(stamps) == 0 {
		return LevelB
	}
	if !s.trail.complete(r.pool) {
		return LevelT
	}
	last := s.trail.place(r.pool)
	for _, t := range stamps {
		if !t.trail.complete(r.pool) {
			return LevelT
		}
		last = max(last, t.trail.place(r.pool))
	}
	for _, p := range r.timeline.proofs {
		if p.place >= last && p.place >= s.place {
			return LevelLTA
		}
	}
	return LevelLT
}
