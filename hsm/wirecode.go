package hsm

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// sentinels is the order of the bits in opError. Append only at the end: both
// ends of a socket are the same binary, but a reader should not have to know.
func sentinels() []error {
	return []error{
		ErrKeyNotFound, ErrKeyExists, ErrKeyAmbiguous, ErrKeySpec, ErrKeyGone, ErrSignerOpts,
		ErrWrappedKey, ErrSealed, ErrTooLarge, ErrUnsafeToken, ErrMechanism, ErrPIN,
		ErrTokenAbsent, ErrTokenFailed, ErrTokenBusy, ErrModuleInUse, ErrClosed,
		context.Canceled, context.DeadlineExceeded,
	}
}

// remoteError is an error that crossed the socket: its text, and the sentinels
// that it matched on the other side.
type remoteError struct {
	text string
	is   []error
}

func (e *remoteError) Error() string   { return e.text }
func (e *remoteError) Unwrap() []error { return e.is }

func encodeError(err error) [][]byte {
	var mask uint64
	for i, s := range sentinels() {
		if errors.Is(err, s) {
			mask |= 1 << i
		}
	}
	return [][]byte{binary.BigEndian.AppendUint64(nil, mask), []byte(err.Error())}
}

func decodeError(fields [][]byte) error {
	if len(fields) != 2 || len(fields[0]) != 8 {
		return errFrame
	}
	e := &remoteError{text: string(fields[1])}
	mask := binary.BigEndian.Uint64(fields[0])
	for i, s := range sentinels() {
		if mask&(1<<i) != 0 {
			e.is = append(e.is, s)
		}
	}
	return e
}

// encodeOpts: byte 0 (plain) or 1 (PSS) | uint32 hash | int32 salt length.
func encodeOpts(opts crypto.SignerOpts) ([]byte, error) {
	if opts == nil {
		return nil, fmt.Errorf("%w: no hash named", ErrSignerOpts)
	}
	b := make([]byte, 9)
	binary.BigEndian.PutUint32(b[1:], uint32(opts.HashFunc()))
	if pss, ok := opts.(*rsa.PSSOptions); ok {
		if pss.SaltLength < math.MinInt32 || pss.SaltLength > math.MaxInt32 {
			return nil, fmt.Errorf("%w: PSS salt of %d bytes", ErrSignerOpts, pss.SaltLength)
		}
		b[0] = 1
		binary.BigEndian.PutUint32(b[5:], uint32(int32(pss.SaltLength)))
	}
	return b, nil
}

func decodeOpts(b []byte) (crypto.SignerOpts, error) {
	if len(b) != 9 || b[0] > 1 {
		return nil, errFrame
	}
	h := crypto.Hash(binary.BigEndian.Uint32(b[1:]))
	if b[0] == 0 {
		return h, nil
	}
	return &rsa.PSSOptions{Hash: h, SaltLength: int(int32(binary.BigEndian.Uint32(b[5:])))}, nil
}

// hello is the first message: everything that the worker needs, the PIN
// included, which must not stand in its arguments or environment.
type hello struct {
	cfg     Config
	timeout time.Duration
}

func (h hello) encode() [][]byte {
	return [][]byte{
		[]byte(h.cfg.Module), []byte(h.cfg.Label), []byte(h.cfg.PIN), []byte(h.cfg.SoftHSMDir),
		binary.BigEndian.AppendUint64(nil, uint64(h.cfg.Sessions)),
		binary.BigEndian.AppendUint64(nil, uint64(h.timeout)),
	}
}

func decodeHello(f [][]byte) (hello, error) {
	if len(f) != 6 || len(f[4]) != 8 || len(f[5]) != 8 {
		return hello{}, errFrame
	}
	h := hello{
		cfg: Config{
			Module: string(f[0]), Label: string(f[1]), PIN: string(f[2]), SoftHSMDir: string(f[3]),
			Sessions: int(int64(binary.BigEndian.Uint64(f[4]))),
		},
		timeout: time.Duration(binary.BigEndian.Uint64(f[5])),
	}
	if h.timeout <= 0 {
		return hello{}, errFrame
	}
	return h, nil
}

// decodeLaunch reads what a launcher gives: hello, and one octet of Uses.
func decodeLaunch(f [][]byte) (*launched, error) {
	if len(f) != 7 || len(f[6]) != 1 || f[6][0] == 0 || Uses(f[6][0])&^everyUse != 0 {
		return nil, errFrame
	}
	h, err := decodeHello(f[:6])
	return &launched{hello: h, uses: Uses(f[6][0])}, err
}

func (l *launched) encode() [][]byte { return append(l.hello.encode(), []byte{byte(l.uses)}) }

// encodeKeys and decodeKeys carry a list as label, CKA_ID, SPKI; repeated.
func encodeKeys(keys []KeyInfo) ([][]byte, error) {
	f := make([][]byte, 0, 3*len(keys))
	for _, k := range keys {
		spki, err := marshalSPKI(k.Public)
		if err != nil {
			return nil, err
		}
		f = append(f, []byte(k.Label), k.ID, spki)
	}
	return f, nil
}

func decodeKeys(f [][]byte) ([]KeyInfo, error) {
	if len(f)%3 != 0 {
		return nil, errFrame
	}
	keys := make([]KeyInfo, 0, len(f)/3)
	for ; len(f) > 0; f = f[3:] {
		pub, err := x509.ParsePKIXPublicKey(f[2])
		if err != nil {
			return nil, fmt.Errorf("token worker: %w", err)
		}
		spec, err := specOf(pub)
		if err != nil {
			return nil, err
		}
		keys = append(keys, KeyInfo{Label: string(f[0]), ID: f[1], Spec: spec, Public: pub})
	}
	return keys, nil
}
