package main

import (
	"errors"
	"io/fs"
)

// hinted is an error with what the operator can do about it.
type hinted struct {
	error
	hint string
	code int
}

func (h hinted) Unwrap() error { return h.error }

// unusable marks err as exit code 2: nothing could be done with what was given.
func unusable(err error, hint string) error {
	if err == nil {
		return nil
	}
	return hinted{err, hint, 2}
}

// explain finds the exit code of err, and a hint for it.
func explain(err error) (code int, hint string) {
	code = 1
	if h, ok := errors.AsType[hinted](err); ok {
		code, hint = h.code, h.hint
	}
	for _, row := range explanations {
		if !errors.Is(err, row.err) {
			continue
		}
		if row.unusable {
			code = 2
		}
		if hint == "" {
			hint = row.hint
		}
	}
	return code, hint
}

// explanations says, for each error that an operator may meet, whether the input was unusable, and what to do.
// The rows are tried in order; the first hint counts.
var explanations = []struct {
	err      error
	unusable bool
	hint     string
}{
	{errNoAppliance, true, "`chop init --dir DIR` creates one"},
	{errConfig, true, "correct the file, or move it away and run `chop init` to have a default written"},
	{fs.ErrPermission, true, "run as the user who owns the data folder, or check the file's permissions"},
	{fs.ErrNotExist, true, "check the path"},
}
