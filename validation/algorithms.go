package validation

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"chop/policies"
)

// A material is one object whose worth depends on algorithms: a signature value, a
// certificate, a CRL. It may be relied upon if its algorithms were suitable at a
// time at which it is proven to have existed, for what existed then was not made
// by breaking them later (EN 319 102-1, 5.2.9 and 5.6.2.2).
type material struct {
	what  string
	algs  []string  // as algorithm suites name them; "" for one that none knows
	known time.Time // earliest proof of existence
}

// reliable applies the algorithm constraints to everything that a conclusion rests
// on.
func (r *run) reliable(list []material) conclusion {
	if r.rules.anyAlg {
		return pass()
	}
	for _, m := range list {
		err := m.weak(r.v.cfg.Suite)
		switch {
		case errors.Is(err, policies.ErrAlgorithmExpired):
			return undecided(CryptoConstraintsFailureNoPOE, "%v", err)
		case err != nil:
			return undecided(CryptoConstraintsFailure, "%v", err)
		}
	}
	return pass()
}

// weak says which algorithm of m was not suitable at m.known, as an error of package
// policies, or nil.
func (m material) weak(suite *policies.Suite) error {
	for _, alg := range m.algs {
		if err := suite.Check(alg, m.known); err != nil {
			return fmt.Errorf("%s: %w", m.what, err)
		}
	}
	return nil
}

// suiteNames names the algorithms of a signature by key over a digest under h; RSA is
// told apart by its padding. Ed25519 brings its own digest, and h is 0.
func suiteNames(key crypto.PublicKey, pss bool, h crypto.Hash) []string {
	switch k := key.(type) {
	case ed25519.PublicKey:
		return []string{"ed25519"}
	case *rsa.PublicKey:
		padding := "pkcs1"
		if pss {
			padding = "pss"
		}
		return []string{fmt.Sprintf("rsa-%s-%d", padding, k.N.BitLen()), policies.HashAlgorithm(h)}
	}
	return []string{policies.KeyAlgorithm(key), policies.HashAlgorithm(h)}
}

// signedMaterial is a certificate or CRL that key signed.
func signedMaterial(what string, key crypto.PublicKey, a x509.SignatureAlgorithm, known time.Time) material {
	var h crypto.Hash
	pss := false
	switch a {
	case x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1:
		h = crypto.SHA1
	case x509.SHA256WithRSA, x509.ECDSAWithSHA256, x509.DSAWithSHA256:
		h = crypto.SHA256
	case x509.SHA384WithRSA, x509.ECDSAWithSHA384:
		h = crypto.SHA384
	case x509.SHA512WithRSA, x509.ECDSAWithSHA512:
		h = crypto.SHA512
	case x509.SHA256WithRSAPSS:
		h, pss = crypto.SHA256, true
	case x509.SHA384WithRSAPSS:
		h, pss = crypto.SHA384, true
	case x509.SHA512WithRSAPSS:
		h, pss = crypto.SHA512, true
	}
	return material{what: what, algs: suiteNames(key, pss, h), known: known}
}
