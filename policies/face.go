package policies

import "errors"

// Face says when a portrait and a selfie are one person's, and what a liveness
// challenge asks. Distances are Euclidean, between descriptors of 128 numbers.
type Face struct {
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
	// Pass and Refer are distances: below Pass two faces are one person's, below Refer an officer looks, from Refer on they are refused.
	Pass  float64 `yaml:"pass"`
	Refer float64 `yaml:"refer"`
	// LeastSide is the least size of a face, in pixels; LeastPortrait that of the portrait on a photographed card.
	LeastSide     float64 `yaml:"least_side"`
	LeastPortrait float64 `yaml:"least_portrait"`
	// Poses is how many poses a challenge asks after the look into the camera.
	Poses int `yaml:"poses"`
	// Seconds is the time for each frame. Tries is how often a case may try; after them it goes to a counter.
	Seconds int `yaml:"seconds"`
	Tries   int `yaml:"tries"`
	// Facing is the most that a head may be turned to count as facing the camera, Turned the least for a turn, in degrees.
	Facing float64 `yaml:"facing"`
	Turned float64 `yaml:"turned"`
	// Shut is how much of an eye's openness may be left in a blink, as a share of what it was.
	Shut float64 `yaml:"shut"`
}

func (f *Face) resolve() error {
	switch {
	case !(0 < f.Pass && f.Pass < f.Refer && f.Refer < 1):
		return errors.New("want 0 < pass < refer < 1")
	case !(f.LeastSide >= 80 && f.LeastPortrait >= 80):
		return errors.New("least_side and least_portrait are at least 80")
	case f.Poses < 2 || f.Poses > 6 || f.Seconds < 3 || f.Seconds > 60 || f.Tries < 1 || f.Tries > 10:
		return errors.New("want 2 to 6 poses, 3 to 60 seconds, 1 to 10 tries")
	case !(0 < f.Facing && f.Facing < f.Turned && f.Turned < 60):
		return errors.New("want 0 < facing < turned < 60")
	case f.Description == "" || !(0 < f.Shut && f.Shut < 1):
		return errors.New("want a description, and shut between 0 and 1")
	}
	return nil
}

// Face returns the thresholds of a way of comparing faces, for example remote.
func (s *Set) Face(name string) (*Face, error) { return lookup(s.faces, "face policy", name) }
