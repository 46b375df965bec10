package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"chop/internal/audit"
)

// A Record is what the store says of one document, as an export carries it. The audit log proves it.
type Record struct {
	Version     int          `json:"version"`
	ID          string       `json:"id"`
	Department  string       `json:"department"`
	Name        string       `json:"name"`
	Format      string       `json:"format"`
	At          time.Time    `json:"at"` // when it was written
	Original    Digest       `json:"original_sha256"`
	Covered     []Covered    `json:"covered"`
	Generations []Generation `json:"generations"`
	FadesAt     time.Time    `json:"fades_at"`
	FadesBy     string       `json:"fades_by"`
}

// Generation is one file that the store made.
type Generation struct {
	Number    int       `json:"number"`
	SHA256    Digest    `json:"sha256"`
	Size      int64     `json:"bytes"`
	Hash      string    `json:"hash"` // of its time-stamps' imprints
	StampedAt time.Time `json:"stamped_at"`
	MadeAt    time.Time `json:"made_at"`
	Dropped   bool      `json:"dropped"` // its bytes are not kept: later ones hold them
}

// Covered is a file that a detached signature covers.
type Covered struct {
	Name   string `json:"name"`
	SHA256 Digest `json:"sha256"`
}

func (s *Store) record(ctx context.Context, row *documentRow) (*Record, error) {
	r := &Record{
		Version: 1, ID: row.ID.String(), Department: row.Department, Name: row.Name, Format: row.Format, At: s.c.Now().UTC(),
		Original: row.OriginalSHA256, Covered: []Covered{}, Generations: []Generation{}, FadesBy: row.FadesBy,
	}
	if row.FadesAt != nil {
		r.FadesAt = row.FadesAt.UTC()
	}
	generations, err := s.generations(ctx, row.ID)
	if err != nil {
		return nil, err
	}
	for _, g := range generations {
		r.Generations = append(r.Generations, Generation{g.Number, g.SHA256, g.Size, g.Hash, g.StampedAt.UTC(), g.MadeAt.UTC(), g.Dropped})
	}
	covered, err := s.coveredFiles(ctx, row.ID)
	if err != nil {
		return nil, err
	}
	for _, c := range covered {
		r.Covered = append(r.Covered, Covered{c.Name, c.SHA256})
	}
	return r, nil
}

// readRecord reads store.json of an export.
func readRecord(b []byte) (*Record, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var r Record
	if err := d.Decode(&r); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrExport, err)
	}
	switch {
	case d.More(), r.Version != 1, len(r.Original) != 32, len(r.Generations) == 0, len(r.Generations) > maxGenerations, len(r.Covered) > maxCovered:
		return nil, fmt.Errorf("%w: no record of version 1 with an original and generations", ErrExport)
	case nameable(r.Name) != nil:
		return nil, fmt.Errorf("%w: the document's name", ErrExport)
	}
	for i, g := range r.Generations {
		if g.Number != i+1 || len(g.SHA256) != 32 {
			return nil, fmt.Errorf("%w: generation %d", ErrExport, i+1)
		}
	}
	for _, c := range r.Covered {
		if nameable(c.Name) != nil || len(c.SHA256) != 32 {
			return nil, fmt.Errorf("%w: a covered file", ErrExport)
		}
	}
	return &r, nil
}

// ErrExport: a folder is no export of the store.
var ErrExport = errors.New("store: no export")

const maxGenerations = 10_000

// newest generation; the record has one.
func (r *Record) newest() Generation { return r.Generations[len(r.Generations)-1] }

// detail is what events of the store say.
type detail struct {
	Generation int      `json:"generation"`
	SHA256     Digest   `json:"sha256"`
	Before     Digest   `json:"before_sha256"`
	Original   Digest   `json:"original_sha256"`
	Covered    []Digest `json:"covered_sha256"`
	Department string   `json:"department"`
	Evidence   Digest   `json:"evidence_sha256"`
}

// exported is the digest of the evidence that was written by the last export, nil if there is none.
func exported(entries []audit.Entry) (evidence Digest) {
	for _, e := range entries {
		var d detail
		if e.Action == "archive.export" && json.Unmarshal(e.Detail, &d) == nil {
			evidence = d.Evidence
		}
	}
	return evidence
}

// proven compares the record with the events that the audit log proves about it, and says what does not fit.
func (r *Record) proven(entries []audit.Entry) (problems []string) {
	say := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	received := false
	before, next := r.Original, 0
	for _, e := range entries {
		var d detail
		if e.Subject != "stored:"+r.ID {
			say("an event is about something else")
			continue
		}
		switch e.Action {
		case "archive.receive":
			if received {
				say("it was received twice")
			}
			received = true
			if !bytes.Equal(digestsOf(e, &d, say).Original, r.Original) || d.Department != r.Department {
				say("the original that was received, or its department, is another")
			}
			if len(d.Covered) != len(r.Covered) {
				say("%d covered files were received, and %d are here", len(d.Covered), len(r.Covered))
				continue
			}
			for i, c := range r.Covered {
				if !bytes.Equal(d.Covered[i], c.SHA256) {
					say("covered file %d is not the one that was received", i+1)
				}
			}
		case "archive.add", "archive.renew":
			digestsOf(e, &d, say)
			if next == len(r.Generations) || d.Generation != r.Generations[next].Number {
				say("generation %d was made, and is not recorded here", d.Generation)
				continue
			}
			if g := r.Generations[next]; !bytes.Equal(d.SHA256, g.SHA256) || !bytes.Equal(d.Before, before) || !bytes.Equal(d.Original, r.Original) {
				say("generation %d is not the one that was made", g.Number)
			}
			before, next = r.Generations[next].SHA256, next+1
		case "archive.remove":
			say("it was removed")
		}
	}
	if !received {
		say("the audit log does not say that it was received")
	}
	if next != len(r.Generations) {
		say("generations from %d on are not in the audit log", next+1)
	}
	return problems
}

func digestsOf(e audit.Entry, d *detail, say func(string, ...any)) *detail {
	if err := json.Unmarshal(e.Detail, d); err != nil {
		say("an event cannot be read: %v", err)
	}
	return d
}
