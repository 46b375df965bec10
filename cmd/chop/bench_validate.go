package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"

	"chop/validation"
)

// validate is the part about judging what others hand in: files of 100 KB at B-LT on all processors, beside pdfsig
// run once a file, and how time and memory grow with the size and with the number of signatures.
func (b *bench) validate(ctx context.Context) error {
	v, err := b.judge()
	if err != nil {
		return err
	}
	if err := b.validateRates(ctx, v); err != nil {
		return err
	}
	for _, kind := range []string{"pdf", "xml"} {
		if err := b.validateSizes(ctx, v, kind); err != nil {
			return err
		}
		if err := b.validateCounts(ctx, v, kind); err != nil {
			return err
		}
	}
	return nil
}

// judge is the validator of a running service: it works offline, since B-LT files carry their evidence.
func (b *bench) judge() (*validation.Validator, error) {
	anchors, _, err := readTrust(b.env.ctx, readTrustFile, []string{b.root()}, nil)
	if err != nil {
		return nil, err
	}
	return newValidator(anchors, nil)
}

func (b *bench) root() string { return filepath.Join(b.dir, "public", "root.pem") }

// judged validates a file that must pass.
func judged(ctx context.Context, v *validation.Validator, doc io.ReaderAt, size int64, signatures int) error {
	report, err := v.Validate(ctx, doc, size, validation.Options{Offline: true})
	if err != nil {
		return err
	}
	if !report.Passed() || len(report.Signatures) != signatures {
		return errors.New("a file of the bench's own does not pass: " + reportText("it", report))
	}
	return nil
}

func (b *bench) validateRates(ctx context.Context, v *validation.Validator) error {
	pdf, err := b.signedFile(ctx, "pdf", 100<<10, 1)
	if err != nil {
		return err
	}
	xml, err := b.signedFile(ctx, "xml", 100<<10, 1)
	if err != nil {
		return err
	}
	// As many callers as processors: more would measure how they wait for each other.
	all := &bench{benchCommand: &benchCommand{Callers: runtime.GOMAXPROCS(0), Time: b.Time}}
	rival := func(ctx context.Context) error {
		out, err := exec.CommandContext(ctx, "pdfsig", pdf).Output()
		if err == nil && !bytes.Contains(out, []byte("Signature is Valid")) {
			err = fmt.Errorf("it says: %s", out)
		}
		if err != nil {
			err = fmt.Errorf("run pdfsig, of Debian's poppler-utils: %w", err)
		}
		return err
	}
	var took [2][]time.Duration
	ours := func(i int, file string) (func() (float64, error), error) {
		doc, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		return func() (float64, error) {
			times := newStopwatch()
			defer func() { took[i] = append(took[i], times.all()...) }()
			return all.rate(ctx, times.around(func(ctx context.Context) error {
				return judged(ctx, v, bytes.NewReader(doc), int64(len(doc)), 1)
			}))
		}, nil
	}
	onPDF, err := ours(0, pdf)
	if err != nil {
		return err
	}
	onXML, err := ours(1, xml)
	if err != nil {
		return err
	}
	rates, ratios, err := b.inTurns(func() (float64, error) { return all.rate(ctx, rival) }, onPDF, onXML)
	if err != nil {
		return err
	}
	beside := fmt.Sprintf("pdfsig run once a file, %d at once", all.Callers)
	b.add(benchRow{Name: beside, Value: rates[0], Unit: "/s"})
	for i, kind := range []string{"PDF", "XML"} {
		name := fmt.Sprintf("100 KB %s at B-LT validated, %d callers", kind, all.Callers)
		row := benchRow{Name: name, Value: rates[i+1], Unit: "/s"}
		if kind == "PDF" { // pdfsig reads nothing else
			row.Ratio, row.Beside, row.Goal = ratios[i+1], beside, 5
		}
		b.add(row)
		slices.Sort(took[i])
		b.add(benchRow{Name: name + ": p50", Value: ms(took[i][len(took[i])/2]), Unit: "ms"})
		b.add(benchRow{Name: name + ": p99", Value: ms(took[i][len(took[i])*99/100]), Unit: "ms"})
	}
	return nil
}

// validateSizes: time and memory from 10 KB to 100 MB.
func (b *bench) validateSizes(ctx context.Context, v *validation.Validator, kind string) error {
	var before growth
	for _, s := range []struct {
		name string
		size int
	}{{"10 KB", 10 << 10}, {"100 KB", 100 << 10}, {"1 MB", 1 << 20}, {"10 MB", 10 << 20}, {"100 MB", 100 << 20}} {
		file, err := b.signedFile(ctx, kind, s.size, 1)
		if err != nil {
			return err
		}
		if before, err = b.validateGrown(ctx, v, file, fmt.Sprintf("%s of %s", kind, s.name), growth{of: s.size, signatures: 1, before: &before}); err != nil {
			return err
		}
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	return nil
}

// validateCounts: from 1 to 50 signatures in a file of 100 KB.
func (b *bench) validateCounts(ctx context.Context, v *validation.Validator, kind string) error {
	var before growth
	for _, n := range []int{1, 5, 10, 20, 50} {
		file, err := b.signedFile(ctx, kind, 100<<10, n)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("%s of 100 KB with %d signatures", kind, n)
		if before, err = b.validateGrown(ctx, v, file, name, growth{of: n, signatures: n, before: &before}); err != nil {
			return err
		}
	}
	return nil
}

// growth is one step of a series: what grew, and how much work a validation was.
type growth struct {
	of, signatures int
	seconds        float64
	before         *growth
}

// validateGrown adds the rows of one step. The ratio is to what the step before makes one expect: 1 is in step.
func (b *bench) validateGrown(ctx context.Context, v *validation.Validator, file, name string, g growth) (growth, error) {
	f, err := os.Open(file)
	if err != nil {
		return g, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return g, err
	}
	var times []float64
	runtime.GC() // what signing left is not this work
	for start := time.Now(); len(times) < b.Rounds || time.Since(start) < b.Time/4; {
		seconds, err := worked(func() error { return judged(ctx, v, f, info.Size(), g.signatures) })
		if err != nil {
			return g, err
		}
		times = append(times, seconds)
	}
	g.seconds = median(times)
	row := benchRow{Name: name + ": processor time of a validation", Value: 1000 * g.seconds, Unit: "ms"}
	if was := g.before; was.of > 0 {
		row.Ratio = g.seconds / (was.seconds * float64(g.of) / float64(was.of))
		row.Beside = "in step with the row before"
		row.Goal, row.Most = 2, true // memory that is new costs more than memory that is used again; the square would be 10
		if g.signatures != was.signatures {
			row.Goal = 1.5 // the square would be 2 to 5; parsed objects are shared, but each revision's are looked at
		}
	}
	b.add(row)
	peak, err := b.peakOf(ctx, "validate", "--offline", "--trust", b.root(), file)
	if err != nil {
		return g, err
	}
	b.add(benchRow{Name: name + ": peak memory of the command", Value: peak, Unit: "MB"})
	return g, nil
}

// worked is timed by the processor's clock, which others on the machine do not move: growth is a matter of work.
func worked(f func() error) (seconds float64, err error) {
	before, err := processorTime()
	if err != nil {
		return 0, err
	}
	if err := f(); err != nil {
		return 0, err
	}
	after, err := processorTime()
	return (after - before).Seconds(), err
}

// processorTime is what all threads of this process have used.
func processorTime() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("read the processor's time: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}
