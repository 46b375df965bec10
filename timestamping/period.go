package timestamping

import (
	"crypto/x509"
	"time"
)

// KeyUsableUntil returns the last moment at which a unit's key may sign: the end of its privateKeyUsagePeriod, or of
// the certificate's validity where there is none. A successor is wanted before it.
func KeyUsableUntil(unit *x509.Certificate) (time.Time, error) {
	p, err := signingPeriod(unit)
	return p.to, err
}
