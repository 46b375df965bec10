package hsm

import (
	"context"
	"crypto"
	"crypto/rand"
	"encoding/asn1"
	"errors"
	"fmt"
	"sort"

	"github.com/miekg/pkcs11"
)

const maxLabel = 128

func checkLabel(label string) error {
	if label == "" || len(label) > maxLabel {
		return fmt.Errorf("key label %q is not of 1 to %d bytes", label, maxLabel)
	}
	return nil
}

// pairTemplates describe a key pair. Public halves are not PRIVATE: a label
// and a public key are no secret, and tools without the PIN may list them.
func pairTemplates(spec KeySpec) (mech *pkcs11.Mechanism, pub, priv []*pkcs11.Attribute, err error) {
	pub = []*pkcs11.Attribute{
		attr(pkcs11.CKA_PRIVATE, false),
		attr(pkcs11.CKA_VERIFY, true),
		attr(pkcs11.CKA_ENCRYPT, false),
		attr(pkcs11.CKA_WRAP, false),
	}
	priv = []*pkcs11.Attribute{
		attr(pkcs11.CKA_PRIVATE, true),
		attr(pkcs11.CKA_SENSITIVE, true),
		attr(pkcs11.CKA_SIGN, true),
		attr(pkcs11.CKA_DECRYPT, false),
		attr(pkcs11.CKA_UNWRAP, false),
		attr(pkcs11.CKA_DERIVE, false),
	}
	if bits := rsaBits(spec); bits != 0 {
		pub = append(pub,
			attr(pkcs11.CKA_MODULUS_BITS, bits),
			attr(pkcs11.CKA_PUBLIC_EXPONENT, []byte{1, 0, 1}))
		return pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN, nil), pub, priv, nil
	}
	if oid := curveOID(spec); oid != nil {
		params, err := asn1.Marshal(oid)
		if err != nil {
			return nil, nil, nil, err
		}
		pub = append(pub, attr(pkcs11.CKA_EC_PARAMS, params))
		return pkcs11.NewMechanism(pkcs11.CKM_EC_KEY_PAIR_GEN, nil), pub, priv, nil
	}
	return nil, nil, nil, fmt.Errorf("%q: %w", spec, ErrKeySpec)
}

// GenerateKey makes a key pair in the token.
func (l *Local) GenerateKey(ctx context.Context, label string, spec KeySpec) (crypto.Signer, error) {
	if err := checkLabel(label); err != nil {
		return nil, err
	}
	mech, pub, priv, err := pairTemplates(spec)
	if err != nil {
		return nil, fmt.Errorf("generate key: %w", err)
	}
	ref := keyRef{label: label, id: make([]byte, 16)}
	rand.Read(ref.id) // CKA_ID: ours alone, unlike a label
	name := []*pkcs11.Attribute{attr(pkcs11.CKA_TOKEN, true), attr(pkcs11.CKA_LABEL, label), attr(pkcs11.CKA_ID, ref.id)}
	pub = append(pub, name...)
	priv = append(priv, name...)
	priv = append(priv, attr(pkcs11.CKA_EXTRACTABLE, false), attr(pkcs11.CKA_MODIFIABLE, l.cfg.copies()))

	if err := l.reserve(label); err != nil {
		return nil, fmt.Errorf("generate %s key %q: %w", spec, label, err)
	}
	defer l.release(label)
	var key *localKey
	err = l.do(ctx, func(s *session) error {
		taken, err := s.find(attr(pkcs11.CKA_LABEL, label))
		if err != nil {
			return err
		}
		if len(taken) > 0 {
			return ErrKeyExists
		}
		pubH, privH, err := s.GenerateKeyPair(s.h, []*pkcs11.Mechanism{mech}, pub, priv)
		if err != nil {
			return err
		}
		if key, err = l.loadKey(s, label, ref.id); err != nil {
			// Another process took the label meanwhile, or the token made a
			// pair that does not fit: leave nothing behind.
			return errors.Join(err, s.DestroyObject(s.h, privH), s.DestroyObject(s.h, pubH))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("generate %s key %q: %w", spec, label, err)
	}
	return key, nil
}

// reserve keeps a label to one caller while it looks whether the label is free
// and makes a key of it. Others may make theirs meanwhile: finding RSA primes
// takes seconds.
func (l *Local) reserve(label string) error {
	l.naming.Lock()
	defer l.naming.Unlock()
	if l.names[label] {
		return ErrKeyExists
	}
	l.names[label] = true
	return nil
}

func (l *Local) release(label string) {
	l.naming.Lock()
	defer l.naming.Unlock()
	delete(l.names, label)
}

// Key finds a key pair by its label.
func (l *Local) Key(ctx context.Context, label string) (crypto.Signer, error) {
	if err := checkLabel(label); err != nil {
		return nil, err
	}
	var key *localKey
	err := l.do(ctx, func(s *session) (err error) {
		key, err = l.loadKey(s, label, nil)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find key %q: %w", label, err)
	}
	return key, nil
}

// DestroyKey removes a key pair.
func (l *Local) DestroyKey(ctx context.Context, label string) error {
	if err := checkLabel(label); err != nil {
		return err
	}
	err := l.do(ctx, func(s *session) error {
		priv, err := s.one("private key", attr(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY), attr(pkcs11.CKA_LABEL, label))
		if err != nil {
			return err
		}
		id, err := s.attributes(priv, pkcs11.CKA_ID)
		if err != nil {
			return err
		}
		pub, err := s.find(attr(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY), attr(pkcs11.CKA_LABEL, label), attr(pkcs11.CKA_ID, id[0]))
		if err != nil {
			return err
		}
		// The private half first: without it the rest is harmless.
		for _, h := range append([]pkcs11.ObjectHandle{priv}, pub...) {
			if err := s.DestroyObject(s.h, h); err != nil {
				return err
			}
		}
		// Other signers of this key must look it up again: a module may give
		// the handle to the next object. The sessions go too, since keys that
		// are in use belong to the old epoch and would be left in them.
		l.pool.flush()
		l.epoch.Add(1)
		return nil
	})
	if err != nil {
		return fmt.Errorf("destroy key %q: %w", label, err)
	}
	return nil
}

// Keys lists the token's key pairs by label. A private key without its public
// half, or of a kind that this package does not make, is left out.
func (l *Local) Keys(ctx context.Context) ([]KeyInfo, error) {
	var keys []KeyInfo
	err := l.do(ctx, func(s *session) error {
		keys = nil
		found, err := s.find(attr(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY), attr(pkcs11.CKA_TOKEN, true))
		if err != nil {
			return err
		}
		for _, h := range found {
			v, err := s.attributes(h, pkcs11.CKA_LABEL, pkcs11.CKA_ID)
			if err != nil {
				return err
			}
			pubH, err := s.one("public key", publicTemplate(string(v[0]), v[1])...)
			if errors.Is(err, ErrKeyNotFound) || errors.Is(err, ErrKeyAmbiguous) {
				continue
			}
			if err != nil {
				return err
			}
			pub, err := s.readPublic(pubH)
			if errors.Is(err, ErrKeySpec) {
				continue
			}
			if err != nil {
				return err
			}
			spec, err := specOf(pub)
			if err != nil {
				continue
			}
			keys = append(keys, KeyInfo{Label: string(v[0]), ID: v[1], Spec: spec, Public: pub})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	sort.Slice(keys, func(i, j int) bool { return keys[i].Label < keys[j].Label })
	return keys, nil
}

func publicTemplate(label string, id []byte) []*pkcs11.Attribute {
	return []*pkcs11.Attribute{attr(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY), attr(pkcs11.CKA_LABEL, label), attr(pkcs11.CKA_ID, id)}
}
