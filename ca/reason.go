package ca

import (
	"fmt"
	"strings"
)

// ReasonCode is a CRLReason (RFC 5280, 5.3.1).
type ReasonCode int

// The reasons that may be given. removeFromCRL (8) is no reason of a
// revocation: it is how a delta CRL says that a hold has ended.
const (
	Unspecified          ReasonCode = 0
	KeyCompromise        ReasonCode = 1
	CACompromise         ReasonCode = 2
	AffiliationChanged   ReasonCode = 3
	Superseded           ReasonCode = 4
	CessationOfOperation ReasonCode = 5
	CertificateHold      ReasonCode = 6
	PrivilegeWithdrawn   ReasonCode = 9
)

const removeFromCRL = 8

var reasonNames = map[ReasonCode]string{
	Unspecified:          "unspecified",
	KeyCompromise:        "keyCompromise",
	CACompromise:         "cACompromise",
	AffiliationChanged:   "affiliationChanged",
	Superseded:           "superseded",
	CessationOfOperation: "cessationOfOperation",
	CertificateHold:      "certificateHold",
	PrivilegeWithdrawn:   "privilegeWithdrawn",
}

func (c ReasonCode) String() string {
	if name, ok := reasonNames[c]; ok {
		return name
	}
	return fmt.Sprintf("reason %d", int(c))
}

// Reason is why a status changes: the code that everybody sees, and a note for
// the audit log.
type Reason struct {
	Code ReasonCode
	Note string
}

// ParseReason reads what an operator types: a name from RFC 5280 in any case,
// optionally with a note after a colon ("keyCompromise: token stolen"), or a
// note alone.
func ParseReason(s string) (Reason, error) {
	name, note, _ := strings.Cut(s, ":")
	for code, known := range reasonNames {
		if strings.EqualFold(strings.TrimSpace(name), known) {
			return Reason{Code: code, Note: strings.TrimSpace(note)}, nil
		}
	}
	if strings.EqualFold(strings.TrimSpace(name), "removeFromCRL") {
		return Reason{}, fmt.Errorf("%w: removeFromCRL is given by resuming", ErrTransition)
	}
	return Reason{Note: strings.TrimSpace(s)}, nil
}

func (r Reason) text() string {
	if r.Note == "" {
		return r.Code.String()
	}
	return r.Code.String() + ": " + r.Note
}
