package solecontrol

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// SecretSize is the size of s, the output of the passkey's PRF extension
// (WebAuthn Level 3, 10.1.4).
const SecretSize = 32

const (
	sealNonce = 12
	sealTag   = 16
)

// Seal encrypts a wrapped key under the secret s:
//
//	K = HKDF-SHA-256(IKM s, salt sealSalt, info "chop/seal/v1" 0x00 ‖ B, 32 bytes)
//	sealed = 12 random bytes ‖ AES-256-GCM(K, wrapped, AAD = B ‖ uint16 length, KEK id ‖ uint32 mechanism)
//
// sealSalt is random and new with each binding, so each K seals once.
func Seal(s []byte, binding []byte, kek []byte, mechanism uint32, wrapped []byte) ([]byte, error) {
	aead, aad, err := sealer(s, binding, kek, mechanism)
	if err != nil {
		return nil, err
	}
	sealed := make([]byte, sealNonce, sealNonce+len(wrapped)+sealTag)
	rand.Read(sealed)
	return aead.Seal(sealed, sealed, wrapped, aad), nil
}

// OpenSeal reverses Seal. ErrSeal if the secret is another one, or if anything
// that the seal binds was changed. The caller clears what it returns.
func OpenSeal(s []byte, binding []byte, kek []byte, mechanism uint32, sealed []byte) ([]byte, error) {
	aead, aad, err := sealer(s, binding, kek, mechanism)
	if err != nil {
		return nil, err
	}
	if len(sealed) < sealNonce+sealTag {
		return nil, fmt.Errorf("%w: cut short", ErrSeal)
	}
	wrapped, err := aead.Open(nil, sealed[:sealNonce], sealed[sealNonce:], aad)
	if err != nil {
		return nil, ErrSeal
	}
	return wrapped, nil
}

func sealer(s, binding, kek []byte, mechanism uint32) (cipher.AEAD, []byte, error) {
	if len(s) != SecretSize {
		return nil, nil, fmt.Errorf("%w: a secret of %d bytes", ErrSeal, len(s))
	}
	parsed, err := ParseBinding(binding)
	if err != nil {
		return nil, nil, err
	}
	digest := BindingDigest(binding)
	key, err := hkdf.Key(sha256.New, s, parsed.SealSalt[:], labelSeal+string(digest[:]), 32)
	if err != nil {
		return nil, nil, fmt.Errorf("derive seal key: %w", err)
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, nil, fmt.Errorf("seal key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, nil, fmt.Errorf("seal key: %w", err)
	}
	aad := append([]byte(nil), digest[:]...)
	aad = binary.BigEndian.AppendUint16(aad, uint16(len(kek)))
	aad = append(aad, kek...)
	return aead, binary.BigEndian.AppendUint32(aad, mechanism), nil
}
