package hsm

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/miekg/pkcs11"
)

// localVault is a Vault over the generations of one KEK. New keys are wrapped
// under the newest; the older ones only unwrap, until the last key under them
// has been replaced.
type localVault struct {
	l    *Local
	name string

	mu    sync.Mutex
	epoch uint64
	keks  []*kek // oldest first; never empty
}

// Vault opens a KEK, making it if it is absent.
func (l *Local) Vault(ctx context.Context, kek string) (Vault, error) {
	v, err := l.openVault(ctx, kek)
	if err != nil {
		return nil, err
	}
	return v, nil
}

// openVault makes the KEK if it is absent; existingVault says ErrKeyNotFound then.
func (l *Local) openVault(ctx context.Context, name string) (*localVault, error) {
	return l.vault(ctx, name, true)
}

func (l *Local) existingVault(ctx context.Context, name string) (*localVault, error) {
	return l.vault(ctx, name, false)
}

func (l *Local) vault(ctx context.Context, name string, absent bool) (*localVault, error) {
	if err := checkLabel(name); err != nil {
		return nil, err
	}
	v := &localVault{l: l, name: name}
	l.creating.Lock()
	defer l.creating.Unlock()
	err := l.do(ctx, func(s *session) error {
		mechanism, err := s.wrapMechanism(l.pool.slot)
		if err != nil {
			return err
		}
		// Before a KEK is made here for good, and before one is used.
		if err := l.inOwnSession(func(s *session) error {
			if err := s.probeRules(kekRules(mechanism)); err != nil {
				return err
			}
			return s.probeAttributes(attacks(), kekRules(mechanism), unwrapRules())
		}); err != nil {
			return err
		}
		keks, err := s.findKEKs(name)
		if err != nil {
			return err
		}
		if len(keks) == 0 && absent {
			if err := s.createKEK(name, 1, mechanism); err != nil {
				return err
			}
		}
		return v.load(s)
	})
	if err != nil {
		return nil, fmt.Errorf("open vault %q: %w", name, err)
	}
	return v, nil
}

// inOwnSession runs fn in a session whose session objects end with it.
func (l *Local) inOwnSession(fn func(*session) error) error {
	h, err := l.pool.open()
	if err != nil {
		return err
	}
	s := &session{module: l.m, h: h}
	err = fn(s)
	if cerr := l.m.CloseSession(h); cerr != nil && err == nil {
		err = fmt.Errorf("close session: %w", cerr)
	}
	return err
}

// load finds the KEK's generations, and proves each of them safe.
func (v *localVault) load(s *session) error {
	epoch := v.l.epoch.Load()
	keks, err := s.findKEKs(v.name)
	if err != nil {
		return err
	}
	if len(keks) == 0 {
		return fmt.Errorf("key-encryption key %q: %w", v.name, ErrKeyNotFound)
	}
	for _, k := range keks {
		if k.mechanism, err = s.checkKEK(k.object); err != nil {
			return fmt.Errorf("key-encryption key %q: %w", kekLabel(v.name, k.generation), err)
		}
		if err := s.probeUnwrap(k.object, k.mechanism); err != nil {
			return fmt.Errorf("key-encryption key %q: %w", kekLabel(v.name, k.generation), err)
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.keks, v.epoch = keks, epoch
	return nil
}

// generations returns the KEKs, found and proved again if the module was
// initialised since.
func (v *localVault) generations(s *session) ([]*kek, error) {
	v.mu.Lock()
	keks, epoch := v.keks, v.epoch
	v.mu.Unlock()
	if epoch == v.l.epoch.Load() {
		return keks, nil
	}
	if err := v.load(s); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.keks, nil
}

// newest is the KEK for new keys: of the last generation, and the same one in
// every process if there are two.
func newest(keks []*kek) *kek {
	last := keks[len(keks)-1].generation
	return keks[slices.IndexFunc(keks, func(k *kek) bool { return k.generation == last })]
}

// Generate makes a key pair as session objects, wraps the private key under
// the newest generation, and destroys both objects.
func (v *localVault) Generate(ctx context.Context, spec KeySpec) (crypto.PublicKey, []byte, error) {
	_, pub, wrapped, err := v.generate(ctx, spec)
	return pub, wrapped, err
}

func (v *localVault) generate(ctx context.Context, spec KeySpec) (spki []byte, pub crypto.PublicKey, wrapped []byte, err error) {
	mech, pubT, privT, err := pairTemplates(spec)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("generate wrapped key: %w", err)
	}
	pubT = append(pubT, attr(pkcs11.CKA_TOKEN, false))
	// Extractable only between here and the end of this function, and only
	// for this process: it is an object of our session.
	privT = append(privT, attr(pkcs11.CKA_TOKEN, false), attr(pkcs11.CKA_EXTRACTABLE, true))
	err = v.l.do(ctx, func(s *session) (err error) {
		keks, err := v.generations(s)
		if err != nil {
			return err
		}
		kek := newest(keks)
		pubH, privH, err := s.GenerateKeyPair(s.h, []*pkcs11.Mechanism{mech}, pubT, privT)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.DestroyObject(s.h, privH), s.DestroyObject(s.h, pubH)) }()
		if pub, err = s.readPublic(pubH); err != nil {
			return err
		}
		w := wrappedKey{mechanism: uint32(kek.mechanism), generation: kek.generation, kekID: kek.id}
		if w.spki, err = marshalSPKI(pub); err != nil {
			return err
		}
		if w.pkcs8, err = s.WrapKey(s.h, []*pkcs11.Mechanism{pkcs11.NewMechanism(kek.mechanism, nil)}, kek.object, privH); err != nil {
			return err
		}
		spki = w.spki
		wrapped, err = w.marshal()
		return err
	})
	if err != nil {
		return nil, nil, nil, fmt.Errorf("generate wrapped %s key: %w", spec, err)
	}
	return spki, pub, wrapped, nil
}
