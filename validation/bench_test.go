package validation_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"chop/signer/pades"
	"chop/signer/xades"
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

// BenchmarkMany is what a file with many signatures, each with its evidence, costs.
func BenchmarkMany(b *testing.B) {
	for _, n := range []int{1, 5, 20, 50} {
		w := newWorld(b)
		by, doc := w.signer("Chan Tai Man"), blank(100<<10)
		for i := range n {
			doc = w.sign(doc, draft{by: by, field: fmt.Sprintf("Signature%d", i), stamp: day})
			at := day.Add(time.Duration(i+1) * time.Second)
			doc = addEvidence(b, doc, [][]byte{by.cert.Raw, w.ca.cert.Raw, w.tsu.cert.Raw},
				[][]byte{w.ocsp(by.cert, at, answer{}), w.ocsp(w.tsu.cert, at, answer{})}, [][]byte{w.arl(at)})
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) { benchmark(b, w, doc, validation.Options{At: years(1)}) })
	}
}

// BenchmarkXML is the work on documents from 100 KB to 100 MB, of entries with pictures, as a register's export looks.
func BenchmarkXML(b *testing.B) {
	for _, size := range []int{100 << 10, 1 << 20, 10 << 20, 100 << 20} {
		w := newWorld(b)
		var in strings.Builder
		picture := strings.Repeat("QmVuY2g0", 512)
		in.WriteString("<register xmlns=\"urn:example:register\">\n")
		for i := 0; in.Len() < size; i++ {
			fmt.Fprintf(&in, "  <entry id=\"e%d\"><mark>ZZ %04d</mark><owner>CHAN, Siu Ming</owner><picture>%s</picture></entry>\n", i, i%10000, picture)
		}
		in.WriteString("</register>")
		doc := w.signXML(w.signer("Chan Tai Man"), xades.Request{In: []byte(in.String()), Level: pades.LevelLT})
		b.Run(fmt.Sprint(size>>10, "KB"), func(b *testing.B) { benchmark(b, w, doc, validation.Options{At: years(1)}) })
	}
}

func benchmark(b *testing.B, w *world, doc []byte, o validation.Options) {
	v := newValidator(b, validation.Config{Trust: append(o.Trust, w.root.cert)})
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	before := processorTime(b)
	for b.Loop() {
		r, err := v.Validate(context.Background(), bytes.NewReader(doc), int64(len(doc)), o)
		if err != nil || !r.Passed() {
			b.Fatalf("%v, %+v", err, r)
		}
	}
	b.ReportMetric((processorTime(b)-before).Seconds()*1000/float64(b.N), "cpu-ms/op") // which others on the machine do not move
}

func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
