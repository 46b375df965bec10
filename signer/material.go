package signer

import (
	"context"
	"crypto"
	"fmt"

	"github.com/google/uuid"

	"chop/internal/cms"
	"chop/signer/pades"
)

// material is what signing with a credential needs and does not change: read and
// parsed once. Whether the credential may sign is asked of the database each time.
type material struct {
	credential *Credential
	wrapped    []byte
	identity   *pades.Identity
}

type cacheKey struct {
	id   uuid.UUID
	hash crypto.Hash
}

// cacheSize bounds the memory for material, a few KB each. There are as many seals as
// departments.
const cacheSize = 4096

func (s *Service) material(ctx context.Context, id string, h crypto.Hash) (*material, error) {
	u, err := uuid.Parse(id)
	if err != nil {
		return nil, fmt.Errorf("%w: %q is no credential id", ErrCredentialNotFound, id)
	}
	key := cacheKey{u, h}
	s.mu.Lock()
	m := s.cache[key]
	s.mu.Unlock()
	if m != nil {
		return m, nil
	}
	row, err := selectCredential(ctx, s.c.DB, u)
	if err != nil {
		return nil, err
	}
	if row.State != StateActive {
		return nil, fmt.Errorf("%w: %s is %s", ErrCredentialNotActive, id, row.State)
	}
	c, err := row.credential()
	if err != nil {
		return nil, err
	}
	identity, err := pades.NewIdentity(c.Certificate, c.Chain, cms.Scheme(c.Scheme), h)
	if err != nil {
		return nil, fmt.Errorf("credential %s: %w", id, err)
	}
	m = &material{credential: c, wrapped: row.WrappedKey, identity: identity}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.cache) >= cacheSize {
		clear(s.cache)
	}
	s.cache[key] = m
	return m, nil
}
