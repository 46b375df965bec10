package hsm

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"
)

// The token's HMAC is RFC 2104's, with a key that this test knows; and such a
// key, known to somebody, is refused.
func TestMACKnownKey(t *testing.T) {
	l := freshLocal(t)
	value := []byte("a key of thirty-two bytes, known")
	inSession(t, l, func(s *session) {
		h, err := s.CreateObject(s.h, append(template(macRules()), attr(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY),
			attr(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_GENERIC_SECRET), attr(pkcs11.CKA_TOKEN, true),
			attr(pkcs11.CKA_LABEL, "known"), attr(pkcs11.CKA_ID, []byte("x")), attr(pkcs11.CKA_VALUE, value)))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.SignInit(s.h, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_SHA256_HMAC, nil)}, h); err != nil {
			t.Fatal(err)
		}
		got, err := s.Sign(s.h, []byte("record"))
		want := hmac.New(sha256.New, value)
		want.Write([]byte("record"))
		if err != nil || !bytes.Equal(got, want.Sum(nil)) {
			t.Errorf("tag %x, %v; want %x", got, err, want.Sum(nil))
		}
	})
	if _, err := l.MAC(t.Context(), "known"); !errors.Is(err, ErrUnsafeToken) || !strings.Contains(err.Error(), "CKA_LOCAL") {
		t.Errorf("imported key: got %v, want ErrUnsafeToken naming CKA_LOCAL", err)
	}
}

// Whoever has the PIN gets neither the key's value nor another use of it.
func TestAttacksOnTheMACKey(t *testing.T) {
	l := freshLocal(t)
	m, err := l.MAC(t.Context(), "records")
	if err != nil {
		t.Fatal(err)
	}
	inSession(t, l, func(s *session) {
		h, err := m.(*localMAC).find(s)
		if err != nil {
			t.Fatal(err)
		}
		wrapping, err := s.makeKEK(kekRules(kwp), unwrapRules(), attr(pkcs11.CKA_TOKEN, false))
		if err != nil {
			t.Fatal(err)
		}
		for name, run := range map[string]func() error{
			"read its value": func() error { _, err := s.attributes(h, pkcs11.CKA_VALUE); return err },
			"set EXTRACTABLE": func() error {
				return s.SetAttributeValue(s.h, h, []*pkcs11.Attribute{attr(pkcs11.CKA_EXTRACTABLE, true)})
			},
			"set SENSITIVE": func() error {
				return s.SetAttributeValue(s.h, h, []*pkcs11.Attribute{attr(pkcs11.CKA_SENSITIVE, false)})
			},
			"copy": func() error {
				_, err := s.CopyObject(s.h, h, []*pkcs11.Attribute{attr(pkcs11.CKA_EXTRACTABLE, true)})
				return err
			},
			"wrap": func() error {
				_, err := s.WrapKey(s.h, []*pkcs11.Mechanism{pkcs11.NewMechanism(kwp, nil)}, wrapping, h)
				return err
			},
			"another mechanism": func() error {
				return s.SignInit(s.h, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_SHA512_HMAC, nil)}, h)
			},
		} {
			if err := run(); err == nil {
				t.Errorf("attack %q succeeded", name)
			}
		}
	})
}

// A MAC key with any weakness is refused, and so are two of one label.
func TestUnsafeMACKeyIsRefused(t *testing.T) {
	l := freshLocal(t)
	plant := func(label string, rules []expected) {
		t.Helper()
		inSession(t, l, func(s *session) {
			_, err := s.GenerateKey(s.h, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_GENERIC_SECRET_KEY_GEN, nil)},
				append(template(rules), attr(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY), attr(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_GENERIC_SECRET),
					attr(pkcs11.CKA_TOKEN, true), attr(pkcs11.CKA_VALUE_LEN, 32), attr(pkcs11.CKA_LABEL, label), attr(pkcs11.CKA_ID, []byte(label))))
			if err != nil {
				t.Fatalf("%s: %v", label, err)
			}
		})
	}
	for _, r := range macRules() {
		if len(r.want) != 1 {
			continue
		}
		plant(r.name, without(macRules(), r.kind, []byte{1 - r.want[0]}))
		if _, err := l.MAC(t.Context(), r.name); !errors.Is(err, ErrUnsafeToken) || !strings.Contains(err.Error(), r.name) {
			t.Errorf("%s reversed: got %v, want ErrUnsafeToken naming it", r.name, err)
		}
	}
	plant("twice", macRules())
	plant("twice", macRules())
	if _, err := l.MAC(t.Context(), "twice"); !errors.Is(err, ErrKeyAmbiguous) {
		t.Errorf("two keys of one label: got %v, want ErrKeyAmbiguous", err)
	}
}
