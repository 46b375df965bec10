// Package sealing is departments' seals under their operators' authorization (EN 319 401, 7.2; the
// creator of a seal is a legal person, who acts through people): who works for a department, the batches
// of documents that they have sealed, and whether one document may be sealed now.
//
// A seal's key is used on the word of operators: one asks, another approves, each by a passkey over a
// statement that holds the digest of every document of the batch. Both words are recorded with it. Whoever
// uses the key asks Authorized, which verifies them anew against the operators that the appliance's own
// operator pinned, so that a row in the database alone has nothing sealed.
//
// It refuses a document that is not in the statement, an operator of another department, one who approves
// what they asked for (unless the department's rule is one operator), and one who was removed, whenever
// that was. It holds no key, and parses no document.
package sealing

import (
	"context"
	"errors"
	"slices"
	"time"

	"chop/internal/postgres"
	"chop/policies"
)

var (
	// ErrForbidden: the operator may not do this: role, department, state or person.
	ErrForbidden = errors.New("operator may not do this")
	// ErrFourEyes says, together with ErrForbidden, that another person is wanted.
	ErrFourEyes = errors.New("a second person is needed")
	// ErrUnknown: there is no such operator, batch or document, or it is another department's.
	ErrUnknown = errors.New("no such operator, batch or document")
	// ErrInvalid says what of a request is impossible.
	ErrInvalid = errors.New("request refused")
	// ErrTaken: an operator's id, or a document's name in a batch, is there already.
	ErrTaken = errors.New("is there already")
	// ErrState: the batch or the operator is not in a state that allows it.
	ErrState = errors.New("not possible in this state")
	// ErrAssertion: the operator's passkey did not sign this statement.
	ErrAssertion = errors.New("operator's passkey did not confirm")
	// ErrLimit: more than is taken.
	ErrLimit = errors.New("more than is sealed at once")
	// ErrUnauthorized: the document is not one that operators had sealed by this seal in this way.
	ErrUnauthorized = errors.New("no operators' authorization covers it")
	// ErrGone: the bytes are kept no longer.
	ErrGone = errors.New("the file is kept no longer")
)

// Limits of a batch and of a department.
const (
	MaxDocuments = 2000     // of one batch
	MaxBytes     = 32 << 20 // of one document
	maxBatch     = 1 << 30  // bytes of one batch
	maxOpen      = 20       // batches of one department that are not over
	maxName      = 200      // bytes of a document's name
	maxReason    = 500      // bytes of a reason
)

// Config is what a Book needs.
type Config struct {
	DB *postgres.DB
	// Policies say how long files are kept.
	Policies *policies.Set
	// Origin is the desk's own, such as https://localhost:8446, and RPID its host: operators' passkeys are made for it.
	Origin, RPID string
	// Pins are the operators whose word counts for Authorized and Run. nil: this Book asks for neither.
	Pins Pins
	// SingleOperator are the departments in which one operator's word is enough.
	SingleOperator []string
	// Now is the wall clock; nil: time.Now.
	Now func() time.Time
}

// Pins know the operators whose word has something sealed. They are not of the database.
type Pins interface {
	Operators(ctx context.Context) ([]Pin, error)
}

// Book is departments' operators and batches. It is safe for concurrent use.
type Book struct {
	c    Config
	keep struct{ upload, sealed policies.Period }
}

// New checks the configuration.
func New(c Config) (*Book, error) {
	if c.DB == nil || c.Policies == nil || c.Origin == "" || c.RPID == "" {
		return nil, errors.New("new sealing book: DB, Policies, Origin and RPID are wanted")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	b := &Book{c: c}
	for name, to := range map[string]*policies.Period{"sealing-upload": &b.keep.upload, "sealed-letter": &b.keep.sealed} {
		r, err := c.Policies.Retention(name)
		if err != nil {
			return nil, err
		}
		*to = r.Period
	}
	return b, nil
}

// Single reports whether one operator's word is enough in a department.
func (b *Book) Single(department string) bool { return slices.Contains(b.c.SingleOperator, department) }
