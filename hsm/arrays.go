package hsm

/*
#include <stdlib.h>

// The three types of PKCS#11 2.40 that an attribute array needs.
typedef struct { unsigned long type; void *value; unsigned long len; } ck_attribute;
typedef unsigned long (*get_attribute_value)(unsigned long session, unsigned long object, ck_attribute *template, unsigned long count);

static unsigned long call_get_attribute_value(void *fn, unsigned long session, unsigned long object, ck_attribute *t, unsigned long n) {
	return ((get_attribute_value)fn)(session, object, t, n);
}
*/
import "C"

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/miekg/pkcs11"
)

// attributeArray is the value of an attribute whose value is itself an array
// of attributes (CKA_UNWRAP_TEMPLATE): CK_ATTRIBUTE structures with pointers
// to values. miekg/pkcs11 copies a flat value into C memory, so the pointers
// must already point there.
type attributeArray struct {
	array *C.ck_attribute
	n     int
}

func newAttributeArray(attrs []*pkcs11.Attribute) *attributeArray {
	a := &attributeArray{n: len(attrs)}
	a.array = (*C.ck_attribute)(C.calloc(C.size_t(max(1, a.n)), C.sizeof_ck_attribute))
	for i, at := range attrs {
		e := &a.entries()[i]
		e._type, e.len = C.ulong(at.Type), C.ulong(len(at.Value))
		e.value = C.CBytes(at.Value)
	}
	return a
}

func (a *attributeArray) entries() []C.ck_attribute { return unsafe.Slice(a.array, a.n) }

// bytes is the attribute's value, good until free.
func (a *attributeArray) bytes() []byte {
	return C.GoBytes(unsafe.Pointer(a.array), C.int(a.n*C.sizeof_ck_attribute))
}

func (a *attributeArray) free() {
	for _, e := range a.entries() {
		C.free(e.value)
	}
	C.free(unsafe.Pointer(a.array))
}

// maxTemplate bounds what a module may answer for an attribute array.
const maxTemplate = 64

// readArray reads an attribute of attributes, values included: miekg/pkcs11
// has no place for the inner pointers, so this one call goes past it.
func (s *session) readArray(h pkcs11.ObjectHandle, kind uint) ([]*pkcs11.Attribute, error) {
	fn, err := function(s.cfg.Module, fnGetAttributeValue)
	if err != nil {
		return nil, fmt.Errorf("read attribute %#x: %w", kind, err)
	}
	outer := (*C.ck_attribute)(C.calloc(1, C.sizeof_ck_attribute))
	defer C.free(unsafe.Pointer(outer))
	outer._type = C.ulong(kind)
	get := func() error {
		if rv := C.call_get_attribute_value(fn, C.ulong(s.h), C.ulong(h), outer, 1); rv != 0 {
			return fmt.Errorf("read attribute %#x: %w", kind, pkcs11.Error(rv))
		}
		return nil
	}
	// First the size, then types and lengths, then values.
	if err := get(); err != nil {
		return nil, err
	}
	size := uint64(outer.len)
	n := size / C.sizeof_ck_attribute
	if size%C.sizeof_ck_attribute != 0 || n == 0 || n > maxTemplate {
		return nil, fmt.Errorf("read attribute %#x: %d bytes are no attribute array", kind, size)
	}
	a := &attributeArray{n: int(n)}
	a.array = (*C.ck_attribute)(C.calloc(C.size_t(n), C.sizeof_ck_attribute))
	defer a.free()
	outer.value = unsafe.Pointer(a.array)
	if err := get(); err != nil {
		return nil, err
	}
	for i := range a.entries() {
		e := &a.entries()[i]
		if e.len > 1024 {
			return nil, errors.New("read attribute array: a value of over 1024 bytes")
		}
		e.value = C.calloc(max(1, C.size_t(e.len)), 1)
	}
	if err := get(); err != nil {
		return nil, err
	}
	attrs := make([]*pkcs11.Attribute, n)
	for i, e := range a.entries() {
		attrs[i] = &pkcs11.Attribute{Type: uint(e._type), Value: C.GoBytes(e.value, C.int(e.len))}
	}
	return attrs, nil
}
