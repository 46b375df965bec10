package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"chop/signer"
)

// signedFile makes a file of about size bytes with so many seals at B-LT, which are parallel in XML.
func (b *bench) signedFile(ctx context.Context, kind string, size, signatures int) (string, error) {
	file := filepath.Join(b.dir, fmt.Sprintf("judged-%d-%d.%s", size, signatures, kind))
	write := writeLargePDF
	if kind == "xml" {
		write = writeLargeXML
	}
	if err := write(file, size); err != nil {
		return "", err
	}
	for range signatures {
		if err := b.seals(ctx, kind, file); err != nil {
			return "", fmt.Errorf("sign %s: %w", file, err)
		}
	}
	return file, nil
}

// seals adds one seal to a file.
func (b *bench) seals(ctx context.Context, kind, file string) error {
	if kind == "pdf" {
		return b.signFile(ctx, "B-LT", file, file)
	}
	credential, err := b.seal(ctx)
	if err != nil {
		return err
	}
	service, err := b.app.sealing(ctx)
	if err != nil {
		return err
	}
	return service.SignXML(ctx, signer.XMLRequest{Credential: credential, Level: "B-LT", Operator: localActor(), In: file, Out: file, Packaging: "enveloped"})
}

// writeLargeXML writes a list of made-up entries, each with a picture, as a register's export looks.
func writeLargeXML(file string, size int) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	written, _ := w.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<register xmlns=\"urn:example:register\">\n")
	picture := strings.Repeat("QmVuY2g0", 512)
	for i := 0; written < size; i++ {
		// A bufio.Writer keeps its first error until Flush.
		n, _ := fmt.Fprintf(w, "  <entry id=\"e%d\"><mark>ZZ %04d</mark><owner>CHAN, Siu Ming</owner><picture>%s</picture></entry>\n", i, i%10000, picture)
		written += n
	}
	_, _ = w.WriteString("</register>\n")
	return errors.Join(w.Flush(), f.Close())
}

// stopwatch notes how long each of many calls at once took.
type stopwatch struct {
	mu    sync.Mutex
	times []time.Duration
}

func newStopwatch() *stopwatch { return new(stopwatch) }

func (s *stopwatch) around(op func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		start := time.Now()
		err := op(ctx)
		took := time.Since(start)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.times = append(s.times, took)
		return err
	}
}

func (s *stopwatch) all() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.times
}
