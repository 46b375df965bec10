package issuer

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	"chop/registration/hkic"
)

// Card is a card's chip. It is an hkic.Chip by itself, without a reader.
type Card struct {
	groups   hkic.Groups
	security []byte
	key      *ecdsa.PrivateKey
	foreign  bool // answers to no application of ours

	selected bool
	file     []byte
}

// Reset is what taking the power away does: nothing is selected any more.
func (c *Card) Reset() { c.selected, c.file = false, nil }

func status(sw uint16) []byte { return []byte{byte(sw >> 8), byte(sw)} }

// Transmit answers a command APDU (ISO/IEC 7816-4): SELECT by application
// identifier, READ BINARY, INTERNAL AUTHENTICATE, in short form.
func (c *Card) Transmit(command []byte) ([]byte, error) {
	if len(command) < 4 {
		return status(0x6700), nil
	}
	if command[0] != 0 {
		return status(0x6E00), nil
	}
	switch command[1] {
	case 0xA4:
		return status(c.choose(command)), nil
	case 0xB0:
		return c.read(command), nil
	case 0x88:
		return c.authenticate(command)
	}
	return status(0x6D00), nil
}

func (c *Card) choose(command []byte) uint16 {
	c.Reset()
	if len(command) < 6 || int(command[4]) > len(command)-5 {
		return 0x6700
	}
	if command[2] != 0x04 || c.foreign || !bytes.Equal(command[5:5+int(command[4])], hkic.AID) {
		return 0x6A82
	}
	c.selected = true
	return 0x9000
}

func (c *Card) read(command []byte) []byte {
	if len(command) != 5 {
		return status(0x6700)
	}
	if !c.selected {
		return status(0x6985)
	}
	offset := int(command[2])<<8 | int(command[3])
	if command[2]&0x80 != 0 {
		files := map[byte][]byte{1: c.groups[0], 2: c.groups[1], 3: c.groups[2], 29: c.security}
		c.file, offset = files[command[2]&0x1F], int(command[3])
	}
	if c.file == nil {
		return status(0x6A82)
	}
	if offset >= len(c.file) {
		return status(0x6B00)
	}
	want := int(command[4])
	if want == 0 { // 256, or what there is
		want = min(256, len(c.file)-offset)
	}
	if left := len(c.file) - offset; want > left {
		return status(0x6C00 | uint16(left))
	}
	return append(bytes.Clone(c.file[offset:offset+want]), 0x90, 0x00)
}

func (c *Card) authenticate(command []byte) ([]byte, error) {
	if len(command) != 5+hkic.ChallengeSize+1 || int(command[4]) != hkic.ChallengeSize {
		return status(0x6700), nil
	}
	if !c.selected || c.key == nil {
		return status(0x6985), nil
	}
	sum := sha256.Sum256(hkic.AuthenticationMessage(command[5 : 5+hkic.ChallengeSize]))
	r, s, err := ecdsa.Sign(rand.Reader, c.key, sum[:])
	if err != nil {
		return nil, fmt.Errorf("sign challenge: %w", err)
	}
	response := make([]byte, 66)
	r.FillBytes(response[:32])
	s.FillBytes(response[32:64])
	response[64] = 0x90
	return response, nil
}

// PulledOut is a chip that is out of the reader from its nth command on (from 1).
func PulledOut(chip hkic.Chip, n int) hkic.Chip { return &pulled{chip, n} }

type pulled struct {
	hkic.Chip
	left int
}

func (p *pulled) Transmit(command []byte) ([]byte, error) {
	if p.left--; p.left <= 0 {
		return nil, hkic.ErrRemoved
	}
	return p.Chip.Transmit(command)
}
