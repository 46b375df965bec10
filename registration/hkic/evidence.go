package hkic

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"fmt"
	"math/big"
	"time"
)

// Evidence is what a card gave, as raw bytes: whoever has them and the challenge
// judges by themself, and needs to believe nobody who carried them.
type Evidence struct {
	Groups   Groups
	Security []byte // the security object's file
	Response []byte // the card's signature over the challenge, r‖s
}

// CardData is what a chip said and proved. Only Evidence.Verify makes one that
// is not empty: typed data cannot become it.
type CardData struct{ data ChipData }

// Card is what the card says of its holder, checked and in its normal form.
func (c *CardData) Card() Card { return c.data.Card }

// Serial is the chip's.
func (c *CardData) Serial() [8]byte { return c.data.Serial }

// Expires is the card's last day; none where it has no end.
func (c *CardData) Expires() Date { return c.data.Expires }

// responseSize is that of an ECDSA signature by P-256, r‖s.
const responseSize = 64

// AuthenticationMessage is what the card's key signs (ECDSA with SHA-256): a
// label, so that the card signs nothing else, and the challenge.
func AuthenticationMessage(challenge []byte) []byte {
	return append([]byte("chop/hkic/card/v1\x00"), challenge...)
}

// Verify judges a card by its evidence and the challenge that it was to sign, which
// must be the judge's own, fresh and used once. In this order: the security object
// and its issuer (ErrUnreadable, ErrForeign, ErrExpired, ErrTampered), the groups' hashes
// (ErrTampered) and form (ErrUnreadable), the card's own key (ErrCloned), its last day
// (ErrExpired). Whether a later card was issued, only the Immigration Department knows.
func (e *Evidence) Verify(challenge []byte, trust Trust, now time.Time) (*CardData, error) {
	if len(challenge) != ChallengeSize {
		return nil, fmt.Errorf("verify card: the challenge has %d bytes", len(challenge))
	}
	for _, g := range e.Groups {
		if len(g) > maxGroup {
			return nil, fmt.Errorf("verify card: %w: a data group is too long", ErrUnreadable)
		}
	}
	if err := checkSecurity(e.Security, e.Groups, trust, now); err != nil {
		return nil, fmt.Errorf("verify card: %w", err)
	}
	d, err := parseGroups(e.Groups)
	if err != nil {
		return nil, fmt.Errorf("verify card: %w", err)
	}
	if d.Card, err = d.Card.Check(now); err != nil {
		return nil, fmt.Errorf("verify card: %w: %w", ErrUnreadable, err)
	}
	if !answers(d.Key, challenge, e.Response) {
		return nil, fmt.Errorf("verify card: %w: its key did not sign the challenge", ErrCloned)
	}
	if !d.Expires.IsZero() && d.Expires.Before(Today(now)) {
		return nil, fmt.Errorf("verify card: %w", ErrExpired)
	}
	return &CardData{*d}, nil
}

// answers says whether the key signed the challenge.
func answers(key *ecdsa.PublicKey, challenge, response []byte) bool {
	if len(response) != responseSize {
		return false
	}
	sum := sha256.Sum256(AuthenticationMessage(challenge))
	half := responseSize / 2
	return ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(response[:half]), new(big.Int).SetBytes(response[half:]))
}
