//go:build browser

package browser

import (
	"bytes"
	"image"
	"image/jpeg"
	"testing"

	"chop/policies"
	"chop/registration/face"
)

// What the camera shows of a pose is that pose for the engine, with room to spare, in every frame and at each size in
// which pages send it; and it is no other pose. So a refusal in TestRegistration is never the film's.
func TestFilms(t *testing.T) {
	engine := newEngine(t)
	set, err := policies.Load()
	if err != nil {
		t.Fatal(err)
	}
	policy, err := set.Face("remote")
	if err != nil {
		t.Fatal(err)
	}
	made := poses(t, engine)
	var front *face.Face
	for _, name := range []string{"front", "left", "right", "blink"} {
		for n := range filmFrames {
			seen := sent(t, frame(made[name], n))
			f, err := engine.Look(t.Context(), seen)
			if err != nil {
				t.Errorf("%s %d: %v", name, n, err)
				continue
			}
			if front == nil {
				front = &f
			}
			side := min(f.Box.W, f.Box.H)
			yaw, eyes, distance := f.Pose().Yaw-front.Pose().Yaw, (f.Eyes[0]+f.Eyes[1])/(front.Eyes[0]+front.Eyes[1]), f.Descriptor.Distance(&front.Descriptor)
			t.Logf("%-5s %d: face %3.0f pixels, turned %5.1f°, eyes %3.0f %%, distance %.2f", name, n, side, yaw, 100*eyes, distance)
			// A fifth of each limit is the room.
			ok := side >= 1.2*policy.LeastSide && distance <= 0.8*policy.Refer
			switch name {
			case "front":
				ok = ok && within(f.Pose().Yaw, 0.8*policy.Facing) && within(f.Pose().Pitch, 1.6*policy.Facing) && within(yaw, 0.8*policy.Turned) && eyes > 1.2*policy.Shut
			case "left":
				ok = ok && yaw >= 1.2*policy.Turned
			case "right":
				ok = ok && yaw <= -1.2*policy.Turned
			case "blink":
				ok = ok && within(yaw, 0.8*policy.Facing) && eyes <= 0.8*policy.Shut
			}
			if !ok {
				t.Errorf("%s %d is too near to a limit", name, n)
			}
		}
	}
}

func within(x, limit float64) bool { return x >= -limit && x <= limit }

// sent is a frame as a page sends it: 960 pixels long, JPEG of 85.
func sent(t *testing.T, m *image.RGBA) *face.Picture {
	t.Helper()
	small := image.NewRGBA(image.Rect(0, 0, 960, 720))
	for y := range 720 {
		for x := range 960 {
			small.Set(x, y, m.At(x*filmW/960, y*filmH/720))
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, small, &jpeg.Options{Quality: 85}); err != nil {
		t.Fatal(err)
	}
	p, err := face.Decode(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return p
}
