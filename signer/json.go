package signer

import (
	"context"
	"fmt"
	"path/filepath"

	"chop/signer/jades"
	"chop/signer/pades"
)

// DefaultJSONPolicy is the signature policy of a JSON request that names none.
const DefaultJSONPolicy = "jades-seal"

// JSONRequest asks for one JAdES signature on a JSON document, or on any file.
type JSONRequest struct {
	// Credential, Policy, Level, Operator and Authorization are as in PDFRequest; the policy is
	// DefaultJSONPolicy if empty.
	Credential, Policy, Level, Operator, Authorization string
	// In and Out are paths, and may be the same unless the signature is detached.
	In, Out string
	// Serialization is jades.Flattened if empty; jades.Compact is for B-B alone.
	Serialization jades.Serialization
	Detached      bool
	// Beside is the path of a JSON web signature over the same file to which the signature is
	// added, or empty; it says then whether it is detached.
	Beside string
	// On names a signature in Beside, "Signature 1", on which this one is a counter-signature;
	// empty: it is over the file. In is then the file that Beside covers, if it is detached.
	On string
	// Commitment, Roles and Place are optional.
	Commitment jades.Commitment
	Roles      []string
	Place      jades.Place
	// Declared is the signature policy that the signature names, or nil.
	Declared *DeclaredPolicy
}

// SignJSON makes one signature, and the file Out with it, or leaves Out as it was.
func (s *Service) SignJSON(ctx context.Context, r JSONRequest) error {
	if r.Policy == "" {
		r.Policy = DefaultJSONPolicy
	}
	var in []byte
	return s.signWhole(ctx, wholeRequest{
		credential: r.Credential, policy: r.Policy, level: r.Level, operator: r.Operator, authorization: r.Authorization, format: formatJAdES, out: r.Out,
		hash: jades.Hash, // that of ES384 is no choice
		prepare: func(m *material, level pades.Level, read *reads) (wholeDocument, error) {
			doc, content, err := s.prepareJSON(r, m, level, read)
			if err != nil {
				return nil, fmt.Errorf("prepare %s: %w", r.In, err)
			}
			in = content
			return doc, nil
		},
		beside: func() (string, []byte) { return filepath.Base(r.In), in },
	})
}

// prepareJSON also returns the content, if it is not in the signature.
func (s *Service) prepareJSON(r JSONRequest, m *material, level pades.Level, read *reads) (*jades.Document, []byte, error) {
	in, err := read.unless(r.In, r.On != "")
	if err != nil {
		return nil, nil, err
	}
	var beside []byte
	if r.Beside != "" {
		if beside, err = read.whole(r.Beside); err != nil {
			return nil, nil, err
		}
	}
	if (r.Detached || beside != nil) && r.In != "" && samePath(r.In, r.Out) {
		return nil, nil, fmt.Errorf("%w: a detached signature is a file of its own", pades.ErrRequest)
	}
	req := jades.Request{
		Serialization: r.Serialization, Detached: r.Detached, Beside: beside, Identity: m.identity, Level: level,
		Timestamper: s.c.Timestamper, Evidence: s.c.Evidence, Time: s.c.Now(),
		Commitment: r.Commitment, Roles: r.Roles, Place: r.Place,
	}
	if r.Declared != nil {
		oid, digest, err := r.Declared.read(m.identity.Hash())
		if err != nil {
			return nil, nil, err
		}
		req.Policy = &jades.Policy{OID: oid, Hash: m.identity.Hash(), Digest: digest, URL: r.Declared.URL}
	}
	if r.On != "" {
		doc, err := jades.PrepareCounter(req, r.On)
		return doc, in, err
	}
	req.In, req.Name = in, filepath.Base(r.In)
	doc, err := jades.Prepare(req)
	if err == nil && !doc.Detached() {
		in = nil
	}
	return doc, in, err
}

// ExtendJSONRequest asks for a higher level of a JSON web signature, or its renewal.
type ExtendJSONRequest struct {
	// Level is "B-T", "B-LT" or "B-LTA".
	Level string
	// Operator is who has it extended.
	Operator string
	// In and Out are paths, and may be the same. Detached is the file that a detached
	// signature covers, or empty.
	In, Out, Detached string
}

// ExtendJSON uses no signer's key; it adds timestamps and evidence. Signatures of others in
// the document whose evidence cannot be had stay as they are, and are logged.
func (s *Service) ExtendJSON(ctx context.Context, r ExtendJSONRequest) error {
	x := wholeExtension{level: r.Level, operator: r.Operator, in: r.In, out: r.Out}
	if err := x.covers(r.Detached); err != nil {
		return err
	}
	x.extend = func(in []byte, level pades.Level, skipped func(string, error)) ([]byte, string, error) {
		req := jades.ExtendRequest{In: in, Level: level, Timestamper: s.c.Timestamper, Evidence: s.c.Evidence, OnSkip: skipped}
		if x.content != nil {
			req.File = func(string) ([]byte, bool) { return x.content, true }
		}
		return jades.Extend(ctx, req)
	}
	return s.extendWhole(ctx, x)
}
