package notification

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"chop/internal/audit"
	"chop/internal/postgres"
)

// queueName keeps our jobs apart from those of others.
const queueName = "notices"

// emailArgs is the job: it names the notice, and nobody.
type emailArgs struct {
	Notice string `json:"notice"`
}

// Kind names the job for River.
func (emailArgs) Kind() string { return "notification.email" }

type worker struct {
	river.WorkerDefaults[emailArgs]
	s *Service
}

// Timeout bounds one try.
func (worker) Timeout(*river.Job[emailArgs]) time.Duration { return sendTime + 10*time.Second }

// NextRetry waits 1, 2, 4 minutes and so on, four hours at most.
func (w worker) NextRetry(job *river.Job[emailArgs]) time.Time {
	return time.Now().Add(min(time.Minute<<min(job.Attempt-1, 10), 4*time.Hour)) // River's clock is the machine's
}

// Work sends one e-mail, if its notice is still there and the account has an address.
func (w worker) Work(ctx context.Context, job *river.Job[emailArgs]) error {
	s := w.s
	account, m, err := s.store.notice(ctx, job.Args.Notice)
	if errors.Is(err, ErrNoMessage) { // forgotten meanwhile
		return nil
	}
	if err != nil {
		return err
	}
	to, language, err := s.cfg.Address(ctx, account)
	if err != nil {
		return fmt.Errorf("find the address: %w", err)
	}
	if to == "" {
		return nil
	}
	if !known(language) {
		language = Languages[0]
	}
	if s.cfg.Stop != nil && (m.Kind == DeviceReplacing || m.Kind == DeviceReplaced) {
		stop, err := s.cfg.Stop(ctx, account, m.ID)
		if err != nil {
			return fmt.Errorf("make the link that stops: %w", err)
		}
		m.Params = maps.Clone(m.Params)
		if m.Params == nil {
			m.Params = map[string]string{}
		}
		m.Params["stop"] = stop
	}
	subject, body, err := s.Text(m, language)
	if err != nil {
		return err
	}
	return s.send(ctx, &email{id: m.ID, to: to, subject: subject, body: body, at: m.At})
}

// audited notes in the log when an e-mail is given up.
type audited struct{ s *Service }

// HandleError is called after each failed try.
func (a audited) HandleError(ctx context.Context, job *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	a.s.cfg.Log.Warn("an e-mail was not sent", "job", job.ID, "try", job.Attempt, "err", err)
	if job.Attempt < job.MaxAttempts {
		return nil
	}
	failed := a.s.store.record(ctx, audit.Event{
		At: a.s.cfg.Now(), Actor: "system", Action: "notification.dead", Subject: fmt.Sprintf("job:%d", job.ID), Reason: "an e-mail could not be sent",
	})
	if failed != nil {
		a.s.cfg.Log.Error("a dead job was not audited", "job", job.ID, "err", failed)
	}
	return nil
}

// HandlePanic is called when a try panicked.
func (a audited) HandlePanic(ctx context.Context, job *rivertype.JobRow, _ any, trace string) *river.ErrorHandlerResult {
	a.s.cfg.Log.Error("sending an e-mail panicked", "job", job.ID, "stack", trace)
	return a.HandleError(ctx, job, errors.New("panic"))
}

func newJobs(s *Service) (*river.Client[postgres.Tx], error) {
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &worker{s: s}); err != nil {
		return nil, err
	}
	return river.NewClient(riverpgxv5.New(s.cfg.DB.Pool), &river.Config{
		Queues: map[string]river.QueueConfig{queueName: {MaxWorkers: 4}}, Workers: workers, ErrorHandler: audited{s}, Logger: s.cfg.Log,
		MaxAttempts: s.cfg.Tries, JobTimeout: time.Minute,
		// A process that died is not waited for longer than a living one may take.
		RescueStuckJobsAfter: 2 * time.Minute,
	})
}

// InsertOpts puts the job into our queue.
func (emailArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: queueName} }

// Run sends e-mail until ctx ends. Any number of processes may run it.
func (s *Service) Run(ctx context.Context) error {
	if s.send == nil {
		<-ctx.Done()
		return nil
	}
	if err := s.jobs.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start sending notices: %w", err)
	}
	<-ctx.Done()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := s.jobs.StopAndCancel(stop); err != nil {
		return fmt.Errorf("stop sending notices: %w", err)
	}
	return nil
}
