package hsm

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/miekg/pkcs11"
)

// mechanismList is the value of CKA_ALLOWED_MECHANISMS.
func mechanismList(mechanisms ...uint) []byte {
	var b []byte
	for _, m := range mechanisms {
		b = binary.NativeEndian.AppendUint64(b, uint64(m))
	}
	return b
}

const ckmAESKeyWrapKWP = 0x210B // PKCS#11 3.0; CKM_AES_KEY_WRAP_PAD before

// wrapMechanism finds the number under which this module does AES key wrap
// with padding (RFC 5649), by a known answer: modules disagree about what
// 0x210A means. Key wrap without padding cannot hold every PKCS #8, and the
// other mechanisms do not authenticate.
func (s *session) wrapMechanism(slot uint) (uint, error) {
	list, err := s.GetMechanismList(slot)
	if err != nil {
		return 0, fmt.Errorf("list mechanisms: %w", err)
	}
	var tried []error
	for _, candidate := range []uint{ckmAESKeyWrapKWP, pkcs11.CKM_AES_KEY_WRAP_PAD} {
		offered := false
		for _, m := range list {
			offered = offered || m.Mechanism == candidate
		}
		if !offered {
			tried = append(tried, fmt.Errorf("%#x is not offered", candidate))
			continue
		}
		err := s.knownWrap(candidate)
		if err == nil {
			return candidate, nil
		}
		if stale(err) && !isCKR(err, pkcs11.CKR_GENERAL_ERROR) {
			return 0, err
		}
		tried = append(tried, fmt.Errorf("%#x: %w", candidate, err))
	}
	return 0, fmt.Errorf("%w: AES key wrap with padding: %w", ErrMechanism, errors.Join(tried...))
}

// knownWrap wraps sixteen known bytes under a known key. (RFC 5649's own
// examples have 20 and 7 bytes: SoftHSM fills such data up with zeros to
// a multiple of eight first, which a DER structure survives.)
func (s *session) knownWrap(mechanism uint) (err error) {
	unhex := func(x string) []byte { b, _ := hex.DecodeString(x); return b }
	want := unhex("afc860015ffe2d75bedf43c444fe58f4ad9d89c4ec71e23b")
	kek, err := s.CreateObject(s.h, []*pkcs11.Attribute{
		attr(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY), attr(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES),
		attr(pkcs11.CKA_TOKEN, false), attr(pkcs11.CKA_WRAP, true),
		attr(pkcs11.CKA_VALUE, unhex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")),
	})
	if err != nil {
		return fmt.Errorf("import the known key: %w", err)
	}
	defer func() { err = errors.Join(err, s.DestroyObject(s.h, kek)) }()
	data, err := s.CreateObject(s.h, []*pkcs11.Attribute{
		attr(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY), attr(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_GENERIC_SECRET),
		attr(pkcs11.CKA_TOKEN, false), attr(pkcs11.CKA_EXTRACTABLE, true),
		attr(pkcs11.CKA_VALUE, unhex("00112233445566778899aabbccddeeff")),
	})
	if err != nil {
		return fmt.Errorf("import the known data: %w", err)
	}
	defer func() { err = errors.Join(err, s.DestroyObject(s.h, data)) }()
	got, err := s.WrapKey(s.h, []*pkcs11.Mechanism{pkcs11.NewMechanism(mechanism, nil)}, kek, data)
	if err != nil {
		return fmt.Errorf("wrap the known data: %w", err)
	}
	if !bytes.Equal(got, want) {
		return errors.New("another answer than RFC 5649's")
	}
	return nil
}
