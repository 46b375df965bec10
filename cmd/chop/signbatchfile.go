package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"chop/signer"
	"chop/signer/asic"
	"chop/signer/xades"
	"chop/validation"
)

// A batchJob is one document and what becomes of it.
type batchJob struct {
	name    string // within the folder
	kind    string
	in, out string
}

// newBatchJob chooses by the name's end. Of two documents none becomes the same file: what gets another name keeps
// its own within it, and is of no kind that keeps its name.
func newBatchJob(name, path, out string) batchJob {
	j := batchJob{name: name, kind: "ASiC", in: path, out: filepath.Join(out, name)}
	switch strings.ToLower(filepath.Ext(name)) {
	case ".pdf":
		j.kind = "PDF"
	case ".xml":
		j.kind = "XML"
	case ".json":
		j.kind, j.out = "JSON", j.out+".jws"
	default:
		j.out += ".asics"
	}
	return j
}

func (j batchJob) sign(ctx context.Context, s *signer.Service, c *signBatchCommand) error {
	by := localActor()
	switch j.kind {
	case "PDF":
		return s.SignPDF(ctx, signer.PDFRequest{Credential: c.Credential, Level: c.Level, Operator: by, In: j.in, Out: j.out})
	case "XML":
		return s.SignXML(ctx, signer.XMLRequest{Credential: c.Credential, Level: c.Level, Operator: by, In: j.in, Out: j.out, Packaging: xades.Enveloped})
	case "JSON":
		return s.SignJSON(ctx, signer.JSONRequest{Credential: c.Credential, Level: c.Level, Operator: by, In: j.in, Out: j.out})
	}
	return s.SignASiC(ctx, signer.ASiCRequest{
		Credential: c.Credential, Level: c.Level, Operator: by, In: []string{j.in}, Out: j.out, Kind: asic.Simple, Form: "xades",
	})
}

// progressEvery is how often the line of progress is written.
const progressEvery = time.Second

// tell writes the line. Whoever calls has the lock, or is the last.
func (b *batch) tell() {
	now := time.Now()
	b.told = now
	rate := float64(b.result.Signed) / max(now.Sub(b.start).Seconds(), 0.001)
	// What cannot be written to a terminal that is gone is no reason to stop.
	_, _ = fmt.Fprintf(b.progress, "%d of %d files: %d signed (%.0f/s), %d before, %d refused\n",
		b.done, b.result.Files, b.result.Signed, rate, b.result.Already, len(b.result.Refused))
}

func (r batchResult) table() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%-18s %6d", "files", r.Files)
	for _, kind := range []string{"PDF", "XML", "JSON", "ASiC"} {
		if n := r.Kinds[kind]; n > 0 {
			fmt.Fprintf(&s, "\n%-18s %6d", "signed: "+kind, n)
		}
	}
	fmt.Fprintf(&s, "\n%-18s %6d\n%-18s %6d", "signed before", r.Already, "refused", len(r.Refused))
	for _, f := range r.Refused {
		fmt.Fprintf(&s, "\n  %s: %s", validation.Plain(f.File), validation.Plain(f.Reason))
	}
	return s.String()
}
