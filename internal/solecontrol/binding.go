package solecontrol

import (
	"fmt"

	"golang.org/x/crypto/cryptobyte"
)

// Binding is what a credential is for ever: the key, the account, and the
// passkey that may use it. The seal and the record's tag bind its digest B, so
// that changing any of it in the database makes the key useless.
//
//	version 1 | credential | account | algorithm | SubjectPublicKeyInfo
//	| RP ID | passkey id | passkey COSE key | AAGUID | backup-eligible, 0 or 1
//	| device key, a SubjectPublicKeyInfo or empty | prfSalt | sealSalt
//
// The version is one byte; each field has its length before it as a uint16,
// big-endian.
type Binding struct {
	Credential     string // UUIDv7
	Account        string // UUIDv7
	Algorithm      string // of the key: "p256"
	SPKI           []byte // of the key, DER
	RPID           string // of the approval origin
	PasskeyID      []byte
	PasskeyKey     []byte // COSE, ES256
	AAGUID         [16]byte
	BackupEligible bool   // the passkey may travel with a cloud account
	DeviceKey      []byte // SubjectPublicKeyInfo of the page's own key, whose signature is demanded too; nil: none
	PRFSalt        [32]byte
	SealSalt       [32]byte
}

const maxField = 2048 // bytes of a field of a binding or a record

// Marshal encodes.
func (b *Binding) Marshal() ([]byte, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	return encodeFields(b.fields()...)
}

func (b *Binding) fields() [][]byte {
	eligible := []byte{0}
	if b.BackupEligible {
		eligible[0] = 1
	}
	return [][]byte{[]byte(b.Credential), []byte(b.Account), []byte(b.Algorithm), b.SPKI, []byte(b.RPID),
		b.PasskeyID, b.PasskeyKey, b.AAGUID[:], eligible, b.DeviceKey, b.PRFSalt[:], b.SealSalt[:]}
}

// ParseBinding decodes what Marshal makes, and nothing else.
func ParseBinding(data []byte) (*Binding, error) {
	f, err := decodeFields(data, 12)
	if err != nil {
		return nil, fmt.Errorf("binding: %w", err)
	}
	b := &Binding{
		Credential: string(f[0]), Account: string(f[1]), Algorithm: string(f[2]), SPKI: f[3], RPID: string(f[4]),
		PasskeyID: f[5], PasskeyKey: f[6], BackupEligible: string(f[8]) == "\x01", DeviceKey: f[9],
	}
	if len(f[9]) == 0 {
		b.DeviceKey = nil
	}
	if copy(b.AAGUID[:], f[7]) != len(f[7]) || len(f[7]) != 16 || len(f[10]) != 32 || len(f[11]) != 32 ||
		len(f[8]) != 1 || f[8][0] > 1 {
		return nil, fmt.Errorf("binding: %w: a field has the wrong size", ErrFormat)
	}
	copy(b.PRFSalt[:], f[10])
	copy(b.SealSalt[:], f[11])
	if err := b.check(); err != nil {
		return nil, err
	}
	return b, nil
}

func (b *Binding) check() error {
	if err := checkUUIDs(b.Credential, b.Account); err != nil {
		return fmt.Errorf("binding: %w", err)
	}
	if b.Algorithm != "p256" || len(b.PasskeyID) == 0 || len(b.PasskeyID) > maxPasskeyID {
		return fmt.Errorf("binding: %w: algorithm or passkey id", ErrFormat)
	}
	if _, err := ParseSPKI(b.SPKI); err != nil {
		return fmt.Errorf("binding: key: %w", err)
	}
	if _, err := ParseCOSE(b.PasskeyKey); err != nil {
		return fmt.Errorf("binding: %w", err)
	}
	if b.DeviceKey != nil {
		if _, err := ParseSPKI(b.DeviceKey); err != nil {
			return fmt.Errorf("binding: device key: %w", err)
		}
	}
	if err := checkRPID(b.RPID); err != nil {
		return fmt.Errorf("binding: %w", err)
	}
	return nil
}

// BindingDigest is B, of an encoded binding.
func BindingDigest(binding []byte) Digest { return labelled(labelBinding, binding) }

// encodeFields writes version 1 and the fields.
func encodeFields(fields ...[]byte) ([]byte, error) {
	b := cryptobyte.NewBuilder([]byte{1})
	for _, f := range fields {
		if len(f) > maxField {
			return nil, fmt.Errorf("%w: a field of %d bytes", ErrFormat, len(f))
		}
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(f) })
	}
	return b.Bytes()
}

// decodeFields reads version 1 and exactly n fields, which alias data.
func decodeFields(data []byte, n int) ([][]byte, error) {
	in := cryptobyte.String(data)
	var version uint8
	if !in.ReadUint8(&version) || version != 1 {
		return nil, fmt.Errorf("%w: not of version 1", ErrFormat)
	}
	fields := make([][]byte, n)
	for i := range fields {
		var f cryptobyte.String
		if !in.ReadUint16LengthPrefixed(&f) || len(f) > maxField {
			return nil, fmt.Errorf("%w: cut short", ErrFormat)
		}
		fields[i] = f
	}
	if !in.Empty() {
		return nil, fmt.Errorf("%w: something follows", ErrFormat)
	}
	return fields, nil
}
