// Package nets is the face engine: three small nets, run in Go, whose weights come
// from the npm package @vladmandic/face-api (MIT) at set-up. A detector finds faces,
// a second net 68 points of each, a third describes it by 128 numbers. Their shapes
// are those of that package; the computation is ours, and tested against its own.
//
// No weights are in the repository or the program. The nets were trained by others
// on pictures that we do not know: see docs/face.md for what that means.
package nets

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"

	"chop/registration/face"
)

// Config of an engine.
type Config struct {
	// Weights is the folder of the six files. Empty: the first of Folders that has them.
	Weights string
	// Files are the six files of such a folder, opened (Open): for a process that may not walk to it. Weights is
	// not used then. They may be read again, and stay the caller's.
	Files []*os.File
	// AtOnce is how many pictures are looked at at the same time, each with about 60 MB of memory that is
	// kept, on two processors. 0: one for each two processors.
	AtOnce int
}

// Engine looks at pictures. It implements face.Engine.
type Engine struct {
	detector   detector
	landmarker landmarker
	describer  describer
	runs       chan *run
}

// New loads the nets: 28 MB of memory, some 50 ms. It fails with ErrNoWeights, ErrUnreadable or ErrWeights.
func New(c Config) (*Engine, error) {
	if c.Files == nil {
		opened, err := Open(c.Weights)
		if err != nil {
			return nil, err
		}
		defer closeAll(opened)
		c.Files = opened
	}
	content, err := readWeights(c.Files)
	if err != nil {
		return nil, err
	}
	e := &Engine{}
	for _, net := range []struct {
		name  string
		build func(*weights)
	}{
		{"tiny_face_detector", func(w *weights) { e.detector = newDetector(w) }},
		{"face_landmark_68", func(w *weights) { e.landmarker = newLandmarker(w) }},
		{"face_recognition", func(w *weights) { e.describer = newDescriber(w) }},
	} {
		w, err := decodeNet(content[net.name+"_model-weights_manifest.json"], content[net.name+"_model.bin"])
		if err != nil {
			return nil, fmt.Errorf("net %s: %w", strings.ReplaceAll(net.name, "_", " "), err)
		}
		if net.build(w); w.err != nil {
			return nil, fmt.Errorf("net %s: %w", strings.ReplaceAll(net.name, "_", " "), w.err)
		}
	}
	processors := runtime.GOMAXPROCS(0)
	if c.AtOnce <= 0 {
		c.AtOnce = max(1, processors/2)
	}
	e.runs = make(chan *run, c.AtOnce)
	for range c.AtOnce {
		e.runs <- &run{parts: min(2, processors)}
	}
	return e, nil
}

// second is how large another face may be beside the one that is meant.
const second = 0.5

// Look implements face.Engine.
func (e *Engine) Look(ctx context.Context, p *face.Picture) (face.Face, error) {
	var r *run
	select {
	case r = <-e.runs:
	case <-ctx.Done():
		return face.Face{}, ctx.Err()
	}
	defer func() { r.wipe(); e.runs <- r }()

	boxes := e.detector.run(r, p)
	if len(boxes) == 0 {
		return face.Face{}, face.ErrNoFace
	}
	best := boxes[0]
	for _, b := range boxes {
		if b.box.Size() > best.box.Size() {
			best = b
		}
	}
	for _, b := range boxes {
		if b != best && b.box.Size() > second*best.box.Size() {
			return face.Face{}, face.ErrManyFaces
		}
	}
	if err := ctx.Err(); err != nil {
		return face.Face{}, err
	}
	f := face.Face{Box: best.box, Score: best.score}
	f.Landmarks = e.landmarker.run(r, p, clip(p, f.Box))
	f.Descriptor = e.describer.run(r, p, &f.Landmarks)
	f.Eyes = face.Openness(p, &f.Landmarks)
	return f, nil
}

var _ face.Engine = (*Engine)(nil)
