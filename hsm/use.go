package hsm

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"fmt"
	"io"
	"sync"

	"github.com/miekg/pkcs11"
)

// Use lends the wrapped key to fn. It is unwrapped by the first signature, in
// the same session, and destroyed at the end.
func (v *localVault) Use(ctx context.Context, wrapped []byte, fn func(crypto.Signer) error) error {
	k, err := v.key(ctx, wrapped)
	if err != nil {
		return err
	}
	defer k.close() // whatever fn does, panic included
	return fn(k)
}

// unwrapTemplate asks for what the KEK's own template demands.
func unwrapTemplate(keyType uint) []*pkcs11.Attribute {
	return append(template(unwrapRules()),
		attr(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY),
		attr(pkcs11.CKA_KEY_TYPE, keyType),
		attr(pkcs11.CKA_SIGN, true),
		attr(pkcs11.CKA_DECRYPT, false),
		attr(pkcs11.CKA_UNWRAP, false),
		attr(pkcs11.CKA_DERIVE, false))
}

// openKey is an unwrapped key, for the duration of one Vault.Use.
type openKey struct {
	v       *localVault
	ctx     context.Context
	wrapped *wrappedKey
	pub     crypto.PublicKey

	mu    sync.Mutex
	obj   pkcs11.ObjectHandle
	epoch uint64 // of obj; 0 before the first signature
	ended bool
}

func (v *localVault) key(ctx context.Context, wrapped []byte) (*openKey, error) {
	w, err := parseWrapped(wrapped)
	if err != nil {
		return nil, err
	}
	pub, err := w.public()
	if err != nil {
		return nil, err
	}
	return &openKey{v: v, ctx: ctx, wrapped: w, pub: pub}, nil
}

// open unwraps the key in this session.
func (k *openKey) open(s *session) error {
	epoch := k.v.l.epoch.Load()
	keks, err := k.v.generations(s)
	if err != nil {
		return err
	}
	var kek *kek
	for _, g := range keks {
		if g.generation == k.wrapped.generation && string(g.id) == string(k.wrapped.kekID) {
			kek = g
		}
	}
	if kek == nil {
		return fmt.Errorf("%w: its key-encryption key (generation %d) is not in this vault", ErrWrappedKey, k.wrapped.generation)
	}
	if uint32(kek.mechanism) != k.wrapped.mechanism {
		return fmt.Errorf("%w: it names mechanism %#x", ErrWrappedKey, k.wrapped.mechanism)
	}
	keyType := uint(pkcs11.CKK_RSA)
	if _, ok := k.pub.(*ecdsa.PublicKey); ok {
		keyType = pkcs11.CKK_EC
	}
	h, err := s.UnwrapKey(s.h, []*pkcs11.Mechanism{pkcs11.NewMechanism(kek.mechanism, nil)}, kek.object, k.wrapped.pkcs8, unwrapTemplate(keyType))
	if damaged(s, err, pkcs11.CKR_WRAPPED_KEY_INVALID, pkcs11.CKR_WRAPPED_KEY_LEN_RANGE,
		pkcs11.CKR_ENCRYPTED_DATA_INVALID, pkcs11.CKR_ENCRYPTED_DATA_LEN_RANGE,
		pkcs11.CKR_TEMPLATE_INCONSISTENT, pkcs11.CKR_ATTRIBUTE_VALUE_INVALID) {
		// The code is told as text: its class would say that the token failed.
		return fmt.Errorf("%w: %v", ErrWrappedKey, err)
	}
	if err != nil {
		return err
	}
	k.obj, k.epoch = h, epoch
	return nil
}

// Public returns the public key that was stored with the wrapped one.
func (k *openKey) Public() crypto.PublicKey { return k.pub }

// Sign signs a digest.
func (k *openKey) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	in, err := signMechanism(k.pub, digest, opts)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ended {
		return nil, ErrKeyGone
	}
	var sig []byte
	err = k.v.l.do(k.ctx, func(s *session) error {
		// Not unwrapped yet, or gone with its session: unwrap it here.
		if k.epoch != k.v.l.epoch.Load() {
			if err := k.open(s); err != nil {
				return err
			}
		}
		sig, err = s.sign(k.obj, k.pub, in)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("sign with wrapped key: %w", err)
	}
	return sig, nil
}

// close destroys the unwrapped key.
func (k *openKey) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ended {
		return
	}
	k.ended = true
	if k.epoch != k.v.l.epoch.Load() {
		return // never unwrapped, or gone with its session
	}
	err := k.v.l.do(context.Background(), func(s *session) error {
		if k.epoch != k.v.l.epoch.Load() {
			return nil // gone since
		}
		err := s.DestroyObject(s.h, k.obj)
		if isCKR(err, pkcs11.CKR_OBJECT_HANDLE_INVALID) {
			// Its session was closed at this moment: no fault of the token's,
			// which must not be left alone for it.
			return nil
		}
		return err
	})
	if err != nil {
		k.v.l.cfg.Log.Error("an unwrapped key could not be destroyed; it ends with its session", "error", err)
	}
}
