package hkic

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// Instructions of ISO/IEC 7816-4 that are used, all of class 00.
const (
	insSelect       = 0xA4 // 11.1.1
	insReadBinary   = 0xB0 // 11.2.3
	insGetResponse  = 0xC0 // 11.7.1
	insAuthenticate = 0x88 // 11.5.2, INTERNAL AUTHENTICATE
)

// Status words. ISO/IEC 7816-4, 5.6.
const (
	swOK          = 0x9000
	swFileMissing = 0x6A82 // also: no such application
)

const (
	// chunk is the most that one short response carries, in bytes.
	chunk = 256
	// maxRounds bounds what one command may take in APDUs, against a card that answers without end.
	maxRounds = 16
)

// reader talks to one card.
type reader struct {
	ctx  context.Context
	chip Chip
}

// exchange sends a command, and follows a card that hands its answer out in parts
// (61xx) or names the length that it wants to be asked for (6Cxx).
func (r reader) exchange(command []byte) (data []byte, status uint16, err error) {
	command = bytes.Clone(command)
	for range maxRounds {
		if err := r.ctx.Err(); err != nil {
			return nil, 0, err
		}
		response, err := r.chip.Transmit(command)
		if errors.Is(err, ErrRemoved) {
			return nil, 0, err
		}
		if err != nil {
			return nil, 0, fmt.Errorf("%w: %w", ErrUnreadable, err)
		}
		if len(response) < 2 || len(response) > chunk+2 {
			return nil, 0, fmt.Errorf("%w: a response of %d bytes", ErrUnreadable, len(response))
		}
		body := response[:len(response)-2]
		status = uint16(response[len(response)-2])<<8 | uint16(response[len(response)-1])
		data = append(data, body...)
		switch {
		case status>>8 == 0x61:
			command = []byte{0, insGetResponse, 0, 0, byte(status)}
		case status>>8 == 0x6C && len(body) == 0:
			command[len(command)-1] = byte(status)
		default:
			return data, status, nil
		}
	}
	return nil, 0, fmt.Errorf("%w: it answers without end", ErrUnreadable)
}

// open selects the application. ErrForeign: the card has none such.
func (r reader) open(aid []byte) error {
	command := append([]byte{0, insSelect, 0x04, 0x0C, byte(len(aid))}, aid...)
	_, status, err := r.exchange(command)
	switch {
	case err != nil:
		return err
	case status != swOK: // whatever it says: it is not our card
		return fmt.Errorf("%w: status %04X on selecting the application", ErrForeign, status)
	}
	return nil
}

// file reads the one data object that a file is, with its tag and length.
func (r reader) file(id, tag byte, most int) ([]byte, error) {
	file, status, err := r.exchange([]byte{0, insReadBinary, 0x80 | id, 0, 0})
	if err != nil {
		return nil, err
	}
	if status != swOK {
		return nil, fmt.Errorf("%w: status %04X on file %d", ErrUnreadable, status, id)
	}
	size, err := objectSize(file, tag)
	switch {
	case err != nil:
		return nil, fmt.Errorf("file %d: %w", id, err)
	case size > most:
		return nil, fmt.Errorf("%w: file %d has %d bytes, at most %d are read", ErrUnreadable, id, size, most)
	case len(file) != min(size, chunk):
		return nil, fmt.Errorf("%w: file %d begins with %d bytes of %d", ErrUnreadable, id, len(file), size)
	}
	for len(file) < size {
		want := min(chunk, size-len(file))
		part, status, err := r.exchange([]byte{0, insReadBinary, byte(len(file) >> 8), byte(len(file)), byte(want)}) // 256 is written 0
		switch {
		case err != nil:
			return nil, err
		case status != swOK || len(part) != want:
			return nil, fmt.Errorf("%w: status %04X and %d bytes on file %d at %d", ErrUnreadable, status, len(part), id, len(file))
		}
		file = append(file, part...)
	}
	return file, nil
}

// authenticate has the card sign a challenge. A card that has no key to sign with is a copy of another's files.
func (r reader) authenticate(challenge []byte) ([]byte, error) {
	command := append([]byte{0, insAuthenticate, 0, 0, byte(len(challenge))}, challenge...)
	response, status, err := r.exchange(append(command, 0))
	switch {
	case err != nil:
		return nil, err
	case status != swOK:
		return nil, fmt.Errorf("%w: status %04X instead of a signature", ErrCloned, status)
	case len(response) != responseSize:
		return nil, fmt.Errorf("%w: a signature of %d bytes", ErrUnreadable, len(response))
	}
	return response, nil
}
