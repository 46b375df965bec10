package personal

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"golang.org/x/crypto/cryptobyte"

	"chop/internal/postgres"
)

const (
	keySize   = 32
	nonceSize = 12
	// maxField bounds a field, in bytes: Immigration's signed answer is the longest.
	maxField = 32 << 10
)

// dataKey is an owner's, opened.
type dataKey struct {
	owner      uuid.UUID
	generation int32
	key        [keySize]byte
	sealed     []byte
	isNew      bool
}

func (b *Book) newKey(ctx context.Context, owner uuid.UUID, generation int32) (*dataKey, error) {
	k := &dataKey{owner: owner, generation: generation, isNew: true}
	rand.Read(k.key[:])
	var err error
	if k.sealed, err = b.cfg.Sealer.Seal(ctx, k.key[:], k.aad()); err != nil {
		return nil, fmt.Errorf("seal data key: %w", err)
	}
	return k, nil
}

func (b *Book) openKey(ctx context.Context, owner uuid.UUID) (*dataKey, error) {
	r, err := b.store.dataKey(ctx, owner)
	if err != nil {
		return nil, err
	}
	k := &dataKey{owner: owner, generation: r.Generation, sealed: r.Sealed}
	plain, err := b.cfg.Sealer.Open(ctx, r.Sealed, k.aad())
	if err != nil {
		return nil, fmt.Errorf("open data key: %w", err)
	}
	if len(plain) != keySize {
		return nil, fmt.Errorf("open data key: %w", ErrSealed)
	}
	copy(k.key[:], plain)
	clear(plain)
	return k, nil
}

// aad binds a data key to its owner and generation.
func (k *dataKey) aad() []byte {
	var c cryptobyte.Builder
	c.AddBytes([]byte("chop/registration/data-key/v1\x00"))
	c.AddBytes(k.owner[:])
	c.AddUint32(uint32(k.generation))
	return c.BytesOrPanic()
}

// fieldAAD binds a field to its owner, name and key.
func (k *dataKey) fieldAAD(name string) []byte {
	var c cryptobyte.Builder
	c.AddBytes([]byte("chop/registration/field/v1\x00"))
	c.AddBytes(k.owner[:])
	c.AddUint32(uint32(k.generation))
	c.AddUint16LengthPrefixed(func(c *cryptobyte.Builder) { c.AddBytes([]byte(name)) })
	return c.BytesOrPanic()
}

func (k *dataKey) gcm() (cipher.AEAD, error) {
	block, err := aes.NewCipher(k.key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func (k *dataKey) seal(name, value string) (fieldRow, error) {
	if name == "" || len(name) > 100 || len(value) > maxField {
		return fieldRow{}, fmt.Errorf("seal field: name or value has %d and %d bytes", len(name), len(value))
	}
	gcm, err := k.gcm()
	if err != nil {
		return fieldRow{}, fmt.Errorf("seal field: %w", err)
	}
	nonce := make([]byte, nonceSize, nonceSize+len(value)+gcm.Overhead())
	rand.Read(nonce)
	return fieldRow{Name: name, Generation: k.generation, Sealed: gcm.Seal(nonce, nonce, []byte(value), k.fieldAAD(name))}, nil
}

func (k *dataKey) open(r fieldRow) (string, error) {
	gcm, err := k.gcm()
	if err != nil {
		return "", fmt.Errorf("open field: %w", err)
	}
	if len(r.Sealed) < nonceSize+gcm.Overhead() || r.Generation != k.generation {
		return "", fmt.Errorf("open field %s: %w", r.Name, ErrSealed)
	}
	plain, err := gcm.Open(nil, r.Sealed[:nonceSize], r.Sealed[nonceSize:], k.fieldAAD(r.Name))
	if err != nil {
		return "", fmt.Errorf("open field %s: %w", r.Name, ErrSealed)
	}
	return string(plain), nil
}

// Prepared is what Prepare sealed, to be put into one transaction.
type Prepared struct {
	key     *dataKey
	fields  []fieldRow
	removed []string
	lookups []lookupRow
	dropped []string
}

// Prepare seals fields of an owner, and makes the digests by which values are
// found. A field with an empty value, and a look-up with an empty value, is
// removed. It asks the token: call it before the transaction.
func (b *Book) Prepare(ctx context.Context, owner string, fields map[string]string, lookups map[LookupKind]string) (*Prepared, error) {
	id, err := uuid.Parse(owner)
	if err != nil {
		return nil, fmt.Errorf("prepare personal data: owner: %w", err)
	}
	k, err := b.openKey(ctx, id)
	if errors.Is(err, ErrNoOwner) {
		k, err = b.newKey(ctx, id, 1)
	}
	if err != nil {
		return nil, fmt.Errorf("prepare personal data: %w", err)
	}
	p := &Prepared{key: k}
	for name, value := range fields {
		if value == "" {
			p.removed = append(p.removed, name)
			continue
		}
		r, err := k.seal(name, value)
		if err != nil {
			return nil, err
		}
		p.fields = append(p.fields, r)
	}
	for kind, value := range lookups {
		if value == "" {
			p.dropped = append(p.dropped, string(kind))
			continue
		}
		r, err := b.lookup(ctx, id, kind, value)
		if err != nil {
			return nil, err
		}
		p.lookups = append(p.lookups, r)
	}
	return p, nil
}

// Put writes what was prepared. ErrTaken, ErrStale.
func (b *Book) Put(ctx context.Context, tx postgres.Tx, p *Prepared) error {
	if err := putPrepared(ctx, tx, p, b.cfg.Now()); err != nil {
		return fmt.Errorf("put personal data: %w", err)
	}
	return nil
}

// Open returns the named fields of an owner, or all if none is named. A field that is absent is not in the map.
func (b *Book) Open(ctx context.Context, owner string, names ...string) (map[string]string, error) {
	id, err := uuid.Parse(owner)
	if err != nil {
		return nil, fmt.Errorf("open personal data: owner: %w", err)
	}
	k, err := b.openKey(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("open personal data: %w", err)
	}
	rows, err := b.store.fields(ctx, id, names)
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(rows))
	for _, r := range rows {
		if out[r.Name], err = k.open(r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Rotate seals all fields of an owner anew under a new data key.
func (b *Book) Rotate(ctx context.Context, owner string) error {
	id, err := uuid.Parse(owner)
	if err != nil {
		return fmt.Errorf("rotate data key: owner: %w", err)
	}
	old, err := b.openKey(ctx, id)
	if err != nil {
		return fmt.Errorf("rotate data key: %w", err)
	}
	k, err := b.newKey(ctx, id, old.generation+1)
	if err != nil {
		return fmt.Errorf("rotate data key: %w", err)
	}
	if err := b.store.rotate(ctx, old, k, b.cfg.Now()); err != nil {
		return fmt.Errorf("rotate data key: %w", err)
	}
	return nil
}

// Forget deletes an owner's data key, fields and look-ups.
func (b *Book) Forget(ctx context.Context, tx postgres.Tx, owner string) error {
	_, err := ForgetOwners(ctx, tx, []string{owner})
	return err
}
