package signer

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"chop/signer/ledger"
)

// vault seals the files of one signing under a data key of its own, AES-256-GCM, which
// the sealer token seals. Deleting the sealed data key deletes the files from every
// backup that is younger.
type vault struct {
	id   string
	aead cipher.AEAD
}

func keyLabel(g *ledger.Signing) []byte { return []byte("chop/signing-key/v1\x00" + g.ID.String()) }

// newVault makes a data key and notes it, sealed, in the signing.
func (r *Residents) newVault(ctx context.Context, g *ledger.Signing) (*vault, error) {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("make data key: %w", err)
	}
	var err error
	if g.DataKey, err = r.c.Sealer.Seal(ctx, key, keyLabel(g)); err != nil {
		return nil, fmt.Errorf("seal data key: %w", err)
	}
	return openVault(g, key)
}

// vault opens the data key of a signing; ErrGone if it was deleted.
func (r *Residents) vault(ctx context.Context, g *ledger.Signing) (*vault, error) {
	if g.DataKey == nil {
		return nil, ErrGone
	}
	key, err := r.c.Sealer.Open(ctx, g.DataKey, keyLabel(g))
	if err != nil {
		return nil, fmt.Errorf("open data key: %w", err)
	}
	return openVault(g, key)
}

func openVault(g *ledger.Signing, key []byte) (*vault, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("use data key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("use data key: %w", err)
	}
	return &vault{g.ID.String(), aead}, nil
}

// label ties a file to its place: exchanged rows do not open.
func (v *vault) label(number int, f ledger.File) []byte {
	return fmt.Appendf(nil, "chop/signing-file/v1\x00%s/%d/%s", v.id, number, f)
}

func (v *vault) seal(number int, f ledger.File, plain []byte) ([]byte, error) {
	out := make([]byte, v.aead.NonceSize(), v.aead.NonceSize()+len(plain)+v.aead.Overhead())
	if _, err := rand.Read(out); err != nil {
		return nil, fmt.Errorf("seal file: %w", err)
	}
	return v.aead.Seal(out, out, plain, v.label(number, f)), nil
}

// open opens in place.
func (v *vault) open(number int, f ledger.File, sealed []byte) ([]byte, error) {
	n := v.aead.NonceSize()
	if len(sealed) < n {
		return nil, ErrGone
	}
	plain, err := v.aead.Open(sealed[n:n], sealed[:n], sealed[n:], v.label(number, f))
	if err != nil {
		return nil, fmt.Errorf("open file %d of signing %s: %w", number, v.id, err)
	}
	return plain, nil
}

// file reads and opens one file; ErrGone if it was deleted, or is not there yet.
func (r *Residents) file(ctx context.Context, g *ledger.Signing, v *vault, number int, f ledger.File) ([]byte, error) {
	sealed, err := r.store.File(ctx, g.ID, number, f)
	if err != nil {
		return nil, err
	}
	if sealed == nil {
		return nil, ErrGone
	}
	return v.open(number, f, sealed)
}

func hexSum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}
