package hsm

import (
	"crypto"
	"crypto/x509"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
)

// MaxWrapped is the largest wrapped key, in bytes; an RSA-4096 key needs 3,000.
const MaxWrapped = 8 << 10

// wrappedKey is what Vault.Generate returns, encoded:
//
//	"CWK" | version 1 | uint32 mechanism | uint32 KEK generation
//	| uint8 length, KEK's CKA_ID | uint16 length, SubjectPublicKeyInfo
//	| uint16 length, wrapped PKCS #8
//
// The public key says what kind of key it is. Nothing outside the wrapped
// PKCS #8 is authenticated here.
type wrappedKey struct {
	mechanism  uint32 // CKM number, as this token's module counts them
	generation uint32 // of the KEK
	kekID      []byte
	spki       []byte
	pkcs8      []byte // wrapped
}

var wrappedMagic = []byte{'C', 'W', 'K', 1}

func (w *wrappedKey) marshal() ([]byte, error) {
	var b cryptobyte.Builder
	b.AddBytes(wrappedMagic)
	b.AddUint32(w.mechanism)
	b.AddUint32(w.generation)
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(w.kekID) })
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(w.spki) })
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(w.pkcs8) })
	out, err := b.Bytes()
	if err == nil && len(out) > MaxWrapped {
		err = ErrTooLarge
	}
	if err != nil {
		return nil, fmt.Errorf("encode wrapped key: %w", err)
	}
	return out, nil
}

// parseWrapped decodes; the result aliases b.
func parseWrapped(b []byte) (*wrappedKey, error) {
	if len(b) > MaxWrapped {
		return nil, fmt.Errorf("%w: %d bytes", ErrWrappedKey, len(b))
	}
	var w wrappedKey
	var magic []byte
	var kekID, spki, pkcs8 cryptobyte.String
	in := cryptobyte.String(b)
	if !in.ReadBytes(&magic, len(wrappedMagic)) || string(magic) != string(wrappedMagic) {
		return nil, fmt.Errorf("%w: not a wrapped key of version 1", ErrWrappedKey)
	}
	if !in.ReadUint32(&w.mechanism) || !in.ReadUint32(&w.generation) ||
		!in.ReadUint8LengthPrefixed(&kekID) || !in.ReadUint16LengthPrefixed(&spki) ||
		!in.ReadUint16LengthPrefixed(&pkcs8) || !in.Empty() ||
		len(kekID) == 0 || len(spki) == 0 || len(pkcs8) == 0 {
		return nil, fmt.Errorf("%w: cut short or too long", ErrWrappedKey)
	}
	w.kekID, w.spki, w.pkcs8 = kekID, spki, pkcs8
	return &w, nil
}

// WrappedUnder says which key-encryption key wrapped a key, by its CKA_ID, and by
// which mechanism: what whoever seals the wrapped key binds with it. Neither is
// authenticated by the wrapped key itself.
func WrappedUnder(wrapped []byte) (kekID []byte, mechanism uint32, err error) {
	w, err := parseWrapped(wrapped)
	if err != nil {
		return nil, 0, err
	}
	return append([]byte(nil), w.kekID...), w.mechanism, nil
}

// public decodes the public key and checks that it is of a kind that we make.
func (w *wrappedKey) public() (crypto.PublicKey, error) {
	pub, err := x509.ParsePKIXPublicKey(w.spki)
	if err != nil {
		return nil, fmt.Errorf("%w: public key: %w", ErrWrappedKey, err)
	}
	if _, err := specOf(pub); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWrappedKey, err)
	}
	return pub, nil
}

// marshalSPKI encodes a SubjectPublicKeyInfo, RFC 5280, 4.1.2.7.
func marshalSPKI(pub crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("encode public key: %w", err)
	}
	return der, nil
}
