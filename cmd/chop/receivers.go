package main

import (
	"context"
	"net/url"

	"chop/portal/verify"
)

// openReceivers is the pages for those who receive signed documents. The validation service judges for them: they say what
// it says, within its limits. A sheet has the residents' site's fonts; nil: they stand on the departments' desk.
func (a *appliance) openReceivers(ctx context.Context, sheet func(language string) string) (*verify.Site, error) {
	judge, err := a.validations(ctx)
	if err != nil {
		return nil, err
	}
	public, err := url.Parse(a.config.portalURL())
	if err != nil {
		return nil, err
	}
	desk := sheet == nil
	return verify.New(verify.Config{
		Judge: judge, Policies: a.policies, Sheet: sheet, Desk: desk, Secure: desk || public.Scheme == "https", Version: version(), Now: now,
	})
}
