package page

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/go-chi/chi/v5"

	"chop/internal/web"
	"chop/registration"
	"chop/registration/kiosk"
)

// maxFrame bounds a frame of the camera, in bytes.
const maxFrame = 512 << 10

// maxForm bounds a form.
const maxForm = 4 << 10

// Routes serves the page:
//
//	GET  /              where the session is; looking at it anew is a touch
//	GET  /state         the same as a word, for the page's script; no touch. With what the page shows (page, lang) it is
//	                    answered when that is another, or after a second
//	POST /language  /touch  /end
//	POST /continue      the data are mine: opens the case
//	POST /face/begin  /face/frame
//	POST /code          shows the code for the phone
//	POST /number        whether the phone shows the same one
func (s *Site) Routes(router chi.Router) {
	router.Group(func(r chi.Router) {
		r.Use(web.Recover, s.headers, http.NewCrossOriginProtection().Handler)
		for path, h := range map[string]func(*request) error{"/": (*request).look, "/state": (*request).state} {
			r.Method(http.MethodGet, path, s.known(maxForm, h))
		}
		for path, h := range map[string]func(*request) error{
			"/language": (*request).language, "/touch": (*request).touch, "/end": (*request).end, "/continue": (*request).goOn,
			"/face/begin": (*request).beginFace, "/code": (*request).code, "/number": (*request).number,
		} {
			r.Method(http.MethodPost, path, s.known(maxForm, h))
		}
		r.Method(http.MethodPost, "/face/frame", s.known(maxFrame+1, (*request).frame))
	})
}

func (s *Site) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", s.inline.policy)
		h.Set("Strict-Transport-Security", "max-age=31536000")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(self), microphone=(), geolocation=(), publickey-credentials-get=(), publickey-credentials-create=()")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// request is one request of a kiosk's browser.
type request struct {
	*http.Request
	w     http.ResponseWriter
	site  *Site
	kiosk kiosk.Kiosk
	lang  string
	spoke spoken
}

// known lets in kiosks. A session that has moved meanwhile is no failure: the page shows where it is.
func (s *Site) known(most int64, h func(*request) error) http.Handler {
	return web.Handler(func(w http.ResponseWriter, r *http.Request) error {
		k, err := s.cfg.Identify(r)
		if errors.Is(err, kiosk.ErrStranger) {
			return web.Error(http.StatusForbidden, "This address is for kiosks.", err)
		}
		if err != nil {
			return err
		}
		r.Body = http.MaxBytesReader(w, r.Body, most)
		q := &request{r, w, s, k, usual, spokenBy(r)}
		if q.spoke.language != "" {
			q.lang = q.spoke.language
		}
		err = h(q)
		if errors.Is(err, kiosk.ErrState) || errors.Is(err, kiosk.ErrNoSession) || errors.Is(err, registration.ErrState) {
			return q.back()
		}
		if err == nil {
			return nil
		}
		s.cfg.Log.Error("the kiosk's page failed", "kiosk", k.ID, "err", err)
		return q.show(http.StatusInternalServerError, &shown{page: "no-failed"}, nil, "")
	})
}

func (q *request) json(v any) error {
	q.w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(q.w).Encode(v)
}

func (q *request) look() error {
	v, err := q.site.now(q.Context(), q.kiosk)
	if err != nil {
		return err
	}
	if v.session != nil {
		after, err := q.site.cfg.Book.Touch(q.Context(), q.kiosk, v.session.ID)
		if err == nil {
			v.session = after
		} else if !errors.Is(err, kiosk.ErrState) && !errors.Is(err, kiosk.ErrNoSession) {
			return err
		}
	}
	return q.show(http.StatusOK, v, nil, "")
}

func (q *request) language() error {
	if l := q.PostFormValue("language"); slices.Contains(languages, l) {
		q.speak(spoken{language: l})
	}
	return q.back()
}

// current is the session, and its case if there is one. kiosk.ErrState without.
func (q *request) current() (*shown, error) {
	v, err := q.site.now(q.Context(), q.kiosk)
	if err == nil && v.session == nil {
		err = kiosk.ErrState
	}
	return v, err
}

// touch is somebody's hand on the screen. Before a card is in, it keeps the language alone.
func (q *request) touch() error {
	q.speak(q.spoke)
	v, err := q.current()
	if err != nil {
		return err
	}
	_, err = q.site.cfg.Book.Touch(q.Context(), q.kiosk, v.session.ID)
	if err == nil {
		q.w.WriteHeader(http.StatusNoContent)
	}
	return err
}

// end is "start over", and "done". The next person chooses a language anew.
func (q *request) end() error {
	q.speak(spoken{})
	v, err := q.current()
	if err != nil {
		return err
	}
	if err := q.site.cfg.Book.End(q.Context(), q.kiosk, v.session.ID); err != nil {
		return err
	}
	return q.back()
}

// goOn opens the case. A person who goes no further here is told why, and the card's data are gone.
func (q *request) goOn() error {
	v, err := q.current()
	if err != nil {
		return err
	}
	if !q.site.cfg.Registry.Presence() {
		return kiosk.ErrState
	}
	_, err = q.site.cfg.Book.OpenCase(q.Context(), q.kiosk, v.session.ID, registration.Contact{Language: q.lang})
	for _, no := range []struct {
		err  error
		page string
	}{{registration.ErrRegistered, "no-registered"}, {registration.ErrRefused, "no-too-young"}} {
		if errors.Is(err, no.err) {
			if err := q.site.cfg.Book.End(q.Context(), q.kiosk, v.session.ID); err != nil {
				return err
			}
			return q.show(http.StatusConflict, &shown{page: no.page}, nil, "")
		}
	}
	if err != nil {
		return err
	}
	return q.back()
}

// code shows the QR code: it is in this answer only.
func (q *request) code() error {
	v, err := q.current()
	if err != nil {
		return err
	}
	offer, err := q.site.cfg.Registry.OfferBinding(q.Context(), caller(q.kiosk), v.session.ID, v.session.ID)
	if errors.Is(err, registration.ErrTooMany) {
		return q.show(http.StatusTooManyRequests, &shown{page: "no-busy"}, nil, "")
	}
	if err != nil {
		return err
	}
	if v.session, err = q.site.cfg.Book.Touch(q.Context(), q.kiosk, v.session.ID); err != nil {
		return err
	}
	v.page = pageCode
	return q.show(http.StatusOK, v, offer, "")
}

// number is the person's word whether both show the same one. "No" is answered as a number that differs: the scan is void.
func (q *request) number() error {
	v, err := q.current()
	if err != nil {
		return err
	}
	said := q.PostFormValue("number")
	if q.PostFormValue("same") != "yes" {
		said = ""
	}
	_, err = q.site.cfg.Registry.ConfirmNumber(q.Context(), caller(q.kiosk), v.session.ID, v.session.ID, said)
	switch {
	case errors.Is(err, registration.ErrNumber):
		v.page = pageCode
		return q.show(http.StatusConflict, v, nil, "number-void")
	case errors.Is(err, registration.ErrTooMany):
		return q.show(http.StatusTooManyRequests, &shown{page: "no-busy"}, nil, "")
	case err != nil:
		return err
	}
	return q.back()
}

// faceAnswer is what the camera's script gets.
type faceAnswer struct {
	Pose  string  `json:"pose,omitempty"`
	Nonce string  `json:"nonce,omitempty"`
	Left  float64 `json:"left,omitempty"` // seconds for this pose
	Step  int     `json:"step,omitempty"`
	Of    int     `json:"of,omitempty"`
	Said  string  `json:"said,omitempty"` // why the frame did not count
	Over  string  `json:"over,omitempty"` // this try is over: try, immigration
	Tries int     `json:"tries"`          // how many are left, when it is over
	Next  bool    `json:"next,omitempty"` // look at the page anew
}

func (q *request) beginFace() error {
	v, err := q.current()
	if err != nil {
		return err
	}
	step, err := q.site.cfg.Registry.BeginPresence(q.Context(), caller(q.kiosk), v.session.ID)
	return q.faceAnswer(v.session.ID, step, err)
}

// frame takes one frame: a JPEG as the body, its nonce in a header. It counts as a touch: somebody is there.
func (q *request) frame() error {
	v, err := q.current()
	if err != nil {
		return err
	}
	frame, err := io.ReadAll(q.Body)
	if err != nil {
		return web.Error(http.StatusRequestEntityTooLarge, "The picture is too large.", err)
	}
	defer clear(frame)
	if _, err := q.site.cfg.Book.Touch(q.Context(), q.kiosk, v.session.ID); err != nil {
		return err
	}
	q.speak(q.spoke)
	nonce := q.Header.Get("Frame-Nonce")
	if len(nonce) > 100 {
		nonce = ""
	}
	step, err := q.site.cfg.Registry.PresenceFrame(q.Context(), caller(q.kiosk), v.session.ID, nonce, frame)
	return q.faceAnswer(v.session.ID, step, err)
}

func (q *request) faceAnswer(id string, s registration.FaceStep, err error) error {
	switch {
	case errors.Is(err, registration.ErrTry), errors.Is(err, registration.ErrPicture):
		return q.tryOver(id, "try")
	case errors.Is(err, registration.ErrImmigration):
		return q.tryOver(id, "immigration")
	case errors.Is(err, registration.ErrRefused), errors.Is(err, registration.ErrState), err == nil && s.Passed:
		return q.json(faceAnswer{Next: true})
	case err != nil:
		return err
	}
	left := s.Deadline.Sub(q.site.cfg.Now()).Round(100 * time.Millisecond).Seconds()
	return q.json(faceAnswer{Pose: s.Pose, Nonce: s.Nonce, Left: max(0, left), Step: s.Step, Of: s.Of, Said: s.Said})
}

// tryOver says how many tries are left. Without one the case ends here, and the page says what to do; nobody is told to try again.
func (q *request) tryOver(id, why string) error {
	left, err := q.site.cfg.Registry.PresenceTries(q.Context(), caller(q.kiosk), id)
	if err != nil {
		return err
	}
	if left > 0 {
		return q.json(faceAnswer{Over: why, Tries: left})
	}
	_, err = q.site.cfg.Registry.BeginPresence(q.Context(), caller(q.kiosk), id)
	return q.faceAnswer(id, registration.FaceStep{}, err)
}
