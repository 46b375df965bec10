package main

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"chop/policies"
	"chop/registration/face/nets"
)

// checkURL refuses what paths cannot be appended to, naming the key.
func checkURL(key, value string) error {
	u, err := url.Parse(value)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "":
		return fmt.Errorf("%s %q is not an http or https URL", key, value)
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(value, "?"):
		return fmt.Errorf("%s %q must end after the host: paths are appended to it", key, value)
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return fmt.Errorf("%s %q is an IP address: browsers refuse passkeys there; use a name, such as localhost", key, value)
	}
	return nil
}

// checkOrigin refuses what a browser would refuse a passkey to (Web Authentication, 5.1: secure contexts only).
func checkOrigin(key, value string) error {
	if err := checkURL(key, value); err != nil {
		return err
	}
	u, err := url.Parse(value)
	if err != nil {
		return err
	}
	if host := u.Hostname(); u.Scheme == "http" && host != "localhost" && !strings.HasSuffix(host, ".localhost") {
		return fmt.Errorf("%s %q: browsers refuse passkeys over plain http; use https (public_url alone may stay http)", key, value)
	}
	return nil
}

// checkProxies refuses what is no prefix, and what is everybody: then each client could write its own address.
func checkProxies(list []string) error {
	for _, text := range list {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return fmt.Errorf("trusted_proxy %q is not a prefix, such as 127.0.0.1/32: %v", text, err)
		}
		if prefix.Bits() == 0 {
			return fmt.Errorf("trusted_proxy %q trusts everybody: name the proxies' own addresses", text)
		}
	}
	return nil
}

// portalURL is the residents' site: without one of its own it has the host of public_url, which may be plain http
// for the sake of CRLs where the portal may not.
func (c *config) portalURL() string {
	if c.PortalURL != "" {
		return c.PortalURL
	}
	if checkOrigin("public_url", c.PublicURL) == nil {
		return c.PublicURL
	}
	return "https://" + strings.TrimPrefix(c.PublicURL, "http://")
}

// approveURL is the approval origin.
func (c *config) approveURL() string {
	if c.ApproveURL != "" {
		return c.ApproveURL
	}
	u, err := url.Parse(c.portalURL())
	if err != nil {
		return ""
	}
	u.Host = "approve." + u.Host
	return u.String()
}

// policies loads what certificates say about their policies, as this configuration has it.
func (c *config) policies() (*policies.Set, error) {
	cps := c.Policy.CPS
	if cps == "" {
		cps = c.PublicURL + "/cps"
	}
	set, err := policies.Load(policies.Options{Arc: c.Policy.Arc, CPSURL: cps})
	if err != nil {
		return nil, fmt.Errorf("%w: policy: %w", errConfig, err)
	}
	return set, nil
}

// checkBeyond refuses what only a start would meet: policies that cannot be loaded, and files that are not there.
func (c *config) checkBeyond() error {
	if _, err := c.policies(); err != nil {
		return err
	}
	if c.Database.DSNFile != "" && c.Database.ActivationDSNFile == "" {
		return fmt.Errorf("%w: database.activation_dsn_file is wanted with dsn_file: docs/operations.md has the statements that make its role", errConfig)
	}
	for key, path := range map[string]string{
		"database.dsn_file": c.Database.DSNFile, "database.activation_dsn_file": c.Database.ActivationDSNFile,
		"mail.password_file": c.Mail.PasswordFile, "immigration.ca_file": c.Immigration.CAFile,
		"immigration.cert_file": c.Immigration.CertFile, "immigration.key_file": c.Immigration.KeyFile,
	} {
		if path == "" {
			continue
		}
		if _, err := readSecretFile(path); err != nil {
			return fmt.Errorf("%w: %s: %w", errConfig, key, err)
		}
	}
	for id, path := range c.Immigration.AnswerKeys {
		if _, err := readPublicKey(path); err != nil {
			return fmt.Errorf("%w: immigration.answer_keys, %q: %w", errConfig, id, err)
		}
	}
	if c.Mail.Server != "" {
		if _, _, err := net.SplitHostPort(c.Mail.Server); err != nil {
			return fmt.Errorf("%w: mail.server %q is not host:port: %v", errConfig, c.Mail.Server, err)
		}
	}
	if c.Registration.FaceWeights != "" {
		if _, err := nets.New(nets.Config{Weights: c.Registration.FaceWeights}); err != nil {
			return fmt.Errorf("%w: registration.face_weights: %w", errConfig, err)
		}
	}
	if c.CardIssuers != "" {
		data, err := os.ReadFile(c.CardIssuers)
		if err == nil {
			_, err = cardTrust(data)
		}
		if err != nil {
			return fmt.Errorf("%w: card_issuers: %w", errConfig, err)
		}
	}
	if c.HSM.Module != "" {
		if _, err := os.Stat(c.HSM.Module); err != nil {
			return fmt.Errorf("%w: hsm.module: %w", errConfig, err)
		}
	}
	return nil
}
