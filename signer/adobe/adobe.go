// Package adobe makes signatures in Adobe's older form: SubFilter adbe.pkcs7.detached,
// ISO 32000-1, 12.8.3.3, with the evidence of revocation in a signed attribute
// (adbe-revocationInfoArchival). It serves the workflows that cannot read PAdES, and
// nothing else; package pades is the rule.
//
// The PDF is written by digitorus/pdfsign, which is kept in a cage because of what it is
// known to do. It never gets the key: it is given a signer that only remembers the one
// digest that it was asked to sign, and fails when asked again, so that no second
// signature is possible. The key then signs that digest once, and the signature value,
// with a timestamp if one is wanted, is put into the place that pdfsign left. What
// pdfsign would destroy (form fields that are no signatures, form resources, XFA) or
// write wrongly (some texts beyond ASCII) is refused beforehand, and its result is
// compared with the original, object by object, before anything is signed.
//
// The whole file is in memory several times over, hence MaxSize. Nothing is ever
// verified by pdfsign.
package adobe

import (
	"errors"
	"fmt"
	"io"
	"time"

	"chop/signer/pades"
)

// MaxSize is the largest document in bytes; pdfsign takes seven times as much memory.
const MaxSize = 20 << 20

var (
	// ErrUnsupported means that this form cannot be made of this document or request;
	// PAdES can.
	ErrUnsupported = errors.New("not possible in the form adbe.pkcs7.detached; use PAdES")
	// ErrDamaged means that pdfsign's output is not the original with a signature added.
	ErrDamaged = errors.New("the library damaged the document")
)

// An Output is written front to back, and then at the place left for the signature.
type Output interface {
	io.Writer
	io.WriterAt
}

// A Request is one signature to be made.
type Request struct {
	// In is the document and Size its length.
	In   io.ReaderAt
	Size int64
	// Out receives the signed file.
	Out Output
	// Identity is who signs.
	Identity *pades.Identity
	// Evidence gives what goes into the revocation archive.
	Evidence pades.EvidenceSource
	// Timestamper, if not nil, timestamps the signature.
	Timestamper pades.Timestamper
	// Time is the claimed time of signing (/M).
	Time time.Time
	// Reason and Location are optional. ASCII is always possible; of other texts those
	// that pdfsign would write wrongly are refused.
	Reason, Location string
}

func (r *Request) check() error {
	switch {
	case r.In == nil || r.Out == nil || r.Identity == nil || r.Evidence == nil || r.Time.IsZero():
		return fmt.Errorf("%w: input, output, identity, evidence and time are needed", pades.ErrRequest)
	case r.Size > MaxSize:
		return fmt.Errorf("%w: %d bytes, at most %d are possible", ErrUnsupported, r.Size, MaxSize)
	}
	for _, text := range []string{r.Reason, r.Location} {
		if err := checkText(text); err != nil {
			return err
		}
	}
	return nil
}
