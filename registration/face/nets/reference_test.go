package nets

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"chop/registration/face"
	"chop/registration/face/facetest"
)

// reference is what the npm package itself computed (1.7.15, TensorFlow.js on its
// pure JavaScript backend), of the sample pictures in it:
// boxes by its whole way from pixels to detections; landmarks and descriptor by its nets alone, of what fit gives of the first box.
type reference struct {
	Sample     int
	Boxes      [][4]float64
	Landmarks  []float64
	Descriptor []float64
}

func TestReference(t *testing.T) {
	t.Parallel()
	e := testEngine(t)
	b, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []reference
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != 6 {
		t.Fatalf("%d references", len(all))
	}
	r := <-e.runs
	defer func() { e.runs <- r }()
	for _, want := range all {
		p, err := face.Decode(facetest.Sample(t, want.Sample))
		if err != nil {
			t.Fatal(err)
		}
		boxes := e.detector.run(r, p)
		if len(boxes) != len(want.Boxes) {
			t.Errorf("sample %d: %d faces, want %d", want.Sample, len(boxes), len(want.Boxes))
			continue
		}
		for _, w := range want.Boxes {
			box := face.Box{X: w[0], Y: w[1], W: w[2], H: w[3]}
			best := 0.0
			for _, b := range boxes {
				best = max(best, overlap(b.box, box))
			}
			// Its way of making a picture smaller is another, so that its boxes are not quite ours.
			if best < 0.8 {
				t.Errorf("sample %d: no face at %.0f, best overlap %.2f: %.0f", want.Sample, box, best, boxes)
			}
		}
		if want.Landmarks == nil {
			continue
		}
		a := clip(p, boxes[0].box)
		r.reset()
		near(t, "landmarks", e.landmarker.output(r, fit(r, p, a, a.long(), landmarkSide, true, means[1])).v, want.Landmarks)
		points := e.landmarker.run(r, p, a)
		descriptor := e.describer.run(r, p, &points)
		near(t, "descriptor", descriptor[:], want.Descriptor)
	}
}

func near(t *testing.T, what string, got []float32, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i := range got {
		if d := math.Abs(float64(got[i]) - want[i]); !(d < 1e-4) {
			t.Fatalf("%s %d: %v, want %v", what, i, got[i], want[i])
		}
	}
}

func testEngine(t testing.TB) *Engine {
	t.Helper()
	e, err := New(Config{Weights: facetest.Model(t)})
	if err != nil {
		t.Fatal(err)
	}
	return e
}
