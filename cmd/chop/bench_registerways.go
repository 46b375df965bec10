package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"image/jpeg"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"chop/registration"
	"chop/registration/hkic/issuer"
	"chop/registration/immd"
	"chop/registration/kiosk/agent"
	"chop/registration/ocr/cardface"
	"chop/signer/approval/device"
)

// The steps of a registration that are measured.
const (
	stepShown     = "card in to data shown" // without pcscd, whose part depends on the reader
	stepOpened    = "case opened"
	stepEntered   = "data keyed in"
	stepConfirmed = "confirmed by the second officer"
	stepFace      = "face and Immigration"
	stepVerified  = "Immigration"
	stepBound     = "phone bound"
	stepAgreed    = "agreement and sign-in passkey"
	stepSigned    = "signing passkey, ticket, key, certificate"
	stepPhoto     = "photo of the card, read"
	stepMatched   = "data confirmed, face, Immigration"
	stepActive    = "passkey, active"
)

// benchKiosk is a kiosk: its agent and its browser.
type benchKiosk struct {
	house   *registerHouse
	place   string
	url     string
	agent   *agent.Agent
	browser *http.Client
}

func newBenchKiosk(h *registerHouse, place, address string, pair []byte) (*benchKiosk, error) {
	own, err := tls.X509KeyPair(pair, pair)
	if err != nil {
		return nil, err
	}
	root, err := readCertificates([]string{h.app.folder.path("public", "infrastructure.pem")})
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	for _, r := range root {
		roots.AddCert(r)
	}
	config := &tls.Config{Certificates: []tls.Certificate{own}, RootCAs: roots}
	client, err := agent.NewClient(address, config)
	if err != nil {
		return nil, err
	}
	key, ok := own.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("the kiosk's key is not for ECDSA")
	}
	a, err := agent.New(agent.Config{Server: client, Trust: h.cards.Trust(), Key: key, ID: place, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	follow := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &benchKiosk{h, place, address, a, &http.Client{Timeout: time.Minute, CheckRedirect: follow, Transport: &http.Transport{TLSClientConfig: config}}}, nil
}

// ask sends one request of the kiosk's browser and returns what it shows.
func (k *benchKiosk) ask(ctx context.Context, method, path string, form url.Values) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, k.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := k.browser.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("%s %s: %s", method, path, res.Status)
	}
	return text, err
}

// shown asks as the page's script does, ten times a second, and looks once the data are there.
func (k *benchKiosk) shown(ctx context.Context) error {
	for {
		text, err := k.ask(ctx, http.MethodGet, "/state", nil)
		if err != nil {
			return err
		}
		var now struct{ Page string }
		if err := json.Unmarshal(text, &now); err != nil {
			return err
		}
		if now.Page == "data" {
			text, err := k.ask(ctx, http.MethodGet, "/", nil)
			if err == nil && !bytes.Contains(text, []byte(`data-page="data"`)) {
				err = errors.New("the page does not show the data")
			}
			return err
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// atKiosk registers somebody at a worker's own kiosk.
func (h *registerHouse) atKiosk(ctx context.Context, worker int, who immd.Person) error {
	k := h.kiosks[worker%len(h.kiosks)]
	defer k.agent.Wait()
	card, err := h.cards.Make(issuer.Genuine, issuer.Person{Card: who.Card}, now())
	if err != nil {
		return err
	}
	err = h.steps.time(stepShown, func() error {
		seen := make(chan error, 1)
		go func() { seen <- k.shown(ctx) }()
		v, err := k.agent.Card(ctx, card)
		if err == nil && v.State != "read" {
			err = fmt.Errorf("the card is %s %s", v.State, v.Reason)
		}
		return errors.Join(err, <-seen)
	})
	if err != nil {
		return err
	}
	book, err := h.app.kioskBook(ctx)
	if err != nil {
		return err
	}
	session, err := book.Current(ctx, kioskAt(k.place))
	if err != nil {
		return err
	}
	c := registration.Kiosk(k.place, k.place)
	err = h.steps.time(stepOpened, func() error { _, err := k.ask(ctx, http.MethodPost, "/continue", nil); return err })
	if err == nil {
		err = h.steps.time(stepFace, func() error {
			step, err := h.registry.BeginPresence(ctx, c, session.ID)
			for err == nil && !step.Passed {
				step, err = h.registry.PresenceFrame(ctx, c, session.ID, step.Nonce, benchSelfie)
			}
			return err
		})
	}
	if err != nil {
		return err
	}
	if err := h.phone(ctx, c, session.ID, session.ID, func() error { return nil }); err != nil {
		return err
	}
	_, err = k.ask(ctx, http.MethodPost, "/end", nil)
	return err
}

// atCounter registers somebody by two officers.
func (h *registerHouse) atCounter(ctx context.Context, _ int, who immd.Person) error {
	r, d := h.registry, h.desk
	var one *registration.Case
	err := h.steps.time(stepOpened, func() (err error) { one, err = r.OpenCase(ctx, d.first, registration.Full); return err })
	if err != nil {
		return err
	}
	contact := registration.Contact{Phone: "9123 4567", Language: "en"}
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{stepEntered, func() error { _, err := r.EnterCard(ctx, d.first, one.ID, who.Card, contact); return err }},
		{stepConfirmed, func() error {
			challenge, err := r.ConfirmChallenge(ctx, d.other, one.ID)
			if err != nil {
				return err
			}
			a, err := d.sign(ctx, d.other.Officer(), challenge)
			if err != nil {
				return err
			}
			_, err = r.ConfirmCard(ctx, d.other, one.ID, *a)
			return err
		}},
		{stepVerified, func() error { _, err := r.Verify(ctx, d.first, one.ID); return err }},
	} {
		if err := h.steps.time(step.name, step.do); err != nil {
			return err
		}
	}
	return h.phone(ctx, d.first, one.ID, "bench", func() error { return d.ticket(ctx, r, one.ID) })
}

// phone is the rest, with the person's phone: ticket has whoever opened the case sign, unless that happens by itself.
func (h *registerHouse) phone(ctx context.Context, c registration.Caller, id, desk string, ticket func() error) error {
	r := h.registry
	var phone *registration.Phone
	err := h.steps.time(stepBound, func() error {
		offer, err := r.OfferBinding(ctx, c, id, desk)
		if err != nil {
			return err
		}
		if phone, err = r.BindDevice(ctx, offer.Token); err != nil {
			return err
		}
		_, err = r.ConfirmNumber(ctx, c, id, desk, phone.Number)
		return err
	})
	if err != nil {
		return err
	}
	err = h.steps.time(stepAgreed, func() error {
		if _, err := r.AcceptAgreement(ctx, phone.Secret, registration.DefaultAgreement); err != nil {
			return err
		}
		_, err := r.BindPasskey(ctx, phone.Secret, registration.Passkey{ID: []byte("bench:" + id), Record: []byte("{}"), Name: "Scripted device"})
		return err
	})
	if err != nil {
		return err
	}
	return h.steps.time(stepSigned, func() error {
		enrolment, err := r.BeginEnrolment(ctx, phone.Secret)
		if err != nil {
			return err
		}
		page := &device.Page{Device: device.New(), Origin: h.app.config.approveURL(), Identity: h.identity}
		enrolled := make(chan error, 1)
		go func() { enrolled <- page.Enrol(ctx, enrolment, phone.Number) }()
		if err := errors.Join(ticket(), <-enrolled); err != nil {
			return err
		}
		for {
			view, err := r.PhoneCase(ctx, phone.Secret)
			if err != nil || view.State == registration.Done {
				return err
			}
			if view.State == registration.Refused || view.State == registration.Ended {
				return fmt.Errorf("the case is %s", view.State)
			}
			if err := pause(ctx, 50*time.Millisecond); err != nil {
				return err
			}
		}
	})
}

// onPhone registers somebody remotely: their card is drawn, and read by tesseract if it is installed.
func (h *registerHouse) onPhone(ctx context.Context, _ int, who immd.Person) error {
	drawn, err := cardface.Draw(who.Card, nil)
	if err != nil {
		return err
	}
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, cardface.OnTable(drawn, 1600, 1200), nil); err != nil {
		return err
	}
	r := h.registry
	browser, err := r.BeginRemote(ctx, who.Card.Number.Normal(), "en", registration.CollectionNotice, "")
	if err != nil {
		return err
	}
	if err := h.steps.time(stepPhoto, func() error { _, err := r.RemotePhoto(ctx, browser, photo.Bytes()); return err }); err != nil {
		return err
	}
	err = h.steps.time(stepMatched, func() error {
		if _, err := r.ConfirmRemote(ctx, browser, who.Card.Number.Normal(), who.Card); err != nil {
			return err
		}
		step, err := r.BeginFace(ctx, browser)
		for err == nil && !step.Passed {
			step, err = r.Frame(ctx, browser, step.Nonce, benchSelfie)
		}
		if err != nil {
			return err
		}
		one, err := r.Remote(ctx, browser) // asking drives it
		if err == nil && one.State != registration.RemoteVerified {
			err = fmt.Errorf("the case is %s", one.State)
		}
		return err
	})
	if err != nil {
		return err
	}
	return h.steps.time(stepActive, func() error {
		_, err := r.CompleteRemote(ctx, browser, registration.Passkey{ID: []byte("bench:" + browser), Record: []byte("{}"), Name: "Scripted device"})
		return err
	})
}
