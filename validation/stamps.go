package validation

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"chop/internal/cms"
	"chop/internal/xmldsig"
)

// timestamps validates the signature time-stamps (EN 319 102-1, 5.5.4, steps 3 to 4)
// and settles best-signature-time: the earliest of what they and the archive
// time-stamps over the signature prove. One valid time-stamp is enough. If none of
// those that are there is valid the signature does not pass, although the standard
// would let it be judged without: its signer meant it to be dated.
func (r *run) timestamps(s *subject) conclusion {
	s.best, s.proven = r.timeline.proven(s.place)
	list := s.form.stamps()
	var forged, undated conclusion
	for i, st := range list {
		t, got := r.signatureStamp(s, st)
		what := fmt.Sprintf("signature time-stamp %d of %d", i+1, len(list))
		if t != nil {
			what += " of " + stamp(t.Info.GenTime)
		}
		if got.passed() {
			s.checks.add("TSV", Passed, "%s by %s", what, name(t.cert))
			s.tokens = append(s.tokens, t)
			s.proven = true
			if t.Info.GenTime.Before(s.best) {
				s.best = t.Info.GenTime
			}
			continue
		}
		why := fmt.Sprintf("%s: %s: %s", what, got.sub, got.why)
		if got.ind == TotalFailed {
			// It was never a time-stamp of this signature: whoever put it there tampered.
			s.checks.add("TSV", Failed, "%s", why)
			forged = undecided(SigConstraintsFailure, "%s", why)
			continue
		}
		s.checks.add("TSV", Warning, "%s", why)
		if undated.ind == "" || undated.sub == NoCertificateChainFound {
			undated = got
		}
	}
	switch {
	case forged.ind != "":
		return forged
	case undated.ind != "" && len(s.tokens) == 0:
		return undated
	}
	return pass()
}

// imprintConclusion tells a time-stamp that is over something else from one of which it was
// not found out what it is over.
func imprintConclusion(err error) conclusion {
	if errors.Is(err, xmldsig.ErrLimit) || errors.Is(err, xmldsig.ErrUndecided) {
		return undecided(CryptoConstraintsFailure, "%v", err)
	}
	return fail(HashFailure, "%v", errImprint)
}

func (r *run) signatureStamp(s *subject, st stamped) (*token, conclusion) {
	parsed, err := cms.ParseTimestampToken(st.der)
	if err != nil {
		return nil, fail(FormatFailure, "%v", err)
	}
	t := &token{TimestampToken: parsed, place: s.place + st.after}
	if err := st.covers(parsed.Info); err != nil {
		return t, imprintConclusion(err)
	}
	var l checks
	r.judgeToken(t, &l)
	s.checks = append(s.checks, l...)
	return t, t.conclusion
}

// contentStamps validates the content time-stamps in the signed attributes. They are
// signed, so a broken one is the signer's own doing.
func (r *run) contentStamps(s *subject) conclusion {
	for _, st := range s.form.contentStamps() {
		parsed, err := cms.ParseTimestampToken(st.der)
		if err == nil {
			err = st.covers(parsed.Info)
		}
		if err != nil {
			return undecided(SigConstraintsFailure, "content time-stamp: %v", err)
		}
	}
	return pass()
}

// contentTime is the latest time that a valid content time-stamp proves the
// signature to be no older than; zero if there is none.
func (r *run) contentTime(s *subject) time.Time {
	if s.contentBound != nil {
		return *s.contentBound
	}
	var after time.Time
	for _, st := range s.form.contentStamps() {
		parsed, err := cms.ParseTimestampToken(st.der)
		if err != nil || st.covers(parsed.Info) != nil {
			continue
		}
		t := &token{TimestampToken: parsed, place: s.place}
		var l checks
		if r.judgeToken(t, &l); t.passed() && t.Info.GenTime.After(after) {
			after = t.Info.GenTime
			s.checks.add("TSV", Passed, "content time-stamp of %s", stamp(after))
		}
	}
	s.contentBound = &after
	return after
}

// archive validates the document time-stamps, newest first, and enters what they
// prove into the timeline (5.6.2.3). Each is judged with the help of those over it.
func (r *run) archive(list []*signature) {
	stamps := slices.DeleteFunc(slices.Clone(list), func(s *signature) bool { return !s.timestamp() })
	slices.SortStableFunc(stamps, func(a, b *signature) int { return b.revision - a.revision })
	for _, s := range stamps {
		r.judgeArchive(s)
		if s.result.passed() {
			r.timeline.prove(s.revision, s.stamp.Info.GenTime)
			r.archives = append(r.archives, s.stamp)
		}
	}
}

func (r *run) judgeArchive(s *signature) {
	l := &s.checks
	s.best = r.now
	if s.fatal.ind != "" {
		s.result = l.conclude("FC", s.fatal, "")
		return
	}
	s.result = l.conclude("FC", orPass(s.strict), "format and coverage of "+s.format)
	raw, got := s.identify(r)
	if l.conclude("ISC", got, "certificate named by the time-stamp"); !got.passed() {
		s.settle(got)
		return
	}
	got = s.verify(r, raw)
	if l.conclude("CV", got, "imprint and signature value"); !got.passed() {
		s.settle(got)
		return
	}
	r.judgeToken(s.stamp, l)
	s.cert, s.trail = s.stamp.cert, s.stamp.trail
	subject := ""
	if s.cert != nil {
		subject = name(s.cert)
	}
	s.settle(l.conclude("XCV", s.stamp.conclusion, "time-stamp of "+stamp(s.stamp.Info.GenTime)+" by "+subject))
	if s.result.passed() {
		s.best, s.proven = s.stamp.Info.GenTime, true
		if at := r.timeline.earliest(s.revision + 1); at.Before(s.best) {
			s.best = at
		}
	}
}
