// Package xades makes XAdES signatures, EN 319 132-1: it turns an XML document, or any
// file, and a credential's certificate into the octets that a key signs (Prepare), and the
// signed octets into a document of level B-B, B-T, B-LT or B-LTA (Document.Finish). It
// raises the level of a document, and renews an old one (Extend).
//
// It holds no key and opens no socket, as package pades, whose identities, levels,
// timestampers and sources of evidence it takes. Documents are held in memory, as whoever
// reads XML must.
//
// What it guarantees: the bytes of the original are copied as they are, and everything new
// is put between them; earlier signatures in the document hold afterwards as they did
// before. A key is used once a signature: after Finish has failed, a Document cannot be
// finished again.
//
// What it refuses: documents with a document type or in another encoding than UTF-8, since
// two readers could read two things, and a signature that would break an earlier one.
package xades

import (
	"errors"
	"fmt"

	"chop/internal/xmldsig"
	"chop/signer/pades"
)

// What is shared with package pades.
type (
	Level          = pades.Level
	Identity       = pades.Identity
	Timestamper    = pades.Timestamper
	EvidenceSource = pades.EvidenceSource
)

// A Packaging is where the signature stands.
type Packaging string

// Packagings.
const (
	// Enveloped: within the document that it signs, as the last child of its root.
	Enveloped Packaging = "enveloped"
	// Enveloping: around what it signs: the root of an XML document as it is, if nothing but
	// the root is in it, neither comments nor signatures, and anything else in base64.
	Enveloping Packaging = "enveloping"
	// Detached: in a document of its own that names the file.
	Detached Packaging = "detached"
)

// A C14N is how XML is brought into the form that is digested.
type C14N string

// Canonicalisations. Exclusive leaves declarations of namespaces unsigned whose prefix only
// content uses, as xsi:type and XPath do; Inclusive signs all that are in scope, so that
// what is signed cannot be moved into another document.
const (
	Exclusive C14N = "exclusive"
	Inclusive C14N = "inclusive" // Canonical XML 1.0
)

func (c C14N) uri() string {
	if c == Inclusive {
		return xmldsig.C14N10
	}
	return xmldsig.Exclusive
}

// ErrBreaks means that an earlier signature in the document covers the place where this one
// would stand, and would not hold any more.
var ErrBreaks = errors.New("the signature would break an earlier one in the document")

// ErrDocument means that the document cannot be signed in this packaging: it is no XML, or
// not in a form that can be added to. The wrapped error of package xmldsig says why.
var ErrDocument = errors.New("the document cannot be signed so")

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", pades.ErrRequest, fmt.Sprintf(format, args...))
}
