package evidence

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"

	"chop/internal/solecontrol"
)

// An enrolment is what a certificate was issued on.
type enrolment struct {
	cert      *x509.Certificate
	statement *solecontrol.Statement
	ticket    *solecontrol.Ticket
}

// enrolmentOf proves that a certificate was issued on an enrolment: the activation
// process has stated that it made this key, on a ticket that is there, and the log of
// either side says so too.
func (a *audit) enrolmentOf(sha string) (*enrolment, error) {
	c := a.certificates[sha]
	if c == nil {
		return nil, refused("certificate %s is not in the export", sha)
	}
	cert, err := x509.ParseCertificate(c.DER)
	if err != nil {
		return nil, refused("read certificate: %w", err)
	}
	e := &enrolment{cert: cert}
	if e.statement, err = checkStatement(c, cert, a.identity); err != nil {
		return nil, err
	}
	digest := sha256.Sum256(statementBytes(c.Statement))
	if issued := a.issued[sha]; issued == nil || issued.texts["statement_sha256"] != hex.EncodeToString(digest[:]) {
		return nil, refused("the log does not say that the certificate was issued on this statement")
	}
	k := a.credentials[e.statement.Credential]
	if k == nil || k.Account != e.statement.Account {
		return nil, refused("credential %s is not recorded for the account of the statement", e.statement.Credential)
	}
	if d := solecontrol.TicketDigest(k.Ticket); !bytes.Equal(d[:], e.statement.Ticket) {
		return nil, refused("the enrolment ticket is not the one that the statement names")
	}
	if e.ticket, err = solecontrol.ParseTicket(k.Ticket); err != nil {
		return nil, refused("read ticket: %w", err)
	}
	made := a.made[k.ID]
	if made == nil {
		return nil, refused("the activation process's log does not know credential %s", k.ID)
	}
	if e.ticket.Account != k.Account || made.texts["ticket_sha256"] != hexSum(k.Ticket) ||
		made.texts["passkey_key_sha256"] != hexSum(e.ticket.PasskeyKey) || made.texts["spki_sha256"] != hexSum(cert.RawSubjectPublicKeyInfo) {
		return nil, refused("the activation process's log has another ticket, passkey or key for credential %s", k.ID)
	}
	return e, nil
}

// checkStatement verifies the enrolment statement of a certificate: signed by the
// activation process, about this key and this credential.
func checkStatement(c *Certificate, cert *x509.Certificate, identity *ecdsa.PublicKey) (*solecontrol.Statement, error) {
	if len(c.Statement) == 0 {
		return nil, refused("it was issued without an enrolment statement")
	}
	var signed solecontrol.SignedStatement
	if err := solecontrol.Decode(c.Statement, &signed); err != nil {
		return nil, refused("read statement: %w", err)
	}
	s, err := signed.Verify(identity)
	if err != nil {
		return nil, refused("%w", err)
	}
	if !bytes.Equal(s.SPKI, cert.RawSubjectPublicKeyInfo) || s.Credential != c.Credential {
		return nil, refused("its statement is about another key or credential")
	}
	return s, nil
}

// statementBytes are the bytes that were signed in an envelope.
func statementBytes(envelope []byte) []byte {
	var signed solecontrol.SignedStatement
	if solecontrol.Decode(envelope, &signed) != nil {
		return nil
	}
	return signed.Statement
}

// A Registrar is the activation process, asked for what it knows of a credential now.
type Registrar interface {
	// Account returns the account that a credential belongs to, or an error if there is
	// no such credential.
	Account(ctx context.Context, credential string) (string, error)
}

// Reconcile does what Check does, and proves besides that each certificate of a resident
// was issued on an enrolment. live, if not nil, is asked about each credential too. What
// is too much on one side or the other is a problem, and named.
func Reconcile(ctx context.Context, r io.Reader, pinned []byte, live Registrar) (*Report, error) {
	a, err := newAudit(r, pinned)
	if err != nil {
		return nil, err
	}
	a.signaturesProven()
	for _, sha := range slices.Sorted(maps.Keys(a.certificates)) {
		c := a.certificates[sha]
		e, err := a.enrolmentOf(sha)
		if err == nil && live != nil {
			err = ask(ctx, live, e.statement)
		}
		if err != nil {
			a.problem("certificate %s: %w", c.Serial, err)
			continue
		}
		a.report.Enrolled++
	}
	a.report.Certificates = len(a.certificates)
	return &a.report, nil
}

func ask(ctx context.Context, live Registrar, s *solecontrol.Statement) error {
	account, err := live.Account(ctx, s.Credential)
	if err != nil {
		return fmt.Errorf("ask the activation process about credential %s: %w", s.Credential, err)
	}
	if account != s.Account {
		return refused("the activation process knows credential %s for another account", s.Credential)
	}
	return nil
}
