package signer

import (
	"context"
	"fmt"
	"io"

	"chop/policies"
	"chop/signer/adobe"
	"chop/signer/pades"
)

// The formats of signature policies.
const (
	formatPAdES = "PAdES"
	formatAdobe = "PKCS7"
	formatXAdES = "XAdES"
	formatCAdES = "CAdES"
	formatASiC  = "ASiC"
	formatJAdES = "JAdES"
)

// prepare writes the document but for its signature, in the policy's format.
func (s *Service) prepare(ctx context.Context, r PDFRequest, policy *policies.Signature, level pades.Level, m *material,
	in io.ReaderAt, size int64, out *output) (Document, error) {
	switch policy.Format {
	case formatPAdES:
		return pades.Prepare(ctx, pades.Request{
			In: in, Size: size, Out: out, Identity: m.identity, Level: level,
			Timestamper: s.c.Timestamper, Evidence: s.c.Evidence, TokenSize: s.c.TokenSize, Time: s.c.Now(),
			Name: m.credential.Name, Reason: r.Reason, Location: r.Location,
			Field: r.Field, Certify: r.Certify, Visible: r.Place, Font: s.font,
		})
	case formatAdobe:
		return s.prepareAdobe(ctx, r, level, m, in, size, out)
	}
	return nil, fmt.Errorf("%w: policy %q has the unknown format %q", ErrPolicy, policy.Name, policy.Format)
}

func (s *Service) prepareAdobe(ctx context.Context, r PDFRequest, level pades.Level, m *material,
	in io.ReaderAt, size int64, out *output) (Document, error) {
	if r.Field != "" || r.Place != nil || r.Certify != pades.NotCertified {
		return nil, fmt.Errorf("%w: it is an invisible approval in a new field", adobe.ErrUnsupported)
	}
	req := adobe.Request{
		In: in, Size: size, Out: out, Identity: m.identity, Evidence: s.c.Evidence, Time: s.c.Now(),
		Reason: r.Reason, Location: r.Location,
	}
	if level.AtLeast(pades.LevelT) {
		req.Timestamper = s.c.Timestamper
	}
	return adobe.Prepare(ctx, req)
}
