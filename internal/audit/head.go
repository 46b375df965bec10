package audit

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrHead: a text is not what Head.String writes.
var ErrHead = errors.New("not the head of an audit log")

// Head is where the log ends, and stands for all of it. Whoever kept one (on
// paper, in another system) can tell later whether the log was written anew.
type Head struct {
	Batch    int64 // number of the last batch, 0 for an empty log
	Sequence int64 // of the last event
	Hash     [32]byte
}

// String gives "batch:sequence:hash", the hash in hexadecimal.
func (h Head) String() string { return fmt.Sprintf("%d:%d:%x", h.Batch, h.Sequence, h.Hash) }

// MarshalText is String, for JSON.
func (h Head) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText is ParseHead.
func (h *Head) UnmarshalText(text []byte) (err error) {
	*h, err = ParseHead(string(text))
	return err
}

// ParseHead reads exactly what String writes, or returns ErrHead.
func ParseHead(s string) (Head, error) {
	var h Head
	parts := strings.Split(s, ":")
	if len(s) > 128 || len(parts) != 3 || len(parts[2]) != 2*len(h.Hash) {
		return Head{}, fmt.Errorf("%w: want batch:sequence:hash", ErrHead)
	}
	var err error
	if h.Batch, err = strconv.ParseInt(parts[0], 10, 64); err != nil {
		return Head{}, fmt.Errorf("%w: batch %q", ErrHead, parts[0])
	}
	if h.Sequence, err = strconv.ParseInt(parts[1], 10, 64); err != nil {
		return Head{}, fmt.Errorf("%w: sequence %q", ErrHead, parts[1])
	}
	if _, err := hex.Decode(h.Hash[:], []byte(parts[2])); err != nil {
		return Head{}, fmt.Errorf("%w: hash %q", ErrHead, parts[2])
	}
	if h.Batch < 0 || h.Sequence < h.Batch || h.String() != s {
		return Head{}, fmt.Errorf("%w: %q", ErrHead, s)
	}
	return h, nil
}
