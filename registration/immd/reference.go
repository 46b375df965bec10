package immd

import (
	"crypto"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"chop/internal/solecontrol"
	"chop/registration/hkic"
)

// ReferenceConfig is what a Reference needs.
type ReferenceConfig struct {
	// Key signs answers (P-256), under the id KeyID.
	Key   crypto.Signer
	KeyID string
	// People are those on record; nil means the ten of People.
	People []Person
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Person is one on record: the present card, and what became of its holder.
type Person struct {
	Card     hkic.Card
	Deceased bool
	// Before are the dates of issue of earlier cards, which were replaced.
	Before []hkic.Date
	// Note says what kind of person this is, for who tries things out.
	Note string
}

// Reference stands in for the Immigration Department, with made-up people. It
// decides by comparing exactly, keeps nothing, and logs nothing of what it was asked.
type Reference struct {
	cfg    ReferenceConfig
	people map[hkic.Number]Person
}

// NewReference checks the configuration.
func NewReference(cfg ReferenceConfig) (*Reference, error) {
	if cfg.Key == nil || cfg.KeyID == "" {
		return nil, errors.New("new immigration reference: Key and KeyID are wanted")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.People == nil {
		cfg.People = People(cfg.Now())
	}
	r := &Reference{cfg, make(map[hkic.Number]Person, len(cfg.People))}
	for _, p := range cfg.People {
		card, err := p.Card.Check(cfg.Now())
		if err != nil {
			return nil, fmt.Errorf("new immigration reference: person %q: %w", p.Note, err)
		}
		if _, twice := r.people[card.Number]; twice {
			return nil, fmt.Errorf("new immigration reference: person %q has another's number", p.Note)
		}
		p.Card = card
		r.people[card.Number] = p
	}
	return r, nil
}

// errQuestion says that a question cannot be read.
var errQuestion = errors.New("question refused")

// Answer answers the request's exact bytes with a SignedAnswer in JSON.
func (r *Reference) Answer(body []byte) ([]byte, error) {
	var q question
	if err := solecontrol.Decode(body, &q); err != nil {
		return nil, fmt.Errorf("%w: %w", errQuestion, err)
	}
	card := hkic.Card{Surname: q.Surname, GivenNames: q.GivenNames, ChineseName: q.ChineseName, Gender: q.Gender}
	for _, err := range []error{
		solecontrol.CheckID(q.Request), card.Number.UnmarshalText([]byte(q.Number)),
		card.Birth.UnmarshalText([]byte(q.Birth)), card.Issued.UnmarshalText([]byte(q.Issued)),
	} {
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errQuestion, err)
		}
	}
	subject, err := Subject(card, q.Reference).Digest()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errQuestion, err)
	}
	digest := sha256.Sum256(body)
	answer, err := solecontrol.Encode(reply{
		Request: q.Request, At: solecontrol.At(r.cfg.Now()), Result: r.judge(card), Subject: subject[:], Question: digest[:],
	})
	if err != nil {
		return nil, err
	}
	signature, err := solecontrol.SignRaw(r.cfg.Key, solecontrol.AnswerMessage(answer))
	if err != nil {
		return nil, fmt.Errorf("sign answer: %w", err)
	}
	return solecontrol.Encode(solecontrol.SignedAnswer{Answer: answer, Signature: signature, Key: r.cfg.KeyID})
}

// judge compares what is asked with what is on record, exactly.
func (r *Reference) judge(c hkic.Card) Result {
	p, known := r.people[c.Number]
	switch {
	case !known:
		return NotFound
	case p.Card.Surname != c.Surname || p.Card.GivenNames != c.GivenNames || p.Card.ChineseName != c.ChineseName ||
		p.Card.Birth != c.Birth || p.Card.Gender != c.Gender:
		return NoMatch
	case p.Deceased:
		return Deceased
	case p.Card.Issued == c.Issued:
		return Match
	}
	for _, d := range p.Before {
		if d == c.Issued {
			return Replaced
		}
	}
	return NoMatch
}
