package signer

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"chop/signer/pades"
	"chop/signer/xades"
)

// DefaultXMLPolicy is the signature policy of an XML request that names none.
const DefaultXMLPolicy = "xades-seal"

// maxXML is how large a file may be to be signed in XML, in bytes: it is held in memory.
const maxXML = 128 << 20

// XMLRequest asks for one XAdES signature on an XML document or, not enveloped, on any
// file.
type XMLRequest struct {
	// Credential, Policy, Level, Operator and Authorization are as in PDFRequest; the policy is
	// DefaultXMLPolicy if empty.
	Credential, Policy, Level, Operator, Authorization string
	// In and Out are paths, and may be the same unless the signature is detached.
	In, Out string
	// On is the Id of a signature in the document Beside, on which this one is a
	// counter-signature; empty: it is over In. In is then the file that Beside covers, if that
	// is detached, or empty.
	Beside, On string
	// Packaging and C14N say where the signature stands, and how XML is made canonical.
	Packaging xades.Packaging
	C14N      xades.C14N
	// Commitment, Roles and Place are optional.
	Commitment xades.Commitment
	Roles      []string
	Place      xades.Place
	// Declared is the signature policy that the signature names, or nil.
	Declared *DeclaredPolicy
}

// SignXML makes one signature, and the file Out with it, or leaves Out as it was.
func (s *Service) SignXML(ctx context.Context, r XMLRequest) error {
	if r.Policy == "" {
		r.Policy = DefaultXMLPolicy
	}
	var in []byte
	w := wholeRequest{
		credential: r.Credential, policy: r.Policy, level: r.Level, operator: r.Operator, authorization: r.Authorization, format: formatXAdES, out: r.Out,
		prepare: func(m *material, level pades.Level, read *reads) (_ wholeDocument, err error) {
			if in, err = read.unless(r.In, r.On != ""); err != nil {
				return nil, err
			}
			if r.On != "" || r.Beside != "" {
				return s.counterXML(ctx, r, m, level, read)
			}
			if r.Packaging == xades.Detached && samePath(r.In, r.Out) {
				return nil, fmt.Errorf("%w: a detached signature is a file of its own", pades.ErrRequest)
			}
			req, err := s.requestXML(r, m, level)
			if err != nil {
				return nil, err
			}
			req.In, req.Name, req.Packaging = in, filepath.Base(r.In), r.Packaging
			doc, err := xades.Prepare(ctx, req)
			if err != nil {
				return nil, fmt.Errorf("prepare %s: %w", r.In, err)
			}
			return doc, nil
		},
	}
	if r.Packaging == xades.Detached || r.On != "" {
		w.beside = func() (string, []byte) { return filepath.Base(r.In), in }
	}
	return s.signWhole(ctx, w)
}

// requestXML is what signatures and counter-signatures have in common.
func (s *Service) requestXML(r XMLRequest, m *material, level pades.Level) (xades.Request, error) {
	req := xades.Request{
		C14N: r.C14N, Identity: m.identity, Level: level, Timestamper: s.c.Timestamper, Evidence: s.c.Evidence,
		Time: s.c.Now(), Commitment: r.Commitment, Roles: r.Roles, Place: r.Place,
	}
	if r.Declared != nil {
		oid, digest, err := r.Declared.read(m.identity.Hash())
		if err != nil {
			return req, err
		}
		req.Policy = &xades.Policy{OID: oid, Hash: m.identity.Hash(), Digest: digest, URL: r.Declared.URL}
	}
	return req, nil
}

// counterXML prepares a counter-signature.
func (s *Service) counterXML(ctx context.Context, r XMLRequest, m *material, level pades.Level, read *reads) (wholeDocument, error) {
	switch {
	case r.On == "" || r.Beside == "":
		return nil, fmt.Errorf("%w: a counter-signature wants a signed document and the name of a signature in it", pades.ErrRequest)
	case r.In != "" && samePath(r.In, r.Out):
		return nil, fmt.Errorf("%w: the signed document is a file of its own", pades.ErrRequest)
	}
	signed, err := read.whole(r.Beside)
	if err != nil {
		return nil, err
	}
	req, err := s.requestXML(r, m, level)
	if err != nil {
		return nil, err
	}
	req.In = signed
	doc, err := xades.PrepareCounter(ctx, req, r.On)
	if err != nil {
		return nil, fmt.Errorf("prepare %s: %w", r.Beside, err)
	}
	return doc, nil
}

// store writes the whole file, and waits for the disk.
func (o *output) store(b []byte) error {
	if _, err := o.Write(b); err != nil {
		return fmt.Errorf("%w: %w", ErrOutput, err)
	}
	if err := o.Sync(); err != nil {
		return fmt.Errorf("%w: %w", ErrOutput, err)
	}
	return nil
}

// ExtendXMLRequest asks for a higher level of a signed XML document, or its renewal.
type ExtendXMLRequest struct {
	// Level is "B-T", "B-LT" or "B-LTA".
	Level string
	// Operator is who has it extended.
	Operator string
	// In and Out are paths, and may be the same. Detached is the file that a detached
	// signature covers, or empty.
	In, Out, Detached string
}

// ExtendXML uses no signer's key; it adds timestamps and evidence. Signatures of others in
// the document whose evidence cannot be had stay as they are, and are logged.
func (s *Service) ExtendXML(ctx context.Context, r ExtendXMLRequest) error {
	x := wholeExtension{level: r.Level, operator: r.Operator, in: r.In, out: r.Out}
	var file func(string) ([]byte, bool)
	if r.Detached != "" {
		var err error
		if x.content, err = readWhole(r.Detached); err != nil {
			return err
		}
		x.name = filepath.Base(r.Detached)
		file = func(string) ([]byte, bool) { return x.content, true }
	}
	x.extend = func(in []byte, level pades.Level, skipped func(string, error)) ([]byte, string, error) {
		return xades.Extend(ctx, xades.ExtendRequest{
			In: in, Level: level, Timestamper: s.c.Timestamper, Evidence: s.c.Evidence, OnSkip: skipped, File: file,
		})
	}
	return s.extendWhole(ctx, x)
}

// readWhole reads a file that is small enough to be held in memory.
func readWhole(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open document: %w", err)
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait for its writer
		return nil, fmt.Errorf("%w: %s is not a regular file", xades.ErrDocument, path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open document: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxXML+1))
	if err != nil {
		return nil, fmt.Errorf("read document: %w", err)
	}
	if len(b) > maxXML {
		return nil, fmt.Errorf("%w: it is larger than %d bytes", xades.ErrDocument, maxXML)
	}
	return b, nil
}

func samePath(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	two, err := os.Stat(b)
	return err == nil && os.SameFile(one, two)
}
