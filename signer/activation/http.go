package activation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/go-chi/chi/v5"

	"chop/internal/solecontrol"
	"chop/internal/web"
)

// Bodies: the largest mint has 20 documents' attributes, the largest approval 20
// documents' names and digests.
const (
	maxMint  = 1 << 20
	maxBody  = 256 << 10
	maxSmall = 8 << 10
)

// APIHandler answers on the appliance's socket.
func (s *Service) APIHandler() (http.Handler, error) {
	r, err := s.router()
	if err != nil {
		return nil, err
	}
	r.Method("GET", "/v1/identity", answer(s, 0, func(_ context.Context, _ string, _ *none) (*Identity, error) {
		return &Identity{s.identity}, nil
	}))

	r.Method("POST", "/v1/transactions", answer(s, maxMint, func(ctx context.Context, _ string, m *MintRequest) (*Minted, error) { return s.Mint(ctx, *m) }))
	r.Method("GET", "/v1/transactions/{id}", answer(s, 0, func(ctx context.Context, id string, _ *none) (*TransactionStatus, error) {
		return s.Transaction(ctx, id)
	}))
	r.Method("POST", "/v1/transactions/{id}/cancel", answer(s, maxSmall, func(ctx context.Context, id string, _ *empty) (*TransactionStatus, error) { return s.Cancel(ctx, id) }))
	r.Method("POST", "/v1/transactions/{id}/collect", answer(s, maxSmall, func(ctx context.Context, id string, _ *empty) (*Collected, error) { return s.Collect(ctx, id) }))
	r.Method("POST", "/v1/transactions/{id}/acknowledge", answer(s, maxSmall, func(ctx context.Context, id string, _ *empty) (*empty, error) {
		return &empty{}, s.Acknowledge(ctx, id)
	}))

	r.Method("POST", "/v1/enrolments", answer(s, maxSmall, func(ctx context.Context, _ string, e *EnrolmentRequest) (*EnrolmentBegun, error) {
		return s.BeginEnrolment(ctx, *e)
	}))
	r.Method("GET", "/v1/enrolments/{id}", answer(s, 0, func(ctx context.Context, id string, _ *none) (*EnrolmentStatus, error) { return s.Enrolment(ctx, id) }))
	r.Method("POST", "/v1/enrolments/{id}/ticket", answer(s, maxBody, s.PresentTicket))
	r.Method("POST", "/v1/enrolments/{id}/cancel", answer(s, maxSmall, func(ctx context.Context, id string, _ *empty) (*EnrolmentStatus, error) {
		return s.CancelEnrolment(ctx, id)
	}))

	r.Method("GET", "/v1/credentials/{id}", answer(s, 0, func(ctx context.Context, id string, _ *none) (*CredentialStatus, error) { return s.Credential(ctx, id) }))
	r.Method("POST", "/v1/credentials/{id}/certificate", answer(s, maxBody, func(ctx context.Context, id string, c *certificateBody) (*CredentialStatus, error) {
		return s.BindCertificate(ctx, id, c.Certificate)
	}))
	r.Method("POST", "/v1/credentials/{id}/suspend", answer(s, maxSmall, func(ctx context.Context, id string, a *Act) (*CredentialStatus, error) { return s.Suspend(ctx, id, *a) }))
	r.Method("POST", "/v1/credentials/{id}/resume", answer(s, maxBody, s.Resume))
	r.Method("POST", "/v1/credentials/{id}/destroy", answer(s, maxSmall, func(ctx context.Context, id string, a *Act) (*CredentialStatus, error) { return s.Destroy(ctx, id, *a) }))
	return r, nil
}

// ApprovalHandler answers on the approval process's socket: what the page sends
// and gets, and nothing that the appliance may do.
func (s *Service) ApprovalHandler() (http.Handler, error) {
	r, err := s.router()
	if err != nil {
		return nil, err
	}
	r.Method("GET", "/v1/identity", answer(s, 0, func(_ context.Context, _ string, _ *none) (*Identity, error) {
		return &Identity{s.identity}, nil
	}))
	r.Method("GET", "/v1/tx/{id}", answer(s, 0, func(ctx context.Context, id string, _ *none) (*solecontrol.SignedOffer, error) {
		return s.Offer(ctx, id)
	}))
	r.Method("POST", "/v1/tx/{id}/approve", answer(s, maxBody, s.Approve))
	r.Method("POST", "/v1/tx/{id}/decline", answer(s, maxSmall, func(ctx context.Context, id string, d *declineBody) (*empty, error) {
		return &empty{}, s.Decline(ctx, id, d.Reason)
	}))
	r.Method("GET", "/v1/enrol/{id}", answer(s, 0, func(ctx context.Context, id string, _ *none) (*solecontrol.SignedOffer, error) {
		return s.EnrolOffer(ctx, id)
	}))
	r.Method("POST", "/v1/enrol/{id}/passkey", answer(s, maxBody, func(ctx context.Context, id string, c *solecontrol.Creation) (*empty, error) {
		return &empty{}, s.Passkey(ctx, id, c)
	}))
	r.Method("POST", "/v1/enrol/{id}/seal", answer(s, maxBody, func(ctx context.Context, id string, a *solecontrol.Approval) (*empty, error) {
		return &empty{}, s.Seal(ctx, id, a)
	}))
	r.Method("POST", "/v1/alarm", answer(s, maxSmall, func(ctx context.Context, _ string, a *alarmBody) (*empty, error) {
		return &empty{}, s.Alarm(ctx, a.What)
	}))
	return r, nil
}

func (s *Service) router() (*chi.Mux, error) {
	stack, err := web.Stack(web.Config{Log: s.cfg.Log, MaxBody: maxMint})
	if err != nil {
		return nil, err
	}
	r := chi.NewRouter()
	r.Use(stack...)
	r.NotFound(func(w http.ResponseWriter, r *http.Request) { web.Fail(w, r, problem(ErrNotFound)) })
	r.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		web.Fail(w, r, web.Error(http.StatusMethodNotAllowed, "There is no such method here.", nil))
	})
	return r, nil
}

// none is the body of a GET: there is none.
type none struct{}

// answer reads a body of at most limit bytes strictly, and answers with JSON. A
// limit of 0 is for methods without a body.
func answer[In, Out any](s *Service, limit int64, do func(context.Context, string, *In) (*Out, error)) http.Handler {
	return web.Handler(func(w http.ResponseWriter, r *http.Request) error {
		var in In
		if limit > 0 {
			body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
			if err != nil {
				return problem(fmt.Errorf("%w: read body: %w", ErrRefused, err))
			}
			defer clear(body)
			if int64(len(body)) > limit {
				return &http.MaxBytesError{Limit: limit}
			}
			if leaksSecret(body) {
				return problem(errors.Join(ErrRefused, s.Alarm(r.Context(), "prf")))
			}
			if err := solecontrol.Decode(body, &in); err != nil {
				return problem(fmt.Errorf("%w: %w", ErrRefused, err))
			}
		}
		out, err := do(r.Context(), chi.URLParam(r, "id"), &in)
		if err != nil {
			return problem(err)
		}
		b, err := solecontrol.Encode(out)
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_, err = w.Write(b)
		return err
	})
}

// problem gives an error its status and its word.
func problem(err error) error {
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			e := web.Error(k.status, k.person, err)
			e.Code = k.code
			return e
		}
	}
	return err
}

// leaksSecret finds the PRF extension's results, which hold s, wherever in a body
// they are: a page that sends them is broken or hostile. What is not JSON is
// searched as text.
func leaksSecret(body []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var inside []json.Delim // { or [, the innermost last
	key := false            // the next text is a key
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			return false
		}
		if err != nil {
			return bytes.Contains(body, []byte(`"prf"`)) || bytes.Contains(body, []byte(`"clientExtensionResults"`))
		}
		if d, ok := tok.(json.Delim); ok {
			if d == '{' || d == '[' {
				inside = append(inside, d)
				key = d == '{'
				continue
			}
			inside = inside[:len(inside)-1]
		} else if key {
			if tok == "prf" || tok == "clientExtensionResults" {
				return true
			}
			key = false
			continue
		}
		key = len(inside) > 0 && inside[len(inside)-1] == '{'
	}
}

// Alarm records that something was seen that must not be. what is one word, and
// never what was seen.
func (s *Service) Alarm(ctx context.Context, what string) error {
	switch what {
	case "prf":
	default:
		return fmt.Errorf("%w: unknown alarm", ErrRefused)
	}
	s.cfg.Log.Error("ALARM: a page sent the secret's extension results", "what", what)
	e := s.event("system:activation", "activation.alarm", "", what, nil)
	e.Subject = "approval"
	return unlessKnown(s.store.event(context.WithoutCancel(ctx), e))
}
