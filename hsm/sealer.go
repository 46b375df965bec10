package hsm

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/miekg/pkcs11"
	"golang.org/x/crypto/cryptobyte"
)

// MaxSealed is the most plaintext, and the most associated data, that a Sealer
// takes: it seals keys, not documents.
const MaxSealed = 64 << 10

const (
	gcmIV  = 12
	gcmTag = 16
)

// localSealer seals with an AES-256 key in the token:
//
//	version 1 | uint8 length, key's CKA_ID | 12 bytes IV | ciphertext | 16 bytes tag
//
// IVs are random, so that restarts and second nodes need no counter; a key is
// good for 2^32 seals (NIST SP 800-38D, 8.3). As with a KEK, two processes may
// have made a key each under the same label: what is sealed names its key.
type localSealer struct {
	l     *Local
	label string

	mu    sync.Mutex
	epoch uint64
	keys  []sealingKey // by CKA_ID; never empty
}

type sealingKey struct {
	id     []byte
	object pkcs11.ObjectHandle
}

// Sealer opens a sealing key, making it if it is absent.
func (l *Local) Sealer(ctx context.Context, label string) (Sealer, error) {
	if err := checkLabel(label); err != nil {
		return nil, err
	}
	k := &localSealer{l: l, label: label}
	l.creating.Lock()
	defer l.creating.Unlock()
	err := l.do(ctx, func(s *session) error {
		_, err := k.find(s)
		if !errors.Is(err, ErrKeyNotFound) {
			return err
		}
		if err := s.makeSealingKey(label); err != nil {
			return err
		}
		_, err = k.find(s)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open sealer %q: %w", label, err)
	}
	return k, nil
}

// openSealer opens a sealing key that is there.
func (l *Local) openSealer(ctx context.Context, label string) (Sealer, error) {
	if err := checkLabel(label); err != nil {
		return nil, err
	}
	k := &localSealer{l: l, label: label}
	err := l.do(ctx, func(s *session) error {
		_, err := k.find(s)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open sealer %q: %w", label, err)
	}
	return k, nil
}

// sealingRules: it encrypts and decrypts by GCM, and does nothing else.
func sealingRules() []expected {
	return []expected{
		yes(pkcs11.CKA_SENSITIVE, "CKA_SENSITIVE"),
		yes(pkcs11.CKA_PRIVATE, "CKA_PRIVATE"),
		yes(pkcs11.CKA_ENCRYPT, "CKA_ENCRYPT"),
		yes(pkcs11.CKA_DECRYPT, "CKA_DECRYPT"),
		no(pkcs11.CKA_EXTRACTABLE, "CKA_EXTRACTABLE"),
		no(pkcs11.CKA_WRAP, "CKA_WRAP"),
		no(pkcs11.CKA_UNWRAP, "CKA_UNWRAP"),
		no(pkcs11.CKA_SIGN, "CKA_SIGN"),
		no(pkcs11.CKA_VERIFY, "CKA_VERIFY"),
		no(pkcs11.CKA_DERIVE, "CKA_DERIVE"),
		no(pkcs11.CKA_MODIFIABLE, "CKA_MODIFIABLE"),
		{pkcs11.CKA_ALLOWED_MECHANISMS, "CKA_ALLOWED_MECHANISMS", mechanismList(pkcs11.CKM_AES_GCM)},
	}
}

func (s *session) makeSealingKey(label string) error {
	id := make([]byte, 16)
	rand.Read(id)
	t := append(template(sealingRules()), attr(pkcs11.CKA_TOKEN, true), attr(pkcs11.CKA_VALUE_LEN, 32),
		attr(pkcs11.CKA_LABEL, label), attr(pkcs11.CKA_ID, id))
	_, err := s.GenerateKey(s.h, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_KEY_GEN, nil)}, t)
	if err != nil {
		return fmt.Errorf("generate sealing key: %w", err)
	}
	return nil
}

// find returns the sealing keys, looked up and compared with the rules again
// if the module was initialised since: made in this token, and never out of it.
func (k *localSealer) find(s *session) ([]sealingKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	epoch := k.l.epoch.Load()
	if k.keys != nil && k.epoch == epoch {
		return k.keys, nil
	}
	found, err := s.find(attr(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY), attr(pkcs11.CKA_TOKEN, true),
		attr(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES), attr(pkcs11.CKA_LABEL, k.label))
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("sealing key: %w", ErrKeyNotFound)
	}
	native := func(n uint) []byte { return binary.NativeEndian.AppendUint64(nil, uint64(n)) }
	rules := append(sealingRules(),
		yes(pkcs11.CKA_LOCAL, "CKA_LOCAL"),
		yes(pkcs11.CKA_NEVER_EXTRACTABLE, "CKA_NEVER_EXTRACTABLE"),
		yes(pkcs11.CKA_ALWAYS_SENSITIVE, "CKA_ALWAYS_SENSITIVE"),
		expected{pkcs11.CKA_VALUE_LEN, "CKA_VALUE_LEN", native(32)})
	var keys []sealingKey
	for _, h := range found {
		v, err := s.attributes(h, pkcs11.CKA_ID)
		if err != nil {
			return nil, err
		}
		if err := s.checkRules("sealing key", h, rules); err != nil {
			return nil, err
		}
		keys = append(keys, sealingKey{v[0], h})
	}
	slices.SortFunc(keys, func(a, b sealingKey) int { return bytes.Compare(a.id, b.id) })
	k.keys, k.epoch = keys, epoch
	return keys, nil
}

// Seal encrypts in the token.
func (k *localSealer) Seal(ctx context.Context, plaintext, aad []byte) ([]byte, error) {
	if len(plaintext) > MaxSealed || len(aad) > MaxSealed {
		return nil, fmt.Errorf("seal %d bytes with %d: %w", len(plaintext), len(aad), ErrTooLarge)
	}
	var b cryptobyte.Builder
	err := k.l.do(ctx, func(s *session) error {
		keys, err := k.find(s)
		if err != nil {
			return err
		}
		iv := make([]byte, gcmIV)
		rand.Read(iv)
		params := pkcs11.NewGCMParams(iv, aad, gcmTag*8)
		defer params.Free()
		if err := s.EncryptInit(s.h, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_GCM, params)}, keys[0].object); err != nil {
			return err
		}
		ciphertext, err := s.Encrypt(s.h, plaintext)
		if err != nil {
			return err
		}
		// Some devices put an IV of their own there.
		if iv = params.IV(); len(iv) != gcmIV || len(ciphertext) != len(plaintext)+gcmTag {
			return fmt.Errorf("the token made a GCM text of %d bytes with an IV of %d", len(ciphertext), len(iv))
		}
		b = *cryptobyte.NewBuilder(nil)
		b.AddUint8(1)
		b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(keys[0].id) })
		b.AddBytes(iv)
		b.AddBytes(ciphertext)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("seal with %q: %w", k.label, err)
	}
	return b.Bytes()
}

// parseSealed splits what Seal made.
func parseSealed(sealed []byte) (id, iv, ciphertext []byte, err error) {
	var version uint8
	var keyID cryptobyte.String
	in := cryptobyte.String(sealed)
	if len(sealed) > MaxSealed+1+256+gcmIV+gcmTag || !in.ReadUint8(&version) || version != 1 ||
		!in.ReadUint8LengthPrefixed(&keyID) || !in.ReadBytes(&iv, gcmIV) || len(in) < gcmTag {
		return nil, nil, nil, fmt.Errorf("%w: malformed", ErrSealed)
	}
	return keyID, iv, in, nil
}

// Open decrypts in the token.
func (k *localSealer) Open(ctx context.Context, sealed, aad []byte) ([]byte, error) {
	id, iv, ciphertext, err := parseSealed(sealed)
	if err != nil {
		return nil, fmt.Errorf("open with %q: %w", k.label, err)
	}
	if len(aad) > MaxSealed {
		return nil, fmt.Errorf("open with %d bytes of associated data: %w", len(aad), ErrTooLarge)
	}
	var plaintext []byte
	err = k.l.do(ctx, func(s *session) error {
		keys, err := k.find(s)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(keys, func(k sealingKey) bool { return bytes.Equal(k.id, id) })
		if i < 0 {
			return fmt.Errorf("%w: another key sealed it", ErrSealed)
		}
		params := pkcs11.NewGCMParams(iv, aad, gcmTag*8)
		defer params.Free()
		if err := s.DecryptInit(s.h, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_GCM, params)}, keys[i].object); err != nil {
			return err
		}
		plaintext, err = s.Decrypt(s.h, ciphertext)
		if damaged(s, err, pkcs11.CKR_ENCRYPTED_DATA_INVALID, pkcs11.CKR_ENCRYPTED_DATA_LEN_RANGE) {
			return fmt.Errorf("%w: %v", ErrSealed, err)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open with %q: %w", k.label, err)
	}
	return plaintext, nil
}
