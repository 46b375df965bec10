package personal

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"golang.org/x/crypto/cryptobyte"
)

// LookupKind is a kind of value that owners are found by.
type LookupKind string

// The kinds. Of HKIC, SRN and Code there is one owner a value; the schema sees to it.
const (
	HKIC  LookupKind = "hkic"
	Phone LookupKind = "phone"
	Email LookupKind = "email"
	SRN   LookupKind = "srn"
	Code  LookupKind = "code" // the suspension code
)

// digestKey is the key of look-up digests, opened.
type digestKey struct {
	generation int32
	key        []byte
}

func digestAAD(generation int32) []byte {
	var c cryptobyte.Builder
	c.AddBytes([]byte("chop/registration/digest-key/v1\x00"))
	c.AddUint32(uint32(generation))
	return c.BytesOrPanic()
}

// digestKey opens the key once, and makes the first one. Processes that make it at the same moment
// agree on the one that was stored first.
func (b *Book) key(ctx context.Context) (*digestKey, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.digest != nil {
		return b.digest, nil
	}
	r, err := b.store.digestKey(ctx)
	if errors.Is(err, ErrNoOwner) {
		fresh := make([]byte, keySize)
		rand.Read(fresh)
		sealed, failed := b.cfg.Sealer.Seal(ctx, fresh, digestAAD(1))
		if failed != nil {
			return nil, fmt.Errorf("seal digest key: %w", failed)
		}
		r, err = b.store.insertDigestKey(ctx, keyRow{Generation: 1, Sealed: sealed}, b.cfg.Now())
	}
	if err != nil {
		return nil, fmt.Errorf("read digest key: %w", err)
	}
	plain, err := b.cfg.Sealer.Open(ctx, r.Sealed, digestAAD(r.Generation))
	if err != nil {
		return nil, fmt.Errorf("open digest key: %w", err)
	}
	if len(plain) != keySize {
		return nil, fmt.Errorf("open digest key: %w", ErrSealed)
	}
	b.digest = &digestKey{r.Generation, plain}
	return b.digest, nil
}

// mac is HMAC-SHA-256 over length-prefixed parts, so that no two lists of parts have the same input.
func (k *digestKey) mac(label string, parts ...string) []byte {
	var c cryptobyte.Builder
	c.AddBytes([]byte(label + "\x00"))
	for _, p := range parts {
		c.AddUint16LengthPrefixed(func(c *cryptobyte.Builder) { c.AddBytes([]byte(p)) })
	}
	h := hmac.New(sha256.New, k.key)
	h.Write(c.BytesOrPanic())
	return h.Sum(nil)
}

func (b *Book) lookup(ctx context.Context, owner uuid.UUID, kind LookupKind, value string) (lookupRow, error) {
	k, err := b.key(ctx)
	if err != nil {
		return lookupRow{}, err
	}
	return lookupRow{
		Owner: owner, Kind: string(kind), Generation: k.generation,
		Digest: k.mac("chop/registration/lookup/v1", string(kind), value),
		Proof:  k.mac("chop/registration/owner/v1", string(kind), value, owner.String()),
	}, nil
}

// Digest is a keyed digest of a value for a purpose of its own: what has another
// purpose has another digest.
func (b *Book) Digest(ctx context.Context, purpose, value string) ([]byte, error) {
	k, err := b.key(ctx)
	if err != nil {
		return nil, err
	}
	return k.mac("chop/registration/digest/v1", purpose, value), nil
}

// Find returns the owners of a value in its normal form, at most 20. ErrSealed
// if a row was moved to another owner: nobody is found then.
func (b *Book) Find(ctx context.Context, kind LookupKind, value string) ([]string, error) {
	want, err := b.lookup(ctx, uuid.Nil, kind, value)
	if err != nil {
		return nil, fmt.Errorf("find by %s: %w", kind, err)
	}
	rows, err := b.store.find(ctx, want)
	if err != nil {
		return nil, fmt.Errorf("find by %s: %w", kind, err)
	}
	var owners []string
	for _, r := range rows {
		own, err := b.lookup(ctx, r.Owner, kind, value)
		if err != nil {
			return nil, fmt.Errorf("find by %s: %w", kind, err)
		}
		if !hmac.Equal(own.Proof, r.Proof) {
			return nil, fmt.Errorf("find by %s: %w: the row of %s", kind, ErrSealed, r.Owner)
		}
		owners = append(owners, r.Owner.String())
	}
	return owners, nil
}
