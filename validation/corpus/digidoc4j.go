package corpus

import (
	"context"

	"chop/internal/corpus/manifest"
	"chop/validation"
)

// digidoc4j compares with the folder that the project keeps a container in. Its trust
// list is not here: what is INVALID never passes, what is VALID is not TOTAL-FAILED. A
// container may be VALID without any signature.
func (r *runner) digidoc4j(ctx context.Context, row manifest.Row) (Result, error) {
	out := Result{
		ID: row["path"], What: row["what_it_tests"], Format: row["format"], Want: row["verdict_by_folder"],
	}
	out.Scored = out.Want == "VALID" || out.Want == "INVALID"
	j, err := r.judge(ctx, row["path"], validation.Options{})
	if err != nil {
		return out, err
	}
	out.Got, out.Why = j.verdict(row["format"], every)
	passed := j.err == nil && j.report.Passed()
	switch out.Want {
	case "INVALID":
		out.Unsafe = passed
		out.Agree = !passed && out.Got != notRead
	case "VALID":
		out.Agree = j.err == nil && indication(out.Got) != string(validation.TotalFailed)
	default:
		out.NotScored = "no folder"
	}
	return out, nil
}
