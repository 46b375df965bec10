package main

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"chop/ca/infra"
	"chop/registration"
	"chop/registration/hkic/issuer"
	"chop/registration/immd"
	"chop/registration/places"
)

// register measures registrations by script, half at kiosks and half at a counter, and some on phones: real processes,
// tokens, database and the Immigration Department's reference server, software authenticators, cards as programs behind
// real agents over mutual TLS. No face is looked at: whoever comes is taken for who they are. How often an officer may do
// something in an hour is taken away, for there are two.
func (b *bench) register(ctx context.Context) (err error) {
	h, err := b.registerHouse(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	each := max(1, b.Registrations/2)
	few := min(20, each)
	for _, part := range []struct {
		name      string
		n, atOnce int
		person    func(ctx context.Context, worker int, who immd.Person) error
	}{{"a kiosk", few, 1, h.atKiosk}, {"kiosks", each, registerAtOnce, h.atKiosk}, {"counters", each, registerAtOnce, h.atCounter}, {"phones", few, 2, h.onPhone}} {
		h.steps = &benchSteps{took: map[string][]time.Duration{}}
		began := time.Now()
		if err := h.all(ctx, part.atOnce, part.n, part.person); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		b.add(benchRow{Name: fmt.Sprintf("%s: %d registrations, %d at once", part.name, part.n, part.atOnce), Value: float64(part.n) / time.Since(began).Seconds(), Unit: "/s"})
		for _, step := range h.steps.order {
			took := h.steps.took[step]
			slices.Sort(took)
			b.add(benchRow{Name: part.name + ": " + step + ", p50", Value: ms(took[len(took)/2]), Unit: "ms"})
			row := benchRow{Name: part.name + ": " + step + ", p99", Value: ms(took[len(took)*99/100]), Unit: "ms"}
			if step == stepShown && part.atOnce == 1 { // what one person waits, not what a full machine makes of it
				row.Ratio, row.Beside, row.Goal, row.Most = row.Value/500, "0.5 s", 1, true
			}
			b.add(row)
		}
	}
	return nil
}

// benchSteps are how long each step took, in the order of the steps.
type benchSteps struct {
	mu    sync.Mutex
	order []string
	took  map[string][]time.Duration
}

// time runs a step.
func (s *benchSteps) time(step string, do func() error) error {
	began := time.Now()
	if err := do(); err != nil {
		return fmt.Errorf("%s: %w", step, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.took[step] == nil {
		s.order = append(s.order, step)
	}
	s.took[step] = append(s.took[step], time.Since(began))
	return nil
}

// registerHouse is an appliance that serves, and in this process its registry, kiosks' listener and officers.
type registerHouse struct {
	app      *appliance
	registry *registration.Registry
	desk     *demoOfficers
	identity *ecdsa.PublicKey
	cards    *issuer.Issuer
	kiosks   []*benchKiosk
	steps    *benchSteps

	mu     sync.Mutex
	people []immd.Person // who has not come yet
	stops  []func() error
}

func (h *registerHouse) close() (err error) {
	for _, stop := range slices.Backward(h.stops) {
		err = errors.Join(err, stop())
	}
	return err
}

// registerAtOnce is how many people come at once; each kiosk has one of them.
const registerAtOnce = 8

// all lets n people come, so many at once.
func (h *registerHouse) all(ctx context.Context, atOnce, n int, come func(ctx context.Context, worker int, who immd.Person) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	turns := make(chan immd.Person, n)
	h.mu.Lock()
	for range n {
		turns <- h.people[0]
		h.people = h.people[1:]
	}
	h.mu.Unlock()
	close(turns)
	var wg sync.WaitGroup
	for worker := range atOnce {
		wg.Go(func() {
			for who := range turns {
				if ctx.Err() != nil {
					return
				}
				if err := come(ctx, worker, who); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// registerHouse makes one. Its server is a process of its own, as it is for people.
func (b *bench) registerHouse(ctx context.Context) (h *registerHouse, err error) {
	h = &registerHouse{}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	dir := filepath.Join(b.dir, "register")
	public, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := public.Addr().String()
	if h.cards, err = issuer.New(now()); err != nil {
		return nil, err
	}
	if err := h.cards.Save(filepath.Join(b.dir, "cards")); err != nil {
		return nil, err
	}
	url := localURL(public)
	public.Close() // it is the server's
	_, err = initialise(ctx, folder(dir), func(c *config) {
		c.PublicURL, c.Listen, c.CardIssuers = url, address, filepath.Join(b.dir, "cards", issuer.CountryFile)
	}, b.env.log)
	if err != nil {
		return nil, err
	}
	if h.app, err = openAppliance(b.env, dir); err != nil {
		return nil, err
	}
	h.stops = append(h.stops, func() (err error) { h.app.closeInto(&err); return err })
	if err := h.department(ctx); err != nil {
		return nil, err
	}
	server := exec.Command("/proc/self/exe", "serve", "--dir", dir, "--officer-listen", "none", "--kiosk-listen", "none")
	server.Stderr = os.Stderr
	if err := server.Start(); err != nil {
		return nil, err
	}
	h.stops = append(h.stops, func() error {
		_ = server.Process.Signal(syscall.SIGTERM) // it may be over
		return server.Wait()
	})
	if err := h.app.awaitServing(ctx); err != nil {
		return nil, err
	}
	if h.identity, err = readPublicKey(h.app.folder.path("public", "activation.pem")); err != nil {
		return nil, err
	}
	h.app.phones = &registration.RemoteConfig{Faces: benchFaces{}, Photos: newBenchAlbum(), Cards: benchCards(), Tries: 3}
	if h.registry, err = h.app.registry(ctx); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(h.app.folder.path("demo"), 0o700); err != nil {
		return nil, err
	}
	role, err := h.app.policies.OfficerRole("counter")
	if err != nil {
		return nil, err
	}
	clear(role.Hourly)
	clear(role.Alarm)
	if h.desk, err = h.app.demoOfficers(ctx); err != nil {
		return nil, err
	}
	return h, h.openKiosks(ctx)
}

// department starts the reference server, about people of whom those who can register come here.
func (h *registerHouse) department(ctx context.Context) error {
	people := immd.Register(now(), "chop", 10_000)
	for _, p := range people {
		if !p.Deceased && p.Portrait == "" && p.Card.OldEnough(now()) {
			h.people = append(h.people, p)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := writeFile(h.app.folder.path("run", "immd-reference.address"), []byte(listener.Addr().String()), 0o600); err != nil {
		return err
	}
	h.background(ctx, func(ctx context.Context) error {
		return h.app.serveReference(ctx, listener, immd.ReferenceConfig{People: people})
	})
	return nil
}

// background runs something until the house is closed.
func (h *registerHouse) background(ctx context.Context, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	over := make(chan error, 1)
	go func() { over <- run(ctx) }()
	h.stops = append(h.stops, func() error { cancel(); return <-over })
}

// openKiosks adds some kiosks and listens to them, in this process, where nobody looks at faces.
func (h *registerHouse) openKiosks(ctx context.Context) error {
	list, err := places.Load()
	if err != nil {
		return err
	}
	authority, err := h.app.infrastructure(ctx)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	h.background(ctx, func(ctx context.Context) error { return h.app.runKiosks(ctx, listener) })
	if err := os.MkdirAll(h.app.folder.path("kiosks"), 0o700); err != nil {
		return err
	}
	var at []places.Place
	for _, g := range list.Groups {
		if g.Kind == places.Kiosk {
			at = append(at, g.Places...)
		}
	}
	for _, place := range at[:registerAtOnce] {
		text, cert, err := newMachineKey(ctx, authority, infra.Request{Kind: infra.Kiosk, ID: place.ID, Actor: "bench"})
		if err != nil {
			return err
		}
		k, err := newBenchKiosk(h, place.ID, "https://"+listener.Addr().String(), text)
		if err := cmp.Or(err, writeFile(h.app.kioskFile(place.ID), cert.Raw, 0o600)); err != nil {
			return err
		}
		h.kiosks = append(h.kiosks, k)
	}
	_, err = h.app.writePins(ctx)
	return err
}
