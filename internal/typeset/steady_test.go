package typeset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
)

// The same text gives the same font file at any time, and its checksums are right.
func TestSteady(t *testing.T) {
	t.Parallel()
	f, err := ming()
	if err != nil {
		t.Fatal(err)
	}
	s := f.Subset()
	s.Encode("香港 seal")
	first, err := s.outlines()
	if err != nil {
		t.Fatal(err)
	}
	later, err := steady(bytes.Clone(first), f.sfnt.Head.Modified.AddDate(1, 0, 0))
	if err != nil || bytes.Equal(first, later) {
		t.Fatalf("another time left the file as it was, %v", err)
	}
	again, err := steady(later, f.sfnt.Head.Modified)
	if err != nil || !bytes.Equal(first, again) {
		t.Fatalf("the time of the font itself gave other bytes, %v", err)
	}
	if sum := sum32(first); sum != wholeFile {
		t.Errorf("the file sums up to %08X, want %08X", sum, uint32(wholeFile))
	}
	record, head, err := headOf(first)
	if err != nil {
		t.Fatal(err)
	}
	if got := int64(binary.BigEndian.Uint64(head[modifiedAt:])); got != int64(f.sfnt.Head.Modified.Sub(epoch1904).Seconds()) {
		t.Errorf("modified is %d", got)
	}
	bare := bytes.Clone(head)
	binary.BigEndian.PutUint32(bare[adjustmentAt:], 0)
	if got, want := binary.BigEndian.Uint32(record[4:]), sum32(bare); got != want {
		t.Errorf("head's checksum is %08X, want %08X", got, want)
	}
}

func TestSteadyRefuses(t *testing.T) {
	t.Parallel()
	table := func(start, size uint32) []byte {
		b := make([]byte, directoryStart+recordSize)
		b[5] = 1
		copy(b[directoryStart:], "head")
		binary.BigEndian.PutUint32(b[directoryStart+8:], start)
		binary.BigEndian.PutUint32(b[directoryStart+12:], size)
		return b
	}
	for name, file := range map[string][]byte{
		"empty": nil, "no table": make([]byte, directoryStart), "cut": table(0, 0)[:directoryStart+3],
		"outside": table(20, headSize), "far outside": table(1<<32-1, 1<<32-1), "short": table(0, 4),
	} {
		if _, err := steady(file, epoch1904); !errors.Is(err, ErrFont) {
			t.Errorf("%s: %v, want %v", name, err, ErrFont)
		}
	}
}
