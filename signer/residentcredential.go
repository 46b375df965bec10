package signer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/internal/solecontrol"
	"chop/signer/enrolled"
	"chop/signer/ledger"
	"chop/signer/pades"
)

// NewResidentCredential is what an enrolment made.
type NewResidentCredential struct {
	Account, Credential, Profile string
	// Certificates are DER: the resident's, then its chain from the issuer up.
	Certificates [][]byte
	// Ticket is the enrolment ticket T, exactly; it names the passkey's key.
	Ticket []byte
	// Actor is who completed the enrolment, for the audit log.
	Actor string
}

// AddCredential records a resident's credential with its certificate, or a further
// certificate of one that is known, in the caller's transaction. It may be repeated. An
// account has one credential that signs: older ones are retired by it.
func (r *Residents) AddCredential(ctx context.Context, tx postgres.Tx, n NewResidentCredential) error {
	account, err := uuid.Parse(n.Account)
	if err != nil {
		return fmt.Errorf("%w: account: %w", pades.ErrRequest, err)
	}
	id, err := uuid.Parse(n.Credential)
	if err != nil {
		return fmt.Errorf("%w: credential: %w", pades.ErrRequest, err)
	}
	if !r.policy.AllowsProfile(n.Profile) {
		return fmt.Errorf("%w: policy %q is not for credentials of profile %q", ErrPolicy, r.policy.Name, n.Profile)
	}
	ticket, err := solecontrol.ParseTicket(n.Ticket)
	if err != nil {
		return fmt.Errorf("%w: %w", pades.ErrRequest, err)
	}
	if len(n.Certificates) < 2 || ticket.Account != account.String() || n.Actor == "" {
		return fmt.Errorf("%w: a chain, the account's own ticket and an actor are wanted", pades.ErrRequest)
	}
	for _, der := range n.Certificates {
		if _, err := x509.ParseCertificate(der); err != nil {
			return fmt.Errorf("%w: %w", pades.ErrRequest, err)
		}
	}
	sum := sha256.Sum256(n.Certificates[0])
	e := audit.Event{
		At: r.c.Now(), Actor: n.Actor, Action: "signer.resident.enrol", Subject: "credential:" + id.String(),
		Detail: map[string]any{"account": account.String(), "profile": n.Profile, "certificate_sha256": hex.EncodeToString(sum[:])},
	}
	return r.enrolled.AddCredential(ctx, tx,
		&enrolled.Credential{ID: id, Account: account, Profile: n.Profile, Ticket: n.Ticket, Passkey: ticket.PasskeyKey},
		&enrolled.Certificate{SHA256: sum[:], Certificate: n.Certificates[0], Chain: n.Certificates[1:]}, e)
}

// RetireCredential ends a credential's use for ever, in the caller's transaction. It may
// be repeated.
func (r *Residents) RetireCredential(ctx context.Context, tx postgres.Tx, credential, actor, reason string) error {
	id, err := uuid.Parse(credential)
	if err != nil {
		return fmt.Errorf("%w: %q is no credential id", ErrCredentialNotFound, credential)
	}
	return r.enrolled.Retire(ctx, tx, id, audit.Event{
		At: r.c.Now(), Actor: actor, Action: "signer.resident.retire", Subject: "credential:" + id.String(), Reason: reason,
	})
}

// Credential returns the account's credentials, the newest first, with all certificates
// that were recorded for each.
func (r *Residents) Credential(ctx context.Context, account string) ([]*ResidentCredential, error) {
	id, err := uuid.Parse(account)
	if err != nil {
		return nil, fmt.Errorf("%w: %q is no account id", ErrAccount, account)
	}
	rows, err := r.enrolled.Credentials(ctx, id)
	if err != nil {
		return nil, err
	}
	list := make([]*ResidentCredential, len(rows))
	for i, row := range rows {
		c := &ResidentCredential{
			Account: row.Account.String(), ID: row.ID.String(), Profile: row.Profile, State: row.State,
			CreatedAt: row.CreatedAt, ChangedAt: row.ChangedAt,
		}
		if c.Certificates, err = r.certificates(ctx, row.ID); err != nil {
			return nil, err
		}
		if c.Signed, err = r.store.Approved(ctx, row.ID); err != nil {
			return nil, err
		}
		list[i] = c
	}
	return list, nil
}

func (r *Residents) certificates(ctx context.Context, credential uuid.UUID) ([]ResidentCertificate, error) {
	rows, err := r.enrolled.Certificates(ctx, credential)
	if err != nil {
		return nil, err
	}
	list := make([]ResidentCertificate, len(rows))
	for i, row := range rows {
		if list[i], err = readCertificate(row); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func readCertificate(row *enrolled.Certificate) (ResidentCertificate, error) {
	c := ResidentCertificate{IssuedAt: row.IssuedAt, SHA256: row.SHA256}
	var err error
	if c.Certificate, err = x509.ParseCertificate(row.Certificate); err != nil {
		return c, fmt.Errorf("read certificate of credential %s: %w", row.CredentialID, err)
	}
	c.Serial = hex.EncodeToString(c.Certificate.SerialNumber.Bytes())
	for _, der := range row.Chain {
		issuer, err := x509.ParseCertificate(der)
		if err != nil {
			return c, fmt.Errorf("read chain of credential %s: %w", row.CredentialID, err)
		}
		c.Chain = append(c.Chain, issuer)
	}
	return c, nil
}

// residentMaterial is who signs, and with what.
type residentMaterial struct {
	credential  *enrolled.Credential
	certificate ResidentCertificate
	identity    *pades.Identity
}

// eligible says whether a resident may sign at this moment: the account is active and of
// the kind that signs, the credential is theirs and active, its certificate good now.
func (r *Residents) eligible(ctx context.Context, account uuid.UUID, credential string) (*residentMaterial, error) {
	if err := r.c.Accounts.MaySign(ctx, account.String()); err != nil {
		return nil, fmt.Errorf("account may not sign: %w", err)
	}
	rows, err := r.enrolled.Credentials(ctx, account)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if row.State != "active" || credential != "" && row.ID.String() != credential {
			continue
		}
		return r.usable(ctx, row)
	}
	if credential == "" {
		return nil, fmt.Errorf("%w: the account has none", ErrCredentialNotActive)
	}
	return nil, fmt.Errorf("%w: the account has no active credential %s", ErrCredentialNotFound, credential)
}

func (r *Residents) usable(ctx context.Context, row *enrolled.Credential) (*residentMaterial, error) {
	if !r.policy.AllowsProfile(row.Profile) {
		return nil, fmt.Errorf("%w: policy %q is not for credentials of profile %q", ErrPolicy, r.policy.Name, row.Profile)
	}
	certs, err := r.certificates(ctx, row.ID)
	if err != nil {
		return nil, err
	}
	if len(certs) == 0 {
		return nil, fmt.Errorf("%w: it has no certificate", ErrCredentialNotActive)
	}
	m := &residentMaterial{credential: row, certificate: certs[0]}
	now, cert := r.c.Now(), certs[0].Certificate
	if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		return nil, fmt.Errorf("%w: it is valid from %s to %s", ErrCertificate,
			cert.NotBefore.Format(time.RFC3339), cert.NotAfter.Format(time.RFC3339))
	}
	if err := r.c.Status.CertificateGood(ctx, cert); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	m.identity, err = r.identity(m.certificate)
	return m, err
}

func (r *Residents) identity(c ResidentCertificate) (*pades.Identity, error) {
	id, err := pades.NewIdentity(c.Certificate, c.Chain, "", r.policy.HashFunc())
	if err != nil {
		return nil, fmt.Errorf("certificate %s: %w", c.Serial, err)
	}
	return id, nil
}

// material is who signs in a signing that has begun: the certificate of its preparation,
// whatever was issued since.
func (r *Residents) material(ctx context.Context, g *ledger.Signing) (*residentMaterial, error) {
	rows, err := r.enrolled.Credentials(ctx, g.Account)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if row.ID != g.CredentialID {
			continue
		}
		certs, err := r.certificates(ctx, row.ID)
		if err != nil {
			return nil, err
		}
		for _, c := range certs {
			if bytes.Equal(c.SHA256, g.Certificate) {
				id, err := r.identity(c)
				return &residentMaterial{row, c, id}, err
			}
		}
	}
	return nil, errors.New("signing's certificate is not recorded")
}
