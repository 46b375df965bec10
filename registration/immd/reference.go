package immd

import (
	"crypto"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
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
	// Fault is what it does wrong from the start; Tell changes it.
	Fault Fault
	// Slow is how long it keeps who asks waiting under the fault Slow; 0 means 10 s,
	// which is longer than a client waits.
	Slow time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Person is one on record: the present card, and what became of its holder.
type Person struct {
	Card     hkic.Card
	Deceased bool
	// Before are the dates of issue of earlier cards, which were replaced.
	Before []hkic.Date
	// Portrait is the rule for whoever shows a face as this person's: Pass, Refer or
	// Fail; empty means Pass. No face is looked at.
	Portrait Result
	// Note says what kind of person this is, for who tries things out.
	Note string
}

// Reference stands in for the Immigration Department, with made-up people. It
// decides by comparing exactly, keeps nothing, and logs nothing of what it was asked.
type Reference struct {
	cfg    ReferenceConfig
	people map[hkic.Number]Person

	mu      sync.Mutex
	fault   Fault
	earlier []byte // an answer given before, for the fault Replay
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
	if cfg.Slow == 0 {
		cfg.Slow = 10 * time.Second
	}
	r := &Reference{cfg: cfg, people: make(map[hkic.Number]Person, len(cfg.People))}
	if err := r.Tell(cfg.Fault); err != nil {
		return nil, fmt.Errorf("new immigration reference: %w", err)
	}
	for _, p := range cfg.People {
		card, err := p.Card.Check(cfg.Now())
		if err != nil {
			return nil, fmt.Errorf("new immigration reference: person %q: %w", p.Note, err)
		}
		if _, twice := r.people[card.Number]; twice {
			return nil, fmt.Errorf("new immigration reference: person %q has another's number", p.Note)
		}
		switch p.Portrait {
		case "", Pass, Refer, Fail:
		default:
			return nil, fmt.Errorf("new immigration reference: person %q has no rule for the portrait", p.Note)
		}
		p.Card = card
		r.people[card.Number] = p
	}
	return r, nil
}

// errQuestion says that a question cannot be read.
var errQuestion = errors.New("question refused")

// Answer answers a verification's exact bytes with a SignedAnswer in JSON.
func (r *Reference) Answer(body []byte) ([]byte, error) {
	var q question
	if err := solecontrol.Decode(body, &q); err != nil {
		return nil, fmt.Errorf("%w: %w", errQuestion, err)
	}
	card, err := q.card()
	if err != nil {
		return nil, err
	}
	return r.sign(body, q, card, r.judge(card))
}

// Compare answers a portrait's exact bytes with a SignedAnswer in JSON, by the rule in the
// person's record. What was sent to be compared is not kept.
func (r *Reference) Compare(body []byte) ([]byte, error) {
	var q portraitQuestion
	if err := solecontrol.Decode(body, &q); err != nil {
		return nil, fmt.Errorf("%w: %w", errQuestion, err)
	}
	if err := (Sample{q.Type, q.Sample}).check(); err != nil {
		return nil, fmt.Errorf("%w: %w", errQuestion, err)
	}
	card, err := q.Person.card()
	if err != nil {
		return nil, err
	}
	result := Fail // whoever is not on record as asked has no portrait there
	if r.judge(card) == Match {
		if result = r.people[card.Number].Portrait; result == "" {
			result = Pass
		}
	}
	return r.sign(body, q.Person, card, result)
}

// card reads the data that a question is about.
func (q question) card() (hkic.Card, error) {
	card := hkic.Card{Surname: q.Surname, GivenNames: q.GivenNames, ChineseName: q.ChineseName, Gender: q.Gender}
	for _, err := range []error{
		solecontrol.CheckID(q.Request), card.Number.UnmarshalText([]byte(q.Number)),
		card.Birth.UnmarshalText([]byte(q.Birth)), card.Issued.UnmarshalText([]byte(q.Issued)),
	} {
		if err != nil {
			return card, fmt.Errorf("%w: %w", errQuestion, err)
		}
	}
	return card, nil
}

// sign makes the signed answer to a question.
func (r *Reference) sign(body []byte, q question, card hkic.Card, result Result) ([]byte, error) {
	subject, err := Subject(card, q.Reference).Digest()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errQuestion, err)
	}
	digest := sha256.Sum256(body)
	answer, err := solecontrol.Encode(reply{
		Request: q.Request, At: solecontrol.At(r.cfg.Now()), Result: result, Subject: subject[:], Question: digest[:],
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
