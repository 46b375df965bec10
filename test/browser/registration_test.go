//go:build browser

package browser

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"chop/cmd/chop-kiosk/readertest"
	"chop/registration/face/facetest"
)

// Where the story's kiosk stands, and its officers sit: people.mjs has the latter too.
const (
	kioskPlace   = "kiosk-ho-man-tin-sports-centre"
	counterPlace = "counter-central-western"
)

// People register on phones, at a kiosk and at a counter, with the programs as they are shipped: pcscd with a
// virtual reader, chop-card, chop-kiosk, Chromium with a camera that shows a film, tesseract, the face engine. See register.mjs.
func TestRegistration(t *testing.T) {
	a, house, kept := withKiosk(t)
	made := a.story(t, "register.mjs", house)
	judge(t, a, house["out"], made, 4)
	a.stop()
	kept.finds(t)
	search(t, a, made.Secrets, "registration.presence")
}

// From a card that is put in, and from pcscd's word of it, to its data on the screen, over five cards, or fifty in a whole sweep. It is
// printed and not judged; see speed.mjs.
func TestRegistrationSpeed(t *testing.T) {
	a, house, _ := withKiosk(t)
	a.story(t, "speed.mjs", house)
}

// withKiosk is an appliance with a kiosk and a reader at a counter, and what the scripts are told of it.
func withKiosk(t *testing.T) (a *appliance, house map[string]string, kept *pictures) {
	t.Helper()
	wantTools(t)
	var film string
	a = newAppliance(t, func(a *appliance) {
		must(t, exec.Command("go", "build", "-buildvcs=false", "-o", a.scratch+"/", "../../cmd/chop-card", "../../cmd/chop-kiosk"))
		must(t, exec.Command(a.scratch+"/chop-card", "issuer", "--dir", a.scratch+"/cards"))
		film = filepath.Join(a.scratch, "films")
		if err := os.Mkdir(film, 0o700); err != nil {
			t.Fatal(err)
		}
		films(t, film)
		port := freePort(t)
		a.kiosk = "https://localhost:" + port
		a.append(t, "kiosk_listen: 127.0.0.1:"+port+"\ncard_issuers: "+a.scratch+"/cards/country-ca.pem\nregistration:\n  face_weights: "+facetest.Model(t)+"\n")
	})
	reader := readertest.New(t, a.scratch)
	var browser struct{ Browser, Password string }
	var agents []*readertest.Process
	for slot, add := range [][]string{{"kiosk add", "--place", kioskPlace}, {"reader add", "--place", counterPlace, "--number", "2"}} {
		file := filepath.Join(a.scratch, add[2]+".pem")
		said := must(t, a.command(t.Context(), add[0], append(add[1:], "--json", "--out", file)...))
		if slot == 0 {
			if err := json.Unmarshal([]byte(said), &browser); err != nil {
				t.Fatal(err)
			}
		}
		p := readertest.Start(t, exec.Command(a.scratch+"/chop-kiosk", "--server", a.kiosk, "--ca", a.path("public", "infrastructure.pem"),
			"--cert", file, "--key", file, "--issuer", a.scratch+"/cards/country-ca.pem", "--reader", reader.Names[slot]))
		agents = append(agents, p)
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("the agent at %s:\n%s", add[2], p.Text())
			}
		})
	}
	kept = newPictures(t, a)
	house = a.house(t)
	house["kiosk"], house["hands"], house["films"] = a.kiosk, hands(t, reader, agents, kept), film
	certificate, err := json.Marshal(map[string]string{"pfxPath": browser.Browser, "passphrase": browser.Password})
	if err != nil {
		t.Fatal(err)
	}
	house["kioskCertificate"] = string(certificate)
	return a, house, kept
}

// sighting is the agent's line of a card that pcscd told it of.
var sighting = regexp.MustCompile(`(?m)^time=(\S+) .*msg="a card is in"`)

// hands put cards into the reader's slots and take them out again, for the story: POST /insert?slot=0&person=3&kind=genuine,
// POST /remove?slot=0. GET /seen?slot=0 is when pcscd told the slot's agent of the card that it saw last. The routes of pictures are there too.
func hands(t *testing.T, reader *readertest.Reader, agents []*readertest.Process, kept *pictures) (address string) {
	var mu sync.Mutex
	in := map[string]*readertest.Card{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /insert", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		slot := r.FormValue("slot")
		args := []string{"--person", r.FormValue("person")}
		for _, more := range []string{"kind", "pull-out"} {
			if v := r.FormValue(more); v != "" {
				args = append(args, "--"+more, v)
			}
		}
		in[slot] = reader.Insert(t.Context(), t, map[string]int{"0": 0, "1": 1}[slot], args...)
	})
	mux.HandleFunc("POST /remove", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		card := in[r.FormValue("slot")]
		if card == nil {
			http.Error(w, fmt.Sprintf("no card is in slot %s", r.FormValue("slot")), http.StatusConflict)
			return
		}
		card.Remove(t)
		delete(in, r.FormValue("slot"))
	})
	mux.HandleFunc("GET /seen", func(w http.ResponseWriter, r *http.Request) {
		slot := map[string]int{"0": 0, "1": 1}[r.FormValue("slot")]
		all := sighting.FindAllStringSubmatch(agents[slot].Text(), -1)
		if len(all) == 0 {
			http.Error(w, fmt.Sprintf("the agent has seen no card in slot %d", slot), http.StatusConflict)
			return
		}
		at, err := time.Parse(time.RFC3339, all[len(all)-1][1])
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprint(w, at.UnixMilli())
	})
	kept.routes(t, mux)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}
