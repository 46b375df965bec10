package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"time"
)

// digest is a SHA-256 value.
type digest = [sha256.Size]byte

// Labels keep the three kinds of hashed bytes apart, and name their version.
const (
	eventLabel = "chop/audit/event/v1\x00"
	batchLabel = "chop/audit/batch/v1\x00"
)

// encode is the canonical form of an event, the bytes that its leaf covers:
//
//	label     "chop/audit/event/v1" and a zero byte
//	id        16 bytes
//	at        8 bytes: microseconds since 1970-01-01T00:00:00Z, signed, big-endian
//	actor, role, place, action, subject, reason, detail:
//	          each 4 bytes of length, big-endian, and the UTF-8 text;
//	          detail is JSON, exactly as stored
//
// Lengths come first, so no two events have the same encoding.
func (r row) encode() []byte {
	texts := [...]string{r.Actor, r.Role, r.Place, r.Action, r.Subject, r.Reason, r.Detail}
	size := len(eventLabel) + len(r.ID) + 8
	for _, t := range texts {
		size += 4 + len(t)
	}
	b := make([]byte, 0, size)
	b = append(b, eventLabel...)
	b = append(b, r.ID[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(r.At.UnixMicro()))
	for _, t := range texts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(t)))
		b = append(b, t...)
	}
	return b
}

// leaf is the event's leaf hash. RFC 6962, 2.1.
func (r row) leaf() digest {
	return sha256.Sum256(append([]byte{0x00}, r.encode()...))
}

// node is the hash over two subtrees. RFC 6962, 2.1.
func node(left, right digest) digest {
	var b [1 + 2*sha256.Size]byte
	b[0] = 0x01
	copy(b[1:], left[:])
	copy(b[1+sha256.Size:], right[:])
	return sha256.Sum256(b[:])
}

// tree computes a Merkle root from leaves that arrive one by one, holding only
// one hash a level. The zero value is an empty tree.
type tree struct {
	count uint64
	full  []digest // roots of the complete subtrees, largest first
}

func (t *tree) add(leaf digest) {
	t.full = append(t.full, leaf)
	t.count++
	// Each trailing zero bit of count is a level that has become complete.
	for range bits.TrailingZeros64(t.count) {
		n := len(t.full)
		t.full = append(t.full[:n-2], node(t.full[n-2], t.full[n-1]))
	}
}

// root is the Merkle tree hash of the leaves so far. RFC 6962, 2.1: that of
// an empty tree is SHA-256 of nothing.
func (t *tree) root() digest {
	if t.count == 0 {
		return sha256.Sum256(nil)
	}
	n := len(t.full)
	root := t.full[n-1]
	for i := n - 2; i >= 0; i-- {
		root = node(t.full[i], root)
	}
	return root
}

// batch is a run of events that got their places at once.
type batch struct {
	Number, First, Count int64
	At                   time.Time
	Root, Hash           digest
}

// chain is the batch's hash: over the label, the hash of the batch before (zero
// bytes for the first), number, first, count, at in microseconds (8 bytes each,
// big-endian), and root.
func (b batch) chain(before digest) digest {
	buf := make([]byte, 0, len(batchLabel)+2*sha256.Size+4*8)
	buf = append(buf, batchLabel...)
	buf = append(buf, before[:]...)
	for _, n := range []int64{b.Number, b.First, b.Count, b.At.UnixMicro()} {
		buf = binary.BigEndian.AppendUint64(buf, uint64(n))
	}
	buf = append(buf, b.Root[:]...)
	return sha256.Sum256(buf)
}
