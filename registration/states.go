package registration

import "fmt"

// AccountState is where an account is.
type AccountState string

// The states of an account.
const (
	Pending   AccountState = "pending"   // a case is under way; nobody can sign in but its phone
	Active    AccountState = "active"    // signs in; a full one signs
	Suspended AccountState = "suspended" // neither signs in nor signs
	Closed    AccountState = "closed"    // for ever
)

// CaseState is where a case is.
type CaseState string

// The states of a case.
const (
	Opened    CaseState = "opened"    // by an officer
	Entered   CaseState = "entered"   // the card's data are kept
	Confirmed CaseState = "confirmed" // a second officer compared them; Immigration is to be asked, or waited for
	Verified  CaseState = "verified"  // Immigration's signed answer is kept; the QR code may be shown
	Scanned   CaseState = "scanned"   // a phone used the token up; the number is shown
	Bound     CaseState = "bound"     // the officer confirmed the number
	Accepted  CaseState = "accepted"  // the agreement is accepted
	Enrolling CaseState = "enrolling" // on the approval origin
	Ticketed  CaseState = "ticketed"  // the officer signed the ticket
	Made      CaseState = "made"      // there is a key, sealed, and its statement
	Issued    CaseState = "issued"    // there is a certificate
	Done      CaseState = "done"      // the account is active
	Refused   CaseState = "refused"   // by what Immigration said, or by age
	Ended     CaseState = "ended"     // cancelled, expired or failed
)

// RemoteState is where a case on a person's own phone is.
type RemoteState string

// The states of a case on a phone.
const (
	RemoteNoticed  RemoteState = "noticed"  // the collection notice is accepted; the card is to be photographed
	RemotePictured RemoteState = "pictured" // the card's photo is held; its data are to be confirmed
	RemoteEntered  RemoteState = "entered"  // the person confirmed the data; the face is wanted
	RemoteFaced    RemoteState = "faced"    // a live face that may be the card's; Immigration is asked, or waited for
	RemoteReferred RemoteState = "referred" // an officer decides
	RemoteVerified RemoteState = "verified" // a passkey is to be made; the photos are gone
	RemoteDone     RemoteState = "done"     // the account is active
	RemoteRefused  RemoteState = "refused"  // to a counter, please
	RemoteEnded    RemoteState = "ended"    // left, or run out
)

// act is what moves a case or an account from state to state.
type act string

const (
	actEnter    act = "enter"
	actConfirm  act = "confirm"
	actChip     act = "chip" // read from the card's chip: no second officer is needed
	actVerify   act = "verify"
	actRefuse   act = "refuse"
	actScan     act = "scan"
	actRescan   act = "rescan" // a new QR code after a scan that nobody confirmed
	actNumber   act = "number"
	actAccept   act = "accept"
	actEnrol    act = "enrol"
	actRetry    act = "retry" // the enrolment failed or ran out before a key was made
	actTicket   act = "ticket"
	actMake     act = "make"
	actIssue    act = "issue"
	actComplete act = "complete"
	actEnd      act = "end"
	actActivate act = "activate"
	actSuspend  act = "suspend"
	actResume   act = "resume"
	actClose    act = "close"
	actUpgrade  act = "upgrade"     // Lite to full, by another case
	actRebind   act = "re-bind"     // the ticket for another phone: the old one is at its end
	actReplace  act = "re-register" // another phone, by another case

	actPicture act = "picture" // the card was photographed
	actCorrect act = "correct" // the data are to be corrected
	actFace    act = "face"
	actLose    act = "lose" // the photos went with a process; they are taken again
	actRefer   act = "refer"
	actApprove act = "approve"
)

// transitions are all that exist: machine, act, the states that it starts from, the state that it leads to.
// What is not here is refused.
var transitions = []struct {
	machine string
	act     act
	from    []string
	to      string
}{
	{"case", actEnter, []string{"opened", "entered"}, "entered"}, // again: a slip was corrected
	{"case", actConfirm, []string{"entered"}, "confirmed"},
	{"case", actChip, []string{"opened"}, "confirmed"},
	{"case", actVerify, []string{"confirmed"}, "verified"},
	{"case", actRefuse, []string{"opened", "entered", "confirmed"}, "refused"},
	{"case", actScan, []string{"verified"}, "scanned"},
	{"case", actRescan, []string{"scanned"}, "verified"},
	{"case", actNumber, []string{"scanned"}, "bound"},
	{"case", actAccept, []string{"bound"}, "accepted"},
	{"case", actEnrol, []string{"accepted"}, "enrolling"},
	{"case", actRetry, []string{"enrolling", "ticketed"}, "accepted"},
	{"case", actTicket, []string{"enrolling"}, "ticketed"},
	{"case", actMake, []string{"ticketed"}, "made"},
	{"case", actIssue, []string{"made"}, "issued"},
	{"case", actComplete, []string{"issued"}, "done"},
	{"case", actEnd, []string{"opened", "entered", "confirmed", "verified", "scanned", "bound", "accepted", "enrolling", "ticketed", "made", "issued"}, "ended"},

	{"remote", actPicture, []string{"noticed", "pictured", "entered"}, "pictured"},
	{"remote", actEnter, []string{"pictured"}, "entered"},
	{"remote", actCorrect, []string{"entered"}, "pictured"},
	{"remote", actFace, []string{"entered"}, "faced"},
	{"remote", actLose, []string{"pictured", "entered", "faced", "referred"}, "noticed"},
	{"remote", actRefer, []string{"faced"}, "referred"},
	{"remote", actVerify, []string{"faced"}, "verified"},
	{"remote", actApprove, []string{"referred"}, "verified"},
	{"remote", actComplete, []string{"verified"}, "done"},
	{"remote", actRefuse, []string{"pictured", "entered", "faced", "referred", "verified"}, "refused"},
	{"remote", actEnd, []string{"noticed", "pictured", "entered", "faced", "referred", "verified"}, "ended"},

	{"account", actActivate, []string{"pending"}, "active"},
	{"account", actSuspend, []string{"active"}, "suspended"},
	{"account", actResume, []string{"suspended"}, "active"},
	{"account", actUpgrade, []string{"active", "suspended"}, "active"}, // whoever stopped it before: card and face are its holder's
	{"account", actRebind, []string{"active", "suspended"}, "suspended"},
	{"account", actReplace, []string{"suspended"}, "active"},
	{"account", actClose, []string{"pending", "active", "suspended"}, "closed"},
}

// next is the one function that says whether an act may follow.
func next[S ~string](machine string, from S, a act) (S, error) {
	for _, t := range transitions {
		if t.machine != machine || t.act != a {
			continue
		}
		for _, f := range t.from {
			if f == string(from) {
				return S(t.to), nil
			}
		}
	}
	return from, fmt.Errorf("%w: %s of a %s that is %s", ErrState, a, machine, from)
}
