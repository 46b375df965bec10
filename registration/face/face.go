// Package face compares the portrait on an identity card with a selfie: what is
// seen of a face in one picture, whether two are one person's, and how the head
// is turned. It holds the types and the rules; the numbers come from an Engine
// (face/nets is the one there is).
//
// It is not an evaluated engine, and no presentation attack detection in the
// sense of ISO/IEC 30107: see docs/face.md. It opens Lite accounts only, beside the
// Immigration Department's answer, and never decides for a signature.
//
// It keeps nothing: no picture, landmark or descriptor leaves it but in its
// answers, and none of its errors says what a picture showed.
package face

import (
	"context"
	"errors"
	"math"
)

var (
	// ErrPicture is for bytes that are no JPEG or PNG within the limits.
	ErrPicture = errors.New("the picture cannot be used")
	// ErrNoFace is for a picture without a face, ErrManyFaces for one with a second that is not much smaller.
	ErrNoFace    = errors.New("no face in the picture")
	ErrManyFaces = errors.New("more than one face in the picture")
	// ErrSmall is for a face with fewer pixels than the policy wants.
	ErrSmall = errors.New("the face is too small in the picture")
)

// An Engine sees a face. It is safe for concurrent use, and bounds by itself how
// much it does at once: Look waits for its turn, or for ctx.
type Engine interface {
	// Look returns the one face of a picture, or ErrNoFace, ErrManyFaces.
	Look(ctx context.Context, p *Picture) (Face, error)
}

// Point is a place in a picture, in pixels from its upper left corner.
type Point struct{ X, Y float64 }

// Box is a part of a picture, in pixels.
type Box struct{ X, Y, W, H float64 }

// Size is the smaller side of a box.
func (b Box) Size() float64 { return min(b.W, b.H) }

// Descriptor is what is like in pictures of one person and unlike in those of two.
// It is biometric data: it is never stored, logged or sent.
type Descriptor [128]float32

// Distance is the Euclidean distance of two descriptors.
func (d *Descriptor) Distance(other *Descriptor) float64 {
	var sum float64
	for i := range d {
		x := float64(d[i]) - float64(other[i])
		sum += x * x
	}
	return math.Sqrt(sum)
}

// Face is what was seen of a face.
type Face struct {
	Box   Box     // around the face
	Score float64 // how sure the detector was, 0 to 1
	// Landmarks are the 68 points of the iBUG 300-W scheme: jaw 0–16, brows 17–26, nose 27–35, eyes 36–47, mouth 48–67.
	Landmarks  [68]Point
	Descriptor Descriptor
	// Eyes is how open the eyes are, left in the picture first: see Openness.
	Eyes [2]float64
}
