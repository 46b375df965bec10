package hsm

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/miekg/pkcs11"
)

// A MAC authenticates what is stored outside of the token, by HMAC-SHA-256
// (RFC 2104) under a key that never leaves it.
type MAC interface {
	// Sum gives the 32 bytes of a message of at most MaxSealed bytes. To check
	// a tag, compare it with Sum in constant time (crypto/hmac.Equal).
	Sum(ctx context.Context, message []byte) ([]byte, error)
}

// localMAC is a generic secret in the token. PKCS#11 2.40, 2.12.
type localMAC struct {
	l     *Local
	label string

	mu    sync.Mutex
	epoch uint64
	key   pkcs11.ObjectHandle
}

// macRules: it signs by HMAC-SHA-256, and does nothing else.
func macRules() []expected {
	return []expected{
		yes(pkcs11.CKA_SENSITIVE, "CKA_SENSITIVE"),
		yes(pkcs11.CKA_PRIVATE, "CKA_PRIVATE"),
		yes(pkcs11.CKA_SIGN, "CKA_SIGN"),
		no(pkcs11.CKA_VERIFY, "CKA_VERIFY"),
		no(pkcs11.CKA_EXTRACTABLE, "CKA_EXTRACTABLE"),
		no(pkcs11.CKA_ENCRYPT, "CKA_ENCRYPT"),
		no(pkcs11.CKA_DECRYPT, "CKA_DECRYPT"),
		no(pkcs11.CKA_WRAP, "CKA_WRAP"),
		no(pkcs11.CKA_UNWRAP, "CKA_UNWRAP"),
		no(pkcs11.CKA_DERIVE, "CKA_DERIVE"),
		no(pkcs11.CKA_MODIFIABLE, "CKA_MODIFIABLE"),
		no(pkcs11.CKA_COPYABLE, "CKA_COPYABLE"),
		{pkcs11.CKA_ALLOWED_MECHANISMS, "CKA_ALLOWED_MECHANISMS", mechanismList(pkcs11.CKM_SHA256_HMAC)},
	}
}

// MAC opens an authentication key, making it if it is absent.
func (l *Local) MAC(ctx context.Context, label string) (MAC, error) {
	if err := checkLabel(label); err != nil {
		return nil, err
	}
	m := &localMAC{l: l, label: label}
	l.creating.Lock()
	defer l.creating.Unlock()
	err := l.do(ctx, func(s *session) error {
		_, err := m.find(s)
		if !errors.Is(err, ErrKeyNotFound) {
			return err
		}
		made, err := s.makeMACKey(label)
		if err != nil {
			return err
		}
		if _, err = m.find(s); err != nil {
			// Another process made one meanwhile: a tag has one key. Ours goes.
			return errors.Join(err, s.DestroyObject(s.h, made))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("open MAC key %q: %w", label, err)
	}
	return m, nil
}

func (s *session) makeMACKey(label string) (pkcs11.ObjectHandle, error) {
	id := make([]byte, 16)
	rand.Read(id)
	t := append(template(macRules()), attr(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY), attr(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_GENERIC_SECRET),
		attr(pkcs11.CKA_TOKEN, true), attr(pkcs11.CKA_VALUE_LEN, 32), attr(pkcs11.CKA_LABEL, label), attr(pkcs11.CKA_ID, id))
	h, err := s.GenerateKey(s.h, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_GENERIC_SECRET_KEY_GEN, nil)}, t)
	if err != nil {
		return 0, fmt.Errorf("generate MAC key: %w", err)
	}
	return h, nil
}

// find returns the key, looked up and compared with the rules again if the
// module was initialised since: made in this token, and never out of it.
func (m *localMAC) find(s *session) (pkcs11.ObjectHandle, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	epoch := m.l.epoch.Load()
	if m.epoch == epoch {
		return m.key, nil
	}
	native := func(n uint) []byte { return binary.NativeEndian.AppendUint64(nil, uint64(n)) }
	h, err := s.one("MAC key", attr(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY), attr(pkcs11.CKA_TOKEN, true),
		attr(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_GENERIC_SECRET), attr(pkcs11.CKA_LABEL, m.label))
	if err != nil {
		return 0, err
	}
	rules := append(macRules(),
		yes(pkcs11.CKA_LOCAL, "CKA_LOCAL"),
		yes(pkcs11.CKA_NEVER_EXTRACTABLE, "CKA_NEVER_EXTRACTABLE"),
		yes(pkcs11.CKA_ALWAYS_SENSITIVE, "CKA_ALWAYS_SENSITIVE"),
		expected{pkcs11.CKA_VALUE_LEN, "CKA_VALUE_LEN", native(32)})
	if err := s.checkRules("MAC key", h, rules); err != nil {
		return 0, err
	}
	m.key, m.epoch = h, epoch
	return h, nil
}

// Sum authenticates in the token.
func (m *localMAC) Sum(ctx context.Context, message []byte) ([]byte, error) {
	if len(message) > MaxSealed {
		return nil, fmt.Errorf("authenticate %d bytes: %w", len(message), ErrTooLarge)
	}
	var sum []byte
	err := m.l.do(ctx, func(s *session) error {
		key, err := m.find(s)
		if err != nil {
			return err
		}
		sum, err = s.signOnce(key, signInput{pkcs11.NewMechanism(pkcs11.CKM_SHA256_HMAC, nil), message})
		s.signed = false // the same message has the same tag, however often
		if err == nil && len(sum) != sha256.Size {
			return fmt.Errorf("the token made a tag of %d bytes", len(sum))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("authenticate with %q: %w", m.label, err)
	}
	return sum, nil
}

// mac opens a MAC key in the worker.
func (s *server) mac(label string) (MAC, error) {
	if v, ok := s.macs.Load(label); ok {
		return v.(MAC), nil
	}
	m, err := s.token.MAC(context.Background(), label)
	if err != nil {
		return nil, err
	}
	s.macs.Store(label, m)
	return m, nil
}

// remoteMAC authenticates in the worker's token.
type remoteMAC struct {
	w     *Worker
	label string
}

// MAC opens an authentication key.
func (w *Worker) MAC(ctx context.Context, label string) (MAC, error) {
	if _, _, err := w.call(ctx, opMAC, []byte(label)); err != nil {
		return nil, err
	}
	w.remember(opMAC, label)
	return &remoteMAC{w, label}, nil
}

// Sum authenticates in the token.
func (m *remoteMAC) Sum(ctx context.Context, message []byte) ([]byte, error) {
	f, _, err := m.w.call(ctx, opMACSum, []byte(m.label), message)
	return only(f, err)
}
