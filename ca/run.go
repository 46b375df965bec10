package ca

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"math/big"
	"time"

	"chop/internal/ocsp"
)

// Run keeps the authority's promises while a server is up, until ctx ends: CRLs
// are replaced within seconds of a change and before they end, the responder's
// certificate is renewed, unfinished issuances are closed, and the OCSP answer
// of each new certificate is asked for once. It returns nil when ctx is done;
// failures are logged and tried again.
func (a *Authority) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	probed := a.cfg.Now()
	for n := 0; ; n++ {
		if n%60 == 0 {
			if closed, err := a.Recover(ctx); err != nil {
				a.logUnlessDone(ctx, "close unfinished issuances", err)
			} else if closed > 0 {
				a.cfg.Log.Warn("closed unfinished issuances", "count", closed)
			}
		}
		if err := a.EnsureResponder(ctx); err != nil {
			a.logUnlessDone(ctx, "keep OCSP responder", err)
		}
		for _, kind := range []listKind{baseCRL, deltaCRL} {
			if _, err := a.served(ctx, kind); err != nil {
				a.logUnlessDone(ctx, "keep CRL", err)
			}
		}
		var err error
		if probed, err = a.probeNew(ctx, probed); err != nil {
			a.logUnlessDone(ctx, "probe new certificates", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (a *Authority) logUnlessDone(ctx context.Context, doing string, err error) {
	if ctx.Err() == nil {
		a.cfg.Log.Error(doing, "err", err)
	}
}

// maxProbes bounds the probing of one second; what is beyond is probed next.
// A record gets probeLag to be finished, so that one that was reserved earlier
// and stored later is not passed over.
const (
	maxProbes = 300
	probeLag  = 2 * time.Second
)

// probeNew asks for the OCSP answer of certificates issued after a time, and
// returns the time up to which all were asked. A certificate for which our own
// responder says unknown is what relying parties would meet.
func (a *Authority) probeNew(ctx context.Context, after time.Time) (time.Time, error) {
	list, err := a.store.issuedBetween(ctx, a.issuer.id[:], after, a.cfg.Now().Add(-probeLag), maxProbes)
	if err != nil {
		return after, err
	}
	var failed error
	for _, r := range list {
		failed = errors.Join(failed, a.Probe(ctx, new(big.Int).SetBytes(r.Serial)))
		after = r.Reserved
	}
	return after, failed
}

// Probe asks the authority's own responder about a certificate, as a relying
// party would, and checks the answer: it verifies, and says what is recorded.
func (a *Authority) Probe(ctx context.Context, serial *big.Int) error {
	id, err := ocsp.NewCertID(crypto.SHA1, a.cfg.Certificate, serial)
	if err != nil {
		return err
	}
	request, err := (&ocsp.Request{CertIDs: []ocsp.CertID{id}}).Marshal()
	if err != nil {
		return err
	}
	der, err := a.RespondOCSP(ctx, request)
	if err != nil {
		return fmt.Errorf("probe %s: %w", FormatSerial(serial), err)
	}
	response, err := ocsp.ParseResponse(der)
	if err != nil {
		return fmt.Errorf("probe %s: %w", FormatSerial(serial), err)
	}
	if len(response.Singles) != 1 || !bytes.Equal(response.Singles[0].CertID.Raw, id.Raw) || response.Singles[0].Status == ocsp.Unknown {
		return fmt.Errorf("probe %s: the responder does not know it", FormatSerial(serial))
	}
	if err := response.CheckSignature(a.responder.public()); err != nil {
		return fmt.Errorf("probe %s: %w", FormatSerial(serial), err)
	}
	return nil
}
