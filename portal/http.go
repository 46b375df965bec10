package portal

import (
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/httprate"
)

// Routes adds every address of the site, and the pages for addresses that are none.
func (p *Portal) Routes(root chi.Router) {
	root.Method(http.MethodGet, "/static/*", p.static)
	root.Group(func(r chi.Router) {
		r.Use(p.headers, p.crossing.Handler, p.limit(600, time.Minute), p.sessions.LoadAndSave)
		r.NotFound(p.page(func(http.ResponseWriter, *http.Request, *visit) error {
			return refuse(http.StatusNotFound, "error.missing")
		}).ServeHTTP)
		r.MethodNotAllowed(p.page(func(http.ResponseWriter, *http.Request, *visit) error {
			return refuse(http.StatusMethodNotAllowed, "error.request")
		}).ServeHTTP)

		r.Group(func(r chi.Router) {
			r.Use(p.limitBody(slack))
			p.open(r)
			p.phone(r)
			p.register(r)
			p.signedIn(r)
		})
		r.Group(func(r chi.Router) {
			// A PDF, and the form around it. Twice what is taken is read, so that a person hears why.
			r.Use(p.limit(60, 10*time.Minute), p.limitBody(2*maxUpload+slack))
			r.Method(http.MethodPost, "/upload", p.resident(p.typed(p.uploadPage, p.takeUpload)))
		})
		r.Group(func(r chi.Router) {
			r.Use(p.limit(60, 10*time.Minute), p.limitBody(2*maxPhoto+slack))
			r.Method(http.MethodPost, "/register/photo", p.page(p.step(p.takePhoto, "photo", "card", "face")))
		})
	})
	root.Group(func(r chi.Router) {
		// A phone sends a frame or two a second, and many may be behind one address: each registration has a limit of its
		// own. What one address may send at all is for twenty of them at their fastest.
		r.Use(p.headers, p.crossing.Handler, p.limit(6000, time.Minute), p.limitEach(300, time.Minute, p.registration), p.sessions.LoadAndSave, p.limitBody(maxFrame+slack))
		r.Method(http.MethodPost, "/register/face/frame", p.page(p.step(p.takeFrame, "face")))
	})
	root.Group(func(r chi.Router) {
		// The link of a notice. No limit by address is on its way: who shares a person's address must not be able to keep
		// them from stopping an account. A link cannot be guessed (registration signs it), so each has its own.
		r.Use(p.headers, p.crossing.Handler, p.sessions.LoadAndSave, p.limitBody(slack))
		p.gets(r, p.page)("/stop/{token}", p.stopPage)
		p.posts(r, p.page)("/stop/{token}", p.typed(p.stopPage, p.stop), p.limitEach(30, 10*time.Minute, func(r *http.Request) string { return r.PathValue("token") }))
	})
}

// open are the pages for anybody.
func (p *Portal) open(r chi.Router) {
	get, post := p.gets(r, p.page), p.posts(r, p.page)
	get("/", p.home)
	get("/manifest.webmanifest", p.manifest)
	get("/accessibility", p.statement("accessibility"))
	get("/privacy", p.statement("privacy"))
	get("/terms", p.statement("terms"))
	get("/upgrade", p.statement("upgrade"))
	get("/places", p.placesPage)
	get("/places/{district}", p.placesPage)

	get("/sign-in", p.signIn)
	post("/sign-in/begin", p.beginSignIn, p.limit(60, time.Minute))
	post("/sign-in/finish", p.finishSignIn, p.limit(60, time.Minute))
	post("/sign-out", p.signOut)
	get("/sign-in/phone", p.linkPage)
	post("/sign-in/phone", p.startLink, p.limit(20, time.Minute))
	get("/sign-in/phone/state", p.linkState)

	get("/lost", p.lost)
	post("/lost", p.typed(p.lost, p.suspendByCode), p.limit(10, 10*time.Minute))
	get("/signed", p.signed)
}

// phone are the pages for a phone that scanned a code.
func (p *Portal) phone(r chi.Router) {
	get, post := p.gets(r, p.page), p.posts(r, p.page)
	slow := p.limit(60, time.Minute)
	get("/link/{token}", p.linkPhone, slow)
	post("/link/{token}", p.typed(p.linkPhone, p.answerLink), slow)

	get("/bind", p.bindStart)
	get("/bind/{token}", p.bindStart, slow)
	post("/bind", p.bindToken, slow)
	get("/bind/phone", p.bindPhone)
	post("/bind/phone", p.typed(p.bindPhone, p.bindAct))
	get("/bind/phone/state", p.bindPoll)
	post("/bind/phone/begin", p.beginBindPasskey, slow)
	post("/bind/phone/finish", p.finishBindPasskey, slow)
}

// register are the steps of who opens an account on their own phone.
func (p *Portal) register(r chi.Router) {
	get, post := p.gets(r, p.page), p.posts(r, p.page)
	slow := p.limit(60, time.Minute)
	get("/register", p.registerPage)
	post("/register", p.typed(p.registerPage, p.beginRegister), slow)
	get("/register/photo", p.step(p.photoPage, "photo", "card", "face"))
	get("/register/card", p.step(p.cardPage, "card"))
	post("/register/card", p.typed(p.step(p.cardPage, "card"), p.step(p.takeCard, "card")), slow)
	post("/register/correct", p.step(p.correctCard, "face"))
	get("/register/face", p.step(p.facePage, "face"))
	post("/register/face/begin", p.step(p.beginFace, "face"), slow)
	get("/register/wait", p.step(p.registerWait, "wait"))
	get("/register/state", p.registerPoll)
	get("/register/passkey", p.step(p.registerPasskey, "passkey"))
	post("/register/passkey/begin", p.step(p.beginRegisterPasskey, "passkey"), slow)
	post("/register/passkey/finish", p.step(p.finishRegisterPasskey, "passkey"), slow)
	get("/register/end", p.step(p.registerEnd, "end"))
	post("/register/leave", p.step(p.leaveRegister, "photo", "card", "face", "wait", "passkey"))
	post("/register/anew", p.step(p.startAnew, "end"))
}

// signedIn are the pages for residents.
func (p *Portal) signedIn(r chi.Router) {
	get, post := p.gets(r, p.resident), p.posts(r, p.resident)
	get("/account", p.account)
	get("/account/activity", p.activity)
	get("/account/contact", p.contact)
	post("/account/contact", p.typed(p.contact, p.saveContact))
	get("/account/suspend", p.suspendPage)
	post("/account/suspend", p.typed(p.suspendPage, p.suspend))
	get("/account/close", p.closePage)
	post("/account/close", p.typed(p.closePage, p.close))
	get("/account/code", p.codePage)
	post("/account/code", p.typed(p.codePage, p.newCode), p.limit(20, 10*time.Minute))
	get("/inbox", p.inbox)
	post("/inbox", p.markRead)

	get("/forms", p.catalogue)
	get("/forms/{form}", p.form)
	post("/forms/{form}", p.typed(p.form, p.takeForm))
	get("/upload", p.uploadPage)
	get("/to-sign", p.toSign)
	post("/to-sign", p.typed(p.toSign, p.takeToSign), p.limit(60, 10*time.Minute))
	get("/to-sign/{draft}/document", p.draftDocument)

	get("/signings", p.history)
	get("/signings/{signing}", p.signing)
	post("/signings/{signing}", p.signingAct, p.limit(60, 10*time.Minute))
	get("/signings/{signing}/state", p.signingState)
	get("/signings/{signing}/receipt", p.receipt)
	get("/signings/{signing}/receipt.json", p.receiptFile)
	get("/signings/{signing}/receipt.pdf", p.receiptPDF)
	get("/signings/{signing}/documents/{n}", p.signedDocument)
}

// adder adds one address to a router.
type adder func(path string, h handler, around ...func(http.Handler) http.Handler)

func (p *Portal) gets(r chi.Router, kind func(handler) http.Handler) adder {
	return func(path string, h handler, around ...func(http.Handler) http.Handler) {
		r.With(around...).Method(http.MethodGet, path, kind(h))
	}
}

func (p *Portal) posts(r chi.Router, kind func(handler) http.Handler) adder {
	return func(path string, h handler, around ...func(http.Handler) http.Handler) {
		r.With(around...).Method(http.MethodPost, path, kind(h))
	}
}

// limit allows n requests a time from one address. It counts in this process only: it is
// against guessing and floods, and the services count again what matters. Behind a proxy
// the address is what cmd/chop has put into RemoteAddr.
func (p *Portal) limit(n int, per time.Duration) func(http.Handler) http.Handler {
	return p.limitEach(n, per, network)
}

// limitEach allows n requests a time for each of what of names.
func (p *Portal) limitEach(n int, per time.Duration, of func(*http.Request) string) func(http.Handler) http.Handler {
	return httprate.LimitBy(n, per, func(r *http.Request) (string, error) { return of(r), nil },
		httprate.WithLimitHandler(p.problemPage(http.StatusTooManyRequests, "error.many").ServeHTTP))
}
