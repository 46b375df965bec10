package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// large signs files from 1 MB to 200 MB: time must grow in step with the size, and memory not at all.
func (b *bench) large(ctx context.Context) error {
	for _, mb := range []int{1, 10, 50, 200} {
		file := filepath.Join(b.dir, fmt.Sprintf("large-%d.pdf", mb))
		if err := writeLargePDF(file, mb<<20); err != nil {
			return err
		}
		if err := b.largeFile(ctx, file, mb); err != nil {
			return err
		}
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) largeFile(ctx context.Context, file string, mb int) error {
	out := file + ".out"
	defer os.Remove(out)
	once := func() (float64, error) { return timed(func() error { return copyOnce(file, out) }) }
	sign := func() (float64, error) { return timed(func() error { return b.signFile(ctx, "B-B", file, out) }) }
	seconds, ratios, err := b.inTurns(once, sign)
	if err != nil {
		return err
	}
	const beside = "reading, hashing and writing it once"
	row := benchRow{Name: fmt.Sprintf("%d MB signed at B-B, own validation included", mb), Value: 1000 * seconds[1], Unit: "ms", Ratio: ratios[1], Beside: beside}
	if mb == 50 {
		row.Goal, row.Most = 3, true
	}
	b.add(row)
	peak, err := b.peakMemory(ctx, file, out)
	if err != nil {
		return err
	}
	row = benchRow{Name: fmt.Sprintf("%d MB signed by the command line: peak memory", mb), Value: peak, Unit: "MB", Ratio: peak / 200, Beside: "200 MB", Goal: 1, Most: true}
	b.add(row)
	return nil
}

// peakMemory signs in a process of its own and returns its largest resident set, in MB.
func (b *bench) peakMemory(ctx context.Context, file, out string) (float64, error) {
	credential, err := b.seal(ctx)
	if err != nil {
		return 0, err
	}
	return b.peakOf(ctx, "sign", "pdf", "--dir", b.dir, "--credential", credential, "--level", "B-B", "--in", file, "--out", out)
}

// peakOf runs this program with args and returns its largest resident set, in MB. It is read while the process runs:
// what wait4 tells at the end begins with this process's own peak.
func (b *bench) peakOf(ctx context.Context, args ...string) (float64, error) {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	peak := 0.0
	for {
		select {
		case err := <-ended:
			if err != nil {
				err = fmt.Errorf("run chop %s: %w", args[0], err)
			}
			return peak, err
		case <-time.After(time.Millisecond):
			peak = max(peak, highWater(cmd.Process.Pid))
		}
	}
}

// highWater is the largest resident set that a process had since it was executed, in MB; 0 if it is gone.
func highWater(pid int) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kb float64
	if _, err := fmt.Sscan(rest, &kb); err != nil {
		return 0
	}
	return kb / 1024
}

func timed(f func() error) (seconds float64, err error) {
	start := time.Now()
	err = f()
	return time.Since(start).Seconds(), err
}

// copyOnce reads, hashes and writes file once, with fsync: the least that signing a file can take.
func copyOnce(file, out string) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	w, err := os.Create(out)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.MultiWriter(w, sha256.New()), in); err != nil {
		return err
	}
	if err := w.Sync(); err != nil {
		return err
	}
	return w.Close()
}

// writeLargePDF writes a one-page PDF of about size bytes, most of them in incompressible streams of 1 MB. It does
// so piece by piece: a child process starts with its parent's peak memory in its account.
func writeLargePDF(file string, size int) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	w := newSampleWriter(f)
	w.object("<< /Type /Catalog /Pages 2 0 R >>")
	w.object("<< /Type /Pages /Kids [3 0 R] /Count 1 >>")
	w.object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>")
	random := rand.NewChaCha8([32]byte{})
	body := make([]byte, 1<<20)
	for left := size; left > 0; left -= len(body) {
		part := body[:min(left, len(body))]
		_, _ = random.Read(part) // never fails
		w.object(sampleStream("", string(part)))
	}
	return errors.Join(w.finish(), f.Close())
}
