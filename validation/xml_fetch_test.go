package validation_test

import (
	"context"
	"crypto/x509"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"chop/signer/pades"
	"chop/signer/xades"
	"chop/validation"
)

// asking counts what is asked, and answers as the world does, or not at all.
type asking struct {
	*world
	n       *atomic.Int64
	answers bool
}

func (a asking) Issuers(context.Context, *x509.Certificate) ([][]byte, error) {
	a.n.Add(1)
	return nil, nil
}

func (a asking) Revocation(_ context.Context, cert, issuer *x509.Certificate) (crls, ocsps [][]byte, err error) {
	a.n.Add(1)
	switch {
	case !a.answers:
	case issuer.Equal(a.ca.cert):
		ocsps = [][]byte{a.ocsp(cert, day.Add(time.Second), answer{})}
	default:
		crls = [][]byte{a.arl(day.AddDate(0, 0, -3))}
	}
	return crls, ocsps, nil
}

// A document makes us ask each question once, and so many, however many signatures are in it.
func TestXMLFetchesAreTheDocuments(t *testing.T) {
	w := newWorld(t)
	by := w.signer("Chan Tai Man")
	doc := w.signXML(by, xades.Request{Level: pades.LevelB})
	for range 3 {
		doc = w.signXML(by, xades.Request{Level: pades.LevelB, In: doc})
	}
	many := doc
	for range 40 {
		many = w.signXML(w.signer("Wong Siu Ming"), xades.Request{Level: pades.LevelB, In: many})
	}
	for name, c := range map[string]struct {
		doc     []byte
		answers bool
		asked   int64
	}{
		"four signatures by one":   {doc, true, 2},
		"the same, without answer": {doc, false, 2},
		"by many":                  {many, true, 32},
	} {
		var n atomic.Int64
		v := newValidator(t, validation.Config{Trust: readTrust(w), Fetcher: asking{w, &n, c.answers}})
		r, err := v.Validate(context.Background(), strings.NewReader(string(c.doc)), int64(len(c.doc)), validation.Options{At: day.Add(time.Minute)})
		if err != nil {
			t.Fatal(err)
		}
		if n.Load() != c.asked {
			t.Errorf("%s: %d questions, want %d", name, n.Load(), c.asked)
		}
		if name == "four signatures by one" && !r.Passed() {
			t.Errorf("%s: %s", name, tell(r))
		}
	}
}
