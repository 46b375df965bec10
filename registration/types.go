package registration

import (
	"math/big"
	"time"

	"chop/registration/attempts"
	"chop/registration/hkic"
	"chop/registration/officers"
)

// Caller is who acts, as what, from where, and in which shift. Officers get
// theirs from Officers().SignOn; a resident's is Resident(account); the
// appliance itself is System.
type Caller = officers.Caller

// Resident is the caller of a signed-in resident.
func Resident(account string) Caller {
	return Caller{Actor: "account:" + account, Role: "resident", Place: "portal"}
}

// System is the appliance.
var System = Caller{Actor: "system"}

// Assertion is an officer's passkey's answer, as the desk's page sends it.
type Assertion = officers.Assertion

// Alarm is something that supervisors are told.
type Alarm = attempts.Alarm

// Kind of an account.
type Kind string

// The kinds. A default (Lite) account never signs.
const (
	Lite Kind = "default"
	Full Kind = "sign"
)

// Account is one person's. It holds no personal datum but the reference number.
type Account struct {
	ID    string // UUIDv7
	Kind  Kind
	State AccountState
	// SRN is the subscriber reference number: "SRN" and ten random digits.
	SRN string
	// UserHandle is WebAuthn's, 32 random bytes.
	UserHandle []byte
	// Credential is the signing credential; empty while there is none.
	Credential string
	// Serial is that of its present certificate; nil while there is none.
	Serial    *big.Int
	Language  string // en, zh-Hant-HK, zh-Hans
	Place     string // where it was opened
	Agreement string // id of the agreement that its holder accepted
	OpenedAt  time.Time
	ActiveAt  time.Time // zero: never yet
	ChangedAt time.Time // when it came to its state
}

// MaySignIn reports whether its state lets it sign in.
func (a *Account) MaySignIn() bool { return a.State == Active }

// MaySign reports whether its kind and state let it sign. A Lite account never does.
func (a *Account) MaySign() bool { return a.State == Active && a.Kind == Full && a.Credential != "" }

// Passkey is one that signs in to the portal.
type Passkey struct {
	ID      []byte
	Record  []byte // go-webauthn's record, as the portal wrote it
	Name    string // "iPhone"; shown to its holder
	AddedAt time.Time
	UsedAt  time.Time
}

// Contact is how a resident is reached. All may be empty.
type Contact struct {
	Phone    string // any usual spelling of a Hong Kong or international number
	Email    string
	Language string // en, zh-Hant-HK, zh-Hans; empty: zh-Hant-HK
}

// Data is all that is held of a person, for their own eyes.
type Data struct {
	Card    hkic.Card
	Contact Contact
	Place   string // where they registered
	Account *Account
}

// Activity is one line of what happened to an account.
type Activity struct {
	At time.Time
	// Who is "you", "officer", or "system": an officer's name is not the resident's business, their place is.
	Who, Place string
	// What is a word for the page's texts, one of Activities.
	What string
}

// Activities are the words of Activity.What.
var Activities = []string{
	"account-opened", "certificate-issued", "passkey-added", "passkey-removed", "contact-changed", "suspension-code",
	"suspended", "resumed", "closed", "re-registering", "re-registered", "looked-up", "card-viewed", "caller-verified",
}

// Case leads from an application to an active account.
type Case struct {
	ID      string
	Account string // empty until the card's data are entered
	Kind    Kind
	Purpose Purpose
	// DeviceActive: the device that a replacing case takes the place of could sign when the card was entered.
	DeviceActive bool
	State        CaseState
	Place        string
	Source       string // keyed: by two officers; chip: read from the card's chip
	Officer      string // who opened it; of a case of a kiosk, kiosk:<id>
	Second       string // who confirmed keyed-in data
	// HKIC is the masked number, A123•••(•), once entered; only Case fills it in.
	HKIC string
	// Waiting says who does not answer: immigration, activation or certificates.
	Waiting string
	// Outcome says why a case ended: not-found, no-match, deceased, replaced, too-young, cancelled, expired, failed, stopped.
	Outcome string
	// Number has two digits: shown at the desk and on the phone, from the scan on.
	Number string
	// Enrolment is the activation process's, from state enrolling on; Ready says that its ticket can be signed.
	Enrolment string
	Ready     bool
	OpenedAt  time.Time
	ExpiresAt time.Time
}

// Offer is what the desk's QR code says. It is good for one scan within 90 seconds.
type Offer struct {
	URL      string // the portal's address with the token in its fragment
	Token    string
	NotAfter time.Time
}

// Phone is a phone that has scanned.
type Phone struct {
	// Secret names the phone from now on; it lies in the phone's session, and only its digest here.
	Secret  string
	Case    string
	Account string
	Number  string
}

// PhoneCase is what a phone's page needs to go on.
type PhoneCase struct {
	Case, Account string
	State         CaseState
	Number        string
	UserHandle    []byte
	UserName      string // the SRN
	Agreement     string // id of the text to show
	Enrolment     string // empty until it has begun
	HasPasskey    bool
	Waiting       string // as of a Case
}

// TicketOffer is a ticket for an officer to sign: challenge goes to their
// passkey.
type TicketOffer struct {
	Challenge []byte
	PasskeyID []byte // the officer's
}

// Proof of a caller at the hotline: the suspension code, or two items.
type Proof struct {
	SuspensionCode string
	Items          map[Item]string
}

// Item is something that a caller knows.
type Item string

// Items that find an account, and prove nothing: its id, and that of one of its cases.
const (
	ItemAccount Item = "account"
	ItemCase    Item = "case"
)

// The items. Two are wanted, of which one can be looked up (all but date of
// birth and place).
const (
	ItemHKIC   Item = "hkic"
	ItemBirth  Item = "birth"
	ItemPhone  Item = "phone"
	ItemEmail  Item = "email"
	ItemPlace  Item = "place"
	ItemNumber Item = "srn"
)

// VerifiedCaller is good for one act within ten minutes.
type VerifiedCaller struct {
	Account string
	Token   string
	State   AccountState
	SRN     string
}

// OrderOffer is an order to resume, for two officers' passkeys.
type OrderOffer struct {
	Operation     string
	Account       string
	Challenge     []byte
	First, Second string   // officer ids
	Signed        []string // who has signed already
	Place, Reason string
	Expires       time.Time
}
