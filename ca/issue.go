package ca

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"chop/internal/audit"
	"chop/policies"
)

// Request asks for a certificate.
type Request struct {
	// Profile names the certificate profile.
	Profile string
	// CSR is a certification request in DER: the proof of possession. NewCSR
	// makes one from a key. Nothing else is taken from it than the key and,
	// when Subject is zero, the subject.
	CSR []byte
	// PublicKey, when given, must be the CSR's.
	PublicKey crypto.PublicKey
	// Subject is what the certificate says; zero: the CSR's subject.
	Subject Subject
	// Credential owns the key, for ever: another certificate for the same key
	// must name the same credential. Empty: derived from profile and subject.
	Credential string
	// Statement is the activation process's signed enrolment statement, for profiles
	// that are issued against one alone. It serves for one certificate.
	Statement []byte
	// Actor is who asks, for the audit log; required.
	Actor string
	// Reason is why, for the audit log.
	Reason string
}

// issueTimeout bounds an issuance. It is shorter than staleAfter, so that a
// record closed as abandoned is not one that is about to succeed.
const (
	issueTimeout = 30 * time.Second
	staleAfter   = 2 * time.Minute
)

// Issue issues a certificate: prepare, record, sign, compare, store. When it
// returns an error no certificate was released. It makes no OCSP responder's
// certificate: whoever held one could answer for every certificate there is, so
// the Authority makes it for its own responder's key alone.
func (a *Authority) Issue(ctx context.Context, r Request) (*x509.Certificate, error) {
	if r.Profile == responderProfile {
		return nil, fmt.Errorf("%w: profile %q is for this CA's own responder", ErrRequest, r.Profile)
	}
	return a.issue(ctx, r)
}

func (a *Authority) issue(ctx context.Context, r Request) (*x509.Certificate, error) {
	p, err := a.cfg.Policies.Profile(r.Profile)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	if p.Issuer != "issuing-ca" {
		return nil, fmt.Errorf("%w: profile %q is for ceremonies", ErrRequest, p.Name)
	}
	now := a.cfg.Now()
	if now.Before(a.cfg.Certificate.NotBefore) || now.After(a.cfg.Certificate.NotAfter) {
		return nil, fmt.Errorf("%w: it is outside its validity", ErrIssuer)
	}
	return a.job().issue(ctx, p, r)
}

func (a *Authority) job() *job {
	return &job{store: a.store, linter: a.linter, issuer: a.issuer, suite: a.suite, urls: a.cfg.URLs, now: a.cfg.Now, statements: a.cfg.Statements,
		parentIssuer: a.root.id[:], parentSerial: a.cfg.Certificate.SerialNumber.Bytes()}
}

// Check says whether a certificate of that profile could have that subject, as
// Issue would: it lints one for a key that is thrown away, and records nothing.
// It is for whoever makes a key for somebody, and names them in a record,
// before asking. The errors are those of Issue.
func (a *Authority) Check(profile string, subject Subject) error {
	p, err := a.cfg.Policies.Profile(profile)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRequest, err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make a key to throw away: %w", err)
	}
	proof, err := NewCSR(key, subject)
	if err != nil {
		return err
	}
	_, _, err = a.job().prepare(p, Request{Profile: profile, CSR: proof, Subject: subject, Actor: "nobody: this is a check"})
	return err
}

// job is one issuance under one issuer. The ceremony uses it as well.
type job struct {
	store                      *store
	linter                     *linter
	issuer                     *issuer
	suite                      *policies.Suite
	urls                       URLs
	now                        func() time.Time
	statements                 StatementVerifier
	parentIssuer, parentSerial []byte // the issuer's own record; nil for a root that signs itself
}

func (j *job) issue(ctx context.Context, p *policies.Profile, r Request) (*x509.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, issueTimeout)
	defer cancel()
	s, res, err := j.prepare(p, r)
	if err != nil {
		return nil, err
	}
	if err := j.store.reserve(ctx, res); err != nil {
		return nil, err
	}
	cert, err := j.issuer.sign(s)
	if err != nil {
		return nil, j.giveUp(ctx, res, r, err)
	}
	now := j.now()
	digest := sha256.Sum256(cert.Raw)
	detail := map[string]any{
		"profile": res.Profile, "credential": res.Credential,
		"certificate_sha256": hex.EncodeToString(digest[:]), "tbs_sha256": hex.EncodeToString(res.TBS),
	}
	if res.StatementDigest != nil {
		detail["statement_sha256"] = hex.EncodeToString(res.StatementDigest)
	}
	if err := j.store.finish(ctx, res.ID, cert.Raw, now, audit.Event{
		At: now, Actor: r.Actor, Action: "ca.issue", Subject: certificateSubject(cert.SerialNumber.Bytes()), Reason: r.Reason,
		Detail: detail,
	}); err != nil {
		return nil, err
	}
	return cert, nil
}

// certificateSubject names a certificate in the audit log. Names of people are
// not in the log; the serial leads to them for whoever may know.
func certificateSubject(serial []byte) string { return "certificate:" + hex.EncodeToString(serial) }

// prepare checks the request and lints the twin of the certificate to be.
func (j *job) prepare(p *policies.Profile, r Request) (*issuance, *reservation, error) {
	if r.Actor == "" {
		return nil, nil, fmt.Errorf("%w: no actor", ErrRequest)
	}
	request, err := parseCSR(r.CSR)
	if err != nil {
		return nil, nil, err
	}
	if r.PublicKey != nil && !samePublicKey(request.key, r.PublicKey) {
		return nil, nil, fmt.Errorf("%w: it is for another key", ErrCSR)
	}
	kind, err := keyKind(request.key)
	if err != nil {
		return nil, nil, err
	}
	if !p.AcceptsKey(kind) {
		return nil, nil, fmt.Errorf("%w: profile %q takes no %s", ErrWeakKey, p.Name, kind)
	}
	if r.Subject == (Subject{}) {
		r.Subject = request.subject
	}
	subject, err := r.Subject.fit(p)
	if err != nil {
		return nil, nil, err
	}
	statement, err := j.checkStatement(p, r, request.spki, subject)
	if err != nil {
		return nil, nil, err
	}
	serial, err := newSerial(rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	now := j.now()
	template, err := j.issuer.template(p, subject, request.key, serial, now, j.urls)
	if err != nil {
		return nil, nil, err
	}
	s, err := j.issuer.prepare(j.linter, template, lintRules{profile: p, suite: j.suite, urls: j.urls, issuer: j.issuer})
	if err != nil {
		return nil, nil, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, nil, fmt.Errorf("make record id: %w", err)
	}
	spki, tbs := sha256.Sum256(request.spki), s.tbsDigest()
	if r.Credential == "" {
		r.Credential = defaultCredential(p, template.RawSubject)
	}
	return s, &reservation{
		ID: id, Issuer: j.issuer.id[:], Serial: serial.Bytes(), Profile: p.Name, SPKI: spki[:],
		Credential: r.Credential, Subject: subject.String(), NotBefore: template.NotBefore, NotAfter: template.NotAfter,
		TBS: tbs[:], Statement: r.Statement, StatementDigest: statement, At: now, IssuerParent: j.parentIssuer, IssuerSerial: j.parentSerial,
	}, nil
}

// defaultCredential ties a key to its profile and subject, so that the same
// holder may renew and nobody else may take the key.
func defaultCredential(p *policies.Profile, rawSubject []byte) string {
	sum := sha256.Sum256(rawSubject)
	return p.Name + ":" + hex.EncodeToString(sum[:16])
}

// giveUp closes the record of a certificate that could not be made. The
// caller's context may be the reason, so it does not bound this.
func (j *job) giveUp(ctx context.Context, res *reservation, r Request, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(cause, j.store.abandon(ctx, res.ID, j.now(), abandonEvent(j.now(), r.Actor, res, cause.Error())))
}

func abandonEvent(at time.Time, actor string, res *reservation, why string) audit.Event {
	return audit.Event{
		At: at, Actor: actor, Action: "ca.abandon", Subject: certificateSubject(res.Serial), Reason: why,
		Detail: map[string]any{"profile": res.Profile},
	}
}

// Recover closes the records of issuances that died between record and store,
// and returns how many there were. Such a certificate was never released: its
// serial is answered as unknown and it is on no CRL. Should one surface all the
// same, its digest is in the record and it can be revoked.
func (a *Authority) Recover(ctx context.Context) (int, error) {
	return recoverWaiting(ctx, a.store, a.issuer.id[:], a.cfg.Now(), staleAfter)
}

func recoverWaiting(ctx context.Context, s *store, issuer []byte, now time.Time, age time.Duration) (int, error) {
	list, err := s.waiting(ctx, issuer, now.Add(-age))
	if err != nil {
		return 0, err
	}
	n := 0
	for i := range list {
		err := s.abandon(ctx, list[i].ID, now, abandonEvent(now, "system:ca", &list[i], "not finished when its process ended"))
		if errors.Is(err, ErrAbandoned) {
			continue // another process was faster
		}
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
