package hsm

import (
	"errors"
	"fmt"

	"github.com/miekg/pkcs11"
)

// attack is one way from a KEK and the PIN to a wrapped key in the clear. run
// returns nil if the token let it happen.
type attack struct {
	name string
	call string // the function that must refuse it
	run  func(s *session, kek pkcs11.ObjectHandle) error
}

// attacks on the attributes of a KEK. They run on a throwaway KEK of the same
// rules, since one that succeeds has spoilt its victim.
func attacks() []attack {
	set := func(kind uint, value bool) func(*session, pkcs11.ObjectHandle) error {
		return func(s *session, kek pkcs11.ObjectHandle) error {
			return s.SetAttributeValue(s.h, kek, []*pkcs11.Attribute{attr(kind, value)})
		}
	}
	copyWith := func(t ...*pkcs11.Attribute) func(*session, pkcs11.ObjectHandle) error {
		return func(s *session, kek pkcs11.ObjectHandle) error {
			_, err := s.CopyObject(s.h, kek, t)
			return err
		}
	}
	return []attack{
		{"set CKA_DECRYPT", "C_SetAttributeValue", set(pkcs11.CKA_DECRYPT, true)},
		{"set CKA_DERIVE", "C_SetAttributeValue", set(pkcs11.CKA_DERIVE, true)},
		{"copy with CKA_DECRYPT", "C_CopyObject", copyWith(attr(pkcs11.CKA_DECRYPT, true))},
		{"copy with CKA_MODIFIABLE", "C_CopyObject", copyWith(attr(pkcs11.CKA_MODIFIABLE, true))},
		{"replace the unwrap template", "C_SetAttributeValue", func(s *session, kek pkcs11.ObjectHandle) error {
			weak := newAttributeArray([]*pkcs11.Attribute{attr(pkcs11.CKA_EXTRACTABLE, true)})
			defer weak.free()
			return s.SetAttributeValue(s.h, kek, []*pkcs11.Attribute{attr(pkcs11.CKA_UNWRAP_TEMPLATE, weak.bytes())})
		}},
		{"replace the allowed mechanisms", "C_SetAttributeValue", func(s *session, kek pkcs11.ObjectHandle) error {
			return s.SetAttributeValue(s.h, kek, []*pkcs11.Attribute{attr(pkcs11.CKA_ALLOWED_MECHANISMS, mechanismList(pkcs11.CKM_AES_ECB))})
		}},
		{"set CKA_MODIFIABLE", "C_SetAttributeValue", set(pkcs11.CKA_MODIFIABLE, true)},
		{"set CKA_EXTRACTABLE", "C_SetAttributeValue", set(pkcs11.CKA_EXTRACTABLE, true)},
		{"set CKA_SENSITIVE to false", "C_SetAttributeValue", set(pkcs11.CKA_SENSITIVE, false)},
		// What only a change of attributes may forbid must not be possible
		// without one either.
		{"decrypt", "C_DecryptInit", func(s *session, kek pkcs11.ObjectHandle) error {
			return s.DecryptInit(s.h, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_ECB, nil)}, kek)
		}},
	}
}

// refused says whether a module's answer is a decision against the attack,
// rather than a fault that proves nothing.
func refused(err error) bool {
	return isCKR(err,
		pkcs11.CKR_ACTION_PROHIBITED, pkcs11.CKR_ATTRIBUTE_READ_ONLY, pkcs11.CKR_ATTRIBUTE_SENSITIVE,
		pkcs11.CKR_ATTRIBUTE_VALUE_INVALID, pkcs11.CKR_ATTRIBUTE_TYPE_INVALID,
		pkcs11.CKR_TEMPLATE_INCONSISTENT, pkcs11.CKR_TEMPLATE_INCOMPLETE,
		pkcs11.CKR_KEY_FUNCTION_NOT_PERMITTED, pkcs11.CKR_KEY_TYPE_INCONSISTENT,
		pkcs11.CKR_MECHANISM_INVALID, pkcs11.CKR_FUNCTION_NOT_SUPPORTED)
}

// repel runs an attack that must be refused.
func repel(name string, err error) error {
	switch {
	case err == nil:
		return unsafeToken("attack succeeded: %s", name)
	case refused(err):
		return nil
	}
	return fmt.Errorf("attack %q could not be tried: %w", name, err)
}

// probeRules looks whether the token keeps the attributes of a throwaway KEK:
// a real one could not be destroyed again.
func (s *session) probeRules(rules []expected) error {
	kek, err := s.makeKEK(rules, unwrapRules(), attr(pkcs11.CKA_TOKEN, false))
	if err != nil {
		return err
	}
	if err := s.checkRules("throwaway key-encryption key", kek, rules); err != nil {
		return err
	}
	return s.checkUnwrapTemplate(kek)
}

// probeAttributes runs attacks on throwaway KEKs: session objects, gone with
// their session, that follow the rules given (the tests weaken them).
func (s *session) probeAttributes(attacks []attack, rules, unwrap []expected) error {
	for _, a := range attacks {
		// A fresh victim for each: an attack may have opened the way for the
		// next one, and the first to succeed is the one to name.
		kek, err := s.makeKEK(rules, unwrap, attr(pkcs11.CKA_TOKEN, false))
		if err != nil {
			return err
		}
		if err := repel(a.name, a.run(s, kek)); err != nil {
			return err
		}
	}
	return nil
}

// probeUnwrap tries to unwrap a throwaway key with a real KEK so that its
// value could be read. The right way must work, which shows that a refusal is
// about the attributes.
func (s *session) probeUnwrap(kek pkcs11.ObjectHandle, mechanism uint) (err error) {
	mech, pub, priv, err := pairTemplates(P256)
	if err != nil {
		return err
	}
	pub = append(pub, attr(pkcs11.CKA_TOKEN, false))
	priv = append(priv, attr(pkcs11.CKA_TOKEN, false), attr(pkcs11.CKA_EXTRACTABLE, true))
	pubH, privH, err := s.GenerateKeyPair(s.h, []*pkcs11.Mechanism{mech}, pub, priv)
	if err != nil {
		return fmt.Errorf("generate throwaway key: %w", err)
	}
	defer func() { err = errors.Join(err, s.DestroyObject(s.h, privH), s.DestroyObject(s.h, pubH)) }()
	public, err := s.readPublic(pubH)
	if err != nil {
		return err
	}
	wrap := []*pkcs11.Mechanism{pkcs11.NewMechanism(mechanism, nil)}
	wrapped, err := s.WrapKey(s.h, wrap, kek, privH)
	if err != nil {
		return fmt.Errorf("wrap throwaway key: %w", err)
	}
	h, err := s.UnwrapKey(s.h, wrap, kek, wrapped, unwrapTemplate(pkcs11.CKK_EC))
	if err != nil {
		return fmt.Errorf("unwrap throwaway key: %w", err)
	}
	if err := errors.Join(s.provePair(h, public), s.DestroyObject(s.h, h)); err != nil {
		return fmt.Errorf("use unwrapped throwaway key: %w", err)
	}
	for _, weak := range []expected{
		yes(pkcs11.CKA_EXTRACTABLE, "CKA_EXTRACTABLE true"),
		no(pkcs11.CKA_SENSITIVE, "CKA_SENSITIVE false"),
		yes(pkcs11.CKA_TOKEN, "CKA_TOKEN true"),
		no(pkcs11.CKA_PRIVATE, "CKA_PRIVATE false"),
	} {
		t := unwrapTemplate(pkcs11.CKK_EC)
		for i := range t {
			if t[i].Type == weak.kind {
				t[i] = attr(weak.kind, weak.want)
			}
		}
		h, err := s.UnwrapKey(s.h, wrap, kek, wrapped, t)
		if err == nil {
			err = s.DestroyObject(s.h, h)
			return errors.Join(unsafeToken("attack succeeded: unwrap with %s", weak.name), err)
		}
		if err := repel("unwrap with "+weak.name, err); err != nil {
			return err
		}
	}
	return nil
}
