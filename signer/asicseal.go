package signer

import (
	"context"
	"fmt"
	"path/filepath"

	"chop/internal/audit"
	"chop/signer/asic"
	"chop/signer/pades"
)

// DefaultASiCPolicy is the signature policy of a container's request that names none.
const DefaultASiCPolicy = "asic-seal"

// ASiCRequest asks for one signed container (EN 319 162-1) around some files.
type ASiCRequest struct {
	// Credential, Policy, Level, Operator and Authorization are as in PDFRequest; the policy is
	// DefaultASiCPolicy if empty.
	Credential, Policy, Level, Operator, Authorization string
	// Kind is ASiC-S, for one file, or ASiC-E; Form that of the signature.
	Kind asic.Kind
	Form asic.Form
	// In are the paths of the files, which keep their last names; Out that of the container.
	In  []string
	Out string
	// Beside is the path of a signed container to which the signature is added, over all files
	// in it, or empty. In is empty then, and Kind and Form may be; Out may be the same.
	Beside string
	// Commitment ("origin", "approval", "creation"), Roles and City are optional.
	Commitment string
	Roles      []string
	City       string
}

// SignASiC makes one container, and the file Out with it, or leaves Out as it was.
func (s *Service) SignASiC(ctx context.Context, r ASiCRequest) error {
	if r.Policy == "" {
		r.Policy = DefaultASiCPolicy
	}
	return s.signWhole(ctx, wholeRequest{
		credential: r.Credential, policy: r.Policy, level: r.Level, operator: r.Operator, authorization: r.Authorization, format: formatASiC, out: r.Out,
		prepare: func(m *material, level pades.Level, read *reads) (wholeDocument, error) {
			req := asic.Request{
				Kind: r.Kind, Form: r.Form, Identity: m.identity, Level: level, Timestamper: s.c.Timestamper, Evidence: s.c.Evidence,
				Time: s.c.Now(), Commitment: r.Commitment, Roles: r.Roles, City: r.City,
			}
			var err error
			if req.Files, err = readFiles(r.In, r.Out, read.whole); err != nil {
				return nil, err
			}
			if r.Beside != "" {
				if req.Beside, err = read.whole(r.Beside); err != nil {
					return nil, err
				}
			}
			doc, err := asic.Prepare(ctx, req)
			if err != nil {
				return nil, fmt.Errorf("prepare %s: %w", r.Out, err)
			}
			return doc, nil
		},
	})
}

// readFiles reads the files of a container, none of which the container may replace.
func readFiles(paths []string, out string, read func(string) ([]byte, error)) ([]asic.File, error) {
	var list []asic.File
	size := 0
	for _, path := range paths {
		if samePath(path, out) {
			return nil, fmt.Errorf("%w: the container is a file of its own", pades.ErrRequest)
		}
		data, err := read(path)
		if err != nil {
			return nil, err
		}
		if size += len(data); size > maxXML {
			return nil, fmt.Errorf("%w: the files are larger than %d bytes together", pades.ErrRequest, maxXML)
		}
		list = append(list, asic.File{Name: filepath.Base(path), Data: data})
	}
	return list, nil
}

// StampASiCRequest asks for a container with a time-stamp and no signature.
type StampASiCRequest struct {
	// Operator is who has it made.
	Operator string
	// Kind, In and Out are as in ASiCRequest.
	Kind asic.Kind
	In   []string
	Out  string
}

// StampASiC uses no signer's key: that the files existed is all that is proven of them.
func (s *Service) StampASiC(ctx context.Context, r StampASiCRequest) error {
	if r.Operator == "" || s.c.WholeChecker == nil || s.c.Timestamper == nil {
		return fmt.Errorf("%w: no operator, checker or timestamper", pades.ErrRequest)
	}
	files, err := readFiles(r.In, r.Out, readWhole)
	if err != nil {
		return err
	}
	made, name, err := asic.Stamp(ctx, asic.StampRequest{Kind: r.Kind, Files: files, Timestamper: s.c.Timestamper, Evidence: s.c.Evidence})
	if err != nil {
		return fmt.Errorf("time-stamp %s: %w", r.Out, err)
	}
	if err := s.c.WholeChecker.CheckWhole(ctx, made, name, "", nil); err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return s.handOut(ctx, r.Out, made, audit.Event{
		At: s.c.Now(), Actor: r.Operator, Action: "signer.timestamp", Subject: "document", Detail: map[string]any{"files": len(files), "bytes": len(made)},
	})
}

// ExtendASiCRequest asks for a higher level of a signed container, or its renewal.
type ExtendASiCRequest struct {
	// Level is "B-T", "B-LT" or "B-LTA".
	Level string
	// Operator is who has it extended.
	Operator string
	// In and Out are paths, and may be the same.
	In, Out string
}

// ExtendASiC uses no signer's key; it adds timestamps and evidence.
func (s *Service) ExtendASiC(ctx context.Context, r ExtendASiCRequest) error {
	return s.extendWhole(ctx, wholeExtension{
		level: r.Level, operator: r.Operator, in: r.In, out: r.Out,
		extend: func(in []byte, level pades.Level, skipped func(string, error)) ([]byte, string, error) {
			return asic.Extend(ctx, asic.ExtendRequest{
				In: in, Level: level, Timestamper: s.c.Timestamper, Evidence: s.c.Evidence, OnSkip: skipped,
			})
		},
	})
}
