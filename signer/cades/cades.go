// Package cades makes CAdES signatures, EN 319 122-1: it turns any file and a credential's
// certificate into the octets that a key signs (Prepare, PrepareCounter), and the signed
// octets into a CMS message of level B-B, B-T, B-LT or B-LTA (Document.Finish), with the
// file in it or detached from it. It adds a signature to those that a message has, and
// raises the level of a message or renews an old one (Extend).
//
// It holds no key and opens no socket, as package pades, whose identities, levels,
// timestampers and sources of evidence it takes. The file is held in memory.
//
// What it guarantees: whatever is signed in a message keeps its bytes, and every earlier
// signature and archive timestamp holds as it did. A key is used once a signature: after
// Finish has failed, a Document cannot be finished again.
//
// What it refuses: a message with another content than the one to be signed, and to add to
// one whose archive timestamps are of the older kinds, which cover everything beside the
// signatures.
package cades

import (
	"crypto"
	"errors"
	"fmt"

	"chop/internal/cms"
	"chop/signer/pades"
)

// What is shared with package pades.
type (
	Level          = pades.Level
	Identity       = pades.Identity
	Timestamper    = pades.Timestamper
	EvidenceSource = pades.EvidenceSource
)

// ErrMessage means that a signed message cannot be added to: it is none, or has another
// content or an older kind of archive timestamp. The wrapped error says which.
var ErrMessage = errors.New("the signed message cannot be added to")

// maxContent is how large a file may be, in bytes: it is held in memory.
const maxContent = 128 << 20

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", pades.ErrRequest, fmt.Sprintf(format, args...))
}

func unfit(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrMessage, fmt.Errorf(format, args...))
}

// open reads a message, DER, BER or PEM.
func open(in []byte) (*cms.SignedData, error) {
	der, err := cms.FromPEM(in)
	if err != nil {
		return nil, unfit("%w", err)
	}
	m, err := cms.Parse(der)
	if err != nil {
		return nil, unfit("%w", err)
	}
	switch {
	case len(m.SignerInfos) == 0:
		return nil, fmt.Errorf("%w: %w", ErrMessage, pades.ErrUnsigned)
	case !m.ContentType.Equal(cms.OIDData):
		return nil, unfit("its content is of type %v and not data", m.ContentType)
	}
	return m, nil
}

// field names the signature at an index as validation does.
func field(i int) string { return fmt.Sprintf("signer %d", i+1) }

func sum(h crypto.Hash, b []byte) []byte {
	w := h.New()
	w.Write(b)
	return w.Sum(nil)
}

// IsDetached reports whether a message leaves its content out.
func IsDetached(message []byte) (bool, error) {
	m, err := open(message)
	if err != nil {
		return false, err
	}
	return m.Content == nil, nil
}
