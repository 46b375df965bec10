package typeset

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Places in a font file, OpenType 1.9: the directory, and the table "head".
const (
	directoryStart = 12 // the first record
	recordSize     = 16 // tag, checksum, offset, length
	adjustmentAt   = 8  // in head: checkSumAdjustment
	modifiedAt     = 28 // in head: modified, seconds since 1904
	headSize       = 54

	wholeFile = 0xB1B0AFBA // what all of a file sums up to
)

var epoch1904 = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)

// steady gives a font file the time at which the font that it came from was made. The library writes the present
// second, so that the same page would have other bytes a second later. Both checksums of "head" follow.
func steady(file []byte, modified time.Time) ([]byte, error) {
	record, head, err := headOf(file)
	if err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint64(head[modifiedAt:], uint64(int64(modified.Sub(epoch1904)/time.Second)))
	binary.BigEndian.PutUint32(head[adjustmentAt:], 0)
	binary.BigEndian.PutUint32(record[4:], sum32(head))
	binary.BigEndian.PutUint32(head[adjustmentAt:], wholeFile-sum32(file))
	return file, nil
}

// headOf finds the table "head" and its record in the directory.
func headOf(file []byte) (record, head []byte, err error) {
	if len(file) < directoryStart {
		return nil, nil, fmt.Errorf("%w: subset: %d bytes", ErrFont, len(file))
	}
	for i := range int(binary.BigEndian.Uint16(file[4:])) {
		at := directoryStart + i*recordSize
		if at+recordSize > len(file) {
			break
		}
		r := file[at : at+recordSize]
		if string(r[:4]) != "head" {
			continue
		}
		start, size := uint64(binary.BigEndian.Uint32(r[8:])), uint64(binary.BigEndian.Uint32(r[12:]))
		if size < headSize || start+size > uint64(len(file)) {
			break
		}
		return r, file[start : start+size : start+size], nil
	}
	return nil, nil, fmt.Errorf("%w: subset: no table head", ErrFont)
}

// sum32 adds up a table as big-endian words, the last one filled up with zeros.
func sum32(b []byte) (sum uint32) {
	for ; len(b) >= 4; b = b[4:] {
		sum += binary.BigEndian.Uint32(b)
	}
	var last [4]byte
	copy(last[:], b)
	return sum + binary.BigEndian.Uint32(last[:])
}
