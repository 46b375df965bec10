package validation

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"chop/validation/certpath"
)

// A role is what a certificate was used for.
type role int

const (
	roleSigner role = iota // signs documents
	roleTSU                // signs time-stamp tokens
	roleAny                // what the caller's rules ask
)

var (
	oidKeyUsagePeriod = asn1.ObjectIdentifier{2, 5, 29, 16}
	oidExtKeyUsage    = asn1.ObjectIdentifier{2, 5, 29, 37}
	oidOCSPNoCheck    = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 5}
)

// Extended key usages under which a signature on a document is acceptable, beside
// those that crypto/x509 names: documentSigning (RFC 9336), Microsoft's and Adobe's
// for the same, and smart card logon cards that sign.
var signerEKU = []asn1.ObjectIdentifier{
	{1, 3, 6, 1, 5, 5, 7, 3, 36},
	{1, 3, 6, 1, 4, 1, 311, 10, 3, 12},
	{1, 2, 840, 113583, 1, 1, 5},
}

// checkPath applies RFC 5280, 6.1, to a chain whose signatures hold, except for
// validity periods and revocation, which depend on a time, and what the role demands.
func (r *run) checkPath(c chain, as role, use time.Time) conclusion {
	if err := certpath.Check(c, r.rules.inputs); err != nil {
		return undecided(CertificateChainGeneralFailure, "%v", err)
	}
	if as == roleAny {
		return r.rules.check(c, use)
	}
	if len(c) == 1 {
		return pass() // the anchor itself: what it may do was declared with its trust
	}
	if why := unfit(c[0], as, use); why != "" {
		return undecided(ChainConstraintsFailure, "%s: %s", name(c[0]), why)
	}
	return pass()
}

// unfit says why the certificate may not be used in the role, or nothing. A signer's
// key usage, where it is stated, must include nonRepudiation (EN 319 412-2, 4.3.2,
// types A, B and F): a certificate for authentication alone signs whatever challenge it
// is shown, and a digest of a document can be such a challenge.
func unfit(cert *x509.Certificate, r role, use time.Time) string {
	switch {
	case cert.KeyUsage == 0:
	case r == roleSigner && cert.KeyUsage&x509.KeyUsageContentCommitment == 0:
		return "key usage does not include nonRepudiation"
	case cert.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0:
		return "key usage includes neither digitalSignature nor nonRepudiation"
	}
	if why := outsideKeyPeriod(cert, use); why != "" {
		return why
	}
	if r == roleTSU {
		return unfitTSU(cert)
	}
	if len(cert.ExtKeyUsage) == 0 && len(cert.UnknownExtKeyUsage) == 0 {
		return ""
	}
	for _, eku := range cert.ExtKeyUsage {
		switch eku {
		case x509.ExtKeyUsageAny, x509.ExtKeyUsageEmailProtection, x509.ExtKeyUsageClientAuth:
			return ""
		}
	}
	for _, oid := range cert.UnknownExtKeyUsage {
		if slices.ContainsFunc(signerEKU, oid.Equal) {
			return ""
		}
	}
	return "extended key usage allows no signature on documents"
}

// unfitTSU wants the extended key usage timeStamping, critical and alone (RFC 3161,
// 2.3), so that no other certificate of the CA can be turned into a clock.
func unfitTSU(cert *x509.Certificate) string {
	if len(cert.ExtKeyUsage) != 1 || cert.ExtKeyUsage[0] != x509.ExtKeyUsageTimeStamping || len(cert.UnknownExtKeyUsage) != 0 {
		return "extended key usage is not timeStamping alone"
	}
	for _, e := range cert.Extensions {
		if e.Id.Equal(oidExtKeyUsage) && !e.Critical {
			return "extended key usage timeStamping is not critical"
		}
	}
	return ""
}

// outsideKeyPeriod applies privateKeyUsagePeriod: a time-stamping unit's certificate
// outlives the use of its key by years (EN 319 422, 6).
func outsideKeyPeriod(cert *x509.Certificate, use time.Time) string {
	for _, e := range cert.Extensions {
		if !e.Id.Equal(oidKeyUsagePeriod) {
			continue
		}
		from, to, err := parseKeyPeriod(e.Value)
		switch {
		case err != nil:
			return err.Error()
		case use.Before(from) || !to.IsZero() && use.After(to):
			return fmt.Sprintf("private key was used at %s, outside its usage period", use.UTC().Format(time.RFC3339))
		}
	}
	return ""
}

// parseKeyPeriod reads PrivateKeyUsagePeriod (RFC 5280, 4.2.1.4 of RFC 3280).
func parseKeyPeriod(der []byte) (from, to time.Time, err error) {
	in := cryptobyte.String(der)
	var seq cryptobyte.String
	ok := in.ReadASN1(&seq, cbasn1.SEQUENCE) && in.Empty()
	for i, out := range []*time.Time{&from, &to} {
		var v cryptobyte.String
		var present bool
		ok = ok && seq.ReadOptionalASN1(&v, &present, cbasn1.Tag(i).ContextSpecific())
		if !ok || !present {
			continue
		}
		*out, err = time.Parse("20060102150405Z", string(v))
		ok = err == nil
	}
	if !ok || !seq.Empty() {
		return from, to, fmt.Errorf("private key usage period is malformed")
	}
	return from, to, nil
}
