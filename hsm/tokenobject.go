package hsm

import "encoding/binary"

// SoftHSM's object files (its ObjectFile, version 2): a generation number of eight octets, and then attributes, each with
// its type and the kind of its value in eight octets each, and the value. All numbers are big-endian.
const (
	softBool  = 1 // one octet
	softULong = 2 // eight octets
	softBytes = 3 // eight octets of length, and as many
)

// What the token's own object holds, by SoftHSM's numbers (its OSAttributes).
const (
	softTokenLabel  = 0x80005349
	softTokenSerial = 0x8000534a
	softTokenFlags  = 0x8000534b
	softSOPIN       = 0x8000534c
	softUserPIN     = 0x8000534d

	flagUserPIN = 0x8 // CKF_USER_PIN_INITIALIZED
)

// whole reports whether b is all of a token's own object: attribute after attribute to its very end, none twice, and none missing of
// those without which the token cannot be opened. Whoever was killed while writing leaves less, and a disk may leave zeros.
func whole(b []byte) bool {
	if len(b) < 8 || len(b) > maxTokenObject {
		return false
	}
	values := map[uint64][]byte{}
	for b = b[8:]; len(b) > 0; {
		if len(b) < 16 {
			return false
		}
		kind, size := binary.BigEndian.Uint64(b[8:]), uint64(0)
		name := binary.BigEndian.Uint64(b)
		b = b[16:]
		switch kind {
		case softBool:
			size = 1
		case softULong:
			size = 8
		case softBytes:
			if len(b) < 8 {
				return false
			}
			size = binary.BigEndian.Uint64(b)
			b = b[8:]
		default:
			return false
		}
		if _, twice := values[name]; twice || size > uint64(len(b)) {
			return false
		}
		values[name], b = b[:size], b[size:]
	}
	flags := values[softTokenFlags]
	if len(flags) != 8 || len(values[softTokenLabel]) == 0 || len(values[softTokenSerial]) == 0 || len(values[softSOPIN]) == 0 {
		return false
	}
	return binary.BigEndian.Uint64(flags)&flagUserPIN == 0 || len(values[softUserPIN]) > 0
}
