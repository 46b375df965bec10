// Package pades makes PAdES signatures, EN 319 142-1: it turns a PDF file and a
// credential's certificate into the octets that a key signs (Prepare), and the
// signed octets into a file of level B-B, B-T, B-LT or B-LTA (Document.Finish). It
// raises the level of a file, and renews an old one (Extend).
//
// It holds no key, opens no socket and knows no database: a timestamp and the
// evidence of revocation come through one-method interfaces, and the signature value
// is handed to Finish by whoever may use the key. So a key is used once a signature,
// by construction: after Finish has failed, a Document cannot be finished again.
//
// What it guarantees: the bytes of the original are copied as they are and everything
// new stands behind them, so that earlier signatures and revisions survive byte for
// byte. Memory does not depend on the size of the file.
//
// What it refuses: encrypted files, files whose structure cannot be followed, files
// that an earlier signature forbids to change (ErrForbidden), fields whose seed values
// ask for something else, and whatever would not fit into the room that was reserved.
package pades

import (
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"io"
	"time"
)

// A Level is a conformance level of EN 319 142-1, clause 6.
type Level string

// The levels, each of which contains the one before.
const (
	LevelB   Level = "B-B"   // signed by a certificate that it names
	LevelT   Level = "B-T"   // and existed at a trusted time
	LevelLT  Level = "B-LT"  // and carries what proves its certificates
	LevelLTA Level = "B-LTA" // and a document timestamp keeps all that provable
)

// ParseLevel reads a level as the standard writes it.
func ParseLevel(s string) (Level, error) {
	l := Level(s)
	if l.rank() == 0 {
		return "", fmt.Errorf("%w: no level %q, the levels are B-B, B-T, B-LT, B-LTA", ErrRequest, s)
	}
	return l, nil
}

func (l Level) rank() int {
	switch l {
	case LevelB:
		return 1
	case LevelT:
		return 2
	case LevelLT:
		return 3
	case LevelLTA:
		return 4
	}
	return 0
}

// AtLeast reports whether l contains m.
func (l Level) AtLeast(m Level) bool { return l.rank() >= m.rank() }

// A Timestamper gives RFC 3161 timestamps.
type Timestamper interface {
	// Timestamp returns a TimeStampToken (a DER ContentInfo) over an imprint made
	// with h. The token must carry its signer's certificate.
	Timestamp(ctx context.Context, h crypto.Hash, imprint []byte) ([]byte, error)
}

// An EvidenceSource gives what proves that a certificate was good.
type EvidenceSource interface {
	// Evidence returns DER certificates, OCSP responses and CRLs for cert and its
	// whole chain. The status of cert itself is not older than after, to the second.
	Evidence(ctx context.Context, cert *x509.Certificate, after time.Time) (certs, ocsps, crls [][]byte, err error)
}

// An Output is the file that is written: front to back, then again at the place that
// was left for the signature, and read back for what is appended later. An *os.File
// serves, if it is new and was not opened for appending.
type Output interface {
	io.Writer
	io.WriterAt
	io.ReaderAt
}
