// Package jades makes JAdES signatures, ETSI TS 119 182-1: it turns a JSON document, or any
// file, and a credential's certificate into the octets that a key signs (Prepare), and the
// signed octets into a JSON web signature of level B-B, B-T, B-LT or B-LTA
// (Document.Finish). It raises the level of one, and renews an old one (Extend).
//
// It holds no key and opens no socket, as package pades, whose identities, levels,
// timestampers and sources of evidence it takes. Documents are held in memory.
//
// What it guarantees: what is signed is the file's bytes, whatever they are; what is
// extended keeps every byte that is there. A key is used once a signature: after Finish has
// failed, a Document cannot be finished again.
//
// What it refuses: a compact serialisation above B-B, which has no place for what is not
// signed, and what would be larger than a validator reads.
package jades

import (
	"errors"
	"fmt"

	"chop/internal/jws"
	"chop/signer/pades"
)

// What is shared with package pades.
type (
	Level          = pades.Level
	Identity       = pades.Identity
	Timestamper    = pades.Timestamper
	EvidenceSource = pades.EvidenceSource
)

// A Serialization is the form in which a signature is written.
type Serialization = jws.Serialization

// Serialisations (RFC 7515, 7).
const (
	Compact   = jws.Compact
	Flattened = jws.Flattened
	General   = jws.General
)

// ErrDocument means that the document cannot be signed so, or that what is to be extended is
// no JAdES signature. The wrapped error of package jws says why.
var ErrDocument = errors.New("the document cannot be signed so")

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", pades.ErrRequest, fmt.Sprintf(format, args...))
}
