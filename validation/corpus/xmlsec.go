package corpus

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"strings"

	"chop/internal/corpus/manifest"
	"chop/internal/xmldsig"
)

// shortHMAC are the two files for which the suite's own script allows a truncation of
// 64 bits.
var shortHMAC = []string{"hmac-sha224-64", "hmac-sha512-64"}

// xmlsec compares cryptography under the key that the row gives; whom one would trust
// plays no part.
func (r *runner) xmlsec(ctx context.Context, row manifest.Row) (Result, error) {
	out := Result{
		ID: row["path"], What: row["transforms_and_algorithms"], Format: row["format"],
		Scored: row["scored"] == "yes", NotScored: row["why_not"], Want: row["expected_crypto"],
	}
	o, err := r.xmlsecOptions(row)
	if err != nil {
		return out, err
	}
	data, err := r.read(row["path"])
	if err != nil {
		return out, err
	}
	out.Got, err = decide(xmldsig.Verify(ctx, data, o))
	if err != nil {
		out.Why = err.Error()
	}
	out.Agree = out.Got == out.Want
	out.Unsafe = out.Scored && out.Got == "VALID" && out.Want != "VALID"
	return out, nil
}

// decide sums up the results of one document: what is broken outdoes what could not be
// decided.
func decide(results []xmldsig.Result, err error) (string, error) {
	if err != nil {
		return "ERROR", err
	}
	if len(results) == 0 {
		return unsigned, errors.New("no signature was found")
	}
	got, why := "VALID", error(nil)
	for _, r := range results {
		switch {
		case r.Err == nil:
		case errors.Is(r.Err, xmldsig.ErrUndecided), errors.Is(r.Err, xmldsig.ErrNotFound), errors.Is(r.Err, xmldsig.ErrRefused):
			if got == "VALID" {
				got, why = "UNDECIDED", r.Err
			}
		default:
			got, why = "INVALID", r.Err
		}
	}
	return got, why
}

func (r *runner) xmlsecOptions(row manifest.Row) (o xmldsig.Options, err error) {
	if row["hmac_key"] != "" {
		key, err := r.read(row["hmac_key"])
		if err != nil {
			return o, err
		}
		o.Keys = []crypto.PublicKey{xmldsig.Secret(key)}
		for _, name := range shortHMAC {
			if strings.Contains(row["path"], name) {
				o.MinHMAC = 64
			}
		}
	}
	if o.Certificates, err = r.readAll(append(row.List("trusted"), row.List("untrusted")...)); err != nil {
		return o, err
	}
	if row["key_file"] != "" {
		b, err := r.read(row["key_file"])
		if err != nil {
			return o, err
		}
		if cert, err := x509.ParseCertificate(der(b)); err == nil {
			o.Keys = append(o.Keys, cert.PublicKey)
		} else if key, err := x509.ParsePKIXPublicKey(der(b)); err == nil {
			o.Keys = append(o.Keys, key)
		}
	}
	return o, nil
}
