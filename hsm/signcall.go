package hsm

/*
#cgo noescape sign_once
#cgo nocallback sign_once
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>

// CK_FUNCTION_LIST begins with a CK_VERSION, padded to a pointer's size.
typedef struct { void *version; void *functions[68]; } ck_functions;
typedef unsigned long (*get_functions)(ck_functions **list);

static void *find_function(const char *module, int n) {
	void *lib = dlopen(module, RTLD_NOW | RTLD_NOLOAD);
	if (lib == NULL) return NULL;
	get_functions get = (get_functions)dlsym(lib, "C_GetFunctionList");
	ck_functions *list = NULL;
	if (get == NULL || get(&list) != 0) list = NULL;
	dlclose(lib); // the module stays loaded by its first opener
	return list == NULL ? NULL : list->functions[n];
}

typedef struct { unsigned long mechanism; const void *parameter; unsigned long length; } ck_mechanism;
typedef unsigned long (*sign_init)(unsigned long session, ck_mechanism *mechanism, unsigned long key);
typedef unsigned long (*sign)(unsigned long session, const unsigned char *data, unsigned long n, unsigned char *sig, unsigned long *length);

// sign_once tells in begun whether C_Sign was called.
static unsigned long sign_once(void *init, void *make, unsigned long session, unsigned long mechanism, const unsigned char *parameter,
		unsigned long parameter_len, unsigned long key, const unsigned char *data, unsigned long n, unsigned char *sig, unsigned long *length, int *begun) {
	ck_mechanism m = {mechanism, parameter_len == 0 ? NULL : parameter, parameter_len};
	unsigned long rv = ((sign_init)init)(session, &m, key);
	if (rv != 0) return rv;
	*begun = 1;
	return ((sign)make)(session, data, n, sig, length);
}
*/
import "C"

import (
	"bytes"
	"fmt"
	"unsafe"

	"github.com/miekg/pkcs11"
)

// Places in CK_FUNCTION_LIST (PKCS#11 2.40, 3.6).
const (
	fnGetAttributeValue = 24
	fnSignInit          = 42
	fnSign              = 43
)

// maxSignature is more than any key that is used here makes: RSA with 8192 bits.
const maxSignature = 1024

// function finds one function of a module that is loaded.
func function(module string, n int) (unsafe.Pointer, error) {
	path := C.CString(module)
	defer C.free(unsafe.Pointer(path))
	fn := C.find_function(path, C.int(n))
	if fn == nil {
		return nil, fmt.Errorf("the module lacks function %d of PKCS#11's list", n)
	}
	return fn, nil
}

// findSign finds the two functions that make signatures.
func (m *module) findSign() (err error) {
	if m.signInit, err = function(m.cfg.Module, fnSignInit); err != nil {
		return err
	}
	m.signMake, err = function(m.cfg.Module, fnSign)
	return err
}

// signOnce makes a signature by one call into C, C_SignInit and C_Sign. miekg/pkcs11 calls C_Sign twice, the first time for
// the length, which costs SoftHSM a tenth of its time beside the signature's and a device on a network a round trip.
func (s *session) signOnce(key pkcs11.ObjectHandle, in signInput) ([]byte, error) {
	var sig [maxSignature]byte
	length, begun := C.ulong(len(sig)), C.int(0)
	rv := C.sign_once(s.signInit, s.signMake, C.ulong(s.h), C.ulong(in.mech.Mechanism), first(in.mech.Parameter),
		C.ulong(len(in.mech.Parameter)), C.ulong(key), first(in.data), C.ulong(len(in.data)), first(sig[:]), &length, &begun)
	s.signed = s.signed || begun != 0
	switch {
	case rv != 0 && begun == 0:
		return nil, fmt.Errorf("begin signature: %w", pkcs11.Error(rv))
	case rv != 0:
		return nil, fmt.Errorf("make signature: %w", pkcs11.Error(rv))
	case int(length) > len(sig):
		return nil, fmt.Errorf("the token made a signature of %d bytes", uint(length))
	}
	return bytes.Clone(sig[:length]), nil
}

// first is where the bytes begin, for C; never NULL, which a module may refuse.
func first(b []byte) *C.uchar {
	if b == nil {
		b = []byte{}
	}
	return (*C.uchar)(unsafe.SliceData(b))
}
