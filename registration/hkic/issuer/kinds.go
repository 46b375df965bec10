package issuer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"time"

	"chop/registration/hkic"
)

// Kind is what is the matter with a card.
type Kind string

// The kinds, and what a reader says of each.
const (
	Genuine  Kind = "genuine"  // believed
	Cloned   Kind = "cloned"   // all files of a genuine card, another key: ErrCloned
	Tampered Kind = "tampered" // a name that the issuer did not sign: ErrTampered
	Expired  Kind = "expired"  // its last day was yesterday: ErrExpired
	Replaced Kind = "replaced" // an earlier card of its holder: believed here, refused by the Immigration Department
	Foreign  Kind = "foreign"  // in order, by an issuer whom nobody trusts: ErrForeign
	Other    Kind = "other"    // some other chip card: ErrForeign
)

// Kinds are all.
var Kinds = []Kind{Genuine, Cloned, Tampered, Expired, Replaced, Foreign, Other}

// Person is whose card is made.
type Person struct {
	Card hkic.Card
	// Before is the date of issue of an earlier card; only Replaced needs it.
	Before hkic.Date
}

// Make makes a card of a kind for a person.
func (i *Issuer) Make(kind Kind, p Person, now time.Time) (*Card, error) {
	d := hkic.ChipData{Card: p.Card}
	by := i
	switch kind {
	case Genuine, Cloned, Tampered, Other:
	case Expired:
		d.Expires = hkic.Today(now.Add(-24 * time.Hour))
	case Replaced:
		if p.Before.IsZero() {
			return nil, fmt.Errorf("make card: nobody knows of an earlier card of this person")
		}
		d.Card.Issued = p.Before
	case Foreign:
		stranger, err := New(now)
		if err != nil {
			return nil, err
		}
		by = stranger
	default:
		return nil, fmt.Errorf("make card: no kind %q", kind)
	}
	c, err := by.Personalise(d)
	if err != nil {
		return nil, err
	}
	switch kind {
	case Cloned:
		if c.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return nil, fmt.Errorf("make card: %w", err)
		}
	case Tampered:
		d.Card.Surname, d.Key = "SOMEBODY", &c.key.PublicKey
		changed, err := d.Groups()
		if err != nil {
			return nil, fmt.Errorf("make card: %w", err)
		}
		c.groups[0] = changed[0]
	case Other:
		c.foreign = true
	}
	return c, nil
}
