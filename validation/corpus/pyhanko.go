package corpus

import (
	"context"
	"fmt"
	"strings"
	"time"

	"chop/internal/corpus/manifest"
	"chop/validation"
)

// pyHanko compares whether the signature passes, and the indication. "TOTAL-PASSED
// (basic, ...)" is what its basic check passes; "NOT PASSED" is a refusal for which
// it states no indication. A row that is not scored has a verdict that no default
// policy gives, by its own reason, and passing it is no danger.
func (r *runner) pyHanko(ctx context.Context, row manifest.Row) (Result, error) {
	out := Result{
		ID: row["path"], What: row["what_it_tests"], Format: strings.TrimPrefix(row["subfilter"], "/"),
		Scored: row["scored"] == "yes", NotScored: row["why_not"], Want: row["verdict"],
	}
	o, err := r.pyHankoOptions(row)
	if err != nil {
		return out, err
	}
	j, err := r.judge(ctx, row["path"], o)
	if err != nil {
		return out, err
	}
	field := row["sig_field"]
	first := true
	one := func(s validation.Signature) bool {
		if field != "" {
			return s.Field == field
		}
		defer func() { first = false }()
		return first
	}
	out.Got, out.Why = j.verdict("PDF", one)
	passed := indication(out.Got) == string(validation.TotalPassed)
	out.Agree = passed == (row["verdict"] == "passed")
	out.Unsafe = out.Scored && !out.Agree && passed
	if row["indication"] != "" {
		expected, _, _ := strings.Cut(row["indication"], " (")
		same := indication(out.Got) == expected || expected == "NOT PASSED" && !passed
		out.SameIndication = &same
		out.Want += ", " + expected
		if row["sub_indication"] != "" {
			out.Want += "/" + row["sub_indication"]
		}
	}
	return out, nil
}

func (r *runner) pyHankoOptions(row manifest.Row) (o validation.Options, err error) {
	if o.At, err = time.Parse(time.RFC3339, row["validation_time"]); err != nil {
		return o, fmt.Errorf("validation_time: %w", err)
	}
	o.Revocation = validation.Revocation(row["revocation"])
	if o.Trust, err = r.certificates(row.List("trust_anchor_files")); err != nil {
		return o, err
	}
	for _, name := range row.List("extra_crl_ocsp_files") {
		b, err := r.read(name)
		if err != nil {
			return o, err
		}
		if strings.HasSuffix(name, ".crl") {
			o.CRLs = append(o.CRLs, b)
		} else {
			o.OCSPs = append(o.OCSPs, b)
		}
	}
	return o, nil
}
