package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// benchCommand measures the appliance against the raw token and against other people's tools, side by side in
// one run: rates of one machine mean little, ratios travel.
type benchCommand struct {
	Callers       int           `default:"64" help:"How many callers work at once."`
	Time          time.Duration `default:"4s" help:"How long each round of a measurement takes."`
	Rounds        int           `default:"3" help:"Rounds of each pair; the median ratio counts."`
	Rival         string        `placeholder:"FILE" help:"sigstore's timestamp-server, to compare timestamping with."`
	Profile       string        `placeholder:"FILE" help:"Write a CPU profile of this process there, for go tool pprof."`
	File          string        `placeholder:"FILE" help:"Also write the results there, as JSON."`
	Registrations int           `default:"1000" help:"How many people register, half at kiosks and half at a counter."`
	Only          []string      `placeholder:"PART" enum:"token,sign,approve,issue,register,http,large,validate" default:"token,sign,approve,issue,register,http,large,validate" help:"Run these parts only: ${enum}."`
}

// Help is shown by chop bench --help.
func (benchCommand) Help() string {
	return `Works in a temporary folder with an appliance of its own. Needs wrk for the HTTP part,
and pdfsig for validation.

Example:
  chop bench --rival bin/timestamp-server --file bench.json`
}

// benchRow is one figure. A goal is the least ratio (or the most, where Most is set) to what it was measured beside.
type benchRow struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Ratio float64 `json:"ratio,omitempty"` // to Beside
	// Beside names the row that was measured in turns with this one.
	Beside string  `json:"beside,omitempty"`
	Goal   float64 `json:"goal,omitempty"`
	Most   bool    `json:"goal_is_most,omitempty"`
}

func (r benchRow) met() bool {
	switch {
	case r.Goal == 0:
		return true
	case r.Most:
		return r.Ratio <= r.Goal
	}
	return r.Ratio >= r.Goal
}

// bench is a run in progress.
type bench struct {
	*benchCommand
	env  *environment
	dir  string
	app  *appliance
	rows []benchRow

	credential lazy[string]
}

func (c *benchCommand) Run(env *environment) (err error) {
	dir, err := os.MkdirTemp("", "chop-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if _, err := initialise(env.ctx, folder(dir), func(*config) {}, env.log); err != nil {
		return err
	}
	app, err := openAppliance(env, dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	if c.Profile != "" {
		profile, err := os.Create(c.Profile)
		if err != nil {
			return err
		}
		defer profile.Close()
		if err := pprof.StartCPUProfile(profile); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	b := &bench{benchCommand: c, env: env, dir: dir, app: app}
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{{"token", b.token}, {"sign", b.sign}, {"approve", b.approve}, {"issue", b.issue}, {"register", b.register}, {"http", b.http}, {"large", b.large}, {"validate", b.validate}} {
		if !slices.Contains(c.Only, part.name) {
			continue
		}
		if err := part.run(env.ctx); err != nil {
			return fmt.Errorf("bench %s: %w", part.name, err)
		}
	}
	return b.finish()
}

func (b *bench) finish() error {
	if b.File != "" {
		data, err := json.MarshalIndent(b.rows, "", "  ")
		if err != nil {
			return err
		}
		if err := writeFile(b.File, append(data, '\n'), 0o644); err != nil {
			return err
		}
	}
	if b.env.json {
		return b.env.print(b.rows, "")
	}
	missed := 0
	for _, r := range b.rows {
		if !r.met() {
			missed++
		}
	}
	fmt.Fprintf(b.env.out, "\n%d figures, %d goals missed\n", len(b.rows), missed)
	if missed > 0 {
		return exitCode(1)
	}
	return nil
}

// add keeps a row and prints it at once: a run takes minutes.
func (b *bench) add(r benchRow) {
	b.rows = append(b.rows, r)
	if b.env.json {
		return
	}
	line := fmt.Sprintf("%-58s %10.1f %-5s", r.Name, r.Value, r.Unit)
	if r.Beside != "" {
		line += fmt.Sprintf("  %.2f × %s", r.Ratio, r.Beside)
	}
	if r.Goal != 0 {
		sign, word := "≥", "met"
		if r.Most {
			sign = "≤"
		}
		if !r.met() {
			word = "MISSED"
		}
		line += fmt.Sprintf("  (goal %s %.2f: %s)", sign, r.Goal, word)
	}
	fmt.Fprintln(b.env.out, strings.TrimRight(line, " "))
}

// rate runs op from b.Callers callers for b.Time and returns operations per second.
func (b *bench) rate(ctx context.Context, op func(context.Context) error) (float64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		wg    sync.WaitGroup
		done  atomic.Int64
		start = time.Now()
	)
	for range b.Callers {
		wg.Go(func() {
			for time.Since(start) < b.Time && ctx.Err() == nil {
				if err := op(ctx); err != nil {
					cancel(err)
					return
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return 0, err
	}
	return float64(done.Load()) / time.Since(start).Seconds(), nil
}

// inTurns measures base and each of others one after the other, b.Rounds times, so that what the machine does
// meanwhile meets all of them. It returns the median rates, and the median ratios of others to base.
func (b *bench) inTurns(base func() (float64, error), others ...func() (float64, error)) (rates, ratios []float64, err error) {
	all := append([]func() (float64, error){base}, others...)
	samples, quotients := make([][]float64, len(all)), make([][]float64, len(all))
	for range b.Rounds {
		first := 0.0
		for i, run := range all {
			rate, err := run()
			if err != nil {
				return nil, nil, err
			}
			if i == 0 {
				first = rate
			}
			samples[i] = append(samples[i], rate)
			quotients[i] = append(quotients[i], rate/first)
		}
	}
	for i := range all {
		rates, ratios = append(rates, median(samples[i])), append(ratios, median(quotients[i]))
	}
	return rates, ratios, nil
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// self runs this program with args and decodes what it prints as JSON into result.
func (b *bench) self(ctx context.Context, result any, args ...string) error {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("run chop %s: %w", args[0], err)
	}
	return json.Unmarshal(out, result)
}
