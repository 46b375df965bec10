package hsm

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/pkcs11"
)

// kek is one generation of a key-encryption key in the token.
type kek struct {
	generation uint32
	id         []byte // CKA_ID
	mechanism  uint
	object     pkcs11.ObjectHandle
}

// kekLabel is the CKA_LABEL of a generation: "resident#1".
func kekLabel(name string, generation uint32) string {
	return name + "#" + strconv.FormatUint(uint64(generation), 10)
}

// expected is an attribute that a KEK must have, and its name for a person.
type expected struct {
	kind uint
	name string
	want []byte
}

func yes(kind uint, name string) expected { return expected{kind, name, []byte{1}} }
func no(kind uint, name string) expected  { return expected{kind, name, []byte{0}} }

// kekRules is what makes a KEK a KEK: it can wrap and unwrap, and there is no
// way from there to anything else. Without MODIFIABLE and COPYABLE false the
// PIN alone sets DECRYPT, or copies the key with it, and AES-ECB then gives
// the wrapped private keys.
func kekRules(mechanism uint) []expected {
	return []expected{
		yes(pkcs11.CKA_SENSITIVE, "CKA_SENSITIVE"),
		yes(pkcs11.CKA_PRIVATE, "CKA_PRIVATE"),
		yes(pkcs11.CKA_WRAP, "CKA_WRAP"),
		yes(pkcs11.CKA_UNWRAP, "CKA_UNWRAP"),
		no(pkcs11.CKA_EXTRACTABLE, "CKA_EXTRACTABLE"),
		no(pkcs11.CKA_ENCRYPT, "CKA_ENCRYPT"),
		no(pkcs11.CKA_DECRYPT, "CKA_DECRYPT"),
		no(pkcs11.CKA_SIGN, "CKA_SIGN"),
		no(pkcs11.CKA_VERIFY, "CKA_VERIFY"),
		no(pkcs11.CKA_DERIVE, "CKA_DERIVE"),
		no(pkcs11.CKA_MODIFIABLE, "CKA_MODIFIABLE"),
		no(pkcs11.CKA_COPYABLE, "CKA_COPYABLE"),
		no(pkcs11.CKA_DESTROYABLE, "CKA_DESTROYABLE"),
		{pkcs11.CKA_ALLOWED_MECHANISMS, "CKA_ALLOWED_MECHANISMS", binary.NativeEndian.AppendUint64(nil, uint64(mechanism))},
	}
}

// unwrapRules is the KEK's CKA_UNWRAP_TEMPLATE: what every unwrapped key is,
// whatever the caller of C_UnwrapKey asks for.
func unwrapRules() []expected {
	return []expected{
		no(pkcs11.CKA_EXTRACTABLE, "CKA_EXTRACTABLE"),
		yes(pkcs11.CKA_SENSITIVE, "CKA_SENSITIVE"),
		no(pkcs11.CKA_TOKEN, "CKA_TOKEN"),
		yes(pkcs11.CKA_PRIVATE, "CKA_PRIVATE"),
	}
}

func template(rules []expected) []*pkcs11.Attribute {
	t := make([]*pkcs11.Attribute, len(rules))
	for i, r := range rules {
		t[i] = attr(r.kind, r.want)
	}
	return t
}

// makeKEK generates an AES-256 KEK by these rules; more adds what names it.
func (s *session) makeKEK(rules, unwrap []expected, more ...*pkcs11.Attribute) (pkcs11.ObjectHandle, error) {
	inner := newAttributeArray(template(unwrap))
	defer inner.free()
	t := append(template(rules), attr(pkcs11.CKA_VALUE_LEN, 32), attr(pkcs11.CKA_UNWRAP_TEMPLATE, inner.bytes()))
	h, err := s.GenerateKey(s.h, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_KEY_GEN, nil)}, append(t, more...))
	if err != nil {
		return 0, fmt.Errorf("generate key-encryption key: %w", err)
	}
	return h, nil
}

// createKEK makes a generation of a KEK for good.
func (s *session) createKEK(name string, generation uint32, mechanism uint) error {
	id := make([]byte, 16)
	rand.Read(id)
	_, err := s.makeKEK(kekRules(mechanism), unwrapRules(),
		attr(pkcs11.CKA_TOKEN, true), attr(pkcs11.CKA_LABEL, kekLabel(name, generation)), attr(pkcs11.CKA_ID, id))
	return err
}

// findKEKs returns the generations of a KEK, the oldest first. Two processes
// that opened a new vault at the same moment made two first ones: both are
// good, since wrapped keys name theirs by CKA_ID.
func (s *session) findKEKs(name string) ([]*kek, error) {
	found, err := s.find(attr(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY), attr(pkcs11.CKA_TOKEN, true))
	if err != nil {
		return nil, err
	}
	var keks []*kek
	for _, h := range found {
		v, err := s.attributes(h, pkcs11.CKA_LABEL, pkcs11.CKA_ID)
		if err != nil {
			return nil, err
		}
		number, ok := strings.CutPrefix(string(v[0]), name+"#")
		g, err := strconv.ParseUint(number, 10, 32)
		if !ok || err != nil || kekLabel(name, uint32(g)) != string(v[0]) {
			continue
		}
		keks = append(keks, &kek{generation: uint32(g), id: v[1], object: h})
	}
	slices.SortFunc(keks, func(a, b *kek) int {
		return cmp.Or(cmp.Compare(a.generation, b.generation), bytes.Compare(a.id, b.id))
	})
	for i := 1; i < len(keks); i++ {
		if keks[i-1].generation == keks[i].generation && bytes.Equal(keks[i-1].id, keks[i].id) {
			return nil, fmt.Errorf("key-encryption key %q: %w", kekLabel(name, keks[i].generation), ErrKeyAmbiguous)
		}
	}
	return keks, nil
}

// checkKEK reads every attribute of a KEK back and compares it with the rules,
// and with what only the token itself can set. It returns the mechanism that
// the KEK allows.
func (s *session) checkKEK(h pkcs11.ObjectHandle) (mechanism uint, err error) {
	v, err := s.attributes(h, pkcs11.CKA_ALLOWED_MECHANISMS)
	if err != nil {
		return 0, err
	}
	if mechanism = ulong(v[0]); len(v[0]) != 8 {
		return 0, unsafeToken("the key-encryption key allows %d mechanisms, not one", len(v[0])/8)
	}
	native := func(n uint) []byte { return binary.NativeEndian.AppendUint64(nil, uint64(n)) }
	rules := append(kekRules(mechanism),
		yes(pkcs11.CKA_TOKEN, "CKA_TOKEN"),
		yes(pkcs11.CKA_LOCAL, "CKA_LOCAL"),
		yes(pkcs11.CKA_NEVER_EXTRACTABLE, "CKA_NEVER_EXTRACTABLE"),
		yes(pkcs11.CKA_ALWAYS_SENSITIVE, "CKA_ALWAYS_SENSITIVE"),
		expected{pkcs11.CKA_KEY_TYPE, "CKA_KEY_TYPE", native(pkcs11.CKK_AES)},
		expected{pkcs11.CKA_VALUE_LEN, "CKA_VALUE_LEN", native(32)})
	if err := s.checkRules("key-encryption key", h, rules); err != nil {
		return 0, err
	}
	return mechanism, s.checkUnwrapTemplate(h)
}

// checkRules compares the attributes of an object with the rules for it.
func (s *session) checkRules(what string, h pkcs11.ObjectHandle, rules []expected) error {
	for _, r := range rules {
		v, err := s.attributes(h, r.kind)
		if isCKR(err, pkcs11.CKR_ATTRIBUTE_TYPE_INVALID) {
			return unsafeToken("the token does not keep %s", r.name)
		}
		if err != nil {
			return err
		}
		if !bytes.Equal(v[0], r.want) {
			return unsafeToken("the %s has %s %x, not %x", what, r.name, v[0], r.want)
		}
	}
	return nil
}

func (s *session) checkUnwrapTemplate(h pkcs11.ObjectHandle) error {
	got, err := s.readArray(h, pkcs11.CKA_UNWRAP_TEMPLATE)
	if isCKR(err, pkcs11.CKR_ATTRIBUTE_TYPE_INVALID) {
		return unsafeToken("the token does not keep CKA_UNWRAP_TEMPLATE")
	}
	if err != nil {
		return err
	}
	for _, r := range unwrapRules() {
		n := 0
		for _, a := range got {
			if a.Type == r.kind {
				n++
				if !bytes.Equal(a.Value, r.want) {
					return unsafeToken("the key-encryption key unwraps with %s %x, not %x", r.name, a.Value, r.want)
				}
			}
		}
		if n != 1 {
			return unsafeToken("the key-encryption key's unwrap template has %s %d times", r.name, n)
		}
	}
	return nil
}

func unsafeToken(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnsafeToken, fmt.Sprintf(format, args...))
}
