package ca

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

	"chop/internal/ocsp"
)

const (
	// answerLife is nextUpdate − thisUpdate of an answer.
	answerLife = time.Hour
	// answerReuse is how long a signed answer is given again while the status
	// stays as it is.
	answerReuse = 5 * time.Minute
	// statusReuse is how long a looked-up status is believed without asking the
	// database again: well under the 5 s within which a change must show. A
	// change made through this Authority shows at once.
	statusReuse = 2 * time.Second
)

// RespondOCSP answers an OCSP request in DER. A bad request is answered inside
// the protocol; an error means that no statement could be made, for which the
// caller answers internalError.
func (a *Authority) RespondOCSP(ctx context.Context, der []byte) ([]byte, error) {
	answer, _, err := a.respondOCSP(ctx, der)
	return answer, err
}

// respondOCSP also says whether a proxy may keep the answer: never one that
// echoes a nonce, and no failure.
func (a *Authority) respondOCSP(ctx context.Context, der []byte) (answer []byte, cacheable bool, err error) {
	request, err := ocsp.ParseRequest(der)
	if err != nil {
		return ocsp.Failure(ocsp.MalformedRequest), false, nil
	}
	if len(request.CertIDs) == 1 && request.Nonce == nil {
		answer, err = a.answerOne(ctx, request.CertIDs[0])
		return answer, err == nil, err
	}
	singles := make([]ocsp.Single, 0, len(request.CertIDs))
	for _, id := range request.CertIDs {
		known, err := a.look(ctx, id)
		if err != nil {
			return nil, false, err
		}
		singles = append(singles, a.single(id, known))
	}
	answer, err = a.signAnswer(ctx, singles, request.Nonce)
	return answer, err == nil && request.Nonce == nil, err
}

// answerOne answers for one certificate without a nonce, from the cache when
// the status is still the one that was signed.
func (a *Authority) answerOne(ctx context.Context, id ocsp.CertID) ([]byte, error) {
	known, err := a.look(ctx, id)
	if err != nil {
		return nil, err
	}
	key := string(id.Raw)
	if der, ok := a.answers.answer(key, known.version(), a.cfg.Now().Add(-answerReuse)); ok {
		return der, nil
	}
	single := a.single(id, known)
	der, err := a.signAnswer(ctx, []ocsp.Single{single}, nil)
	if err != nil {
		return nil, err
	}
	a.answers.keep(key, answer{der: der, version: known.version(), thisUpdate: single.ThisUpdate})
	return der, nil
}

// known is a status and when it was read.
type known struct {
	ours   bool
	record record
	at     time.Time
}

// version tells states apart: it grows with each change; 0 is unknown.
func (k known) version() int {
	if !k.ours {
		return 0
	}
	return k.record.Version
}

// look finds the status of what a CertID names. Another CA's certificate and a
// serial without a record are both not ours.
func (a *Authority) look(ctx context.Context, id ocsp.CertID) (known, error) {
	if id.Serial.Sign() <= 0 || id.Serial.BitLen() > 160 || !a.issuer.namedBy(&id) {
		return known{at: a.cfg.Now()}, nil
	}
	if k, ok := a.answers.status(id.Serial, a.cfg.Now().Add(-statusReuse)); ok {
		return k, nil
	}
	return a.lookNow(ctx, id.Serial)
}

func (a *Authority) lookNow(ctx context.Context, serial *big.Int) (known, error) {
	k := known{at: a.cfg.Now()} // before the question: the answer is at least as new
	epoch := a.answers.epoch()
	r, err := a.store.find(ctx, a.issuer.id[:], serial)
	switch {
	case err == nil:
		k.ours, k.record = r.Status != "abandoned", r
	case !errors.Is(err, ErrUnknownSerial):
		return known{}, fmt.Errorf("answer for %s: %w", FormatSerial(serial), err)
	}
	a.answers.learn(serial, k, epoch)
	return k, nil
}

// single states a status for a CertID, echoed as it came.
func (a *Authority) single(id ocsp.CertID, k known) ocsp.Single {
	s := ocsp.Single{
		CertID: id, Status: ocsp.Unknown, Reason: ocsp.ReasonAbsent,
		ThisUpdate: k.at.Truncate(time.Second),
		NextUpdate: k.at.Truncate(time.Second).Add(answerLife),
	}
	if !k.ours {
		return s
	}
	// Status is kept for ever, so expired certificates are answered for since
	// the CA began (RFC 6960, 4.4.4; EN 319 411-2, CSS-6.3.10).
	s.ArchiveCutoff = a.cfg.Certificate.NotBefore
	switch k.record.Status {
	case Good:
		s.Status = ocsp.Good
	case Suspended, Revoked:
		s.Status, s.RevokedAt = ocsp.Revoked, k.record.Since
		if k.record.Reason != Unspecified {
			s.Reason = int(k.record.Reason)
		}
	}
	return s
}

func (a *Authority) signAnswer(ctx context.Context, singles []ocsp.Single, nonce []byte) ([]byte, error) {
	key, cert, err := a.currentResponder(ctx)
	if err != nil {
		return nil, err
	}
	return ocsp.Sign(ocsp.Template{Singles: singles, ProducedAt: a.cfg.Now(), Nonce: nonce}, cert, key)
}
