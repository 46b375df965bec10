package hsm

import (
	"encoding/binary"
	"fmt"

	"github.com/miekg/pkcs11"
)

func attr(kind uint, value any) *pkcs11.Attribute { return pkcs11.NewAttribute(kind, value) }

// ulong decodes a CK_ULONG attribute of this machine; a value of any other
// size is none that PKCS#11 defines.
func ulong(b []byte) uint {
	if len(b) != 8 {
		return ^uint(0)
	}
	return uint(binary.NativeEndian.Uint64(b))
}

// attributes reads attributes of an object, in the order asked for. One that
// the module does not have is an error.
func (s *session) attributes(h pkcs11.ObjectHandle, kinds ...uint) ([][]byte, error) {
	ask := make([]*pkcs11.Attribute, len(kinds))
	for i, kind := range kinds {
		ask[i] = &pkcs11.Attribute{Type: kind}
	}
	got, err := s.GetAttributeValue(s.h, h, ask)
	if err != nil {
		return nil, fmt.Errorf("read attributes: %w", err)
	}
	values := make([][]byte, len(got))
	for i, a := range got {
		values[i] = a.Value
	}
	return values, nil
}

// maxObjects bounds a search; a token that holds more is not one of ours.
const maxObjects = 10_000

// find returns every object that carries all these attributes.
func (s *session) find(template ...*pkcs11.Attribute) ([]pkcs11.ObjectHandle, error) {
	if err := s.FindObjectsInit(s.h, template); err != nil {
		return nil, fmt.Errorf("find objects: %w", err)
	}
	var all []pkcs11.ObjectHandle
	for {
		some, _, err := s.FindObjects(s.h, 100)
		if err != nil {
			_ = s.FindObjectsFinal(s.h) // the first error is the one to tell
			return nil, fmt.Errorf("find objects: %w", err)
		}
		all = append(all, some...)
		if len(some) == 0 {
			break
		}
		if len(all) > maxObjects {
			_ = s.FindObjectsFinal(s.h)
			return nil, fmt.Errorf("find objects: more than %d", maxObjects)
		}
	}
	if err := s.FindObjectsFinal(s.h); err != nil {
		return nil, fmt.Errorf("find objects: %w", err)
	}
	return all, nil
}

// one demands that exactly one object carries these attributes.
func (s *session) one(what string, template ...*pkcs11.Attribute) (pkcs11.ObjectHandle, error) {
	found, err := s.find(template...)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	switch len(found) {
	case 0:
		return 0, fmt.Errorf("%s: %w", what, ErrKeyNotFound)
	case 1:
		return found[0], nil
	}
	return 0, fmt.Errorf("%s: %d objects: %w", what, len(found), ErrKeyAmbiguous)
}
