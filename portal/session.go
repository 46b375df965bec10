package portal

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/alexedwards/scs/pgxstore"
	"github.com/alexedwards/scs/v2"

	"chop/internal/postgres"
	"chop/registration"
)

// How long a session lasts: without a request, and at all.
const (
	idle     = 30 * time.Minute
	lifetime = 12 * time.Hour
)

// Keys of a session. None of them is a secret that is good anywhere else.
const (
	keyAccount  = "account"
	keySince    = "since"  // Unix time in microseconds of the sign-in
	keyLinked   = "linked" // signed in by a phone's confirmation: asks for approvals, never gives one
	keyNext     = "next"   // where to go after sign-in
	keyCeremony = "ceremony"
	keyLink     = "link"  // the QR code that this computer shows
	keyPhone    = "phone" // names this browser to a link that it scanned
)

func (p *Portal) newSessions() *scs.SessionManager {
	s := scs.New()
	// A copy of the table opens no session.
	s.HashTokenInStore = true
	s.Store = pgxstore.NewWithCleanupInterval(p.cfg.DB.Pool, 0) // Run cleans up
	s.IdleTimeout, s.Lifetime = idle, lifetime
	c := p.cookie("chop", "", 0)
	s.Cookie.Name, s.Cookie.Secure = c.Name, p.secure
	s.Cookie.SameSite, s.Cookie.HttpOnly = c.SameSite, true
	s.Cookie.Persist = false
	s.ErrorFunc = func(w http.ResponseWriter, r *http.Request, err error) {
		p.fail(w, r, &visit{Lang: p.words.choose(r)}, err)
	}
	return s
}

// Sessions ends residents' sessions on the portal; registration calls it.
type Sessions struct {
	store *store
	now   func() time.Time
}

// NewSessions is for registration's Config, which is needed before the portal's. now is
// the clock by which people sign in; nil means time.Now.
func NewSessions(db *postgres.DB, now func() time.Time) *Sessions {
	if now == nil {
		now = time.Now
	}
	return &Sessions{&store{db: db}, now}
}

// EndSessions voids all sessions of an account that are signed in now, and may be repeated.
func (s *Sessions) EndSessions(ctx context.Context, account string) error {
	return s.store.signOutAll(ctx, account, s.now())
}

// visit is what a page knows of who looks at it.
type visit struct {
	Lang    *tongue
	Account *registration.Account // nil: nobody is signed in
	Linked  bool
	Unread  int
	// Query is the address's own, for the language switch of a page without a form.
	Query string
	// kept is what was typed, when the language is changed in the middle of a form.
	kept url.Values
	// ended says why there is a session no more, in sign-in's words: expired, suspended or closed. Empty: there was none.
	ended string
}

// handler is a page's.
type handler func(w http.ResponseWriter, r *http.Request, v *visit) error

// page makes a handler of a page that anybody may see.
func (p *Portal) page(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &visit{Lang: p.words.choose(r)}
		if tag := r.URL.Query().Get("lang"); tag != "" && r.Method == http.MethodGet {
			p.switchLanguage(w, r, tag)
			return
		}
		err := p.recognize(r, v)
		if err == nil {
			err = h(w, r, v)
		}
		if err != nil {
			p.fail(w, r, v, err)
		}
	})
}

// resident makes a handler of a page for who is signed in; others sign in first and
// come back to it.
func (p *Portal) resident(h handler) http.Handler {
	return p.page(func(w http.ResponseWriter, r *http.Request, v *visit) error {
		if v.Account != nil {
			return h(w, r, v)
		}
		if strings.Contains(r.Header.Get("Accept"), "application/json") {
			return refuse(http.StatusUnauthorized, "error.expired")
		}
		if r.Method == http.MethodGet {
			p.sessions.Put(r.Context(), keyNext, r.URL.Path)
		}
		to := "/sign-in"
		why := v.ended
		if why == "" && (r.Method != http.MethodGet || p.cookieValue(r, "chop") != "") {
			why = "expired"
		}
		if why != "" {
			to += "?why=" + why
		}
		return redirect(w, r, to)
	})
}

// recognize finds who is signed in, and whether they still may be. It is asked at every
// request: a suspension ends at once what the person, or a thief, was doing.
func (p *Portal) recognize(r *http.Request, v *visit) error {
	ctx := r.Context()
	id := p.sessions.GetString(ctx, keyAccount)
	if id == "" {
		return nil
	}
	ended, err := p.store.signedOutAt(ctx, id)
	if err != nil {
		return err
	}
	account, err := p.cfg.Accounts.Account(ctx, registration.Resident(id), id)
	gone := errors.Is(err, registration.ErrNoAccount)
	if err != nil && !gone {
		return err
	}
	since := time.UnixMicro(p.sessions.GetInt64(ctx, keySince))
	if gone || account.State != registration.Active || !since.After(ended) {
		v.ended = "expired"
		if !gone && account.State == registration.Suspended {
			v.ended = "suspended"
		}
		if !gone && account.State == registration.Closed {
			v.ended = "closed"
		}
		return p.sessions.Destroy(ctx)
	}
	v.Account, v.Linked = account, p.sessions.GetBool(ctx, keyLinked)
	v.Unread, err = p.cfg.Notices.Unread(ctx, id)
	return err
}

// enter signs an account in: a new token, so that one that was fixed before is worth nothing.
func (p *Portal) enter(w http.ResponseWriter, r *http.Request, account *registration.Account, linked bool) (next string, err error) {
	ctx := r.Context()
	next = p.sessions.PopString(ctx, keyNext)
	if err := p.sessions.RenewToken(ctx); err != nil {
		return "", err
	}
	p.sessions.Put(ctx, keyAccount, account.ID)
	p.sessions.Put(ctx, keySince, p.cfg.Now().UnixMicro())
	p.sessions.Put(ctx, keyLinked, linked)
	if _, err := r.Cookie(languageCookie); err != nil && tongueOf(account.Language) != nil {
		p.keepLanguage(w, account.Language)
	}
	if !local(next) {
		next = "/account"
	}
	return next, nil
}

// local reports whether a path stays on this site: anything else would make the
// sign-in page a way to send people elsewhere.
func local(path string) bool {
	return strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") && !strings.ContainsAny(path, "\\\r\n\t")
}
