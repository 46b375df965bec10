package immd

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"chop/internal/solecontrol"
)

// Fault is what the reference server does wrong when it is told to, so that whoever
// depends on the department can be tried.
type Fault string

// The faults. All but Honest concern every question, and none lets a client believe anything.
const (
	Honest         Fault = ""
	Down           Fault = "down"            // the connection ends without an answer
	Refusing       Fault = "refusing"        // 503
	Slow           Fault = "slow"            // the answer comes when nobody waits any more
	WrongSignature Fault = "wrong-signature" // by the right key's name, not by the key
	UnknownKey     Fault = "unknown-key"     // rightly signed, under a name that nobody was given
	OtherQuestion  Fault = "other-question"  // rightly signed, to what was not asked: another result and subject
	Replay         Fault = "replay"          // an answer that was given before, to whoever asked first
	OldAnswer      Fault = "old-answer"      // to the question, of an hour ago
	Garbage        Fault = "garbage"         // bytes that are no answer
	Endless        Fault = "endless"         // an answer, and then more than anybody reads
)

// Faults are all but Honest.
var Faults = []Fault{Down, Refusing, Slow, WrongSignature, UnknownKey, OtherQuestion, Replay, OldAnswer, Garbage, Endless}

// ErrFault says that there is no such fault.
var ErrFault = errors.New("no such fault")

// Tell makes the reference server do wrong from now on, or with Honest right again.
func (r *Reference) Tell(f Fault) error {
	if f != Honest && !slices.Contains(Faults, f) {
		return fmt.Errorf("%w: one of %q, or nothing", ErrFault, Faults)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault = f
	return nil
}

// Fault says what it does wrong now.
func (r *Reference) Fault() Fault {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fault
}

// bend makes of an honest answer what the present fault makes of it. A nil answer: none is given.
func (r *Reference) bend(req *http.Request, honest []byte) ([]byte, error) {
	r.mu.Lock()
	f, earlier := r.fault, r.earlier
	if f == Honest || r.earlier == nil {
		r.earlier = honest
	}
	r.mu.Unlock()
	switch f {
	case Down:
		return nil, nil
	case Slow:
		t := time.NewTimer(r.cfg.Slow)
		defer t.Stop()
		select {
		case <-req.Context().Done():
			return nil, nil
		case <-t.C:
		}
		return honest, nil
	case Replay:
		if earlier == nil { // nobody has asked before
			return nil, nil
		}
		return earlier, nil
	case Garbage:
		b := make([]byte, 1000)
		rand.Read(b)
		return b, nil
	case Endless:
		return append(bytes.Clone(honest), bytes.Repeat([]byte(" "), 1<<20)...), nil
	case WrongSignature, UnknownKey, OtherQuestion, OldAnswer:
		return r.forge(f, honest)
	}
	return honest, nil
}

// forge changes an answer and signs it, except under WrongSignature, as it should be.
func (r *Reference) forge(f Fault, honest []byte) ([]byte, error) {
	signed, err := solecontrol.ParseSignedAnswer(honest)
	if err != nil {
		return nil, err
	}
	var answer reply
	if err := solecontrol.Decode(signed.Answer, &answer); err != nil {
		return nil, err
	}
	switch f {
	case OtherQuestion:
		answer.Request, answer.Question, answer.Subject = solecontrol.NewID(), solecontrol.NewNonce(), solecontrol.NewNonce()
		answer.Result = Match
	case OldAnswer:
		answer.At = solecontrol.At(r.cfg.Now().Add(-time.Hour))
	case UnknownKey:
		signed.Key = "nobody-" + signed.Key
	case WrongSignature:
		if answer.Result != Pass {
			answer.Result = Match // what a liar would say
		}
	}
	if signed.Answer, err = solecontrol.Encode(answer); err != nil {
		return nil, err
	}
	if f == WrongSignature {
		rand.Read(signed.Signature)
	} else if signed.Signature, err = solecontrol.SignRaw(r.cfg.Key, solecontrol.AnswerMessage(signed.Answer)); err != nil {
		return nil, err
	}
	return solecontrol.Encode(signed)
}
