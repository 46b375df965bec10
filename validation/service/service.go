// Package service judges what strangers send: a signed document, with the files or the digests that it
// covers, under one configuration of trust (EN 319 102-1), and answers with the technical report and, for
// each signature, whether it satisfies section 6 of the Electronic Transactions Ordinance (Cap. 553).
//
// It holds what it is sent in memory, bounded in size and count, for as long as it judges it, and nowhere
// else: it writes no file, no row and no line of a log that tells anything of it. What is larger than its
// limits is refused. It never lets the sender choose whom to trust, nor the time.
package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/semaphore"

	"chop/policies"
	"chop/validation"
	"chop/validation/eto"
	"chop/validation/sigpolicy"
	"chop/validation/trustlist"
)

var (
	// ErrSize: the document with its files is larger than the limit.
	ErrSize = errors.New("more bytes than are judged here")
	// ErrCount: there are more files than the limit.
	ErrCount = errors.New("more files than are judged here")
	// ErrBusy: there is no room in memory, or no processor was free in time. Later there is.
	ErrBusy = errors.New("too much is being judged already")
	// ErrTime: it was not judged within the limit.
	ErrTime = errors.New("not judged in the time that there is")
	// ErrEmpty: there is no document.
	ErrEmpty = errors.New("no document")
)

// Limits bound what one request, and all at once, may cost. Zero fields have the defaults that are named.
type Limits struct {
	Bytes      int64         // of a document with its files; 32 MiB
	Files      int           // that a detached signature covers; 100
	Evidence   int           // certificates, CRLs and OCSP responses beside; 200
	Time       time.Duration // of one validation, fetching included; 30 s
	Concurrent int           // validations at once; as many as there are processors
	Memory     int64         // of all requests that are being read or judged; 8 times Bytes
}

// Config is what a Service is made of.
type Config struct {
	// Validator judges. Required.
	Validator *validation.Validator
	// Policies has the kinds of documents that the Ordinance excludes. Required.
	Policies *policies.Set
	// Lists are the trusted lists beside the validator's anchors.
	Lists []*trustlist.List
	// Terms are those of certificate policies that are known here.
	Terms []eto.Terms
	// SignaturePolicies are held, and applied to signatures that name them; RequirePolicy wants
	// each signature to name one.
	SignaturePolicies *sigpolicy.Store
	RequirePolicy     bool
	Limits            Limits
}

// Service is safe for concurrent use.
type Service struct {
	cfg    Config
	memory *semaphore.Weighted
	turns  *semaphore.Weighted
}

// New checks the configuration.
func New(cfg Config) (*Service, error) {
	if cfg.Validator == nil || cfg.Policies == nil {
		return nil, errors.New("new validation service: a validator and policies are wanted")
	}
	l := &cfg.Limits
	if l.Bytes < 0 || l.Files < 0 || l.Evidence < 0 || l.Time < 0 || l.Concurrent < 0 || l.Memory < 0 {
		return nil, errors.New("new validation service: a limit is negative")
	}
	l.Bytes, l.Files, l.Evidence = orDefault(l.Bytes, 32<<20), orDefault(l.Files, 100), orDefault(l.Evidence, 200)
	l.Time, l.Concurrent = orDefault(l.Time, 30*time.Second), orDefault(l.Concurrent, runtime.GOMAXPROCS(0))
	if l.Memory = orDefault(l.Memory, 8*l.Bytes); l.Memory < l.Bytes {
		return nil, fmt.Errorf("new validation service: %d bytes of memory, and requests of %d", l.Memory, l.Bytes)
	}
	return &Service{cfg, semaphore.NewWeighted(l.Memory), semaphore.NewWeighted(int64(l.Concurrent))}, nil
}

func orDefault[T int | int64 | time.Duration](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

// Limits are those that hold.
func (s *Service) Limits() Limits { return s.cfg.Limits }

// Reserve takes room for a request of n bytes before any of it is read, so that many at once do not take all
// memory. ErrSize, and ErrBusy at once instead of a queue. Release gives it back.
func (s *Service) Reserve(n int64) (release func(), err error) {
	if n > s.cfg.Limits.Bytes {
		return nil, ErrSize
	}
	n = max(n, 1)
	if !s.memory.TryAcquire(n) {
		return nil, fmt.Errorf("%w: no memory", ErrBusy)
	}
	return func() { s.memory.Release(n) }, nil
}

// Request is one document.
type Request struct {
	Document []byte
	// Detached are the files that it covers, by content or digest.
	Detached []validation.File
	// Certificates, CRLs and OCSPs, in DER, are validation data beside the document's own. They are not trusted.
	Certificates, CRLs, OCSPs [][]byte
	// Kind and Amount are what is declared for the Ordinance (package eto).
	Kind   string
	Amount int64
}

// Result is the report, and the Ordinance's answer for each signature.
type Result struct {
	*validation.Report
	ETO []eto.Verdict `json:"eto"`
}

// Satisfied reports whether all signatures satisfy the Ordinance, and there is one at least.
func (r *Result) Satisfied() bool {
	return len(r.ETO) > 0 && !slices.ContainsFunc(r.ETO, func(v eto.Verdict) bool { return v.Answer != eto.Satisfied })
}

// Validate judges one document. ErrSize, ErrCount, ErrBusy, ErrTime, ErrEmpty; eto.ErrKind; validation.ErrFormat
// and validation.ErrOptions. The caller holds a reservation.
func (s *Service) Validate(ctx context.Context, r Request) (*Result, error) {
	if err := s.check(r); err != nil {
		return nil, err
	}
	if _, err := eto.Judge(&validation.Report{}, s.cfg.Policies, eto.Question{Kind: r.Kind}); err != nil {
		return nil, err // before anything is spent
	}
	limited, cancel := context.WithTimeoutCause(ctx, s.cfg.Limits.Time, ErrTime)
	defer cancel()
	if err := s.turns.Acquire(limited, 1); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w: no processor", ErrBusy)
	}
	defer s.turns.Release(1)
	report, err := s.cfg.Validator.Validate(limited, bytes.NewReader(r.Document), int64(len(r.Document)), validation.Options{
		Lists: s.cfg.Lists, Detached: r.Detached, Certificates: r.Certificates, CRLs: r.CRLs, OCSPs: r.OCSPs,
		Policies: s.cfg.SignaturePolicies, RequirePolicy: s.cfg.RequirePolicy,
	})
	if ctx.Err() == nil && limited.Err() != nil {
		return nil, ErrTime // also where a report came: evidence may be missing for want of time
	}
	if err != nil {
		return nil, err
	}
	verdicts, err := eto.Judge(report, s.cfg.Policies, eto.Question{Kind: r.Kind, Amount: r.Amount, Terms: s.cfg.Terms})
	if err != nil {
		return nil, err
	}
	return &Result{report, verdicts}, nil
}

// check is all that can be refused without looking into the document.
func (s *Service) check(r Request) error {
	l := s.cfg.Limits
	size := int64(len(r.Document))
	for _, f := range r.Detached {
		size += int64(len(f.Content))
	}
	count := 0
	for _, list := range [][][]byte{r.Certificates, r.CRLs, r.OCSPs} {
		count += len(list)
		for _, der := range list {
			size += int64(len(der))
		}
	}
	switch {
	case len(r.Document) == 0:
		return ErrEmpty
	case size > l.Bytes:
		return ErrSize
	case len(r.Detached) > l.Files || count > l.Evidence:
		return ErrCount
	case r.Amount < 0:
		return fmt.Errorf("%w: an amount below zero", validation.ErrOptions)
	}
	return nil
}
