package pades

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"testing"
)

// memory is an Output that is reused, so that the benchmark times our own work.
type memory struct {
	b []byte
}

func (m *memory) Write(p []byte) (int, error)              { m.b = append(m.b, p...); return len(p), nil }
func (m *memory) WriteAt(p []byte, off int64) (int, error) { return copy(m.b[off:], p), nil }
func (m *memory) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(m.b).ReadAt(p, off)
}

// BenchmarkSign times Prepare, a software key, and Finish on a file of 100 KB.
func BenchmarkSign(b *testing.B) {
	for _, shape := range []string{"table", "stream"} {
		in := bigFile(100 << 10)
		if shape == "stream" {
			in = byQPDF(b, in, "--object-streams=generate", "--compress-streams=n")
		}
		for _, level := range []Level{LevelB, LevelT, LevelLT, LevelLTA} {
			b.Run(fmt.Sprintf("%s/%s", shape, level), func(b *testing.B) {
				w := newWorld(b)
				s := w.ecSigner("Bench")
				out := &memory{b: make([]byte, 0, 1<<20)}
				ctx := context.Background()
				b.ReportAllocs()
				for b.Loop() {
					out.b = out.b[:0]
					doc, err := Prepare(ctx, w.request(in, out, s, level))
					if err != nil {
						b.Fatal(err)
					}
					_, dtbsr := doc.DTBSR()
					sig, err := s.sign(dtbsr)
					if err != nil {
						b.Fatal(err)
					}
					if err := doc.Finish(ctx, sig); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// Memory does not grow with the file: what 32 MB take is what 1 MB takes.
func TestMemoryIsConstant(t *testing.T) {
	w := newWorld(t)
	s := w.ecSigner("Large")
	allocated := func(size int) uint64 {
		path := saved(t, bigFile(size))
		in, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		info, err := in.Stat()
		if err != nil {
			t.Fatal(err)
		}
		req := w.request(nil, tempOutput(t), s, LevelLTA)
		req.In, req.Size = in, info.Size()
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		doc, err := Prepare(context.Background(), req)
		if err != nil {
			t.Fatal(err)
		}
		_, dtbsr := doc.DTBSR()
		sig, err := s.sign(dtbsr)
		if err != nil {
			t.Fatal(err)
		}
		if err := doc.Finish(context.Background(), sig); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	allocated(1 << 20)
	small, large := allocated(1<<20), allocated(32<<20)
	if large > small+1<<20 {
		t.Errorf("%d bytes were allocated for 1 MB, %d for 32 MB", small, large)
	}
}
