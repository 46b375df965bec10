package hsm

import (
	"context"
	"fmt"
	"sync"

	"github.com/miekg/pkcs11"
)

// session is one PKCS#11 session, used by one call at a time.
type session struct {
	*module
	h      pkcs11.SessionHandle
	gen    uint64
	signed bool                             // C_Sign was called: a failure may hide a signature that was made
	copies map[original]pkcs11.ObjectHandle // copy.go
}

// pool lends sessions. One more, the anchor, is never lent: it keeps the
// login, since a token logs the process out when its last session closes.
type pool struct {
	m      *module
	slot   uint
	permit chan struct{} // as many as sessions may be lent

	mu     sync.Mutex
	anchor pkcs11.SessionHandle
	idle   []*session
	gen    uint64 // sessions of an older generation are closed, not reused
}

func openPool(m *module) (*pool, error) {
	slot, err := m.slot()
	if err != nil {
		return nil, err
	}
	p := &pool{m: m, slot: slot, permit: make(chan struct{}, m.cfg.Sessions)}
	for range m.cfg.Sessions {
		p.permit <- struct{}{}
	}
	if err := p.restoreLogin(); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *pool) open() (pkcs11.SessionHandle, error) {
	h, err := p.m.OpenSession(p.slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	if err != nil {
		return 0, fmt.Errorf("open session: %w", err)
	}
	return h, nil
}

func (p *pool) get(ctx context.Context) (*session, error) {
	select {
	case <-p.permit:
	default:
		select {
		case <-p.permit:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for a session: %w", ctx.Err())
		}
	}
	p.mu.Lock()
	gen := p.gen
	if n := len(p.idle); n > 0 {
		s := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		s.signed = false
		return s, nil
	}
	p.mu.Unlock()
	h, err := p.open()
	if err != nil {
		p.permit <- struct{}{}
		return nil, err
	}
	return &session{module: p.m, h: h, gen: gen}, nil
}

// put takes a session back; one that failed, or belongs to a generation that
// was flushed, is closed.
func (p *pool) put(s *session, failed bool) {
	p.mu.Lock()
	if keep := !failed && s.gen == p.gen; keep {
		p.idle = append(p.idle, s)
		s = nil
	}
	p.mu.Unlock()
	if s != nil {
		// The session is lost either way; the module knows it or not.
		_ = p.m.CloseSession(s.h)
	}
	p.permit <- struct{}{}
}

// flush closes the idle sessions, and marks the lent ones to be closed when
// they come back.
func (p *pool) flush() {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.gen++
	p.mu.Unlock()
	for _, s := range idle {
		_ = p.m.CloseSession(s.h)
	}
}

// restoreLogin sees to it that the anchor is open and logged in. The PIN is
// sent only when the token says that nobody is.
func (p *pool) restoreLogin() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.anchor != 0 {
		info, err := p.m.GetSessionInfo(p.anchor)
		if err == nil && info.State == pkcs11.CKS_RW_USER_FUNCTIONS {
			return nil
		}
		if err != nil {
			p.anchor = 0
		}
	}
	if p.anchor == 0 {
		h, err := p.open()
		if err != nil {
			return explain(err)
		}
		p.anchor = h
	}
	err := p.m.Login(p.anchor, pkcs11.CKU_USER, p.m.cfg.PIN)
	if err != nil && !isCKR(err, pkcs11.CKR_USER_ALREADY_LOGGED_IN) {
		return fmt.Errorf("log in to token %q: %w", p.m.cfg.Label, explain(err))
	}
	return nil
}
