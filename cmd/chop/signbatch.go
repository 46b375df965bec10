package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"chop/signer"
)

type signBatchCommand struct {
	folderFlag
	Credential string `required:"" placeholder:"ID" help:"The seal's id (chop seal list)."`
	Level      string `placeholder:"LEVEL" help:"B-B, B-T (timestamp), B-LT (with proof of the certificates' status) or B-LTA (with an archive timestamp). Default: the policies', B-LT."`
	Workers    int    `default:"8" help:"How many files are signed at once."`
	In         string `required:"" placeholder:"FOLDER" help:"The documents, in folders within it too. Hidden files and links are left out."`
	Out        string `required:"" placeholder:"FOLDER" help:"Where to write the signed ones; made if it is not there. What is there already is not signed again."`
}

// Help is shown by chop sign batch --help.
func (signBatchCommand) Help() string {
	return `A PDF is signed in itself (PAdES), and so is XML (XAdES, enveloped); JSON becomes NAME.jws (JAdES), and any other file a
container NAME.asics (ASiC-S). It may be interrupted at any time: a file is there whole or not at all, and the same command again
does what is missing. A document that cannot be signed is told at the end, and does not stop the others; exit code 1 then.

Example:
  chop sign batch --dir data --credential 0199… --level B-LTA --in letters --out signed`
}

// batchResult is what a program reads; a person gets the same as a table.
type batchResult struct {
	Files   int            `json:"files"`
	Signed  int            `json:"signed"`
	Already int            `json:"already"` // signed by an earlier run
	Refused []batchRefusal `json:"refused"`
	Kinds   map[string]int `json:"kinds"` // of what was signed now
	Seconds float64        `json:"seconds"`
}

type batchRefusal struct {
	File   string `json:"file"`
	Reason string `json:"reason"`
}

func (c *signBatchCommand) Run(env *environment) error {
	if c.Workers < 1 || c.Workers > 256 {
		return unusable(fmt.Errorf("--workers %d: it is not between 1 and 256", c.Workers), "leave it out for the usual number")
	}
	jobs, err := c.list()
	if err != nil {
		return unusable(err, "give two folders, of which neither is in the other")
	}
	turn, err := tryLockFile(filepath.Join(c.Out, ".chop-batch.lock"))
	if err != nil {
		return err
	}
	if turn == nil {
		return unusable(fmt.Errorf("%s: another batch writes there", c.Out), "wait for it, or name another folder with --out")
	}
	defer turn.Close()
	return c.sealing(env, func(service *signer.Service) error {
		b := &batch{command: c, service: service, progress: os.Stderr, result: batchResult{Files: len(jobs), Refused: []batchRefusal{}, Kinds: map[string]int{}}}
		if err := b.run(env.ctx, jobs); err != nil {
			return err
		}
		if err := env.print(b.result, "%s", b.result.table()); err != nil {
			return err
		}
		if len(b.result.Refused) > 0 {
			return exitCode(1)
		}
		return nil
	})
}

// list finds the documents, and makes the folders of the signed ones.
func (c *signBatchCommand) list() ([]batchJob, error) {
	if err := os.MkdirAll(c.Out, 0o777); err != nil {
		return nil, err
	}
	in, err := realFolder(c.In)
	if err != nil {
		return nil, err
	}
	out, err := realFolder(c.Out)
	if err != nil {
		return nil, err
	}
	if within(in, out) || within(out, in) { // the next run would sign what this one made
		return nil, fmt.Errorf("--in %s and --out %s: one is in the other", c.In, c.Out)
	}
	var jobs []batchJob
	err = filepath.WalkDir(in, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path != in && strings.HasPrefix(e.Name(), ".") && e.IsDir():
			return filepath.SkipDir
		case e.IsDir(), !e.Type().IsRegular(), strings.HasPrefix(e.Name(), "."):
			return nil
		}
		name, err := filepath.Rel(in, path)
		if err != nil {
			return err
		}
		jobs = append(jobs, newBatchJob(name, path, out))
		return nil
	})
	return jobs, err
}

func realFolder(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s: it is not a folder", path)
	}
	return path, err
}

func within(folder, path string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// A batch is a run in progress.
type batch struct {
	command  *signBatchCommand
	service  *signer.Service
	progress io.Writer

	mu     sync.Mutex
	result batchResult
	done   int
	start  time.Time
	told   time.Time
}

// run signs what is missing. It ends early only if the next file would fail for the same reason.
func (b *batch) run(ctx context.Context, jobs []batchJob) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	b.start, b.told = time.Now(), time.Now()
	queue := make(chan batchJob)
	var wg sync.WaitGroup
	for range b.command.Workers {
		wg.Go(func() {
			for job := range queue {
				if err := b.one(ctx, job); err != nil {
					cancel(fmt.Errorf("sign %s: %w", job.name, err))
				}
			}
		})
	}
	for _, job := range jobs {
		select {
		case queue <- job:
		case <-ctx.Done():
		}
	}
	close(queue)
	wg.Wait()
	b.result.Seconds = time.Since(b.start).Seconds()
	slices.SortFunc(b.result.Refused, func(x, y batchRefusal) int { return strings.Compare(x.File, y.File) })
	if err := context.Cause(ctx); err != nil { // its exit code and hint stay
		return fmt.Errorf("%d of %d files are signed; the same command goes on from here: %w", b.result.Signed+b.result.Already, len(jobs), err)
	}
	b.tell()
	return nil
}

// one signs one file, unless an earlier run did.
func (b *batch) one(ctx context.Context, job batchJob) error {
	if ctx.Err() != nil {
		return nil // told by whoever cancelled it
	}
	info, err := os.Stat(job.out)
	already := err == nil && info.Mode().IsRegular()
	if err == nil && !already {
		err = unusable(fmt.Errorf("%s: it is in the way, and not a file", job.out), "")
	}
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(job.out), 0o777); err == nil {
			err = job.sign(ctx, b.service, b.command)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case already:
		b.result.Already++
	case err == nil:
		b.result.Signed++
		b.result.Kinds[job.kind]++
	case ctx.Err() != nil || !ofOneFile(err):
		return err
	default:
		b.result.Refused = append(b.result.Refused, batchRefusal{job.name, err.Error()})
	}
	b.done++
	if time.Since(b.told) >= progressEvery {
		b.tell()
	}
	return nil
}

// ofOneFile tells a document that cannot be signed from what would stop the next one too.
func ofOneFile(err error) bool {
	for _, e := range []error{signer.ErrCredentialNotFound, signer.ErrPolicy, signer.ErrOutput} {
		if errors.Is(err, e) {
			return false
		}
	}
	code, _ := explain(err)
	return code == 2 || errors.Is(err, signer.ErrRefused)
}
