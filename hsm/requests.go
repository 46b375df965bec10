package hsm

import (
	"context"
	"crypto"
	"crypto/sha256"
	"fmt"
)

// arity is the number of fields of each request.
func arity(op op) int {
	switch op {
	case opKeys:
		return 0
	case opKey, opDestroyKey, opVault, opSealer, opUseEnd, opMAC:
		return 1
	case opGenerateKey, opVaultGenerate, opMACSum:
		return 2
	case opUseAgain, opSeal, opOpen:
		return 3
	case opUseSign, opSign:
		return 5
	}
	return -1
}

func (s *server) handle(m message) ([][]byte, error) {
	f := m.fields
	if len(f) != arity(m.op) {
		return nil, errFrame
	}
	if !s.may(m.op) {
		return nil, errUseOnly
	}
	ctx := context.Background()
	switch m.op {
	case opKey:
		k, err := s.token.Key(ctx, string(f[0]))
		return s.serveKey(k, err)
	case opGenerateKey:
		k, err := s.token.GenerateKey(ctx, string(f[0]), string(f[1]))
		return s.serveKey(k, err)
	case opDestroyKey:
		return nil, s.token.DestroyKey(ctx, string(f[0]))
	case opKeys:
		keys, err := s.token.Keys(ctx)
		if err != nil {
			return nil, err
		}
		return encodeKeys(keys)
	case opSign:
		return s.sign(f)
	case opVault:
		_, err := s.vault(string(f[0]))
		return nil, err
	case opVaultGenerate:
		v, err := s.vault(string(f[0]))
		if err != nil {
			return nil, err
		}
		spki, _, wrapped, err := v.generate(ctx, string(f[1]))
		return [][]byte{spki, wrapped}, err
	case opUseSign:
		return s.useSign(f)
	case opUseAgain:
		return s.useAgain(f)
	case opUseEnd:
		s.useEnd(f[0])
		return nil, nil
	case opSealer:
		_, err := s.sealer(string(f[0]))
		return nil, err
	case opSeal, opOpen:
		sealer, err := s.sealer(string(f[0]))
		if err != nil {
			return nil, err
		}
		fn := sealer.Seal
		if m.op == opOpen {
			fn = sealer.Open
		}
		out, err := fn(ctx, f[1], f[2])
		return [][]byte{out}, err
	case opMAC:
		_, err := s.mac(string(f[0]))
		return nil, err
	case opMACSum:
		mac, err := s.mac(string(f[0]))
		if err != nil {
			return nil, err
		}
		sum, err := mac.Sum(ctx, f[1])
		return [][]byte{sum}, err
	}
	return nil, errFrame
}

func keyName(label string, id []byte) string { return label + "\x00" + string(id) }

// serveKey answers with label, CKA_ID and SubjectPublicKeyInfo.
func (s *server) serveKey(signer crypto.Signer, err error) ([][]byte, error) {
	if err != nil {
		return nil, err
	}
	k := signer.(*localKey)
	spki, err := marshalSPKI(k.pub)
	if err != nil {
		return nil, err
	}
	s.keys.Store(keyName(k.ref.label, k.ref.id), &servedKey{k, sha256.Sum256(spki)})
	return [][]byte{[]byte(k.ref.label), k.ref.id, spki}, nil
}

// sign takes label, CKA_ID, SHA-256 of the SubjectPublicKeyInfo, digest and
// options. A worker that was started after the key was handed out finds it
// again, and signs only if it is the same key.
func (s *server) sign(f [][]byte) ([][]byte, error) {
	name := keyName(string(f[0]), f[1])
	v, ok := s.keys.Load(name)
	if !ok {
		k, err := s.token.Key(context.Background(), string(f[0]))
		if _, err := s.serveKey(k, err); err != nil {
			return nil, err
		}
		if v, ok = s.keys.Load(name); !ok {
			return nil, fmt.Errorf("key %q has another CKA_ID now: %w", f[0], ErrKeyAmbiguous)
		}
	}
	k := v.(*servedKey)
	if string(k.spki[:]) != string(f[2]) {
		return nil, fmt.Errorf("key %q has another public key now: %w", f[0], ErrKeyAmbiguous)
	}
	return signWith(k, f[3], f[4])
}

func signWith(k crypto.Signer, digest, options []byte) ([][]byte, error) {
	opts, err := decodeOpts(options)
	if err != nil {
		return nil, err
	}
	sig, err := k.Sign(nil, digest, opts)
	return [][]byte{sig}, err
}
