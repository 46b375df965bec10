package main

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"strings"
	"time"

	"chop/ca"
	"chop/hsm"
	"chop/internal/audit"
)

// The OCSP responder's keys lie in the ca token. The first one has the plain label; one that took its place has the
// moment behind it at which it was made, so that the last one by label is the current one.
const (
	responderLabel  = "ocsp"
	responderMoment = "20060102T150405.000000"
)

// responderKeys are the labels of the responder's keys, and the last of them.
func responderKeys(ctx context.Context, token hsm.Token) (labels []string, current string, err error) {
	keys, err := token.Keys(ctx)
	if err != nil {
		return nil, "", err
	}
	for _, k := range keys {
		if k.Label == responderLabel || strings.HasPrefix(k.Label, responderLabel+"-") {
			labels, current = append(labels, k.Label), max(current, k.Label)
		}
	}
	return labels, current, nil
}

// responderKey is the responder's current key; the first one is made if there is none.
func (a *appliance) responderKey(ctx context.Context, token hsm.Token) (crypto.Signer, error) {
	_, current, err := responderKeys(ctx, token)
	if err != nil {
		return nil, err
	}
	if current == "" {
		return a.keyOrNew(ctx, token, responderLabel, hsm.P256)
	}
	return token.Key(ctx, current)
}

func (a *appliance) findResponder(ctx context.Context) (crypto.Signer, error) {
	token, err := a.tokens.get(ctx, roleCA)
	if err != nil {
		return nil, err
	}
	return a.responderKey(ctx, token)
}

// responderGrace is how long a key that was replaced stays, for servers that have not noticed.
const responderGrace = time.Hour

// retireResponders destroys the responder's keys that were replaced.
func (a *appliance) retireResponders(ctx context.Context) error {
	token, err := a.tokens.get(ctx, roleCA)
	if err != nil {
		return err
	}
	labels, current, err := responderKeys(ctx, token)
	if err != nil {
		return fmt.Errorf("list the OCSP responder's keys: %w", err)
	}
	made, err := time.Parse(responderMoment, strings.TrimPrefix(current, responderLabel+"-"))
	if err != nil || now().Before(made.Add(responderGrace)) {
		return nil // the first one, or too early
	}
	for _, label := range labels {
		if label == current {
			continue
		}
		if err := token.DestroyKey(ctx, label); err != nil && !errors.Is(err, hsm.ErrKeyNotFound) {
			return fmt.Errorf("destroy the OCSP responder's key %s: %w", label, err)
		}
		if err := a.record(ctx, audit.Event{Action: "ca.destroy-key", Subject: "key:" + label, Reason: "it was replaced"}); err != nil {
			return err
		}
	}
	return nil
}

// caRenewResponderCommand replaces the OCSP responder's key and certificate.
type caRenewResponderCommand struct {
	folderFlag
}

// Help is shown by chop ca renew-responder --help.
func (caRenewResponderCommand) Help() string {
	return `Makes a new key for the OCSP responder and its certificate; a running server answers by them within seconds, and the old key
is destroyed when an hour has passed. The responder's certificate is renewed by itself before it ends, for the same key: this is
for a key that should be used no longer, after its certificate was revoked.

Example:
  chop ca revoke --dir data --serial 5f0c… --reason keyCompromise
  chop ca renew-responder --dir data`
}

func (c *caRenewResponderCommand) Run(env *environment) (err error) {
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	token, err := app.tokens.get(env.ctx, roleCA)
	if err != nil {
		return err
	}
	label := responderLabel + "-" + now().UTC().Format(responderMoment)
	if _, err := token.GenerateKey(env.ctx, label, hsm.P256); err != nil {
		return fmt.Errorf("make the OCSP responder's key: %w", err)
	}
	// A kill from here on leaves a key without a certificate, which whoever opens the CA next gets for it.
	authority, err := app.authority(env.ctx)
	if err != nil {
		return err
	}
	cert, err := authority.Responder(env.ctx)
	if err != nil {
		return err
	}
	serial := ca.FormatSerial(cert.SerialNumber)
	err = app.record(env.ctx, audit.Event{
		Action: "ca.renew-responder", Subject: "certificate:" + serial, Detail: map[string]any{"key": label},
	})
	if err != nil {
		return err
	}
	return env.print(map[string]string{"serial": serial, "not_after": cert.NotAfter.Format("2006-01-02T15:04:05Z")},
		"the OCSP responder has a new key and certificate %s, valid until %s", serial, cert.NotAfter.Format("2 January 2006"))
}
