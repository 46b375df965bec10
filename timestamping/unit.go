package timestamping

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

var (
	oidExtKeyUsage           = asn1.ObjectIdentifier{2, 5, 29, 37}
	oidPrivateKeyUsagePeriod = asn1.ObjectIdentifier{2, 5, 29, 16}
)

// checkPurpose: extended key usage is critical and timeStamping alone (RFC 3161, 2.3), and key usage, where present,
// allows signatures and nothing else (EN 319 422, 6.2).
func checkPurpose(cert *x509.Certificate) error {
	if len(cert.ExtKeyUsage) != 1 || cert.ExtKeyUsage[0] != x509.ExtKeyUsageTimeStamping || len(cert.UnknownExtKeyUsage) > 0 {
		return errors.New("extended key usage of the certificate is not timeStamping alone")
	}
	for _, ext := range cert.Extensions {
		if ext.Id.Equal(oidExtKeyUsage) && !ext.Critical {
			return errors.New("extended key usage of the certificate is not critical")
		}
	}
	if cert.KeyUsage&^(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) != 0 {
		return errors.New("key usage of the certificate is not for signatures alone")
	}
	if cert.IsCA {
		return errors.New("certificate is a CA's")
	}
	return nil
}

// period is when a unit may sign: the certificate's validity cut to the privateKeyUsagePeriod. A unit's certificate
// lives much longer than its key is used, so that tokens can be verified for years.
type period struct {
	from, to time.Time // both included
}

func signingPeriod(cert *x509.Certificate) (period, error) {
	p := period{cert.NotBefore, cert.NotAfter}
	for _, ext := range cert.Extensions {
		if !ext.Id.Equal(oidPrivateKeyUsagePeriod) {
			continue
		}
		from, to, err := parseUsagePeriod(ext.Value)
		if err != nil {
			return p, err
		}
		if from.After(p.from) {
			p.from = from
		}
		if !to.IsZero() && to.Before(p.to) {
			p.to = to
		}
	}
	return p, nil
}

func (p period) check(now time.Time) error {
	if now.Before(p.from) || now.After(p.to) {
		return fmt.Errorf("%s is not between %s and %s", now.UTC().Format(time.RFC3339), p.from.UTC().Format(time.RFC3339),
			p.to.UTC().Format(time.RFC3339))
	}
	return nil
}

// parseUsagePeriod reads PrivateKeyUsagePeriod, RFC 3280, 4.2.1.4: two optional, implicitly tagged GeneralizedTimes.
func parseUsagePeriod(der []byte) (from, to time.Time, err error) {
	in := cryptobyte.String(der)
	var seq cryptobyte.String
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !in.Empty() {
		return from, to, errors.New("malformed privateKeyUsagePeriod")
	}
	for i, out := range []*time.Time{&from, &to} {
		var content cryptobyte.String
		var present bool
		if !seq.ReadOptionalASN1(&content, &present, cbasn1.Tag(i).ContextSpecific()) {
			return from, to, errors.New("malformed privateKeyUsagePeriod")
		}
		if !present {
			continue
		}
		if *out, err = time.Parse("20060102150405Z", string(content)); err != nil {
			return from, to, fmt.Errorf("malformed privateKeyUsagePeriod: %w", err)
		}
	}
	if !seq.Empty() {
		return from, to, errors.New("malformed privateKeyUsagePeriod")
	}
	return from, to, nil
}
