// Package facetest gives tests the nets' weights and a few faces. Both come from
// the npm package that scripts/face installs, and are read when a test runs: no
// picture of a person is in the repository, and no test may keep one.
package facetest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"chop/registration/face"
)

// Model is the folder of the weights. A test that finds none is skipped, with CI=true it fails.
func Model(t testing.TB) string { return filepath.Join(installed(t), "model") }

// Sample is the file of one of the package's six sample pictures, 1 to 6: JPEG
// files with EXIF data, most with several faces.
func Sample(t testing.TB, n int) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(installed(t), "demo", fmt.Sprintf("sample%d.jpg", n)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func installed(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the working folder")
		}
	}
	dir = filepath.Join(dir, "registration/face/nets/weights/node_modules/@vladmandic/face-api")
	if _, err := os.Stat(filepath.Join(dir, "model")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%v; hint: make face", err)
		}
		t.Skipf("%v; hint: make face", err)
	}
	return dir
}

// people are faces of the samples that have nobody else near, and where they are.
var people = []struct {
	sample int
	box    face.Box
}{
	{5, face.Box{X: 314, Y: 897, W: 315, H: 311}},
	{2, face.Box{X: 1403, Y: 173, W: 277, H: 264}},
	{6, face.Box{X: 616, Y: 378, W: 295, H: 275}},
	{4, face.Box{X: 625, Y: 98, W: 253, H: 229}},
}

// People is how many persons Person knows.
const People = 4

// Person is a picture of one person, 0 to People-1: head and a little around it.
// The first looks into the camera.
func Person(t testing.TB, n int) *face.Picture {
	t.Helper()
	p, err := face.Decode(Sample(t, people[n].sample))
	if err != nil {
		t.Fatal(err)
	}
	b := people[n].box
	const margin = 0.45
	x0, y0 := max(0, int(b.X-margin*b.W)), max(0, int(b.Y-margin*b.H))
	x1, y1 := min(p.W, int(b.X+(1+margin)*b.W)), min(p.H, int(b.Y+(1+margin)*b.H))
	q := &face.Picture{W: x1 - x0, H: y1 - y0}
	for y := y0; y < y1; y++ {
		q.Pix = append(q.Pix, p.Pix[3*(y*p.W+x0):3*(y*p.W+x1)]...)
	}
	return q
}
