// Package timestamping is a time-stamping authority and its client, RFC 3161 with RFC 5816, after EN 319 421 and
// EN 319 422. A token says that a digest existed at a time; it is signed by a time-stamping unit, a key with a
// certificate that may do nothing else.
//
// The authority keeps no record. Serial numbers are random, 128 bits, so that restarts and several nodes cannot give
// one number twice. What it must not or cannot stamp it refuses inside the protocol, with HTTP 200:
//
//	badAlg               imprint hash not in the policy, or with parameters
//	badRequest           version other than 1, nonce of more than 512 bits
//	badDataFormat        not a TimeStampReq in DER, imprint of the wrong length
//	timeNotAvailable     the clock is not within the declared accuracy (see KernelClock, SystemClock)
//	unacceptedPolicy     another policy asked for
//	unacceptedExtension  any extension: none is supported
//	systemFailure        the key did not sign, or its certificate or period of use is not current
//
// addInfoNotAvailable is understood by the client and never sent: the certificates that certReq asks for are there.
//
// Leap seconds: tokens carry UTC. During an inserted second, which a computer's clock can only count twice, no token is
// given (timeNotAvailable); a deleted second needs no care. A time source that smears leap seconds over hours is
// off by up to half a second and must not be used with an accuracy below that.
package timestamping

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"chop/internal/cms"
	"chop/policies"
)

// Config is a time-stamping unit.
type Config struct {
	Key         crypto.Signer       // ECDSA or RSA, the key of Certificate
	Certificate *x509.Certificate   // extended key usage timeStamping, critical and alone
	Chain       []*x509.Certificate // given along with Certificate when a request asks for certificates
	Policy      *policies.Timestamp // policy identifier, accuracy, accepted hashes
	Scheme      cms.Scheme          // of an RSA key; empty: PKCS#1 v1.5

	// Now is the trusted clock. An error means that the time cannot be trusted, and no token is given.
	Now func() (time.Time, error)
	// Rand makes the serial numbers; nil: crypto/rand.
	Rand io.Reader
	// Log gets the causes of systemFailure and timeNotAvailable; nil: slog.Default.
	Log *slog.Logger
}

// Authority gives timestamps. It is safe for concurrent use.
type Authority struct {
	config   Config
	policy   asn1.ObjectIdentifier
	hashes   []crypto.Hash
	hash     crypto.Hash // of the signature
	opts     crypto.SignerOpts
	infos    *cms.TSTTemplate
	template *cms.Template
	period   period
}

// New checks that the certificate may sign timestamps and that the key is its key.
func New(c Config) (*Authority, error) {
	if c.Key == nil || c.Certificate == nil || c.Policy == nil || c.Now == nil {
		return nil, errors.New("timestamping: Key, Certificate, Policy and Now are wanted")
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if err := checkPurpose(c.Certificate); err != nil {
		return nil, fmt.Errorf("timestamping: %w", err)
	}
	if pub, ok := c.Key.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !pub.Equal(c.Certificate.PublicKey) {
		return nil, errors.New("timestamping: the key is not the certificate's")
	}
	a := &Authority{config: c, policy: c.Policy.ObjectIdentifier(), hashes: c.Policy.HashFuncs(), hash: signatureHash(c.Key.Public())}
	if len(a.policy) == 0 || len(a.hashes) == 0 || c.Policy.Accuracy < time.Millisecond {
		return nil, fmt.Errorf("timestamping: policy %q without identifier, hashes or accuracy", c.Policy.Name)
	}
	scheme, err := cms.SchemeFor(c.Key.Public(), c.Scheme)
	if err != nil {
		return nil, fmt.Errorf("timestamping: %w", err)
	}
	a.opts = cms.SignerOpts(scheme, a.hash)
	if a.period, err = signingPeriod(c.Certificate); err != nil {
		return nil, fmt.Errorf("timestamping: %w", err)
	}
	if a.infos, err = cms.NewTSTTemplate(a.policy, c.Policy.Accuracy, a.hashes); err != nil {
		return nil, fmt.Errorf("timestamping: %w", err)
	}
	certs := [][]byte{c.Certificate.Raw}
	for _, cert := range c.Chain {
		certs = append(certs, cert.Raw)
	}
	a.template, err = cms.NewTemplate(cms.TemplateConfig{ContentType: cms.OIDTSTInfo, Certificate: c.Certificate,
		Certificates: certs, Hash: a.hash, Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("timestamping: %w", err)
	}
	return a, nil
}

// signatureHash matches the strength of the curve; RSA goes with SHA-256.
func signatureHash(pub crypto.PublicKey) crypto.Hash {
	key, ok := pub.(*ecdsa.PublicKey)
	switch {
	case ok && key.Curve.Params().BitSize > 384:
		return crypto.SHA512
	case ok && key.Curve.Params().BitSize > 256:
		return crypto.SHA384
	}
	return crypto.SHA256
}

// Timestamp gives a token (ContentInfo, DER) over a digest made with h, certificates included. What the authority
// refuses is a *Rejection.
func (a *Authority) Timestamp(ctx context.Context, h crypto.Hash, imprint []byte) ([]byte, error) {
	return a.stamp(ctx, &cms.TimestampRequest{Version: 1, HashAlgorithm: h, Imprint: imprint, CertReq: true}, a.template.Message)
}

// assemble makes a token, or an answer with one, of what was signed.
type assemble func(content, attributes, signature []byte, certs bool) []byte

// stamp gives the token that r asks for, as whole makes it.
func (a *Authority) stamp(ctx context.Context, r *cms.TimestampRequest, whole assemble) ([]byte, error) {
	if err := a.check(r); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("timestamp: %w", err)
	}
	now, err := a.config.Now()
	if err != nil {
		return nil, reject(cms.TimeNotAvailable, "the time source is not available", err)
	}
	if err := a.period.check(now); err != nil {
		return nil, reject(cms.SystemFailure, "the signing key is not in its period of use", err)
	}
	serial, err := newSerial(a.config.Rand)
	if err != nil {
		return nil, reject(cms.SystemFailure, "no token could be made", err)
	}
	content, err := a.infos.Marshal(r.HashAlgorithm, r.Imprint, serial[:], now, r.Nonce)
	if err != nil {
		return nil, reject(cms.SystemFailure, "no token could be made", err)
	}
	attributes := a.template.SignedAttributes(content)
	h := a.hash.New()
	h.Write(attributes)
	signature, err := a.config.Key.Sign(rand.Reader, h.Sum(nil), a.opts)
	if err != nil {
		return nil, reject(cms.SystemFailure, "no token could be made", fmt.Errorf("sign: %w", err))
	}
	return whole(content, attributes, signature, r.CertReq), nil
}

// newSerial gives 128 random bits under a fixed first byte, which keeps the number positive and of one length.
// RFC 3161, 2.4.2, lets it have 160 bits.
func newSerial(random io.Reader) (b [17]byte, err error) {
	if _, err := io.ReadFull(random, b[1:]); err != nil {
		return b, fmt.Errorf("serial number: %w", err)
	}
	b[0] = 1
	return b, nil
}
