package eto

import (
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"chop/validation"
)

// within is s.6(1A)(b) with s.6(2): generated while the certificate was valid. A
// time-stamp over the signature bounds that moment from above only; from below it is
// bounded by the certificate, where the signature names it by a digest, or by a
// time-stamp in what was signed.
func within(s validation.Signature) Part {
	const name = "within-validity"
	e := s.Evidence
	switch {
	case e == nil || e.Certificate == nil:
		return part(name, Undecided, "no-certificate")
	case !certain(s):
		return part(name, Undecided, "no-proof-of-time")
	}
	cert, last := e.Certificate, e.At
	if s.BestSignatureTime != nil {
		last = *s.BestSignatureTime
	}
	after := time.Time{}
	if e.NotEarlier != nil {
		after = *e.NotEarlier
	}
	switch {
	case last.Before(cert.NotBefore):
		return part(name, NotSatisfied, "before-validity", clock(last), clock(cert.NotBefore))
	case after.After(cert.NotAfter):
		return part(name, NotSatisfied, "after-validity", clock(after), clock(cert.NotAfter))
	case last.After(cert.NotAfter):
		return part(name, Undecided, "expired-unproven", clock(last), clock(cert.NotAfter))
	case e.Revoked != nil && !e.Revoked.After(after):
		return part(name, NotSatisfied, "revoked-before", clock(after), clock(*e.Revoked))
	case e.Revoked != nil && !e.Revoked.After(last):
		return part(name, Undecided, "revoked-unproven", clock(last), clock(*e.Revoked))
	}
	for _, h := range e.Holds {
		if h.From.After(last) || !h.Until.IsZero() && after.After(h.Until) {
			continue
		}
		if !after.IsZero() && !after.Before(h.From) && !h.Seen.Before(last) {
			return part(name, NotSatisfied, "suspended", clock(after), clock(last))
		}
		return part(name, Undecided, "hold-unproven", clock(h.From), clock(last))
	}
	switch {
	case !e.Bound && after.Before(cert.NotBefore):
		return part(name, Undecided, "not-bound")
	case !e.StatusKnown:
		return part(name, Undecided, "status-unknown", clock(last))
	}
	return part(name, Satisfied, "within", clock(cert.NotBefore), clock(cert.NotAfter), clock(last))
}

// mayCommit reports whether a key may sign what its holder is bound by.
func mayCommit(cert *x509.Certificate) bool {
	return cert.KeyUsage == 0 || cert.KeyUsage&x509.KeyUsageContentCommitment != 0
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
func day(t time.Time) string   { return t.UTC().Format(time.DateOnly) }

// dollars writes 200000 as HK$200,000.
func dollars(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return "HK$" + s
}

// ParseDollars reads HK$200,000, or a bare number.
func ParseDollars(s string) (int64, error) {
	var n int64
	digits := strings.ReplaceAll(strings.TrimPrefix(s, "HK$"), ",", "")
	if len(digits) == 0 || len(digits) > 15 || strings.Trim(digits, "0123456789") != "" {
		return 0, fmt.Errorf("%q is no amount of Hong Kong dollars", s)
	}
	_, err := fmt.Sscan(digits, &n)
	return n, err
}
