package xades

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"chop/signer/pades"
)

// values are certificates and revocation data, DER, each once.
type values struct {
	certs, ocsps, crls [][]byte
	seen               map[[sha256.Size]byte]bool
}

func (v *values) gather(ctx context.Context, src EvidenceSource, cert *x509.Certificate, after time.Time) error {
	certs, ocsps, crls, err := src.Evidence(ctx, cert, after)
	if err != nil {
		return fmt.Errorf("%w for %q: %w", pades.ErrEvidence, cert.Subject, err)
	}
	if v.seen == nil {
		v.seen = map[[sha256.Size]byte]bool{}
	}
	for _, list := range []struct {
		to   *[][]byte
		from [][]byte
	}{{&v.certs, certs}, {&v.ocsps, ocsps}, {&v.crls, crls}} {
		for _, der := range list.from {
			if h := sha256.Sum256(der); !v.seen[h] {
				v.seen[h] = true
				*list.to = append(*list.to, der)
			}
		}
	}
	return nil
}

// elements are CertificateValues and RevocationValues (EN 319 132-1, 5.4).
func (v *values) elements(xmlns string) string {
	var b strings.Builder
	list := func(name string, ders [][]byte) string {
		var b strings.Builder
		for _, der := range ders {
			b.WriteString("<xades:" + name + ">" + base64.StdEncoding.EncodeToString(der) + "</xades:" + name + ">")
		}
		return b.String()
	}
	if len(v.certs) > 0 {
		b.WriteString("<xades:CertificateValues" + xmlns + ">" + list("EncapsulatedX509Certificate", v.certs) + "</xades:CertificateValues>")
	}
	b.WriteString("<xades:RevocationValues" + xmlns + ">")
	if len(v.crls) > 0 {
		b.WriteString("<xades:CRLValues>" + list("EncapsulatedCRLValue", v.crls) + "</xades:CRLValues>")
	}
	if len(v.ocsps) > 0 {
		b.WriteString("<xades:OCSPValues>" + list("EncapsulatedOCSPValue", v.ocsps) + "</xades:OCSPValues>")
	}
	b.WriteString("</xades:RevocationValues>")
	return b.String()
}
