package validation

import (
	"fmt"
	"time"
)

// A conclusion is what a building block returns. The blocks' PASSED and FAILED are
// written as TOTAL-PASSED and TOTAL-FAILED; the zero value is neither.
type conclusion struct {
	ind Indication
	sub SubIndication
	why string
	// revoked is the revocation time that goes with REVOKED_NO_POE and
	// REVOKED_CA_NO_POE (EN 319 102-1, table 6: associated data).
	revoked time.Time
}

func (c conclusion) passed() bool { return c.ind == TotalPassed }

func pass() conclusion { return conclusion{ind: TotalPassed} }

func fail(sub SubIndication, format string, args ...any) conclusion {
	return conclusion{ind: TotalFailed, sub: sub, why: fmt.Sprintf(format, args...)}
}

func undecided(sub SubIndication, format string, args ...any) conclusion {
	return conclusion{ind: Indeterminate, sub: sub, why: fmt.Sprintf(format, args...)}
}

// status is how a check that led to c is reported.
func (c conclusion) status() Status {
	if c.passed() {
		return Passed
	}
	return Failed
}

// checks collects what a report shows, in the order in which it was looked at.
type checks []Check

func (l *checks) add(name string, s Status, format string, args ...any) {
	*l = append(*l, Check{Name: name, Status: s, Detail: fmt.Sprintf(format, args...)})
}

// conclude records a block's conclusion and hands it back. ok is the detail of a
// PASSED.
func (l *checks) conclude(name string, c conclusion, ok string) conclusion {
	detail := c.why
	if c.passed() {
		detail = ok
	} else if c.sub != "" {
		detail = string(c.sub) + ": " + c.why
	}
	*l = append(*l, Check{Name: name, Status: c.status(), Detail: detail})
	return c
}

// rank orders conclusions about several chains of one certificate: the highest is
// the one to report. A chain that fails late says more than one that fails early.
func (c conclusion) rank() int {
	switch c.sub {
	case NoCertificateChainFound:
		return 0
	case CertificateChainGeneralFailure:
		return 1
	case ChainConstraintsFailure:
		return 2
	case RevokedCANoPOE:
		return 4
	case TryLater:
		return 5
	case OutOfBoundsNoPOE:
		return 6
	case RevokedNoPOE:
		return 7
	}
	if c.passed() {
		return 9
	}
	return 3
}
