package validation_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"chop/validation"
)

// BenchmarkFresh is what the signing service does after each signature: it validates
// a file of 100 KB that was just signed at B-T.
func BenchmarkFresh(b *testing.B) {
	w := newWorld(b)
	by := w.signer("Chan Tai Man")
	doc := w.sign(blank(100<<10), draft{by: by, field: "Signature1", stamp: day})
	o := validation.Options{At: day.Add(time.Second), OCSPs: [][]byte{w.ocsp(by.cert, day, answer{}), w.ocsp(w.tsu.cert, day, answer{})}, CRLs: [][]byte{w.arl(day)}}
	benchmark(b, w, doc, o)
}

func BenchmarkFreshBB(b *testing.B) {
	w := newWorld(b)
	by := w.signer("Chan Tai Man")
	doc := w.sign(blank(100<<10), draft{by: by, field: "Signature1"})
	benchmark(b, w, doc, validation.Options{At: day.Add(time.Second), Revocation: validation.RevocationSoft})
}

func BenchmarkLongTerm(b *testing.B) {
	d := newLongTerm(b)
	b.Run("B-LT", func(b *testing.B) { benchmark(b, d.world, d.lt, validation.Options{At: years(10)}) })
	b.Run("B-LTA", func(b *testing.B) { benchmark(b, d.world, d.lta, validation.Options{At: years(10)}) })
}

func benchmark(b *testing.B, w *world, doc []byte, o validation.Options) {
	v := newValidator(b, validation.Config{Trust: append(o.Trust, w.root.cert)})
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := v.Validate(context.Background(), bytes.NewReader(doc), int64(len(doc)), o)
		if err != nil || !r.Passed() {
			b.Fatalf("%v, %+v", err, r)
		}
	}
}
