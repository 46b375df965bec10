package validation_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"chop/internal/jws"
	"chop/signer/jades"
	"chop/validation"
)

const receipt = `{"to": "陳大文", "amount": 100}` + "\n"

// signJSON signs with our own signer, and SHA-256 unless r has an identity.
func (w *world) signJSON(by *person, r jades.Request) []byte {
	w.t.Helper()
	if r.Identity == nil {
		r.Identity = w.identity(by, "", crypto.SHA256)
	}
	n := notary{w, w.tsu, day}
	r.Timestamper, r.Evidence, r.Time = n, n, day
	if r.In == nil {
		r.In = []byte(receipt)
	}
	if r.Detached {
		r.Name = "receipt.json"
	}
	d, err := jades.Prepare(r)
	if err != nil {
		w.t.Fatal(err)
	}
	_, dtbsr := d.DTBSR()
	value, err := by.key.Sign(rand.Reader, dtbsr, r.Identity.SignerOpts())
	if err != nil {
		w.t.Fatal(err)
	}
	if err := d.Finish(context.Background(), value); err != nil {
		w.t.Fatal(err)
	}
	return d.Bytes()
}

func (w *world) extendJSON(doc []byte, h crypto.Hash, unit *person, at time.Time) []byte {
	w.t.Helper()
	n := notary{w, unit, at}
	out, _, err := jades.Extend(context.Background(), jades.ExtendRequest{In: doc, Level: "B-LTA", Hash: h, Timestamper: n, Evidence: n})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// bare makes a compact JWS as other software does; CHAIN in the header is x5c of a person.
func (w *world) bare(by *person, header, payload string) string {
	w.t.Helper()
	header = strings.ReplaceAll(header, "CHAIN", `"x5c":["`+encode(by.cert.Raw)+`","`+encode(w.ca.cert.Raw)+`"]`)
	header = strings.ReplaceAll(header, "THUMBPRINT", `"x5t#S256":"`+jws.Encode(sha(by.cert.Raw))+`"`)
	input := jws.Encode([]byte(header)) + "." + payload
	value, err := by.key.Sign(rand.Reader, sha([]byte(input)), crypto.SHA256)
	if err != nil {
		w.t.Fatal(err)
	}
	return input + "." + jws.Encode(rawECDSA(w.t, value))
}

func (w *world) validateJSON(t testing.TB, doc string, o validation.Options) *validation.Report {
	t.Helper()
	return w.validateXML(t, doc, o)
}

func trustOf(w *world) []*x509.Certificate { return readTrust(w) }
