// Package corpus runs the engine on other projects' signed files, and compares its
// verdicts with those that the projects assert. A corpus is a folder of manifests
// (NAME.tsv) with a folder of data each; what a row says of trust, time, and
// revocation is what it is run with. The command and the tests read the same rows
// here, so that neither is kinder than the other.
//
// A comparison errs on the side of disagreement: a format that is not read, or an
// INDETERMINATE where the row allows a decision, agrees with nothing.
package corpus

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"chop/internal/corpus/manifest"
	"chop/policies"
	"chop/validation"
)

// A Result is one row, compared.
type Result struct {
	Project string `json:"project"`
	// ID is the file, or the name of the case.
	ID     string `json:"id"`
	What   string `json:"what,omitempty"`
	Format string `json:"format"`
	Scored bool   `json:"scored"`
	// NotScored is the manifest's reason.
	NotScored string `json:"not_scored,omitempty"`
	// Want is the project's verdict, Got ours; an INDICATION/SUB_INDICATION where the
	// engine gave one.
	Want string `json:"want"`
	Got  string `json:"got"`
	// Agree says whether they agree as the project is compared.
	Agree bool `json:"agree"`
	// SameIndication is told where the project states one.
	SameIndication *bool `json:"same_indication,omitempty"`
	// Undecided: the row says broken, and ours is INDETERMINATE with what is missing.
	Undecided bool `json:"undecided,omitempty"`
	// Unsafe: passed, and must not.
	Unsafe bool `json:"unsafe,omitempty"`
	// Why is what led to our verdict, where they disagree.
	Why string `json:"why,omitempty"`
}

// Projects are those that can be compared, in the order in which they are shown.
func Projects() []string {
	names := make([]string, len(projects))
	for i, p := range projects {
		names[i] = p.name
	}
	return names
}

// A project says how the rows of one manifest are run and compared.
type project struct {
	name string
	run  func(*runner, context.Context, manifest.Row) (Result, error)
}

var projects = []project{
	{"pyHanko", (*runner).pyHanko},
	{"esig_dss", (*runner).dss},
	{"digidoc4j", (*runner).digidoc4j},
	{"xmlsec", (*runner).xmlsec},
	{"c14n", (*runner).c14n},
	{"pkits", (*runner).pkits},
	{"x509-limbo", (*runner).limbo},
}

// ErrNoCorpus says that a folder has none of the manifests that are known.
var ErrNoCorpus = errors.New("no corpus")

// Config is what rows are run with.
type Config struct {
	// Dir holds the manifests.
	Dir string
	// Suite is the engine's; required.
	Suite *policies.Suite
	// Only limits the run to these projects.
	Only []string
}

// A runner runs the rows of one manifest.
type runner struct {
	dir string // of the manifest's data
	v   *validation.Validator

	limboOnce sync.Once
	limboAll  map[string]limboCase
	limboErr  error
}

// Run runs every row of every manifest that is there. An error means that a row
// could not be run as it says: a file is missing, for example.
func Run(ctx context.Context, cfg Config) ([]Result, error) {
	v, err := validation.New(validation.Config{Suite: cfg.Suite})
	if err != nil {
		return nil, err
	}
	var out []Result
	found := false
	for _, p := range projects {
		if len(cfg.Only) > 0 && !slices.Contains(cfg.Only, p.name) {
			continue
		}
		dir := filepath.Join(cfg.Dir, p.name)
		rows, err := manifest.Read(dir + ".tsv")
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found = true
		results, err := (&runner{dir: dir, v: v}).all(ctx, p, rows)
		if err != nil {
			return nil, err
		}
		out = append(out, results...)
	}
	if !found {
		return nil, fmt.Errorf("%w in %s: none of %s", ErrNoCorpus, cfg.Dir, strings.Join(Projects(), ", "))
	}
	return out, nil
}

// all runs rows side by side, and keeps their order.
func (r *runner) all(ctx context.Context, p project, rows []manifest.Row) ([]Result, error) {
	results := make([]Result, len(rows))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, row := range rows {
		g.Go(func() error {
			got, err := p.run(r, ctx, row)
			if err != nil {
				return fmt.Errorf("%s, row %d: %w", p.name, i+1, err)
			}
			got.Project = p.name
			if got.Scored && got.Agree {
				got.Why = ""
			}
			results[i] = got
			return nil
		})
	}
	return results, g.Wait()
}
