package hsm

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"sync"
)

type remoteVault struct {
	w   *Worker
	kek string
}

// Generate makes a wrapped key.
func (v *remoteVault) Generate(ctx context.Context, spec KeySpec) (crypto.PublicKey, []byte, error) {
	f, _, err := v.w.call(ctx, opVaultGenerate, []byte(v.kek), []byte(spec))
	if err != nil {
		return nil, nil, err
	}
	if len(f) != 2 {
		return nil, nil, errFrame
	}
	pub, err := x509.ParsePKIXPublicKey(f[0])
	if err != nil {
		return nil, nil, fmt.Errorf("token worker: %w", err)
	}
	return pub, f[1], nil
}

// Use lends the wrapped key to fn. Nothing is sent before fn signs: the first
// signature carries the wrapped key along, and its destruction is not waited
// for.
func (v *remoteVault) Use(ctx context.Context, wrapped []byte, fn func(crypto.Signer) error) error {
	blob, err := parseWrapped(wrapped)
	if err != nil {
		return err
	}
	pub, err := blob.public()
	if err != nil {
		return err
	}
	k := &remoteUse{ctx: ctx, v: v, wrapped: wrapped, pub: pub}
	defer k.end()
	return fn(k)
}

// remoteUse is a wrapped key in use.
type remoteUse struct {
	ctx     context.Context
	v       *remoteVault
	wrapped []byte
	pub     crypto.PublicKey

	mu    sync.Mutex
	ended bool
	p     *process // keeps the key unwrapped under id; nil before the first signature
	id    []byte
}

// Public returns the public key.
func (k *remoteUse) Public() crypto.PublicKey { return k.pub }

// Sign signs a digest.
func (k *remoteUse) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	o, err := encodeOpts(opts)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ended {
		return nil, ErrKeyGone
	}
	if k.p != nil {
		sig, err := only(k.p.call(k.ctx, opUseAgain, k.id, digest, o))
		if !errors.Is(err, errNotSent) {
			return sig, err
		}
		k.p = nil // its process ended since; the next one unwraps again
	}
	return k.first(digest, o)
}

// first has a process unwrap the key, sign, and keep it until end.
func (k *remoteUse) first(digest, opts []byte) ([]byte, error) {
	for attempt := 0; ; attempt++ {
		p, err := k.v.w.process(k.ctx)
		if err != nil {
			return nil, err
		}
		id := p.beginUse()
		sig, err := only(p.call(k.ctx, opUseSign, id, []byte(k.v.kek), k.wrapped, digest, opts))
		if err == nil {
			k.p, k.id = p, id
			k.v.w.countUnwrap(p)
			return sig, nil
		}
		p.endUse(id)
		if !errors.Is(err, errNotSent) || attempt > 0 {
			return nil, err
		}
	}
}

func (k *remoteUse) end() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ended = true
	if k.p != nil {
		k.p.endUse(k.id)
	}
}
