package validation

import (
	"crypto"
	"time"

	"chop/internal/cms"
	"chop/validation/sigpolicy"
)

// A subject is one signature on its way to its row in the report: what the process of
// EN 319 102-1 needs to know of it, whatever its format.
type subject struct {
	form    form
	field   string
	format  string
	claimed *time.Time
	checks  checks
	// place is the first place from which on an archive time-stamp covers the signature.
	place int
	// format checking that lets cryptographic verification go on, and that does not
	strict, fatal conclusion
	// policy is the one that the signer named, once its document was compared; nil: none.
	policy *sigpolicy.Policy
	verdict
}

func (s *subject) breach(format string, args ...any) {
	if s.strict.ind == "" {
		s.strict = undecided(SigConstraintsFailure, format, args...)
	}
}

// A form is a signature in its format: what the process asks of it.
type form interface {
	// identify is identification of the signing certificate (5.2.3).
	identify(r *run) ([]byte, conclusion)
	// verify is cryptographic verification (5.2.7) with that certificate.
	verify(r *run, cert []byte) conclusion
	// binds reports whether the signature itself names its certificate by a digest.
	binds() bool
	// stated is what the signer signed about the signature itself.
	stated() statement
	// complete judges whether all is there that the format demands (5.2.8).
	complete() conclusion
	// algorithms names, for the suite, what the signature rests on, given its key.
	algorithms(key crypto.PublicKey) [][]string
	// stamps are the time-stamps over the signature, contentStamps those in what it signs.
	stamps() []stamped
	contentStamps() []stamped
}

// stamped is a time-stamp token, DER, and what it must be over.
type stamped struct {
	der    []byte
	covers func(*cms.TSTInfo) error
	// after is how many places behind the signature's the token's bytes lie.
	after int
}

func stampedBy(tokens [][]byte, covers func(*cms.TSTInfo) error) []stamped {
	list := make([]stamped, len(tokens))
	for i, der := range tokens {
		list[i] = stamped{der: der, covers: covers}
	}
	return list
}
