package main_test

import (
	"net"
	"sync"
	"testing"
)

// shared is the appliance that most tests use, while it is being served at the address that its certificates
// carry. Commands on its folder run beside the server.
var shared = newSharedAppliance()

type sharedAppliance struct {
	address string // where it is served
	url     string // what its certificates say

	once   sync.Once
	err    error
	folder *appliance
	server *server

	mu    sync.Mutex
	seals map[string]credential
}

func newSharedAppliance() *sharedAppliance {
	address := freePort()
	_, port, _ := net.SplitHostPort(address)
	return &sharedAppliance{address: address, url: "http://localhost:" + port, seals: map[string]credential{}}
}

// open returns the appliance, served.
func (s *sharedAppliance) open(t testing.TB) *appliance {
	t.Helper()
	s.once.Do(func() {
		if s.folder, s.err = copyTemplate(scratch); s.err == nil {
			s.server, s.err = s.folder.serve(s.address)
		}
	})
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.folder
}

// seal returns the id of a department's seal with that kind of key. Nobody may revoke it.
func (s *sharedAppliance) seal(t testing.TB, key, scheme string) string {
	t.Helper()
	a := s.open(t)
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.seals[key+scheme]
	if !ok {
		c = a.seal(t, "Transport Department", "--key", key, "--scheme", scheme)
		s.seals[key+scheme] = c
	}
	return c.ID
}

// stop ends the server, which must end in order.
func (s *sharedAppliance) stop() error {
	if s.server == nil {
		return nil
	}
	return s.server.stop()
}
