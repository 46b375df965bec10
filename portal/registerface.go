package portal

import (
	"errors"
	"io"
	"net/http"
	"time"

	"chop/registration"
)

// maxFrame bounds a frame of the camera, in bytes.
const maxFrame = 512 << 10

// facePage explains the poses, and has the camera.
func (p *Portal) facePage(w http.ResponseWriter, r *http.Request, v *visit, _ string, c *registration.RemoteCase) error {
	return p.showStep(w, r, v, http.StatusOK, "face", c, view{}, map[string]any{"Poses": registration.Poses, "Hints": registration.FaceHints})
}

// faceAnswer is what the page's script gets.
type faceAnswer struct {
	Pose  string  `json:"pose,omitempty"`
	Nonce string  `json:"nonce,omitempty"`
	Left  float64 `json:"left,omitempty"` // seconds for this pose
	Step  int     `json:"step,omitempty"`
	Of    int     `json:"of,omitempty"`
	Said  string  `json:"said,omitempty"` // why the frame did not count
	Over  bool    `json:"over,omitempty"` // this try is over; another may be begun
	Tries int     `json:"tries"`          // how many are left, when it is over
	Next  string  `json:"next,omitempty"` // go there
}

func (p *Portal) beginFace(w http.ResponseWriter, r *http.Request, v *visit, secret string, _ *registration.RemoteCase) error {
	if _, err := readJSON(r); err != nil {
		return err
	}
	step, err := p.cfg.Remote.BeginFace(r.Context(), secret)
	return p.faceAnswer(w, r, secret, step, err)
}

// takeFrame takes one frame: a JPEG as the body, its nonce in a header, so that neither is in an address.
func (p *Portal) takeFrame(w http.ResponseWriter, r *http.Request, v *visit, secret string, _ *registration.RemoteCase) error {
	if r.Header.Get("Content-Type") != "image/jpeg" {
		return refuse(http.StatusUnsupportedMediaType, "error.request")
	}
	frame, err := io.ReadAll(io.LimitReader(r.Body, maxFrame+1))
	if err != nil {
		return err
	}
	defer clear(frame)
	nonce := r.Header.Get("Frame-Nonce")
	if len(nonce) > 100 {
		nonce = ""
	}
	step, err := p.cfg.Remote.Frame(r.Context(), secret, nonce, frame)
	return p.faceAnswer(w, r, secret, step, err)
}

func (p *Portal) faceAnswer(w http.ResponseWriter, r *http.Request, secret string, s registration.FaceStep, err error) error {
	switch {
	case errors.Is(err, registration.ErrTry):
		c, err := p.cfg.Remote.Remote(r.Context(), secret)
		if err != nil {
			return err
		}
		return writeJSON(w, faceAnswer{Over: true, Tries: c.TriesLeft})
	case errors.Is(err, registration.ErrRefused), errors.Is(err, registration.ErrState), err == nil && s.Passed:
		return writeJSON(w, faceAnswer{Next: "/register"})
	case err != nil:
		return err
	}
	left := s.Deadline.Sub(p.cfg.Now()).Round(100 * time.Millisecond).Seconds()
	return writeJSON(w, faceAnswer{Pose: s.Pose, Nonce: s.Nonce, Left: max(0, left), Step: s.Step, Of: s.Of, Said: s.Said})
}
