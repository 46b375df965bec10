package desk

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"time"

	"chop/registration"
)

// sessionCookie is bound to the host and to https by its name (RFC 6265bis, 4.1.3.2).
const sessionCookie = "__Host-desk"

// An officer's session ends with the shift, or after so long without a page.
const idle = 30 * time.Minute

// pollHeader is on what a page's script asks by itself. That is no use of a session: a desk that nobody sits at must not
// stay signed on because its page waits for a phone.
const pollHeader = "Desk-Poll"

// session is who sits at the desk.
type session struct {
	digest []byte // of the cookie
	caller registration.Caller
}

// startSession gives the browser a session for a shift.
func (d *Desk) startSession(ctx context.Context, w http.ResponseWriter, c registration.Caller, ends time.Time) error {
	token := make([]byte, 32)
	rand.Read(token)
	digest := sha256.Sum256(token)
	if err := insertSession(ctx, d.c.DB, digest[:], c, d.c.Now(), ends); err != nil {
		return err
	}
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Value: base64.RawURLEncoding.EncodeToString(token), Path: "/",
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	return nil
}

// session finds the session of a request of this officer; nil: there is none.
func (d *Desk) session(r *http.Request, officer string) (*session, error) {
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return nil, nil
	}
	token, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil || len(token) != 32 {
		return nil, nil
	}
	digest := sha256.Sum256(token)
	find := useSession
	if r.Header.Get(pollHeader) != "" {
		find = lookAtSession
	}
	caller, err := find(r.Context(), d.c.DB, digest[:], d.c.Now(), d.c.Now().Add(-idle))
	// A session that was carried to another certificate's browser is none.
	if err != nil || caller == nil || caller.Officer() != officer {
		return nil, err
	}
	return &session{digest[:], *caller}, nil
}

// name stands for the session where registration binds something to this desk.
func (s *session) name() string { return base64.RawURLEncoding.EncodeToString(s.digest) }

func (d *Desk) endSession(ctx context.Context, w http.ResponseWriter, s *session) error {
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	return deleteSession(ctx, d.c.DB, s.digest)
}
