package main

import (
	"context"
	"crypto/x509"
	"errors"

	"chop/ca"
	"chop/validation"
)

// fetcher gets what a document lacks, for the command line. With a data folder, that appliance's records are asked
// first, in this process; everybody else over HTTP.
//
// Addresses stand in certificates, and those come with the document. Issuers is asked about certificates that
// anybody may have made, so it follows public addresses only; Revocation is asked about certificates whose chain
// to a trusted anchor was verified, so the anchor's operator chose the address, which may be on this machine.
type fetcher struct {
	public *validation.HTTPFetcher
	own    func(context.Context) (*ca.Authority, error) // nil without a data folder
}

func newFetcher(own func(context.Context) (*ca.Authority, error)) *fetcher {
	return &fetcher{validation.NewHTTPFetcher(validation.HTTPConfig{}), own}
}

func (f *fetcher) Issuers(ctx context.Context, cert *x509.Certificate) ([][]byte, error) {
	return f.public.Issuers(ctx, cert)
}

func (f *fetcher) Revocation(ctx context.Context, cert, issuer *x509.Certificate) (crls, ocsps [][]byte, err error) {
	if f.own != nil {
		authority, err := f.own(ctx)
		if err != nil {
			return nil, nil, err
		}
		crls, ocsps, err = newOwnEvidence(authority).Revocation(ctx, cert, issuer)
		if !errors.Is(err, ca.ErrNotOurs) {
			return crls, ocsps, err
		}
	}
	return validation.NewHTTPFetcher(validation.HTTPConfig{Hosts: hostsOf(cert)}).Revocation(ctx, cert, issuer)
}
