package xades

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"

	"chop/internal/xmldsig"
	"chop/signer/pades"
)

// An ExtendRequest raises the level of a signed document, or renews a B-LTA.
type ExtendRequest struct {
	In []byte
	// Level is B-T, B-LT or B-LTA.
	Level Level
	// Hash is for imprints; 0 means SHA-256. C14N is Exclusive if empty.
	Hash crypto.Hash
	C14N C14N
	// Timestamper is needed, Evidence from B-LT on.
	Timestamper Timestamper
	Evidence    EvidenceSource
	// File returns a file that a detached signature refers to; nil: none. B-LTA needs it.
	File func(uri string) ([]byte, bool)
	// OnSkip is told of each signature that stays as it is: somebody else's, usually.
	// Without it, such a signature is an error. The last one is never skipped.
	OnSkip func(id string, err error)
}

// Extend returns the document with what its signatures lack for the level, and the id of the
// last of them. On one that is
// B-LTA already that is the renewal: evidence for the last archive timestamp, and a new
// one. It returns pades.ErrAtLevel if nothing lacks.
func Extend(ctx context.Context, r ExtendRequest) (doc []byte, id string, err error) {
	if r.Hash == 0 {
		r.Hash = crypto.SHA256
	}
	if r.C14N == "" {
		r.C14N = Exclusive
	}
	switch {
	case !r.Level.AtLeast(pades.LevelT):
		return nil, "", bad("a document is extended to B-T, B-LT or B-LTA")
	case r.Timestamper == nil || r.Level.AtLeast(pades.LevelLT) && r.Evidence == nil:
		return nil, "", bad("level %s needs a timestamper and a source of evidence", r.Level)
	case r.Hash != crypto.SHA256 && r.Hash != crypto.SHA384 && r.Hash != crypto.SHA512:
		return nil, "", bad("hash")
	}
	ids, held, err := extendable(ctx, r.In)
	if err != nil {
		return nil, "", err
	}
	x := extender{doc: r.In, c14n: r.C14N.uri(), hash: r.Hash, timestamper: r.Timestamper, evidence: r.Evidence,
		sources: xmldsig.Sources{File: r.File}}
	for i, id := range ids {
		before := x.doc
		x.known = nil
		if x.id = id; id == "" {
			err = fmt.Errorf("%w: a signature without an id", ErrDocument)
		} else if x.signer, err = x.certificate(ctx); err == nil {
			err = x.raise(ctx, r.Level)
		}
		if err == nil {
			err = stillHold(ctx, x.doc, held)
		}
		if err == nil {
			continue
		}
		if r.OnSkip == nil || i == len(ids)-1 || ctx.Err() != nil {
			return nil, "", err
		}
		x.doc = before
		r.OnSkip(id, err)
	}
	if bytes.Equal(x.doc, r.In) {
		return nil, "", pades.ErrAtLevel
	}
	return x.doc, x.id, nil
}

// extendable lists the ids of the signatures that are no counter-signatures, and what holds.
func extendable(ctx context.Context, in []byte) (ids []string, held map[string]bool, err error) {
	d, err := xmldsig.Open(ctx, in, xmldsig.Limits{})
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	elements, err := d.SignatureElements()
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	for _, e := range elements {
		if p := xmldsig.Parent(e); p != nil && p.LocalName() == "CounterSignature" {
			continue
		}
		id, _ := xmldsig.Attr(e, "Id")
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return nil, nil, pades.ErrUnsigned
	}
	held, err = holding(d)
	return ids, held, err
}

// certificate returns the signing certificate: the one in KeyInfo whose key verifies the
// value and that the properties name.
func (x *extender) certificate(ctx context.Context) (*x509.Certificate, error) {
	st, err := x.state(ctx)
	if err != nil {
		return nil, err
	}
	k, err := st.signature.ReadKeyInfo()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	for _, der := range k.Certificates {
		cert, err := x509.ParseCertificate(der)
		if err == nil && st.props.Names(der) && st.signature.VerifyValue(cert.PublicKey, 0) == nil {
			return cert, nil
		}
	}
	return nil, fmt.Errorf("%w: %w", ErrDocument, errors.New("the signing certificate is not in the signature"))
}
