package signer

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
)

// BenchmarkSignPDF times the whole service but for the HSM and our own validation, on a
// file of 100 KB and on a database that does not wait for the disk.
func BenchmarkSignPDF(b *testing.B) {
	r := newRig(b, nil)
	seal := r.seal(b, "p256", "")
	in := r.document(b, 100<<10)
	var n atomic.Int64
	b.SetParallelism(4)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			out := fmt.Sprintf("out-%d.pdf", n.Add(1))
			if err := r.SignPDF(context.Background(), r.request(seal, in, out)); err != nil {
				b.Error(err)
				return
			}
			if err := os.Remove(filepath.Join(r.folder, out)); err != nil {
				b.Error(err)
			}
		}
	})
}
