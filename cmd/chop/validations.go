package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/go-chi/chi/v5"

	"chop/ca"
	"chop/validation"
	"chop/validation/service"
	"chop/validation/trustlist"
)

// validations opens the validation service: what it trusts is this appliance's root and what the configuration names.
func (a *appliance) validations(ctx context.Context) (*service.Service, error) {
	return a.services.validation.get(func() (*service.Service, error) { return a.openValidation(ctx) })
}

// trusted is what all that judges strangers' documents here trusts: this appliance's root, and what the configuration names.
func (a *appliance) trusted(ctx context.Context, authority *ca.Authority) ([]*x509.Certificate, []*trustlist.List, error) {
	c := a.config.Validation
	anchors, lists, err := readTrust(ctx, a.read, c.Trust, c.Operator)
	if err != nil {
		return nil, nil, hinted{fmt.Errorf("open the validation service: %w", err), "validation.trust and validation.operator in chop.yaml name files that can be read, each list signed by its operator", 1}
	}
	return slices.Concat([]*x509.Certificate{authority.Root()}, anchors), lists, nil
}

func (a *appliance) openValidation(ctx context.Context) (*service.Service, error) {
	authority, err := a.authority(ctx)
	if err != nil {
		return nil, err
	}
	c := a.config.Validation
	anchors, lists, err := a.trusted(ctx, authority)
	if err != nil {
		return nil, err
	}
	v, err := newValidator(anchors, newServedFetcher(authority))
	if err != nil {
		return nil, err
	}
	terms, err := ownTerms(a.policies)
	if err != nil {
		return nil, err
	}
	return service.New(service.Config{
		Validator: v, Policies: a.policies, Lists: lists, Terms: terms,
		Limits: service.Limits{Bytes: c.MaxBytes, Memory: c.MaxMemory, Time: c.MaxTime},
	})
}

// publicValidation lets anybody ask, by address only so often.
func (a *appliance) publicValidation(s *service.Service) func(chi.Router) {
	perMinute := a.config.Validation.PerMinute
	if perMinute == 0 {
		perMinute = 30
	}
	return func(r chi.Router) {
		s.Routes(r, service.Clients{Name: service.ByAddress, PerMinute: perMinute, AtOnce: 2, Log: a.log, Now: now})
	}
}

// servedFetcher gets what strangers' documents lack, as fetcher does for the command line. What our own CA says
// serves all who ask in the same second.
type servedFetcher struct {
	public *validation.HTTPFetcher
	own    *ownEvidence
}

func newServedFetcher(authority *ca.Authority) *servedFetcher {
	return &servedFetcher{validation.NewHTTPFetcher(validation.HTTPConfig{}), newOwnEvidence(authority)}
}

func (f *servedFetcher) Issuers(ctx context.Context, cert *x509.Certificate) ([][]byte, error) {
	return f.public.Issuers(ctx, cert)
}

func (f *servedFetcher) Revocation(ctx context.Context, cert, issuer *x509.Certificate) (crls, ocsps [][]byte, err error) {
	crls, ocsps, err = f.own.Revocation(ctx, cert, issuer)
	if !errors.Is(err, ca.ErrNotOurs) {
		return crls, ocsps, err
	}
	return validation.NewHTTPFetcher(validation.HTTPConfig{Hosts: hostsOf(cert)}).Revocation(ctx, cert, issuer)
}

// hostsOf are those that a certificate names for its status. Its chain to a trusted anchor was verified.
func hostsOf(cert *x509.Certificate) (hosts []string) {
	for _, address := range slices.Concat(cert.OCSPServer, cert.CRLDistributionPoints) {
		if u, err := url.Parse(address); err == nil {
			hosts = append(hosts, u.Host)
		}
	}
	return hosts
}
