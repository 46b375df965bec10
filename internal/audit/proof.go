package audit

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// ErrProof: a proof is not one, or does not prove what it says.
var ErrProof = errors.New("audit proof that does not hold")

// Limits of what ReadProof reads: a proof is a stranger's file.
const (
	maxProof   = 256 << 20 // bytes
	maxProved  = 100_000   // events
	maxBatches = 2_000_000
)

// A Proof shows, without the log, that events are in the log that a Head stands for: each
// event's path in the Merkle tree of its batch (RFC 6962, 2.1.1), and the batches from there
// to the head, each of which follows from the one before.
type Proof struct {
	Version int           `json:"version"`
	Subject string        `json:"subject"`
	Head    Head          `json:"head"`
	Before  hash32        `json:"before"` // the chain's hash before the first of the batches
	Batches []provedBatch `json:"batches"`
	Events  []provedEvent `json:"events"`
}

// provedBatch is what a batch's hash is over, but for the hash of the one before.
type provedBatch struct {
	Number int64     `json:"number"`
	First  int64     `json:"first"`
	Count  int64     `json:"count"`
	At     time.Time `json:"at"`
	Root   hash32    `json:"root"`
}

// provedEvent is what an event's leaf is over, and its way to the root.
type provedEvent struct {
	Sequence int64     `json:"sequence"`
	ID       uuid.UUID `json:"id"`
	At       time.Time `json:"at"`
	Actor    string    `json:"actor"`
	Role     string    `json:"role"`
	Place    string    `json:"place"`
	Action   string    `json:"action"`
	Subject  string    `json:"subject"`
	Reason   string    `json:"reason"`
	Detail   string    `json:"detail"` // the exact text
	Path     []hash32  `json:"path"`
}

func (e provedEvent) row() row {
	return row{ID: e.ID, At: e.At, Actor: e.Actor, Role: e.Role, Place: e.Place, Action: e.Action, Subject: e.Subject, Reason: e.Reason, Detail: e.Detail}
}

// hash32 is a digest, in hexadecimal in JSON.
type hash32 digest

// MarshalText writes 64 hexadecimal digits.
func (h hash32) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h[:])), nil }

// UnmarshalText reads them.
func (h *hash32) UnmarshalText(text []byte) error {
	if len(text) != 2*len(h) {
		return fmt.Errorf("hash of %d digits", len(text))
	}
	_, err := hex.Decode(h[:], text)
	return err
}

// ReadProof reads what json.Marshal made of a Proof. ErrProof. It verifies nothing.
func ReadProof(data []byte) (*Proof, error) {
	if len(data) > maxProof {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are read", ErrProof, len(data), maxProof)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var p Proof
	if err := d.Decode(&p); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProof, err)
	}
	if d.More() {
		return nil, fmt.Errorf("%w: something behind it", ErrProof)
	}
	if p.Version != 1 || len(p.Events) > maxProved || len(p.Batches) > maxBatches {
		return nil, fmt.Errorf("%w: version %d with %d events and %d batches", ErrProof, p.Version, len(p.Events), len(p.Batches))
	}
	return &p, nil
}

// Verify computes everything anew and returns the events that are proven to be in the log
// of p.Head, in their order. A head that the reader kept from elsewhere must be met on the way:
// only that tells a log that was written anew as a whole. ErrProof.
func (p *Proof) Verify(kept ...Head) ([]Entry, error) {
	bad := func(format string, args ...any) ([]Entry, error) {
		return nil, fmt.Errorf("%w: %s", ErrProof, fmt.Sprintf(format, args...))
	}
	if len(p.Events) == 0 || len(p.Batches) == 0 {
		return bad("no event or no batch")
	}
	met := make([]bool, len(kept))
	at, events := Head{Batch: p.Batches[0].Number - 1, Sequence: p.Batches[0].First - 1, Hash: p.Before}, p.Events
	if p.Batches[0].Number == 1 && (at != Head{}) {
		return bad("the log does not begin with batch 1")
	}
	var proven []Entry
	for _, b := range p.Batches {
		if b.Number != at.Batch+1 || b.First != at.Sequence+1 || b.Count < 1 {
			return bad("batch %d does not follow from the one before", b.Number)
		}
		for ; len(events) > 0 && events[0].Sequence < b.First+b.Count; events = events[1:] {
			e := events[0]
			r := e.row()
			if e.Sequence < b.First || e.Subject != p.Subject || len(proven) > 0 && e.Sequence <= p.Events[len(proven)-1].Sequence {
				return bad("event %d is out of its place", e.Sequence)
			}
			if !climbs(r.leaf(), e.Sequence-b.First, b.Count, e.Path, digest(b.Root)) {
				return bad("event %d is not in batch %d", e.Sequence, b.Number)
			}
			proven = append(proven, Entry{e.ID.String(), e.At, e.Actor, e.Action, e.Subject, json.RawMessage(e.Detail)})
		}
		claim := batch{Number: b.Number, First: b.First, Count: b.Count, At: b.At, Root: digest(b.Root)}
		at = Head{Batch: b.Number, Sequence: b.First + b.Count - 1, Hash: claim.chain(at.Hash)}
		for i, k := range kept {
			met[i] = met[i] || k == at
		}
	}
	if len(events) > 0 {
		return bad("event %d is in none of the batches", events[0].Sequence)
	}
	if at != p.Head {
		return bad("it ends at %s, and says %s", at, p.Head)
	}
	for i, k := range kept {
		if !met[i] {
			return bad("the log of this proof has no head %s in these batches", k)
		}
	}
	return proven, nil
}

// climbs follows an inclusion path from a leaf to the root (RFC 9162, 2.1.3.2).
func climbs(leaf digest, index, count int64, path []hash32, root digest) bool {
	if index < 0 || index >= count {
		return false
	}
	fn, sn, r := index, count-1, leaf
	for _, p := range path {
		if sn == 0 {
			return false
		}
		if fn&1 == 1 || fn == sn {
			r = node(digest(p), r)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			r = node(r, digest(p))
		}
		fn, sn = fn>>1, sn>>1
	}
	return sn == 0 && r == root
}

// inclusion is the path from leaf m to the root (RFC 6962, 2.1.1).
func inclusion(m int, leaves []digest) []hash32 {
	if len(leaves) <= 1 {
		return []hash32{}
	}
	k := 1
	for 2*k < len(leaves) {
		k *= 2
	}
	if m < k {
		return append(inclusion(m, leaves[:k]), hash32(rootOf(leaves[k:])))
	}
	return append(inclusion(m-k, leaves[k:]), hash32(rootOf(leaves[:k])))
}

func rootOf(leaves []digest) digest {
	var t tree
	for _, l := range leaves {
		t.add(l)
	}
	return t.root()
}
