package cades

import (
	"bytes"
	"crypto/x509"

	"chop/internal/cms"
	"chop/internal/ocsp"
)

// known reports whether the message holds the status of a unit's certificate from its time
// on. Only whether to ask again depends on it: what the answer is worth, validation says.
func known(m *cms.SignedData, u unit) bool {
	after := u.after.Truncate(1e9) // evidence is dated to the second
	for _, der := range m.OCSPs {
		r, err := ocsp.ParseResponse(der)
		if err != nil {
			continue
		}
		for _, s := range r.Singles {
			if s.CertID.Serial.Cmp(u.cert.SerialNumber) == 0 && !s.ThisUpdate.Before(after) {
				return true
			}
		}
	}
	for _, der := range m.CRLs {
		l, err := x509.ParseRevocationList(der)
		if err == nil && bytes.Equal(l.RawIssuer, u.cert.RawIssuer) && !l.ThisUpdate.Before(after) {
			return true
		}
	}
	return false
}
