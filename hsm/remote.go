package hsm

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"

	"fmt"
	"io"
)

var _, _ Token = (*Local)(nil), (*Worker)(nil)

// Key finds a key pair by its label.
func (w *Worker) Key(ctx context.Context, label string) (crypto.Signer, error) {
	f, _, err := w.call(ctx, opKey, []byte(label))
	return w.remoteKey(f, err)
}

// GenerateKey makes a key pair in the token.
func (w *Worker) GenerateKey(ctx context.Context, label string, spec KeySpec) (crypto.Signer, error) {
	f, _, err := w.call(ctx, opGenerateKey, []byte(label), []byte(spec))
	return w.remoteKey(f, err)
}

// DestroyKey removes a key pair.
func (w *Worker) DestroyKey(ctx context.Context, label string) error {
	_, _, err := w.call(ctx, opDestroyKey, []byte(label))
	return err
}

// Keys lists the token's key pairs by label.
func (w *Worker) Keys(ctx context.Context) ([]KeyInfo, error) {
	f, _, err := w.call(ctx, opKeys)
	if err != nil {
		return nil, err
	}
	return decodeKeys(f)
}

// Vault opens a key-encryption key.
func (w *Worker) Vault(ctx context.Context, kek string) (Vault, error) {
	if _, _, err := w.call(ctx, opVault, []byte(kek)); err != nil {
		return nil, err
	}
	w.remember(opVault, kek)
	return &remoteVault{w, kek}, nil
}

// Sealer opens a data-sealing key.
func (w *Worker) Sealer(ctx context.Context, label string) (Sealer, error) {
	if _, _, err := w.call(ctx, opSealer, []byte(label)); err != nil {
		return nil, err
	}
	w.remember(opSealer, label)
	return &remoteSealer{w, label}, nil
}

// remoteKey signs with a key in the worker's token.
type remoteKey struct {
	w     *Worker
	ref   keyRef
	pub   crypto.PublicKey
	print [sha256.Size]byte // of the SubjectPublicKeyInfo
}

func (w *Worker) remoteKey(f [][]byte, err error) (crypto.Signer, error) {
	if err != nil {
		return nil, err
	}
	if len(f) != 3 {
		return nil, errFrame
	}
	pub, err := x509.ParsePKIXPublicKey(f[2])
	if err != nil {
		return nil, fmt.Errorf("token worker: %w", err)
	}
	return &remoteKey{w, keyRef{string(f[0]), f[1]}, pub, sha256.Sum256(f[2])}, nil
}

// Public returns the public key.
func (k *remoteKey) Public() crypto.PublicKey { return k.pub }

// Sign signs a digest.
func (k *remoteKey) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	o, err := encodeOpts(opts)
	if err != nil {
		return nil, err
	}
	f, _, err := k.w.call(context.Background(), opSign, []byte(k.ref.label), k.ref.id, k.print[:], digest, o)
	return only(f, err)
}

// only returns the one field of an answer.
func only(f [][]byte, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	if len(f) != 1 {
		return nil, errFrame
	}
	return f[0], nil
}

type remoteSealer struct {
	w     *Worker
	label string
}

// Seal encrypts in the token.
func (s *remoteSealer) Seal(ctx context.Context, plaintext, aad []byte) ([]byte, error) {
	f, _, err := s.w.call(ctx, opSeal, []byte(s.label), plaintext, aad)
	return only(f, err)
}

// Open decrypts in the token.
func (s *remoteSealer) Open(ctx context.Context, sealed, aad []byte) ([]byte, error) {
	f, _, err := s.w.call(ctx, opOpen, []byte(s.label), sealed, aad)
	return only(f, err)
}
