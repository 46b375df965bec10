package hsm

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/miekg/pkcs11"
)

// keyRef is how a key pair is found again. Object handles change when the
// module is initialised again; these do not.
type keyRef struct {
	label string
	id    []byte
}

// localKey signs with a private key in the token.
type localKey struct {
	l   *Local
	ref keyRef
	pub crypto.PublicKey
	obj atomic.Pointer[handle]
}

// Public returns the public key.
func (k *localKey) Public() crypto.PublicKey { return k.pub }

// Sign signs a digest; the token takes its randomness from itself.
func (k *localKey) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	mech, err := signMechanism(k.pub, digest, opts)
	if err != nil {
		return nil, err
	}
	var sig []byte
	err = k.l.do(context.Background(), func(s *session) error {
		h, err := k.find(s)
		if err != nil {
			return err
		}
		object, err := s.inMemory(h, k.ref.id)
		if err != nil {
			return err
		}
		sig, err = s.sign(object, k.pub, mech)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("sign with key %q: %w", k.ref.label, err)
	}
	return sig, nil
}

// find returns the handle, looking the key up again if it may have changed.
func (k *localKey) find(s *session) (*handle, error) {
	epoch := k.l.epoch.Load()
	if h := k.obj.Load(); h != nil && h.epoch == epoch {
		return h, nil
	}
	fresh, err := k.l.loadKey(s, k.ref.label, k.ref.id)
	if err != nil {
		return nil, err
	}
	if !publicEqual(fresh.pub, k.pub) {
		return nil, fmt.Errorf("key %q has another public key now: %w", k.ref.label, ErrKeyAmbiguous)
	}
	h := fresh.obj.Load()
	k.obj.Store(h)
	return h, nil
}

// loadKey finds the one key pair of that label (and CKA_ID, unless it is nil)
// and proves by a signature over a random digest that its halves are a pair:
// PKCS#11 lets anyone with the PIN store a public key under any name.
func (l *Local) loadKey(s *session, label string, id []byte) (*localKey, error) {
	epoch := l.epoch.Load()
	search := []*pkcs11.Attribute{attr(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY), attr(pkcs11.CKA_LABEL, label)}
	priv, err := s.one("private key", search...)
	if err != nil {
		return nil, err
	}
	v, err := s.attributes(priv, pkcs11.CKA_ID)
	if err != nil {
		return nil, err
	}
	if id != nil && string(id) != string(v[0]) {
		return nil, fmt.Errorf("private key: another CKA_ID: %w", ErrKeyAmbiguous)
	}
	pubH, err := s.one("public key", publicTemplate(label, v[0])...)
	if err != nil {
		return nil, err
	}
	pub, err := s.readPublic(pubH)
	if err != nil {
		return nil, err
	}
	if err := s.provePair(priv, pub); err != nil {
		return nil, err
	}
	k := &localKey{l: l, ref: keyRef{label: label, id: v[0]}, pub: pub}
	h := &handle{object: priv, epoch: epoch}
	h.seen.Store(int64(time.Since(s.loaded)))
	k.obj.Store(h)
	return k, nil
}

// provePair signs a random digest and verifies it. It does not count as the
// signature that a caller asked for, so it may be repeated.
func (s *session) provePair(priv pkcs11.ObjectHandle, pub crypto.PublicKey) error {
	challenge := make([]byte, 32)
	rand.Read(challenge)
	digest := sha256.Sum256(append([]byte("hsm: do these halves belong together?"), challenge...))
	input, err := signMechanism(pub, digest[:], crypto.SHA256)
	if err != nil {
		return err
	}
	sig, err := s.sign(priv, pub, input)
	s.signed = false
	if err != nil {
		return fmt.Errorf("prove the key pair: %w", err)
	}
	ok := false
	switch pub := pub.(type) {
	case *ecdsa.PublicKey:
		ok = ecdsa.VerifyASN1(pub, digest[:], sig)
	case *rsa.PublicKey:
		ok = rsa.VerifyPKCS1v15(pub, crypto.SHA256, digest[:], sig) == nil
	}
	if !ok {
		return fmt.Errorf("private and public half do not belong together: %w", ErrKeyAmbiguous)
	}
	return nil
}
