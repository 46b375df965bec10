package validation

import (
	"fmt"
	"testing"

	"chop/internal/xmldsig"
)

// A time-stamp that was not looked at to its end is not called forged.
func TestImprintConclusion(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]Indication{
		errImprint:                                TotalFailed,
		fmt.Errorf("x: %w", xmldsig.ErrLimit):     Indeterminate,
		fmt.Errorf("x: %w", xmldsig.ErrUndecided): Indeterminate,
	} {
		if got := imprintConclusion(err); got.ind != want {
			t.Errorf("%v: %s, want %s", err, got.ind, want)
		}
	}
}
