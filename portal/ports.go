package portal

import (
	"context"

	"chop/notification"
	"chop/registration"
	"chop/registration/hkic"
	"chop/signer"
)

// Accounts is what the portal asks of *registration.Registry: its methods, its
// errors. It is an interface so that every state of a page can be drawn in a test.
type Accounts interface {
	phones
	Account(ctx context.Context, c registration.Caller, id string) (*registration.Account, error)
	AccountByUserHandle(ctx context.Context, handle []byte) (*registration.Account, []registration.Passkey, error)
	PasskeyUsed(ctx context.Context, account string, passkey, record []byte) error
	SignInPasskeys(ctx context.Context, c registration.Caller, account string) ([]registration.Passkey, error)
	Data(ctx context.Context, c registration.Caller, account string) (*registration.Data, error)
	SetContact(ctx context.Context, c registration.Caller, account string, contact registration.Contact) error
	Activity(ctx context.Context, c registration.Caller, account string, limit int) ([]registration.Activity, error)
	SuspendSelf(ctx context.Context, c registration.Caller, account, reason string) error
	SuspensionCode(ctx context.Context, c registration.Caller, account string) (string, error)
	SuspendByCode(ctx context.Context, code, place string) error
	SuspendByLink(ctx context.Context, token string) error
	Close(ctx context.Context, c registration.Caller, account, reason string) error
}

// phones is the part of it for a phone that was bound at a counter.
type phones interface {
	BindDevice(ctx context.Context, token string) (*registration.Phone, error)
	PhoneCase(ctx context.Context, secret string) (*registration.PhoneCase, error)
	AcceptAgreement(ctx context.Context, secret, agreement string) (*registration.PhoneCase, error)
	BindPasskey(ctx context.Context, secret string, p registration.Passkey) (*registration.PhoneCase, error)
	BeginEnrolment(ctx context.Context, secret string) (enrolment string, err error)
	NotMe(ctx context.Context, secret string) error
}

// Remotes is the part of *registration.Registry for a person who registers on their own phone.
type Remotes interface {
	BeginRemote(ctx context.Context, network, language, notice, browser string) (secret string, err error)
	Remote(ctx context.Context, secret string) (*registration.RemoteCase, error)
	RemotePhoto(ctx context.Context, secret string, picture []byte) (*registration.RemoteCase, error)
	RemoteCard(ctx context.Context, secret string) (registration.CardText, error)
	ConfirmRemote(ctx context.Context, secret, network string, card hkic.Card) (*registration.RemoteCase, error)
	CorrectRemote(ctx context.Context, secret string) error
	BeginFace(ctx context.Context, secret string) (registration.FaceStep, error)
	Frame(ctx context.Context, secret, nonce string, frame []byte) (registration.FaceStep, error)
	CompleteRemote(ctx context.Context, secret string, p registration.Passkey) (*registration.RemoteCase, error)
	AbandonRemote(ctx context.Context, secret string) error
}

// Signings is what the portal asks of *signer.Residents.
type Signings interface {
	Credential(ctx context.Context, account string) ([]*signer.ResidentCredential, error)
	Prepare(ctx context.Context, by signer.Caller, q signer.ResidentRequest) (*signer.Signing, error)
	Signing(ctx context.Context, by signer.Caller, id string) (*signer.Signing, error)
	Cancel(ctx context.Context, by signer.Caller, id string) (*signer.Signing, error)
	Renew(ctx context.Context, by signer.Caller, id string) (*signer.Signing, error)
	List(ctx context.Context, by signer.Caller, p signer.Page) ([]*signer.Signing, error)
	Document(ctx context.Context, by signer.Caller, id string, n int) (name string, pdf []byte, err error)
	Receipt(ctx context.Context, by signer.Caller, id string) (*signer.Receipt, error)
}

// Notices is what the portal asks of *notification.Service.
type Notices interface {
	Inbox(ctx context.Context, account string, limit int) ([]notification.Message, error)
	Unread(ctx context.Context, account string) (int, error)
	MarkRead(ctx context.Context, account, id string) error
	Text(m notification.Message, language string) (subject, body string, err error)
}

// The services are these.
var (
	_ Accounts = (*registration.Registry)(nil)
	_ Remotes  = (*registration.Registry)(nil)
	_ Signings = (*signer.Residents)(nil)
	_ Notices  = (*notification.Service)(nil)
)
