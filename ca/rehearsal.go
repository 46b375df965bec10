package ca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"

	"go.step.sm/crypto/x509util"
)

// rehearse makes everything that a create plan would sign with throwaway keys
// of the planned kinds, and lints it: a plan that would fail fails before a
// token is touched.
func (c *ceremony) rehearse() error {
	rootKey, err := softwareKey(c.plan.Root.Key.Spec)
	if err != nil {
		return fmt.Errorf("%w: root: %w", ErrPlan, err)
	}
	self, err := c.selfIssuer(c.plan.Root, rootKey)
	if err != nil {
		return err
	}
	root, err := c.rehearseOne("root", c.plan.Root, self, rootKey)
	if err != nil {
		return err
	}
	key, err := softwareKey(c.plan.Issuing.Key.Spec)
	if err != nil {
		return fmt.Errorf("%w: issuing: %w", ErrPlan, err)
	}
	parent, err := newIssuer(root, rootKey, true)
	if err != nil {
		return err
	}
	_, err = c.rehearseOne("issuing-ca", c.plan.Issuing, parent, key)
	return err
}

func (c *ceremony) rehearseOne(profile string, p *PlanCA, i *issuer, key crypto.Signer) (*x509.Certificate, error) {
	rules, err := c.cfg.Policies.Profile(profile)
	if err != nil {
		return nil, err
	}
	csr, err := NewCSR(key, p.subject())
	if err != nil {
		return nil, err
	}
	j := job{linter: c.linter, issuer: i, suite: c.suite, urls: c.cfg.URLs, now: c.cfg.Now}
	s, _, err := j.prepare(rules, Request{CSR: csr, Subject: p.subject(), Actor: c.actor()})
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrPlan, profile, err)
	}
	return i.sign(s)
}

// selfIssuer is a root before it has a certificate: a name and a key.
func (c *ceremony) selfIssuer(p *PlanCA, key crypto.Signer) (*issuer, error) {
	rules, err := c.cfg.Policies.Profile("root")
	if err != nil {
		return nil, err
	}
	subject, err := p.subject().fit(rules)
	if err != nil {
		return nil, err
	}
	name, err := subject.marshal(rules)
	if err != nil {
		return nil, err
	}
	ski, err := x509util.GenerateSubjectKeyID(key.Public())
	if err != nil {
		return nil, fmt.Errorf("identify root key: %w", err)
	}
	return newIssuer(&x509.Certificate{RawSubject: name, PublicKey: key.Public(), SubjectKeyId: ski}, key, true)
}

func softwareKey(spec string) (crypto.Signer, error) {
	switch spec {
	case "p256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "p384":
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "rsa2048", "rsa3072", "rsa4096":
		var bits int
		fmt.Sscanf(spec, "rsa%d", &bits)
		return rsa.GenerateKey(rand.Reader, bits)
	}
	return nil, fmt.Errorf("key spec %q", spec)
}
