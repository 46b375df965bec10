package archive

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"chop/internal/cms"
	"chop/policies"
)

// A proof is what the newest archive time-stamps of a file rest on. It fades when the first of
// their certificates ends, or of their algorithms.
type proof struct {
	stamped    time.Time // the earliest of them
	ends       time.Time // of the first certificate
	algorithms []string  // sorted, each once, by the names of package policies
}

// proofOf looks at the tokens that were made for a generation; certificates are those of its validation.
func proofOf(tokens, certificates [][]byte) (*proof, error) {
	p := &proof{}
	for _, der := range tokens {
		t, err := cms.ParseTimestampToken(der)
		if err != nil {
			return nil, err
		}
		if p.stamped.IsZero() || t.Info.GenTime.Before(p.stamped) {
			p.stamped = t.Info.GenTime
		}
		raw := t.Signer.FindCertificate(slices.Concat(t.Certificates, certificates))
		if raw == nil {
			return nil, errors.New("a time-stamp lacks its unit's certificate")
		}
		unit, err := x509.ParseCertificate(raw)
		if err != nil {
			return nil, fmt.Errorf("certificate of a time-stamp's unit: %w", err)
		}
		p.rest(policies.HashAlgorithm(t.Info.HashAlgorithm))
		p.rest(names(unit.PublicKey, t.Signer.SignatureAlgorithm.Scheme == cms.PSS, t.Signer.Digest)...)
		p.chain(unit, slices.Concat(t.Certificates, certificates))
	}
	slices.Sort(p.algorithms)
	p.algorithms = slices.Compact(p.algorithms)
	return p, nil
}

func (p *proof) rest(algorithms ...string) {
	for _, a := range algorithms {
		if a != "" {
			p.algorithms = append(p.algorithms, a)
		}
	}
}

// chain goes up from a unit's certificate to one that is its own issuer, or that is not there.
func (p *proof) chain(cert *x509.Certificate, others [][]byte) {
	for range 10 {
		if p.ends.IsZero() || cert.NotAfter.Before(p.ends) {
			p.ends = cert.NotAfter
		}
		if bytes.Equal(cert.RawIssuer, cert.RawSubject) {
			return
		}
		issuer := issuerOf(cert, others)
		if issuer == nil {
			return
		}
		h, pss := certificateHash(cert.SignatureAlgorithm)
		p.rest(names(issuer.PublicKey, pss, h)...)
		cert = issuer
	}
}

func issuerOf(cert *x509.Certificate, others [][]byte) *x509.Certificate {
	for _, der := range others {
		c, err := x509.ParseCertificate(der)
		if err == nil && bytes.Equal(c.RawSubject, cert.RawIssuer) && cert.CheckSignatureFrom(c) == nil {
			return c
		}
	}
	return nil
}

// names are those of a signature's algorithms in suites (package policies).
func names(key crypto.PublicKey, pss bool, h crypto.Hash) []string {
	name := policies.KeyAlgorithm(key)
	switch key.(type) {
	case ed25519.PublicKey: // it brings its own hash
		return []string{name}
	case *rsa.PublicKey:
		padding := "pkcs1"
		if pss {
			padding = "pss"
		}
		name = strings.Replace(name, "rsa-", "rsa-"+padding+"-", 1)
	}
	return []string{name, policies.HashAlgorithm(h)}
}

func certificateHash(a x509.SignatureAlgorithm) (h crypto.Hash, pss bool) {
	switch a {
	case x509.SHA256WithRSA, x509.ECDSAWithSHA256:
		return crypto.SHA256, false
	case x509.SHA384WithRSA, x509.ECDSAWithSHA384:
		return crypto.SHA384, false
	case x509.SHA512WithRSA, x509.ECDSAWithSHA512:
		return crypto.SHA512, false
	case x509.SHA256WithRSAPSS:
		return crypto.SHA256, true
	case x509.SHA384WithRSAPSS:
		return crypto.SHA384, true
	case x509.SHA512WithRSAPSS:
		return crypto.SHA512, true
	}
	return 0, false
}

// fades is when a proof does, and by what.
func fades(p *policies.Preservation, ends time.Time, algorithms []string) (at time.Time, by string) {
	end, first := p.End(algorithms)
	if !end.IsZero() && end.Before(ends) {
		return end, first
	}
	return ends, "certificate"
}
