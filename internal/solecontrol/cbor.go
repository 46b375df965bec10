package solecontrol

import (
	"encoding/binary"
	"fmt"
)

// The little of CBOR (RFC 8949) that an attestation object needs: definite
// lengths, shortest heads, as CTAP2's canonical form has them.
const (
	cborBytes = 2
	cborText  = 3
	cborArray = 4
	cborMap   = 5

	maxCBORDepth = 6
	maxCBORItems = 64
)

// cborHead reads the head of an item.
func cborHead(b []byte) (kind byte, n uint64, rest []byte, err error) {
	if len(b) == 0 {
		return 0, 0, nil, fmt.Errorf("%w: CBOR cut short", ErrFormat)
	}
	kind, short := b[0]>>5, b[0]&31
	b = b[1:]
	if short < 24 {
		return kind, uint64(short), b, nil
	}
	size := 1 << (short - 24) // 1, 2, 4, 8
	if short > 27 || len(b) < size {
		return 0, 0, nil, fmt.Errorf("%w: CBOR head", ErrFormat)
	}
	var whole [8]byte
	copy(whole[8-size:], b[:size])
	n = binary.BigEndian.Uint64(whole[:])
	// Shortest only; simple values and floating point numbers are as long as they are.
	if kind != 7 && (n < 24 || size > 1 && n < 1<<(8*size/2)) {
		return 0, 0, nil, fmt.Errorf("%w: CBOR head is not the shortest", ErrFormat)
	}
	return kind, n, b[size:], nil
}

// cborString reads a byte or text string.
func cborString(b []byte, want byte) (s, rest []byte, err error) {
	kind, n, b, err := cborHead(b)
	if err != nil {
		return nil, nil, err
	}
	if kind != want || n > uint64(len(b)) {
		return nil, nil, fmt.Errorf("%w: CBOR string", ErrFormat)
	}
	return b[:n:n], b[n:], nil
}

// cborSkip steps over one item.
func cborSkip(b []byte, depth int) ([]byte, error) {
	kind, n, rest, err := cborHead(b)
	if err != nil {
		return nil, err
	}
	switch kind {
	case cborBytes, cborText:
		if n > uint64(len(rest)) {
			return nil, fmt.Errorf("%w: CBOR cut short", ErrFormat)
		}
		return rest[n:], nil
	case cborArray, cborMap:
		if n > maxCBORItems || depth == maxCBORDepth {
			return nil, fmt.Errorf("%w: CBOR too deep or too long", ErrFormat)
		}
		if kind == cborMap {
			n *= 2
		}
		for range n {
			if rest, err = cborSkip(rest, depth+1); err != nil {
				return nil, err
			}
		}
		return rest, nil
	case 6: // a tag
		return nil, fmt.Errorf("%w: CBOR tag", ErrFormat)
	}
	return rest, nil
}

// cborMembers reads a map whose keys are texts; each value as it is encoded.
func cborMembers(b []byte) (members map[string][]byte, rest []byte, err error) {
	kind, n, b, err := cborHead(b)
	if err != nil {
		return nil, nil, err
	}
	if kind != cborMap || n > maxCBORItems {
		return nil, nil, fmt.Errorf("%w: not a CBOR map", ErrFormat)
	}
	members = make(map[string][]byte, n)
	for range n {
		var key []byte
		if key, b, err = cborString(b, cborText); err != nil {
			return nil, nil, err
		}
		after, err := cborSkip(b, 0)
		if err != nil {
			return nil, nil, err
		}
		if _, twice := members[string(key)]; twice {
			return nil, nil, fmt.Errorf("%w: a CBOR key comes twice", ErrFormat)
		}
		members[string(key)] = b[:len(b)-len(after)]
		b = after
	}
	return members, b, nil
}
