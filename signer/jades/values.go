package jades

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"time"

	"chop/signer/pades"
)

// An object holds something in DER (TS 119 182-1, 5.4.2).
type object struct {
	Val string `json:"val"`
}

type container struct {
	TstTokens []object `json:"tstTokens"`
}

type xVal struct {
	X509Cert object `json:"x509Cert"`
}

type rVals struct {
	CrlVals  []object `json:"crlVals,omitempty"`
	OcspVals []object `json:"ocspVals,omitempty"`
}

// values are certificates and revocation data, DER, each once.
type values struct {
	certs, ocsps, crls []object
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
		to   *[]object
		from [][]byte
	}{{&v.certs, certs}, {&v.ocsps, ocsps}, {&v.crls, crls}} {
		for _, der := range list.from {
			if h := sha256.Sum256(der); !v.seen[h] {
				v.seen[h] = true
				*list.to = append(*list.to, object{base64.StdEncoding.EncodeToString(der)})
			}
		}
	}
	return nil
}

func (v *values) xVals() []xVal {
	list := make([]xVal, len(v.certs))
	for i, c := range v.certs {
		list[i] = xVal{c}
	}
	return list
}

func (v *values) rVals() rVals { return rVals{v.crls, v.ocsps} }
