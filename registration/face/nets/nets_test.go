package nets

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"chop/registration/face"
	"chop/registration/face/facetest"
)

// One person is known again under other light, smaller, and with the head turned;
// no other person is.
func TestLook(t *testing.T) {
	t.Parallel()
	e := testEngine(t)
	var seen [facetest.People]face.Face
	for n := range seen {
		p := facetest.Person(t, n)
		f := look(t, e, p)
		seen[n] = f
		small, err := p.JPEG(300)
		if err != nil {
			t.Fatal(err)
		}
		smaller, err := face.Decode(small)
		if err != nil {
			t.Fatal(err)
		}
		for name, q := range map[string]*face.Picture{
			"brighter": facetest.Brighter(p, 1.3), "darker": facetest.Brighter(p, 0.5), "smaller": smaller,
		} {
			g := look(t, e, q)
			if d := f.Descriptor.Distance(&g.Descriptor); d > 0.3 {
				t.Errorf("person %d, %s: distance %.2f", n, name, d)
			}
		}
		for m := range n {
			if d := f.Descriptor.Distance(&seen[m].Descriptor); d < 0.45 {
				t.Errorf("persons %d and %d: distance %.2f", n, m, d)
			}
		}
	}
	p := facetest.Person(t, 0)
	for _, by := range []float64{-1, -0.7, 0.7, 1} {
		f := look(t, e, facetest.Turn(p, &seen[0], by))
		if turned := f.Pose().Yaw - seen[0].Pose().Yaw; turned*by < 15*by*by {
			t.Errorf("turned by %.1f: yaw changed by %.1f°", by, turned)
		}
		if d := f.Descriptor.Distance(&seen[0].Descriptor); d >= 0.45 {
			t.Errorf("turned by %.1f: distance %.2f", by, d)
		}
	}
	shut := look(t, e, facetest.Blink(p, &seen[0]))
	if open, shut := seen[0].Eyes[0]+seen[0].Eyes[1], shut.Eyes[0]+shut.Eyes[1]; shut > open/2 {
		t.Errorf("eyes %.2f open, %.2f shut", open, shut)
	}
}

func look(t *testing.T, e *Engine, p *face.Picture) face.Face {
	t.Helper()
	f, err := e.Look(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestLookRefuses(t *testing.T) {
	t.Parallel()
	e := testEngine(t)
	many, err := face.Decode(facetest.Sample(t, 6))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Look(context.Background(), many); !errors.Is(err, face.ErrManyFaces) {
		t.Errorf("several people: %v", err)
	}
	for _, c := range []struct{ w, h int }{{1, 1}, {1, 2000}, {2000, 1}, {640, 480}} {
		if _, err := e.Look(context.Background(), &face.Picture{W: c.w, H: c.h, Pix: make([]byte, 3*c.w*c.h)}); !errors.Is(err, face.ErrNoFace) {
			t.Errorf("black %d×%d: %v", c.w, c.h, err)
		}
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := e.Look(ended, facetest.Person(t, 0)); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: %v", err)
	}
}

// Pictures looked at beside each other give what they give alone, and leave nothing in the engine's memory.
func TestLookTogether(t *testing.T) {
	t.Parallel()
	e, err := New(Config{Weights: facetest.Model(t), AtOnce: 2})
	if err != nil {
		t.Fatal(err)
	}
	pictures := []*face.Picture{facetest.Person(t, 0), facetest.Person(t, 2)}
	alone := []face.Face{look(t, e, pictures[0]), look(t, e, pictures[1])}
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			if f, err := e.Look(context.Background(), pictures[i%2]); err != nil || f != alone[i%2] {
				t.Errorf("picture %d: another face, or %v", i%2, err)
			}
		})
	}
	wg.Wait()
	for range 2 {
		r := <-e.runs
		for i, v := range r.slab {
			if v != 0 {
				t.Fatalf("number %d of %d is left: %v", i, len(r.slab), v)
			}
		}
	}
}

func TestWeightsRefused(t *testing.T) {
	t.Parallel()
	model := facetest.Model(t)
	if _, err := New(Config{Weights: t.TempDir()}); !errors.Is(err, ErrNoWeights) {
		t.Errorf("empty folder: %v", err)
	}
	if _, err := Find(); !errors.Is(err, ErrNoWeights) {
		t.Errorf("beside a test's program: %v", err)
	}
	// What is closed to us is not the same as what is not there. (Root may read everything; a link that leads to itself is
	// read by nobody.)
	beside := Folders()[0]
	if err := os.MkdirAll(beside, 0o700); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(filepath.Dir(beside))
	if err := os.Symlink(Files()[0], filepath.Join(beside, Files()[0])); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(); !errors.Is(err, ErrUnreadable) {
		t.Errorf("found, and closed: %v", err)
	}
	for _, dir := range []string{"", beside} {
		if _, err := New(Config{Weights: dir}); !errors.Is(err, ErrUnreadable) {
			t.Errorf("closed, %q: %v", dir, err)
		}
	}
	opened, err := Open(model)
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(opened)
	for range 2 { // by one process after the other
		if _, err := New(Config{Files: opened}); err != nil {
			t.Errorf("handed over: %v", err)
		}
	}
	if _, err := New(Config{Files: opened[1:]}); !errors.Is(err, ErrWeights) {
		t.Errorf("five files: %v", err)
	}
	for _, changed := range Files() {
		dir := t.TempDir()
		for _, name := range Files() {
			b, err := os.ReadFile(filepath.Join(model, name))
			if err != nil {
				t.Fatal(err)
			}
			if name == changed {
				b[len(b)/2] ^= 1
			}
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := New(Config{Weights: dir}); !errors.Is(err, ErrWeights) {
			t.Errorf("%s changed by a bit: %v", changed, err)
		}
	}
}

// A net's numbers are refused where names, shapes or sizes are not what they should be.
func TestDecodeNet(t *testing.T) {
	t.Parallel()
	entry := func(shape, rest string) string {
		return fmt.Sprintf(`[{"weights":[{"name":"a","shape":%s,"dtype":"float32"%s}]}]`, shape, rest)
	}
	const quantised = `,"quantization":{"dtype":"uint8","scale":0.5,"min":-1}`
	w, err := decodeNet([]byte(entry("[2,2]", quantised)), []byte{0, 1, 2, 255})
	if err != nil || fmt.Sprint(w.get("a", 2).v) != "[-1 -0.5 0 126.5]" {
		t.Fatalf("%v, %v", w, err)
	}
	if w.get("b", 2); !errors.Is(w.err, ErrWeights) {
		t.Errorf("a name that is missing: %v", w.err)
	}
	for name, c := range map[string]struct{ manifest, data string }{
		"no JSON":        {"{", ""},
		"too few bytes":  {entry("[2,2]", quantised), "abc"},
		"too many":       {entry("[2,2]", quantised), "abcde"},
		"floats too few": {entry("[2]", ""), "abcdefg"},
		"negative":       {entry("[-1,-4]", quantised), "abcd"},
		"huge":           {entry("[65536,65536,65536,65536]", quantised), "abcd"},
		"another type":   {entry("[4]", `,"quantization":{"dtype":"uint16"}`), "abcd"},
	} {
		if _, err := decodeNet([]byte(c.manifest), []byte(c.data)); !errors.Is(err, ErrWeights) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func BenchmarkLook(b *testing.B) {
	e := testEngine(b)
	p := facetest.Person(b, 0)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Look(context.Background(), p); err != nil {
			b.Fatal(err)
		}
	}
}
