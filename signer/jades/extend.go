package jades

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"fmt"

	"chop/internal/jws"
	"chop/signer/pades"
)

// An ExtendRequest raises the level of a signed document, or renews a B-LTA.
type ExtendRequest struct {
	In []byte
	// Level is B-T, B-LT or B-LTA.
	Level Level
	// Hash is for imprints; 0 means SHA-256.
	Hash crypto.Hash
	// Timestamper is needed, Evidence from B-LT on.
	Timestamper Timestamper
	Evidence    EvidenceSource
	// File returns a file that a detached signature refers to; nil: none. B-LTA needs it.
	File func(name string) ([]byte, bool)
	// OnSkip is told of each signature that stays as it is: somebody else's, usually.
	// Without it, such a signature is an error. The last one is never skipped.
	OnSkip func(id string, err error)
}

// Extend returns the document with what its signatures lack for the level, and the name of
// the last of them. On one that is B-LTA already that is the renewal: evidence for the last
// archive timestamp, and a new one. A compact serialisation becomes a flattened one. It
// returns pades.ErrAtLevel if nothing lacks.
func Extend(ctx context.Context, r ExtendRequest) (doc []byte, field string, err error) {
	if r.Hash == 0 {
		r.Hash = crypto.SHA256
	}
	switch {
	case !r.Level.AtLeast(pades.LevelT):
		return nil, "", bad("a document is extended to B-T, B-LT or B-LTA")
	case r.Timestamper == nil || r.Level.AtLeast(pades.LevelLT) && r.Evidence == nil:
		return nil, "", bad("level %s needs a timestamper and a source of evidence", r.Level)
	case jws.HashName(r.Hash) == "":
		return nil, "", bad("hash")
	}
	parsed, err := jws.Open(r.In, jws.Limits{})
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrDocument, err)
	}
	if len(parsed.Signatures) == 0 {
		return nil, "", pades.ErrUnsigned
	}
	x := extender{doc: r.In, hash: r.Hash, timestamper: r.Timestamper, evidence: r.Evidence, src: jws.Sources{File: r.File}}
	for i := range parsed.Signatures {
		before := x.doc
		x.index, x.known = i, nil
		if x.signer, err = x.certificate(); err == nil {
			err = x.raise(ctx, r.Level)
		}
		if err == nil {
			continue
		}
		if r.OnSkip == nil || i == len(parsed.Signatures)-1 || ctx.Err() != nil {
			return nil, "", err
		}
		x.doc = before
		r.OnSkip(x.field(), err)
	}
	if bytes.Equal(x.doc, r.In) {
		return nil, "", pades.ErrAtLevel
	}
	return x.doc, x.field(), nil
}

func (x *extender) field() string { return fieldName(x.index) }

func fieldName(i int) string { return fmt.Sprintf("Signature %d", i+1) }

// certificate returns the signing certificate: the one in x5c that the header names and
// whose key verifies the value.
func (x *extender) certificate() (*x509.Certificate, error) {
	st, err := x.state()
	if err != nil {
		return nil, err
	}
	h := st.signature.Header
	for _, der := range h.Chain {
		for _, named := range h.Names {
			if !named.Matches(der) {
				continue
			}
			cert, err := x509.ParseCertificate(der)
			if err != nil {
				continue
			}
			if err := st.signature.VerifyValue(cert.PublicKey, x.src); err != nil {
				return nil, fmt.Errorf("%w: %w", ErrDocument, err)
			}
			return cert, nil
		}
	}
	return nil, fmt.Errorf("%w: the certificate that the signature names is not in it", ErrDocument)
}
