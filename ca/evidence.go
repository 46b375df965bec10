package ca

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"time"

	"chop/internal/ocsp"
)

// Evidence returns all that proves a certificate's whole chain, for embedding
// into a document: the certificates above it (issuing CA, root), an OCSP
// response for it, and the root's ARL for the issuing CA. The responder's
// certificate is inside of the response and needs no proof of its own
// (id-pkix-ocsp-nocheck).
//
// The response's thisUpdate is not before after, in whole seconds as both have
// them in the file: pass a timestamp's genTime to get what was known after the
// signature existed. The status is stated as it is; a revoked certificate has
// evidence too.
//
// For the issuing CA's own certificate there is no OCSP, and certs has the root
// alone. A certificate that is not ours is ErrNotOurs.
func (a *Authority) Evidence(ctx context.Context, cert *x509.Certificate, after time.Time) (certs, ocsps, crls [][]byte, err error) {
	arl, err := a.ARL(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	crls = [][]byte{arl}
	if bytes.Equal(cert.Raw, a.cfg.Certificate.Raw) {
		return [][]byte{a.cfg.Root.Raw}, nil, crls, nil
	}
	if !bytes.Equal(cert.RawIssuer, a.cfg.Certificate.RawSubject) || cert.CheckSignatureFrom(a.cfg.Certificate) != nil {
		return nil, nil, nil, ErrNotOurs
	}
	answer, err := a.answerSince(ctx, cert, after)
	if err != nil {
		return nil, nil, nil, err
	}
	return [][]byte{a.cfg.Certificate.Raw, a.cfg.Root.Raw}, [][]byte{answer}, crls, nil
}

// answerSince returns a response about a certificate with thisUpdate ≥ after.
// Signatures of one second share one response.
func (a *Authority) answerSince(ctx context.Context, cert *x509.Certificate, after time.Time) ([]byte, error) {
	after = after.Truncate(time.Second)
	id, err := ocsp.NewCertID(crypto.SHA256, a.cfg.Certificate, cert.SerialNumber)
	if err != nil {
		return nil, err
	}
	k, err := a.lookNow(ctx, cert.SerialNumber)
	if err != nil {
		return nil, err
	}
	switch {
	case !k.ours:
		return nil, fmt.Errorf("%w: serial %s is not recorded", ErrNotOurs, FormatSerial(cert.SerialNumber))
	case k.at.Truncate(time.Second).Before(after):
		return nil, fmt.Errorf("no status is known at %s: it is %s here", after.Format(time.RFC3339), k.at.Format(time.RFC3339))
	}
	key := string(id.Raw)
	if der, ok := a.answers.answer(key, k.version(), after); ok {
		return der, nil
	}
	single := a.single(id, k)
	der, err := a.signAnswer(ctx, []ocsp.Single{single}, nil)
	if err != nil {
		return nil, err
	}
	a.answers.keep(key, answer{der: der, version: k.version(), thisUpdate: single.ThisUpdate})
	return der, nil
}
