package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"chop/validation"
	"chop/validation/changes"
)

// judge validates a file now, with all that its verdict rests on.
func (s *Store) judge(ctx context.Context, f *file) (*validation.Report, error) {
	o := s.c.Options
	o.Detached, o.Collect = f.covered, true
	report, err := s.c.Judge.Validate(ctx, bytes.NewReader(f.bytes), int64(len(f.bytes)), o)
	if errors.Is(err, validation.ErrFormat) || errors.Is(err, validation.ErrOptions) {
		return nil, fmt.Errorf("%w: %w", ErrNotPassed, err)
	}
	if err != nil {
		return nil, fmt.Errorf("validate: %w", err)
	}
	return report, nil
}

// passed returns nil for a report that a relying party may act on, and else says why not. ErrNotPassed.
func passed(r *validation.Report) error {
	if r.Passed() {
		return nil
	}
	if len(r.Signatures) == 0 {
		return fmt.Errorf("%w: it is not signed", ErrNotPassed)
	}
	for _, s := range r.Signatures {
		if s.Indication == validation.TotalPassed {
			continue
		}
		verdict := string(s.Indication)
		if s.SubIndication != "" {
			verdict += "/" + string(s.SubIndication)
		}
		why := ""
		for _, c := range s.Checks {
			if c.Status == validation.Failed {
				why = fmt.Sprintf(" (%s: %s)", c.Name, validation.Plain(c.Detail))
				break
			}
		}
		return fmt.Errorf("%w: signature %q is %s%s", ErrNotPassed, validation.Plain(s.Field), verdict, why)
	}
	switch {
	case r.Document.Modifications == changes.Suspicious:
		return fmt.Errorf("%w: it was changed after it was signed in a way that its signers did not allow", ErrNotPassed)
	case len(r.Document.Faults) > 0:
		return fmt.Errorf("%w: the container is not as it must be: %s", ErrNotPassed, validation.Plain(r.Document.Faults[0]))
	}
	return fmt.Errorf("%w: %s is in it and signed by nobody", ErrNotPassed, validation.Plain(r.Document.Unsigned[0]))
}

// longTerm wants each signature to be at B-LTA: one that is not would fade unseen. ErrForm.
func longTerm(r *validation.Report) error {
	for _, s := range r.Signatures {
		if s.Format != validation.FormatTimestamp && s.Level != validation.LevelLTA {
			level := s.Level
			if level == "" {
				level = "no level of the baseline"
			}
			return fmt.Errorf("%w: signature %q (%s) came to %s", ErrForm, validation.Plain(s.Field), s.Format, level)
		}
	}
	return nil
}
