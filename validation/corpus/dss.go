package corpus

import (
	"context"
	"slices"
	"strings"

	"chop/internal/corpus/manifest"
	"chop/validation"
)

// missing are the sub-indications that say what would be needed for a decision: under
// them an INDETERMINATE is no evasion.
var missing = []string{string(validation.SignedDataNotFound), string(validation.NoSigningCertificateFound)}

// dss compares cryptography, for most of the project's tests have no trust anchors:
// what is intact is not TOTAL-FAILED, what is broken is TOTAL-FAILED, and what must
// not pass does not.
func (r *runner) dss(ctx context.Context, row manifest.Row) (Result, error) {
	out := Result{
		ID: row["path"], What: row["what_it_tests"], Format: row["format"],
		Scored: row["scored"] == "yes", NotScored: row["why_not"], Want: row["verdict"],
	}
	if row["asserted_indication"] != "" {
		out.Want += ", " + strings.ReplaceAll(row["asserted_indication"], "_", "-") + "/" + row["asserted_subindication"]
	}
	trust, err := r.certificates(row.List("embedded_certs_in_test"))
	if err != nil {
		return out, err
	}
	o := validation.Options{Trust: trust}
	if !isPDF(row["format"]) { // whose signatures cover their own file; here the others are an evidence record's
		if o.Detached, err = r.detached(row.List("detached_files")); err != nil {
			return out, err
		}
	}
	j, err := r.judge(ctx, row["path"], o)
	if err != nil {
		return out, err
	}
	out.Got, out.Why = j.verdict(row["format"], every)
	broken := row["verdict"] == "broken"
	must := strings.HasPrefix(row["must_not"], string(validation.TotalPassed))
	out.Unsafe = j.passes(every) && (broken || must)
	failed := indication(out.Got) == string(validation.TotalFailed)
	switch {
	case broken:
		out.Undecided = slices.Contains(missing, subIndication(out.Got))
		out.Agree = failed || out.Undecided
	case row["verdict"] == "intact":
		out.Agree = j.err == nil && out.Got != unsigned && !failed && !out.Unsafe
	default:
		out.Agree = j.err == nil && !out.Unsafe
	}
	return out, nil
}
