package hkic

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"
)

// Why a card is not believed, or was not read. Reason gives the word of each.
var (
	// ErrRemoved says that the card was pulled out before all was read.
	ErrRemoved = errors.New("card was taken out")
	// ErrForeign says that it is no identity card, or by an issuer that is not trusted.
	ErrForeign = errors.New("not an identity card of a known issuer")
	// ErrUnreadable says that the card or the reader fails, or that the card's data are not in their form.
	ErrUnreadable = errors.New("card cannot be read")
	// ErrTampered says that its data are not those that its issuer signed.
	ErrTampered = errors.New("card's data were changed")
	// ErrCloned says that the chip does not have the key that its issuer certified: a copy.
	ErrCloned = errors.New("card is a copy")
	// ErrExpired says that its time is over, or its signer's.
	ErrExpired = errors.New("card has expired")
)

// reasons are the words for pages, messages and the audit log.
var reasons = []struct {
	err  error
	word string
}{
	{ErrRemoved, "removed"}, {ErrForeign, "foreign"}, {ErrTampered, "tampered"}, {ErrCloned, "cloned"}, {ErrExpired, "expired"}, {ErrUnreadable, "unreadable"},
}

// Reason is the word for why a card was refused: removed, foreign, tampered,
// cloned, expired or unreadable; "" for another error.
func Reason(err error) string {
	for _, r := range reasons {
		if errors.Is(err, r.err) {
			return r.word
		}
	}
	return ""
}

// Chip is a card in a reader.
type Chip interface {
	// Transmit sends a command APDU and returns the response APDU with its status
	// word (ISO/IEC 7816-4, 5.1). It returns ErrRemoved, wrapped, once the card is
	// out; any other error is a reader that fails.
	Transmit(command []byte) (response []byte, err error)
}

// ChallengeSize is the length of a challenge to a card, in bytes.
const ChallengeSize = 32

// AID is the stand-in application's identifier, of the proprietary category (ISO/IEC 7816-4, 8.2.1.2).
var AID = []byte{0xF0, 'C', 'H', 'O', 'P', 'H', 'K', 0x01}

// The files, by short identifier; each is one data object.
const (
	fileHolder   = 1  // data group 1, tag 61
	fileIssue    = 2  // data group 2, tag 62
	fileKey      = 3  // data group 3, tag 63
	fileSecurity = 29 // the security object, tag 77
)

// The longest a file may be, in bytes.
const (
	maxGroup    = 1 << 10
	maxSecurity = 4 << 10
)

// Collect reads all that a card has to say, and has its key answer a challenge
// of ChallengeSize bytes. It judges nothing but forms: see Evidence.Verify. What
// it returns is whole, or an error: ErrForeign, ErrRemoved, ErrUnreadable, ErrCloned.
func Collect(ctx context.Context, chip Chip, challenge []byte) (*Evidence, error) {
	e, err := Files(ctx, chip)
	if err == nil {
		err = e.Answer(ctx, chip, challenge)
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

// Files is the first part of Collect, and most of its time: all but the answer to a challenge, which may still be on its way.
func Files(ctx context.Context, chip Chip) (*Evidence, error) {
	r := reader{ctx, chip}
	if err := r.open(AID); err != nil {
		return nil, fmt.Errorf("read card: %w", err)
	}
	var e Evidence
	for i, id := range []byte{fileHolder, fileIssue, fileKey} {
		file, err := r.file(id, groupTag(i), maxGroup)
		if err != nil {
			return nil, fmt.Errorf("read card: %w", err)
		}
		e.Groups[i] = file
	}
	var err error
	if e.Security, err = r.file(fileSecurity, tagSecurity, maxSecurity); err != nil {
		return nil, fmt.Errorf("read card: %w", err)
	}
	return &e, nil
}

// Answer is the second part of Collect: the key of the card whose Files these are answers a challenge of ChallengeSize bytes.
func (e *Evidence) Answer(ctx context.Context, chip Chip, challenge []byte) error {
	if len(challenge) != ChallengeSize {
		return fmt.Errorf("read card: the challenge has %d bytes", len(challenge))
	}
	var err error
	if e.Response, err = (&reader{ctx, chip}).authenticate(challenge); err != nil {
		return fmt.Errorf("read card: %w", err)
	}
	return nil
}

// Read reads a card and believes it, or says why not, by a challenge of its own.
// Nothing is returned of a card that was not read to the end.
func Read(ctx context.Context, chip Chip, trust Trust, now time.Time) (*CardData, error) {
	challenge := make([]byte, ChallengeSize)
	rand.Read(challenge)
	e, err := Collect(ctx, chip, challenge)
	if err != nil {
		return nil, err
	}
	return e.Verify(challenge, trust, now)
}
