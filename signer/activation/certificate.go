package activation

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"

	"chop/internal/audit"
	"chop/internal/solecontrol"
)

// BindCertificate gives a credential its certificate: of its own key, issued by a
// pinned CA, for contentCommitment alone, to the person that the ticket vouched
// for. The first one makes the credential active; a later one replaces it.
func (s *Service) BindCertificate(ctx context.Context, credential string, der []byte) (*CredentialStatus, error) {
	certificate, err := x509.ParseCertificate(der)
	if err != nil || len(der) > 16<<10 {
		return nil, fmt.Errorf("%w: not a certificate", ErrRefused)
	}
	pins, err := s.cfg.Pins()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	digest := sum(der)
	c, err := s.alter(ctx, credential, func(c *stored, next *solecontrol.Record) (*presented, *audit.Event, error) {
		if bytes.Equal(next.Certificate, digest) {
			return nil, nil, nil
		}
		if err := s.checkCertificate(c, certificate, pins); err != nil {
			return nil, nil, err
		}
		switch next.State {
		case solecontrol.Made:
			next.State = solecontrol.Active
		case solecontrol.Destroyed:
			return nil, nil, fmt.Errorf("%w: the credential's key is destroyed", ErrRefused)
		}
		next.Certificate, c.row.Certificate = digest, der
		e := s.event("system:ca", "activation.certificate", credential, "", map[string]any{"serial": certificate.SerialNumber.Text(16)})
		return nil, &e, nil
	})
	if err != nil {
		return nil, err
	}
	return s.status(c), nil
}

func (s *Service) checkCertificate(c *stored, certificate *x509.Certificate, pins *Pins) error {
	if !bytes.Equal(certificate.RawSubjectPublicKeyInfo, c.binding.SPKI) {
		return fmt.Errorf("%w: the certificate is of another key", ErrRefused)
	}
	if certificate.IsCA || certificate.KeyUsage != x509.KeyUsageContentCommitment {
		return fmt.Errorf("%w: the certificate is not for contentCommitment alone", ErrRefused)
	}
	if !s.cfg.Now().Before(certificate.NotAfter) {
		return fmt.Errorf("%w: the certificate has expired", ErrRefused)
	}
	issued := false
	for _, issuer := range pins.issuing {
		issued = issued || bytes.Equal(issuer.RawSubject, certificate.RawIssuer) && certificate.CheckSignatureFrom(issuer) == nil
	}
	if !issued {
		return fmt.Errorf("%w: the certificate is not by a pinned CA", ErrRefused)
	}
	return s.checkSubject(c, certificate)
}

// checkSubject compares the person with what the ticket vouched for, by this
// process's own signed statement.
func (s *Service) checkSubject(c *stored, certificate *x509.Certificate) error {
	var signed solecontrol.SignedStatement
	if err := solecontrol.Decode(c.row.Statement, &signed); err != nil {
		return fmt.Errorf("%w: the statement", ErrMismatch)
	}
	own, err := solecontrol.ParseSPKI(s.identity)
	if err != nil {
		return err
	}
	statement, err := signed.Verify(own)
	if err != nil || statement.Credential != c.row.ID || !bytes.Equal(statement.SPKI, c.binding.SPKI) {
		return fmt.Errorf("%w: the statement", ErrMismatch)
	}
	subject, err := SubjectOf(certificate)
	if err != nil {
		return err
	}
	digest, err := subject.Digest()
	if err != nil || !bytes.Equal(digest[:], statement.Subject) {
		return fmt.Errorf("%w: the certificate is to another person than the ticket", ErrRefused)
	}
	return nil
}

// SubjectOf reads the attributes that a ticket vouches for out of a certificate.
// Each is there once, and no other is.
func SubjectOf(certificate *x509.Certificate) (solecontrol.Subject, error) {
	var out solecontrol.Subject
	into := map[string]*string{
		"2.5.4.6": &out.Country, "2.5.4.3": &out.CommonName, "2.5.4.4": &out.Surname, "2.5.4.42": &out.GivenName, "2.5.4.5": &out.SerialNumber,
	}
	seen := make(map[string]bool)
	for _, a := range certificate.Subject.Names {
		oid := a.Type.String()
		text, ok := a.Value.(string)
		if into[oid] == nil || seen[oid] || !ok {
			return out, fmt.Errorf("%w: the certificate's subject has attribute %s that no ticket vouches for", ErrRefused, oid)
		}
		*into[oid], seen[oid] = text, true
	}
	return out, nil
}
