package ca

import (
	"encoding/hex"
	"fmt"
	"io"
	"math/big"
	"strings"
)

// Serial numbers are a prefix octet from 0x01 to 0x7f, which makes them
// positive and of one length, and 16 random octets: the full 128 bits stay
// random, and nobody can foretell the bytes that the CA will sign.
const (
	serialPrefix = 0x01
	serialLength = 17
)

func newSerial(rand io.Reader) (*big.Int, error) {
	b := make([]byte, serialLength)
	if _, err := io.ReadFull(rand, b); err != nil {
		return nil, fmt.Errorf("draw serial: %w", err)
	}
	b[0] = serialPrefix
	return new(big.Int).SetBytes(b), nil
}

// ParseSerial reads a serial number in hexadecimal, with or without colons.
func ParseSerial(s string) (*big.Int, error) {
	b, err := hex.DecodeString(strings.ReplaceAll(s, ":", ""))
	if err != nil || len(b) == 0 || len(b) > 20 { // RFC 5280, 4.1.2.2
		return nil, fmt.Errorf("%q is not a serial number in hexadecimal", s)
	}
	return new(big.Int).SetBytes(b), nil
}

// FormatSerial writes a serial number in hexadecimal, as the log and the
// command line show it.
func FormatSerial(serial *big.Int) string { return hex.EncodeToString(serial.Bytes()) }
