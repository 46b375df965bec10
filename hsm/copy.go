package hsm

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/miekg/pkcs11"
)

// SoftHSM asks the disk about a token object several times for each signature:
// it opens, locks and reads the key's file to learn whether another process has
// changed it. That takes a third as long as the signature. So each session signs
// with a copy of the key: a session object, which is in memory, belongs to that
// session alone and ends with it. A copy is as sensitive, and as little
// extractable, as its original (PKCS#11 2.40, 5.7).
//
// What the disk would have told is asked for once in copyTrust: whether the
// original is still there. A key that another process destroys signs here for so
// much longer; one that this process destroys, no longer, since its sessions end
// with it.
const copyTrust = time.Second

// copies reports whether sessions sign with copies. SoftHSM lets no copy of a
// key that is not modifiable into memory, so keys are made modifiable where it
// is so. Whoever has the PIN may then change a key's name and what it may be used
// for, which gives them nothing that the PIN did not; what keeps the key in the
// token, CKA_SENSITIVE and CKA_EXTRACTABLE, goes one way only.
func (c *Config) copies() bool { return c.SoftHSMDir != "" }

// handle is a private key's object handle, and the epoch in which it was found.
type handle struct {
	object pkcs11.ObjectHandle
	epoch  uint64
	seen   atomic.Int64 // when the token was last known to hold it, nanoseconds of the module's clock
}

// original is what a copy was made of. SoftHSM gives no handle twice. Copies of
// an epoch that is over are not destroyed: sessions are renewed with it.
type original struct {
	object pkcs11.ObjectHandle
	epoch  uint64
}

// inMemory returns the object to sign with for the key h: this session's copy,
// or h itself where the module needs none.
func (s *session) inMemory(h *handle, id []byte) (pkcs11.ObjectHandle, error) {
	if !s.cfg.copies() {
		return h.object, nil
	}
	if now := int64(time.Since(s.loaded)); now-h.seen.Load() > int64(copyTrust) {
		v, err := s.attributes(h.object, pkcs11.CKA_ID)
		if err != nil {
			return 0, err // an invalid handle: the caller looks for the key again, once
		}
		if string(v[0]) != string(id) {
			return 0, fmt.Errorf("private key: another CKA_ID: %w", ErrKeyAmbiguous)
		}
		h.seen.Store(now)
	}
	of := original{h.object, h.epoch}
	if c, ok := s.copies[of]; ok {
		return c, nil
	}
	c, err := s.copyKey(h.object)
	if err != nil {
		return 0, err
	}
	if s.copies == nil {
		s.copies = make(map[original]pkcs11.ObjectHandle)
	}
	s.copies[of] = c
	return c, nil
}

// copyKey makes the copy nameless, so that no search takes it for the key, and
// unchangeable. A key that does not let itself be copied, made elsewhere or by
// an older release, is used as it is.
func (s *session) copyKey(key pkcs11.ObjectHandle) (pkcs11.ObjectHandle, error) {
	c, err := s.CopyObject(s.h, key, []*pkcs11.Attribute{
		attr(pkcs11.CKA_TOKEN, false), attr(pkcs11.CKA_LABEL, ""), attr(pkcs11.CKA_ID, []byte{}),
		attr(pkcs11.CKA_MODIFIABLE, false),
	})
	if classify(err) == classRequest {
		return key, nil
	}
	if err != nil {
		return 0, fmt.Errorf("copy the key into the session: %w", err)
	}
	return c, nil
}
