package timestamping

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"chop/internal/cms"
)

// Rejection is a refusal in the protocol's words. Text goes to the client, Err to the log.
type Rejection struct {
	Failure cms.FailureInfo
	Text    string
	Err     error // nil where the request is at fault
}

func (r *Rejection) Error() string {
	if r.Err != nil {
		return fmt.Sprintf("timestamp: %v: %s: %v", r.Failure, r.Text, r.Err)
	}
	return fmt.Sprintf("timestamp: %v: %s", r.Failure, r.Text)
}

func (r *Rejection) Unwrap() error { return r.Err }

func reject(failure cms.FailureInfo, text string, err error) *Rejection {
	return &Rejection{Failure: failure, Text: text, Err: err}
}

// maxNonceBits bounds what a client can make the unit sign; clients send 64 bits.
const maxNonceBits = 512

// check refuses a request that the policy does not allow, RFC 3161, 2.4.2.
func (a *Authority) check(r *cms.TimestampRequest) error {
	switch {
	case r.Version != 1:
		return reject(cms.BadRequest, "version 1 is wanted", nil)
	case !slices.Contains(a.hashes, r.HashAlgorithm):
		return reject(cms.BadAlg, "the imprint's hash algorithm is not accepted", nil)
	case len(r.Imprint) != r.HashAlgorithm.Size():
		return reject(cms.BadDataFormat, "the imprint's length is not that of its hash algorithm", nil)
	case len(r.Extensions) > 0:
		return reject(cms.UnacceptedExtension, "no extension is supported", nil)
	case r.Policy != nil && !r.Policy.Equal(a.policy):
		return reject(cms.UnacceptedPolicy, "tokens are given under policy "+a.policy.String()+" only", nil)
	case r.Nonce != nil && r.Nonce.BitLen() > maxNonceBits:
		return reject(cms.BadRequest, "the nonce is too long", nil)
	}
	return nil
}

// Respond answers a TimeStampReq with a TimeStampResp, both DER. Refusals are answers: an error means only that ctx
// has ended.
func (a *Authority) Respond(ctx context.Context, der []byte) ([]byte, error) {
	granted, err := a.answer(ctx, der)
	switch {
	case err == nil:
		return granted, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("respond: %w", ctx.Err())
	}
	refusal := a.refusal(ctx, err)
	b, err := refusal.Marshal()
	if err != nil {
		return nil, fmt.Errorf("respond: %w", err)
	}
	return b, nil
}

func (a *Authority) answer(ctx context.Context, der []byte) ([]byte, error) {
	request, err := cms.ParseTimestampRequest(der)
	if err != nil {
		return nil, reject(cms.BadDataFormat, "not a TimeStampReq", nil)
	}
	return a.stamp(ctx, request, a.template.Granted)
}

func (a *Authority) refusal(ctx context.Context, err error) cms.TimestampResponse {
	var r *Rejection
	if !errors.As(err, &r) {
		r = reject(cms.SystemFailure, "no token could be made", err)
	}
	if r.Err != nil {
		a.config.Log.LogAttrs(ctx, slog.LevelError, "timestamp refused",
			slog.String("failure", r.Failure.String()), slog.String("error", r.Err.Error()))
	}
	return cms.TimestampResponse{Status: cms.StatusRejection, Text: []string{r.Text}, Failures: []cms.FailureInfo{r.Failure}}
}
