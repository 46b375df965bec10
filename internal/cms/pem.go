package cms

import (
	"bytes"
	"encoding/pem"
	"fmt"
)

// FromPEM gives the message in a PEM file; b itself if it is none. Text around the one block is signed by nobody and
// passed over; with two blocks, which one counts would be the reader's choice.
func FromPEM(b []byte) ([]byte, error) {
	block, rest := pem.Decode(b)
	if block == nil || len(b) > 0 && b[0] == 0x30 {
		return b, nil
	}
	switch block.Type {
	case "CMS", "PKCS7", "PKCS #7 SIGNED DATA": // RFC 7468, 8 and 9, and an older habit
	default:
		return nil, fmt.Errorf("%w: PEM block %q", ErrMalformed, block.Type)
	}
	if bytes.Contains(rest, []byte("-----BEGIN ")) {
		return nil, fmt.Errorf("%w: several PEM blocks", ErrMalformed)
	}
	return block.Bytes, nil
}
