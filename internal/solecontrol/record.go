package solecontrol

import (
	"encoding/binary"
	"fmt"
)

// State of a credential.
type State string

// A credential is made once and destroyed once; between, it is suspended and
// resumed.
const (
	Made      State = "made"      // has a key, no certificate yet
	Active    State = "active"    // may sign
	Suspended State = "suspended" // may not, until two officers order it
	Destroyed State = "destroyed" // its sealed key is gone
)

// Record is what changes of a credential. Its tag, an HMAC by a key in the
// token, covers all of it, so that whoever writes the database cannot make one;
// the version, which only grows, tells an old one with its old tag.
//
//	version 1 | B | certificate's SHA-256, or empty | state | version, uint64
//	| SHA-256 of sealed | KEK id | wrapping mechanism, uint32
//
// encoded as a Binding is.
type Record struct {
	Binding     Digest // B
	Certificate []byte // SHA-256; nil until issued
	State       State
	Version     uint64 // 1, 2, 3, …
	Sealed      Digest
	KEK         []byte // id of the key-encryption key
	Mechanism   uint32 // by which it wrapped
}

// Marshal encodes.
func (r *Record) Marshal() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	return encodeFields(r.Binding[:], r.Certificate, []byte(r.State),
		binary.BigEndian.AppendUint64(nil, r.Version), r.Sealed[:], r.KEK, binary.BigEndian.AppendUint32(nil, r.Mechanism))
}

// ParseRecord decodes what Marshal makes, and nothing else.
func ParseRecord(data []byte) (*Record, error) {
	f, err := decodeFields(data, 7)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	if len(f[0]) != 32 || len(f[3]) != 8 || len(f[4]) != 32 || len(f[6]) != 4 {
		return nil, fmt.Errorf("record: %w: a field has the wrong size", ErrFormat)
	}
	r := &Record{
		Binding: Digest(f[0]), Certificate: f[1], State: State(f[2]),
		Version: binary.BigEndian.Uint64(f[3]), Sealed: Digest(f[4]), KEK: f[5],
		Mechanism: binary.BigEndian.Uint32(f[6]),
	}
	if len(f[1]) == 0 {
		r.Certificate = nil
	}
	return r, r.check()
}

func (r *Record) check() error {
	withCertificate := r.Certificate != nil
	switch r.State {
	case Made:
		if withCertificate {
			return fmt.Errorf("record: %w: made, and has a certificate", ErrFormat)
		}
	case Active:
		if !withCertificate {
			return fmt.Errorf("record: %w: active without a certificate", ErrFormat)
		}
	case Suspended, Destroyed:
	default:
		return fmt.Errorf("record: %w: unknown state", ErrFormat)
	}
	if withCertificate && len(r.Certificate) != 32 || r.Version == 0 || r.Version > 1<<62 || len(r.KEK) == 0 || len(r.KEK) > 255 {
		return fmt.Errorf("record: %w: a field has the wrong size", ErrFormat)
	}
	return nil
}

// RecordInput is what the tag is an HMAC-SHA-256 of, of an encoded record.
func RecordInput(record []byte) []byte { return append([]byte(labelRecord), record...) }
