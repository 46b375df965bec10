// Package hsm keeps private keys in PKCS#11 tokens (OASIS PKCS#11 2.40) and
// hands them out as crypto.Signer, so that no other package needs to know
// what a token is.
//
// A Token is reached in two ways that behave alike: Open loads the vendor's
// module into this process; StartWorker loads it into a process of its own,
// which may hang or crash without taking the caller along. A process loads a
// module for one token only.
//
// Keys that a service uses every day lie in the token (Token.Key). Keys by
// the million lie outside it, wrapped under a key-encryption key that can do
// nothing but wrap and unwrap (Token.Vault). Data keys are sealed by AES-GCM
// inside the token (Token.Sealer), and what is stored outside is authenticated
// by it (Token.MAC).
//
// The package never reads, exports or imports a private key in the clear,
// never logs out (that would end every session of the process), never tries a
// PIN again that the token has refused, never asks a token to sign twice
// because the first answer was lost, and refuses to open a Vault on a token
// whose key-encryption key can be turned into a decryption key.
package hsm

import (
	"context"
	"crypto"
)

// KeySpec names an algorithm and a size: "p256", "p384", "rsa2048",
// "rsa3072" or "rsa4096".
type KeySpec = string

// The key specifications that a Token makes.
const (
	P256    KeySpec = "p256"
	P384    KeySpec = "p384"
	RSA2048 KeySpec = "rsa2048"
	RSA3072 KeySpec = "rsa3072"
	RSA4096 KeySpec = "rsa4096"
)

// A Token is one PKCS#11 token, logged in. Its methods may be called
// concurrently.
//
// A signer that it returns takes digests, not messages: ECDSA signatures are
// DER, RSA ones PKCS #1 v1.5, or PSS where the options are *rsa.PSSOptions.
type Token interface {
	// Key finds the key pair with this label and proves that its two halves
	// belong together. ErrKeyNotFound, ErrKeyAmbiguous.
	Key(ctx context.Context, label string) (crypto.Signer, error)

	// GenerateKey makes a key pair in the token, never to leave it.
	// ErrKeyExists if the label is taken.
	GenerateKey(ctx context.Context, label string, spec KeySpec) (crypto.Signer, error)

	// DestroyKey removes both halves of a key pair for ever. ErrKeyNotFound.
	DestroyKey(ctx context.Context, label string) error

	// Keys lists the key pairs in the token, ordered by label.
	Keys(ctx context.Context) ([]KeyInfo, error)

	// Vault opens the key-encryption key of that name, and makes it if it is
	// absent. ErrUnsafeToken, naming the attack, if the token would let
	// a wrapped key out.
	Vault(ctx context.Context, kek string) (Vault, error)

	// Sealer opens the data-sealing key of that label, and makes it if it is
	// absent.
	Sealer(ctx context.Context, label string) (Sealer, error)

	// MAC opens the authentication key of that label, and makes it if it is
	// absent.
	MAC(ctx context.Context, label string) (MAC, error)

	// Close ends the sessions. Signers of the token fail afterwards.
	Close() error
}

// A Vault makes and uses keys that live outside the token, wrapped under its
// key-encryption key.
//
// Key wrap authenticates the key but nothing around it: whoever stores
// a wrapped key must bind it to its owner, and must check each signature
// against the owner's certificate before releasing it.
type Vault interface {
	// Generate makes a key pair and returns its public key and the wrapped
	// private key: self-describing, at most MaxWrapped bytes.
	Generate(ctx context.Context, spec KeySpec) (pub crypto.PublicKey, wrapped []byte, err error)

	// Use lends a wrapped key to fn: the first signature unwraps it in the
	// token, and when fn ends, however it ends, it is destroyed there. The
	// signer fails from then on. ErrWrappedKey, from Use or from the first
	// signature, if wrapped is damaged or of another vault.
	Use(ctx context.Context, wrapped []byte, fn func(crypto.Signer) error) error
}

// A Sealer encrypts small secrets (data keys) with AES-256-GCM in the token.
type Sealer interface {
	// Seal encrypts at most MaxSealed bytes and authenticates aad with them.
	Seal(ctx context.Context, plaintext, aad []byte) ([]byte, error)

	// Open reverses Seal. ErrSealed if sealed or aad were changed, or the
	// key is another.
	Open(ctx context.Context, sealed, aad []byte) ([]byte, error)
}

// KeyInfo describes a key pair in a token.
type KeyInfo struct {
	Label  string
	ID     []byte // CKA_ID, which survives backup and restore
	Spec   KeySpec
	Public crypto.PublicKey
}
