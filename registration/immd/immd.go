// Package immd is the Immigration Department's records as registration sees
// them: a client that asks whether a card's data are those of a living person
// with a valid card, and a reference server that stands in for the department
// with made-up people. docs/immd.md is the protocol.
//
// The client believes nothing but an answer that is signed by a key it was
// given, to the very question it asked, at this time. Whatever else comes back,
// slowly or not at all, is ErrUnavailable: the case waits, and nobody is
// approved. No record and no portrait of the department's ever travels: a selfie is
// sent to be compared with the portrait that lies there, and the answer is one word.
package immd

import (
	"errors"

	"chop/internal/solecontrol"
	"chop/registration/hkic"
)

var (
	// ErrUnavailable says that there is no answer that can be relied upon now.
	ErrUnavailable = errors.New("immigration department is not available")
	// ErrUntrusted says, together with ErrUnavailable, that an answer came which
	// is not by the department, not to the question or not of now.
	ErrUntrusted = errors.New("immigration department's answer cannot be relied upon")
)

// Result is the department's word.
type Result string

// The results. Only Match lets a case go on.
const (
	Match    Result = "match"     // the data are on record, the card is valid
	NoMatch  Result = "no-match"  // the number is known, other data differ
	NotFound Result = "not-found" // the number is not known
	Deceased Result = "deceased"  // its holder has died
	Replaced Result = "replaced"  // a later card was issued
	Failed   Result = "error"     // the department could not decide; the client reports ErrUnavailable
)

// Query is what is asked. Reference is the subscriber reference number, so that
// the answer's subject digest is that of the certificate to be issued.
type Query struct {
	Card      hkic.Card
	Reference string
}

// Subject is the certificate's subject for a card and its reference. RFC 5280, 4.1.2.6.
func Subject(c hkic.Card, reference string) solecontrol.Subject {
	return solecontrol.Subject{
		Country: "HK", CommonName: c.CommonName(), Surname: c.Surname, GivenName: c.GivenNames, SerialNumber: reference,
	}
}

// Answer is what the department said.
type Answer struct {
	Result Result
	// Signed is the answer as it came, a solecontrol.SignedAnswer in JSON: kept, and part of the enrolment ticket.
	Signed []byte
	// Subject is the digest of what was asked.
	Subject []byte
}

// question is the request's JSON.
type question struct {
	Request     string `json:"request"` // 16 random bytes
	Number      string `json:"number"`
	Surname     string `json:"surname"`
	GivenNames  string `json:"givenNames"`
	ChineseName string `json:"chineseName"`
	Birth       string `json:"birth"`
	Gender      string `json:"gender"`
	Issued      string `json:"issued"`
	Reference   string `json:"reference"`
}

// reply is the answer's JSON, which is signed.
type reply struct {
	Request  string            `json:"request"`
	At       solecontrol.Time  `json:"at"`
	Result   Result            `json:"result"`
	Subject  solecontrol.Bytes `json:"subject"`  // digest of the certificate's subject for what was asked
	Question solecontrol.Bytes `json:"question"` // SHA-256 of the request's exact bytes
}

// limits of what is read, against an endless body.
const (
	maxQuestion = 8 << 10
	maxReply    = 8 << 10
	maxPortrait = maxSample*4/3 + maxQuestion // a sample is written in base64
)
