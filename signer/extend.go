package signer

import (
	"context"
	"fmt"
	"time"

	"chop/internal/audit"
	"chop/signer/pades"
)

// ExtendRequest asks for a higher level of a signed PDF, or the renewal of a B-LTA.
type ExtendRequest struct {
	// Level is "B-T", "B-LT" or "B-LTA".
	Level string
	// Operator is who has it extended.
	Operator string
	// In and Out are paths, and may be the same.
	In, Out string
}

// ExtendPDF uses no signer's key; it adds timestamps and evidence. Signatures of others
// in the file whose evidence cannot be had stay as they are, and are logged.
func (s *Service) ExtendPDF(ctx context.Context, r ExtendRequest) error {
	if r.Operator == "" {
		return fmt.Errorf("%w: no operator", pades.ErrRequest)
	}
	level, err := pades.ParseLevel(r.Level)
	if err != nil {
		return err
	}
	in, size, err := openInput(r.In)
	if err != nil {
		return err
	}
	defer in.Close()
	s.sweeper.sweep(r.Out, time.Now())
	out, err := createOutput(r.Out)
	if err != nil {
		return err
	}
	defer out.discard()
	err = pades.Extend(ctx, pades.ExtendRequest{
		In: in, Size: size, Out: out, Level: level, Timestamper: s.c.Timestamper, Evidence: s.c.Evidence,
		TokenSize: s.c.TokenSize,
		OnSkip: func(field string, err error) {
			s.c.Log.WarnContext(ctx, "signature is not extended", "field", field, "error", err)
		},
	})
	if err != nil {
		return fmt.Errorf("extend %s: %w", r.In, err)
	}
	info, err := out.Stat()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrOutput, err)
	}
	if err := s.release(ctx, out, info.Size()); err != nil {
		return err
	}
	err = recordEvent(ctx, s.c.DB, audit.Event{
		At: s.c.Now(), Actor: r.Operator, Action: "signer.extend", Subject: "document",
		Detail: map[string]any{"level": r.Level, "bytes_before": size, "bytes": info.Size()},
	})
	if err != nil {
		return fmt.Errorf("record extension: %w", err)
	}
	return out.publish(&s.folders)
}
