package validation_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"sync"
	"testing"
	"time"

	"chop/policies"
	"chop/signer/cades"
	"chop/signer/pades"
	"chop/validation"
)

const note = "Chan Tai Man owes 100 dollars\n"

// signCMS signs with our own signer, and SHA-256 unless r has an identity.
func (w *world) signCMS(by *person, r cades.Request) []byte {
	w.t.Helper()
	w.completeCMS(by, &r)
	d, err := cades.Prepare(r)
	return w.finishCMS(by, r, d, err)
}

func (w *world) counterSign(by *person, on []byte, target string, level pades.Level) []byte {
	w.t.Helper()
	r := cades.Request{Beside: on, Level: level}
	w.completeCMS(by, &r)
	r.In = nil
	d, err := cades.PrepareCounter(r, target)
	return w.finishCMS(by, r, d, err)
}

func (w *world) completeCMS(by *person, r *cades.Request) {
	if r.Identity == nil {
		r.Identity = w.identity(by, "", crypto.SHA256)
	}
	n := notary{w, w.tsu, day}
	r.Timestamper, r.Evidence, r.Time = n, n, day
	if r.In == nil {
		r.In = []byte(note)
	}
	if r.Level == "" {
		r.Level = pades.LevelB
	}
}

func (w *world) finishCMS(by *person, r cades.Request, d *cades.Document, err error) []byte {
	w.t.Helper()
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

func (w *world) extendCMS(doc []byte, h crypto.Hash, unit *person, at time.Time) []byte {
	w.t.Helper()
	n := notary{w, unit, at}
	out, _, err := cades.Extend(context.Background(), cades.ExtendRequest{In: doc, Level: pades.LevelLTA, Hash: h, Timestamper: n, Evidence: n})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// offline is a validator for every world: the anchors are the options'.
var offline = sync.OnceValues(func() (*validation.Validator, error) {
	set, err := policies.Load()
	if err != nil {
		return nil, err
	}
	suite, err := set.Suite("default")
	if err != nil {
		return nil, err
	}
	return validation.New(validation.Config{Suite: suite})
})

// tryValidate validates offline as validateXML does, whatever comes of it.
func (w *world) tryValidate(t testing.TB, doc []byte, o validation.Options) (*validation.Report, error) {
	t.Helper()
	if o.Revocation == "" {
		o.Revocation = validation.RevocationNone
	}
	if o.At.IsZero() {
		o.At = day.Add(time.Minute)
	}
	o.Trust = []*x509.Certificate{w.root.cert}
	v, err := offline()
	if err != nil {
		t.Fatal(err)
	}
	return v.Validate(context.Background(), bytes.NewReader(doc), int64(len(doc)), o)
}

func detached(content string) []validation.File {
	return []validation.File{{Name: "note.txt", Content: []byte(content)}}
}
