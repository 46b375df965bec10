package ca

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"chop/ca/journal"
	"chop/internal/audit"
)

// made is what a ceremony made, as its steps recorded it.
type made struct {
	root, issuing *madeCA
	arl           arlResult
	revoked       []PlanRevoke
}

// madeCA is a CA with its key.
type madeCA struct {
	key         crypto.Signer
	keyResult   keyResult
	cert        *x509.Certificate
	certificate certificateResult
}

// The results of steps, as the journal keeps them.
type (
	keyResult struct {
		Role       string `json:"role"`
		Label      string `json:"label"`
		Spec       string `json:"spec"`
		SPKISHA256 string `json:"spki_sha256"`
	}
	certificateResult struct {
		DER    []byte `json:"der"`
		SHA256 string `json:"sha256"`
	}
	arlResult struct {
		Number     int64     `json:"number"`
		ThisUpdate time.Time `json:"this_update"`
		NextUpdate time.Time `json:"next_update"`
		SHA256     string    `json:"sha256"`
		DER        []byte    `json:"der"`
	}
)

// create makes a CA's key and certificate; parent is nil for the root.
func (c *ceremony) create(ctx context.Context, profile string, p *PlanCA, parent *madeCA) (*madeCA, error) {
	m := new(madeCA)
	var err error
	m.keyResult, err = journal.Do(ctx, c.journal, profile+" key", func(resumed bool) (keyResult, error) { return c.makeKey(ctx, p.Key, resumed) })
	if err != nil {
		return nil, err
	}
	if c.journal.Transcript == nil { // a finished ceremony touches no token
		if m.key, err = c.findKey(ctx, m.keyResult); err != nil {
			return nil, err
		}
	}
	m.certificate, err = journal.Do(ctx, c.journal, profile+" certificate", func(resumed bool) (certificateResult, error) {
		return c.certify(ctx, profile, p, m, parent, resumed)
	})
	if err != nil {
		return nil, err
	}
	m.cert, err = x509.ParseCertificate(m.certificate.DER)
	return m, err
}

// makeKey generates a key. One that is there already is taken only when an
// earlier run of this ceremony was about to make it; otherwise nobody here
// knows where it comes from.
func (c *ceremony) makeKey(ctx context.Context, k PlanKey, resumed bool) (keyResult, error) {
	key, err := c.cfg.Keys.Key(ctx, k.Role, k.Label)
	switch {
	case errors.Is(err, ErrKeyNotFound):
		if key, err = c.cfg.Keys.GenerateKey(ctx, k.Role, k.Label, k.Spec); err != nil {
			return keyResult{}, fmt.Errorf("generate key %q in token %q: %w", k.Label, k.Role, err)
		}
	case err != nil:
		return keyResult{}, fmt.Errorf("look for key %q in token %q: %w", k.Label, k.Role, err)
	case !resumed:
		return keyResult{}, fmt.Errorf("%w: token %q has a key %q that this ceremony did not make", ErrPlan, k.Role, k.Label)
	}
	if kind, err := keyKind(key.Public()); err != nil || kind != k.Spec {
		return keyResult{}, errors.Join(err, fmt.Errorf("%w: key %q in token %q is not %s", ErrWeakKey, k.Label, k.Role, k.Spec))
	}
	print, err := fingerprint(key.Public())
	return keyResult{Role: k.Role, Label: k.Label, Spec: k.Spec, SPKISHA256: print}, err
}

// findKey returns a key made before, and refuses another under its label.
func (c *ceremony) findKey(ctx context.Context, k keyResult) (crypto.Signer, error) {
	key, err := c.cfg.Keys.Key(ctx, k.Role, k.Label)
	if err != nil {
		return nil, fmt.Errorf("find key %q in token %q: %w", k.Label, k.Role, err)
	}
	if print, err := fingerprint(key.Public()); err != nil || print != k.SPKISHA256 {
		return nil, errors.Join(err, fmt.Errorf("%w: key %q in token %q is not the one that this ceremony made", ErrPlan, k.Label, k.Role))
	}
	return key, nil
}

// fingerprint is the SHA-256 of a key's SubjectPublicKeyInfo in hexadecimal.
func fingerprint(pub crypto.PublicKey) (string, error) {
	spki, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return "", fmt.Errorf("encode key: %w", err)
	}
	sum := sha256.Sum256(spki)
	return hex.EncodeToString(sum[:]), nil
}

// certify issues a CA certificate through the same record, lint, sign and
// compare as every other. What a killed run left unfinished is closed first;
// what it finished is taken.
func (c *ceremony) certify(ctx context.Context, profile string, p *PlanCA, m, parent *madeCA, resumed bool) (certificateResult, error) {
	i, err := c.issuerFor(p, m, parent)
	if err != nil {
		return certificateResult{}, err
	}
	if resumed {
		if _, err := recoverWaiting(ctx, c.store, i.id[:], c.cfg.Now(), -time.Second); err != nil {
			return certificateResult{}, err
		}
		spki, err := hex.DecodeString(m.keyResult.SPKISHA256)
		if err != nil {
			return certificateResult{}, err
		}
		cert, err := c.store.newest(ctx, i.id[:], profile, spki)
		if err == nil {
			return asResult(cert), nil
		}
		if !errors.Is(err, ErrUnknownSerial) {
			return certificateResult{}, err
		}
	}
	rules, err := c.cfg.Policies.Profile(profile)
	if err != nil {
		return certificateResult{}, err
	}
	j := job{store: c.store, linter: c.linter, issuer: i, suite: c.suite, urls: c.cfg.URLs, now: c.cfg.Now}
	if parent != nil {
		j.parentIssuer, j.parentSerial = i.id[:], parent.cert.SerialNumber.Bytes()
	}
	csr, err := NewCSR(m.key, p.subject())
	if err != nil {
		return certificateResult{}, err
	}
	cert, err := j.issue(ctx, rules, Request{CSR: csr, Subject: p.subject(), Actor: c.actor(), Reason: profile})
	if err != nil {
		return certificateResult{}, err
	}
	return asResult(cert), nil
}

func asResult(cert *x509.Certificate) certificateResult {
	sum := sha256.Sum256(cert.Raw)
	return certificateResult{DER: cert.Raw, SHA256: hex.EncodeToString(sum[:])}
}

func (p *PlanCA) subject() Subject {
	return Subject{Country: "HK", Organization: p.Organization, CommonName: p.CommonName}
}

// issuerFor is the parent, or for the root an issuer that has no certificate yet.
func (c *ceremony) issuerFor(p *PlanCA, m, parent *madeCA) (*issuer, error) {
	if parent != nil {
		return newIssuer(parent.cert, parent.key, true)
	}
	return c.selfIssuer(p, m.key)
}

// signARL signs the root's list of revoked CA certificates.
func (c *ceremony) signARL(ctx context.Context, root *madeCA) (arlResult, error) {
	return journal.Do(ctx, c.journal, "ARL", func(bool) (arlResult, error) {
		i, err := newIssuer(root.cert, root.key, true)
		if err != nil {
			return arlResult{}, err
		}
		now := c.cfg.Now().UTC().Truncate(time.Second)
		draft, err := c.store.draftCRL(ctx, i.id[:], shard, false, now, c.plan.ARL.Validity.End(now))
		if err != nil {
			return arlResult{}, err
		}
		der, err := i.signCRL(draft, scope{only: onlyCACerts})
		if err != nil {
			return arlResult{}, err
		}
		sum := sha256.Sum256(der)
		r := arlResult{Number: draft.Number, ThisUpdate: draft.ThisUpdate, NextUpdate: draft.NextUpdate, SHA256: hex.EncodeToString(sum[:]), DER: der}
		return r, c.store.storeCRL(ctx, draft, der, audit.Event{
			At: now, Actor: c.actor(), Action: "ca.arl", Subject: fmt.Sprintf("arl:%d", draft.Number),
			Detail: map[string]any{"entries": len(draft.Entries)},
		})
	})
}
