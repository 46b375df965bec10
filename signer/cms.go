package signer

import (
	"context"
	"fmt"
	"path/filepath"

	"chop/signer/cades"
	"chop/signer/pades"
)

// DefaultCMSPolicy is the signature policy of a CMS request that names none.
const DefaultCMSPolicy = "cades-seal"

// CMSRequest asks for one CAdES signature on any file.
type CMSRequest struct {
	// Credential, Policy, Level, Operator and Authorization are as in PDFRequest; the policy is
	// DefaultCMSPolicy if empty.
	Credential, Policy, Level, Operator, Authorization string
	// In and Out are paths: the file, and the message.
	In, Out string
	// Detached leaves the file out of the message.
	Detached bool
	// Beside is the path of a signed message to which the signature is added, or empty.
	Beside string
	// On names a signature in Beside, "signer 1", on which this one is a counter-signature;
	// empty: it is over the file. In is then the file that Beside covers, if it is detached.
	On string
	// MIMEType, Commitment, Roles and Place are optional.
	MIMEType   string
	Commitment cades.Commitment
	Roles      []string
	Place      cades.Place
	// Declared is the signature policy that the signature names, or nil.
	Declared *DeclaredPolicy
}

// SignCMS makes one signature, and the file Out with it, or leaves Out as it was.
func (s *Service) SignCMS(ctx context.Context, r CMSRequest) error {
	if r.Policy == "" {
		r.Policy = DefaultCMSPolicy
	}
	var in []byte
	return s.signWhole(ctx, wholeRequest{
		credential: r.Credential, policy: r.Policy, level: r.Level, operator: r.Operator, authorization: r.Authorization, format: formatCAdES, out: r.Out,
		prepare: func(m *material, level pades.Level, read *reads) (wholeDocument, error) {
			doc, content, err := s.prepareCMS(r, m, level, read)
			if err != nil {
				return nil, fmt.Errorf("prepare %s: %w", r.In, err)
			}
			in = content
			return doc, nil
		},
		beside: func() (string, []byte) { return filepath.Base(r.In), in },
	})
}

// prepareCMS also returns the content, if it is not in the message.
func (s *Service) prepareCMS(r CMSRequest, m *material, level pades.Level, read *reads) (*cades.Document, []byte, error) {
	req := cades.Request{
		Detached: r.Detached, Identity: m.identity, Level: level, Timestamper: s.c.Timestamper, Evidence: s.c.Evidence,
		Time: s.c.Now(), MIMEType: r.MIMEType, Commitment: r.Commitment, Roles: r.Roles, Place: r.Place,
	}
	if r.Declared != nil {
		oid, digest, err := r.Declared.read(m.identity.Hash())
		if err != nil {
			return nil, nil, err
		}
		req.Policy = &cades.Policy{OID: oid, Hash: m.identity.Hash(), Digest: digest}
	}
	var in []byte
	var err error
	switch {
	case r.In == "" && r.On == "":
		return nil, nil, fmt.Errorf("%w: no file to be signed", pades.ErrRequest)
	case r.In != "" && samePath(r.In, r.Out):
		return nil, nil, fmt.Errorf("%w: the signed message is a file of its own", pades.ErrRequest)
	case r.In != "":
		if in, err = read.whole(r.In); err != nil {
			return nil, nil, err
		}
	}
	apart := r.Detached
	if r.Beside != "" {
		if req.Beside, err = read.whole(r.Beside); err != nil {
			return nil, nil, err
		}
		if apart, err = cades.IsDetached(req.Beside); err != nil {
			return nil, nil, err
		}
	}
	var doc *cades.Document
	if r.On != "" {
		doc, err = cades.PrepareCounter(req, r.On)
	} else {
		req.In = in
		doc, err = cades.Prepare(req)
	}
	if !apart {
		in = nil
	}
	return doc, in, err
}

// ExtendCMSRequest asks for a higher level of a signed message, or its renewal.
type ExtendCMSRequest struct {
	// Level is "B-T", "B-LT" or "B-LTA".
	Level string
	// Operator is who has it extended.
	Operator string
	// In and Out are paths, and may be the same. Detached is the file that a detached
	// signature covers, or empty.
	In, Out, Detached string
}

// ExtendCMS uses no signer's key; it adds timestamps and evidence.
func (s *Service) ExtendCMS(ctx context.Context, r ExtendCMSRequest) error {
	x := wholeExtension{level: r.Level, operator: r.Operator, in: r.In, out: r.Out}
	if err := x.covers(r.Detached); err != nil {
		return err
	}
	x.extend = func(in []byte, level pades.Level, skipped func(string, error)) ([]byte, string, error) {
		return cades.Extend(ctx, cades.ExtendRequest{
			In: in, Level: level, Timestamper: s.c.Timestamper, Evidence: s.c.Evidence, Content: x.content, OnSkip: skipped,
		})
	}
	return s.extendWhole(ctx, x)
}
