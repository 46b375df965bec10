package signer

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"

	"chop/policies"
	"chop/signer/pades"
)

// An Authorizer knows what a department's operators had sealed.
type Authorizer interface {
	// Authorized returns nil if they had exactly these documents sealed so; otherwise the error says what is wrong.
	Authorized(ctx context.Context, u Use) error
}

// Use is one use of the key of a department's seal.
type Use struct {
	// Authorization is the one that the request names.
	Authorization string
	// Department is the seal's, and Credential its id.
	Department, Credential string
	// Policy and Level are those of the signature.
	Policy, Level string
	// Documents are the SHA-256 of everything that the signature covers, as it was read.
	Documents [][]byte
}

// permit is the right to use a key once: only permit and its like below make one, so that nothing signs unasked.
type permit struct{ credential string }

// permit looks whether a credential may sign these documents. A seal of a department wants its operators' word; any
// other is whoever's who may call this service.
func (s *Service) permit(ctx context.Context, m *material, authorization string, policy *policies.Signature, level pades.Level, digests [][]byte) (permit, error) {
	c := m.credential
	if c.Department == "" {
		if authorization != "" {
			return permit{}, fmt.Errorf("%w: the seal is no department's, and the request names an authorization", ErrUnauthorized)
		}
		return permit{c.ID}, nil
	}
	if s.c.Authorizer == nil || authorization == "" {
		return permit{}, fmt.Errorf("%w: the seal is that of department %q", ErrUnauthorized, c.Department)
	}
	err := s.c.Authorizer.Authorized(ctx, Use{
		Authorization: authorization, Department: c.Department, Credential: c.ID, Policy: policy.Name, Level: string(level), Documents: digests,
	})
	if err != nil {
		return permit{}, fmt.Errorf("%w: %w", ErrUnauthorized, err)
	}
	return permit{c.ID}, nil
}

func digestOf(r io.ReaderAt, size int64) ([]byte, error) {
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(r, 0, size)); err != nil {
		return nil, fmt.Errorf("read document: %w", err)
	}
	return h.Sum(nil), nil
}
