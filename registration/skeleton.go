package registration

import (
	"context"
	"errors"

	"chop/registration/hkic"
	"chop/registration/officers"
)

var errNotBuilt = errors.New("not built yet")

// ---- counter (desk) ----

// OpenCase opens a case at the caller's place.
func (r *Registry) OpenCase(ctx context.Context, c Caller, kind Kind) (*Case, error) {
	return nil, errNotBuilt
}

// Case returns a case, as it is now. Asking drives it on: what the activation process and the CA have done meanwhile is taken up.
func (r *Registry) Case(ctx context.Context, c Caller, id string) (*Case, error) {
	return nil, errNotBuilt
}

// Cases lists the open cases of the caller's place, newest first.
func (r *Registry) Cases(ctx context.Context, c Caller) ([]*Case, error) { return nil, errNotBuilt }

// EnterCard keeps the card's data, keyed in by the officer who opened the case. ErrRegistered: there is an account.
func (r *Registry) EnterCard(ctx context.Context, c Caller, id string, card hkic.Card, contact Contact) (*Case, error) {
	return nil, errNotBuilt
}

// Card shows the data keyed in, for the second officer to compare with the card.
func (r *Registry) Card(ctx context.Context, c Caller, id string) (*hkic.Card, *Contact, error) {
	return nil, nil, errNotBuilt
}

// ConfirmChallenge is what the second officer's passkey signs.
func (r *Registry) ConfirmChallenge(ctx context.Context, c Caller, id string) ([]byte, error) {
	return nil, errNotBuilt
}

// ConfirmCard is the second officer's word that the data are the card's. ErrFourEyes: it is the same officer.
func (r *Registry) ConfirmCard(ctx context.Context, c Caller, id string, a officers.Assertion) (*Case, error) {
	return nil, errNotBuilt
}

// Verify asks the Immigration Department. ErrImmigration: it cannot be asked, the case waits; call again.
func (r *Registry) Verify(ctx context.Context, c Caller, id string) (*Case, error) {
	return nil, errNotBuilt
}

// OfferBinding makes the QR code's token for this desk session (any text that names it; kept as a digest). An earlier one is void.
func (r *Registry) OfferBinding(ctx context.Context, c Caller, id, desk string) (*Offer, error) {
	return nil, errNotBuilt
}

// ConfirmNumber is the officer's word that the phone in front of them shows the number; from the desk session that offered.
func (r *Registry) ConfirmNumber(ctx context.Context, c Caller, id, desk, number string) (*Case, error) {
	return nil, errNotBuilt
}

// Ticket builds the ticket, once the phone has made its signing passkey. ErrNotReady before.
func (r *Registry) Ticket(ctx context.Context, c Caller, id string) (*TicketOffer, error) {
	return nil, errNotBuilt
}

// PresentTicket gives the ticket with the officer's assertion to the activation process.
func (r *Registry) PresentTicket(ctx context.Context, c Caller, id string, a officers.Assertion) (*Case, error) {
	return nil, errNotBuilt
}

// CancelCase ends a case that is not complete; what was kept for it is deleted.
func (r *Registry) CancelCase(ctx context.Context, c Caller, id, reason string) error {
	return errNotBuilt
}

// ---- the phone (portal) ----

// BindDevice uses up the token of a QR code. ErrToken: used, too late or unknown.
func (r *Registry) BindDevice(ctx context.Context, token string) (*Phone, error) {
	return nil, errNotBuilt
}

// PhoneCase tells the phone how far its case is, and drives it on.
func (r *Registry) PhoneCase(ctx context.Context, secret string) (*PhoneCase, error) {
	return nil, errNotBuilt
}

// AcceptAgreement records that the applicant accepts the agreement (its id, as shown). Cap. 553, s.2.
func (r *Registry) AcceptAgreement(ctx context.Context, secret, agreement string) (*PhoneCase, error) {
	return nil, errNotBuilt
}

// BindPasskey keeps the phone's sign-in passkey; in states bound and later.
func (r *Registry) BindPasskey(ctx context.Context, secret string, p Passkey) (*PhoneCase, error) {
	return nil, errNotBuilt
}

// BeginEnrolment opens the enrolment on the approval origin; the phone goes to /#enrol/<id>. Asked again it gives the open one.
func (r *Registry) BeginEnrolment(ctx context.Context, secret string) (enrolment string, err error) {
	return "", errNotBuilt
}

// NotMe is the phone's word that it does not want this; the case is closed.
func (r *Registry) NotMe(ctx context.Context, secret string) error { return errNotBuilt }

// ---- residents (portal) ----

// Account returns an account. ErrNoAccount.
func (r *Registry) Account(ctx context.Context, c Caller, id string) (*Account, error) {
	return nil, errNotBuilt
}

// AccountByPasskey finds the account of a sign-in passkey. ErrNoAccount. Whether its state lets it sign in: Account.MaySignIn.
func (r *Registry) AccountByPasskey(ctx context.Context, passkey []byte) (*Account, *Passkey, error) {
	return nil, nil, errNotBuilt
}

// AccountByUserHandle is for discoverable passkeys. ErrNoAccount.
func (r *Registry) AccountByUserHandle(ctx context.Context, handle []byte) (*Account, []Passkey, error) {
	return nil, nil, errNotBuilt
}

// SignInPasskeys lists an account's.
func (r *Registry) SignInPasskeys(ctx context.Context, c Caller, account string) ([]Passkey, error) {
	return nil, errNotBuilt
}

// SetSignInPasskey adds a sign-in passkey, or replaces the record of one that is there. The holder is told of a new one.
func (r *Registry) SetSignInPasskey(ctx context.Context, c Caller, account string, p Passkey) error {
	return errNotBuilt
}

// PasskeyUsed keeps the record after a sign-in (its counter), and the time.
func (r *Registry) PasskeyUsed(ctx context.Context, account string, passkey, record []byte) error {
	return errNotBuilt
}

// RemoveSignInPasskey takes one away; not the last.
func (r *Registry) RemoveSignInPasskey(ctx context.Context, c Caller, account string, passkey []byte) error {
	return errNotBuilt
}

// Data is all that is held of the person. The look is recorded.
func (r *Registry) Data(ctx context.Context, c Caller, account string) (*Data, error) {
	return nil, errNotBuilt
}

// SetContact changes how the person is reached.
func (r *Registry) SetContact(ctx context.Context, c Caller, account string, contact Contact) error {
	return errNotBuilt
}

// Activity lists what happened to an account, newest first, at most limit lines.
func (r *Registry) Activity(ctx context.Context, c Caller, account string, limit int) ([]Activity, error) {
	return nil, errNotBuilt
}

// SuspendSelf stops sign-in and signing at once, by the resident.
func (r *Registry) SuspendSelf(ctx context.Context, c Caller, account, reason string) error {
	return errNotBuilt
}

// SuspensionCode makes a new code (12345-67890), shown once; the old one is void.
func (r *Registry) SuspensionCode(ctx context.Context, c Caller, account string) (string, error) {
	return "", errNotBuilt
}

// SuspendByCode suspends without the phone and without signing in. place is the client's network, for limits only (kept as a digest). ErrProof.
func (r *Registry) SuspendByCode(ctx context.Context, code, place string) error { return errNotBuilt }

// Close ends an account for ever: its key is destroyed, its certificate revoked.
func (r *Registry) Close(ctx context.Context, c Caller, account, reason string) error {
	return errNotBuilt
}

// Address is how notices reach a person; both may be empty.
func (r *Registry) Address(ctx context.Context, account string) (email, language string, err error) {
	return "", "", errNotBuilt
}

// ---- hotline and desk: people ----

// Find finds an account by one exact value (HKIC, phone, e-mail, SRN). ErrNoAccount. Each look-up counts against the officer's limit.
func (r *Registry) Find(ctx context.Context, c Caller, item Item, value string) (*Account, error) {
	return nil, errNotBuilt
}

// AccountCases lists an account's cases, newest first.
func (r *Registry) AccountCases(ctx context.Context, c Caller, account string) ([]*Case, error) {
	return nil, errNotBuilt
}

// VerifyCaller checks who calls: the suspension code, or two items. ErrProof says no more than that.
func (r *Registry) VerifyCaller(ctx context.Context, c Caller, p Proof) (*VerifiedCaller, error) {
	return nil, errNotBuilt
}

// Suspend stops sign-in and signing at once; token is VerifyCaller's.
func (r *Registry) Suspend(ctx context.Context, c Caller, account, token, reason string) error {
	return errNotBuilt
}

// BeginResume makes the order that two officers sign, for a person who stands at the counter with their card. case "" is allowed.
func (r *Registry) BeginResume(ctx context.Context, c Caller, account, second, reason string) (*OrderOffer, error) {
	return nil, errNotBuilt
}

// Order returns an open order, for the second officer's page.
func (r *Registry) Order(ctx context.Context, c Caller, operation string) (*OrderOffer, error) {
	return nil, errNotBuilt
}

// SignOrder adds the caller's assertion. With the second one the account is resumed.
func (r *Registry) SignOrder(ctx context.Context, c Caller, operation string, a officers.Assertion) (done bool, err error) {
	return false, errNotBuilt
}

// ---- housekeeping ----

// Run finishes or closes what was begun, until ctx ends.
func (r *Registry) Run(ctx context.Context) error { return errNotBuilt }

// Sweep does Run's work once, and returns how much there was.
func (r *Registry) Sweep(ctx context.Context) (int, error) { return 0, errNotBuilt }
