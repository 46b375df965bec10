package hsm

import (
	"context"
	"sync"
)

// servedUse is a wrapped key that a caller uses in the worker.
type servedUse struct {
	mu    sync.Mutex
	key   *openKey // nil until it is unwrapped
	ended bool
}

func (s *server) vault(kek string) (*localVault, error) {
	if v, ok := s.vaults.Load(kek); ok {
		return v.(*localVault), nil
	}
	open := s.token.openVault
	if s.given != nil {
		open = s.token.existingVault
	}
	v, err := open(context.Background(), kek)
	if err != nil {
		return nil, err
	}
	s.vaults.Store(kek, v)
	return v, nil
}

// useSign takes the use's id, KEK name, wrapped key, digest and options. The
// key stays unwrapped until opUseEnd.
func (s *server) useSign(f [][]byte) ([][]byte, error) {
	v, err := s.vault(string(f[1]))
	if err != nil {
		return nil, err
	}
	k, err := v.key(context.Background(), f[2])
	if err != nil {
		return nil, err
	}
	out, err := signWith(k, f[3], f[4])
	if err != nil {
		k.close()
		return nil, err
	}
	u, ok := s.uses.Load(string(f[0]))
	if !ok { // ended while it was in the module
		k.close()
		return out, nil
	}
	use := u.(*servedUse)
	use.mu.Lock()
	defer use.mu.Unlock()
	if use.ended {
		k.close()
		return out, nil
	}
	use.key = k
	return out, nil
}

// useAgain takes the use's id, digest and options.
func (s *server) useAgain(f [][]byte) ([][]byte, error) {
	u, ok := s.uses.Load(string(f[0]))
	if !ok {
		return nil, ErrKeyGone
	}
	use := u.(*servedUse)
	use.mu.Lock()
	defer use.mu.Unlock()
	if use.key == nil || use.ended {
		return nil, ErrKeyGone
	}
	return signWith(use.key, f[1], f[2])
}

func (s *server) useEnd(id []byte) {
	u, ok := s.uses.LoadAndDelete(string(id))
	if !ok {
		return
	}
	use := u.(*servedUse)
	use.mu.Lock()
	defer use.mu.Unlock()
	use.ended = true
	if use.key != nil {
		use.key.close()
	}
}

func (s *server) sealer(label string) (Sealer, error) {
	if v, ok := s.sealers.Load(label); ok {
		return v.(Sealer), nil
	}
	open := s.token.Sealer
	if s.given != nil {
		open = s.token.openSealer
	}
	v, err := open(context.Background(), label)
	if err != nil {
		return nil, err
	}
	s.sealers.Store(label, v)
	return v, nil
}
