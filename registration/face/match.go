package face

import (
	"fmt"

	"chop/policies"
)

// Outcome of comparing two faces.
type Outcome string

const (
	Pass   Outcome = "pass"   // one person's, as far as this engine can tell
	Refer  Outcome = "refer"  // an officer looks
	Refuse Outcome = "refuse" // not taken for one person's
)

// Verdict is an outcome and what it rests on.
type Verdict struct {
	Outcome  Outcome
	Distance float64 // of the descriptors
}

// Match compares two faces by a policy's thresholds.
func Match(policy *policies.Face, a, b *Face) Verdict {
	v := Verdict{Refuse, a.Descriptor.Distance(&b.Descriptor)}
	switch {
	case v.Distance < policy.Pass:
		v.Outcome = Pass
	case v.Distance < policy.Refer:
		v.Outcome = Refer
	}
	return v
}

// Large refuses a face whose box is smaller than least pixels, with ErrSmall.
func (f *Face) Large(least float64) error {
	if !(f.Box.Size() >= least) {
		return fmt.Errorf("%w: it has %.0f pixels, at least %.0f are wanted", ErrSmall, f.Box.Size(), least)
	}
	return nil
}
