// Package manifest reads the tables that say what is to be expected of other people's
// files, for the tests and for chop corpus.
package manifest

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
)

// maxLine bounds a line of a manifest, in bytes.
const maxLine = 1 << 20

// ErrEmpty says that a table has no rows.
var ErrEmpty = errors.New("empty manifest")

// A Row is one line of a manifest by the names of its columns.
type Row map[string]string

// List splits a cell that holds several values.
func (r Row) List(column string) []string {
	var out []string
	for v := range strings.SplitSeq(r[column], ",") {
		if v != "" {
			out = append(out, v)
		}
	}
	return out
}

// Read reads a tab-separated table: comment lines, a line of column names,
// rows.
func Read(path string) ([]Row, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	defer f.Close()
	var columns []string
	var rows []Row
	in := bufio.NewScanner(f)
	in.Buffer(nil, maxLine)
	for in.Scan() {
		line := in.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.Split(line, "\t")
		if columns == nil {
			columns = cells
			continue
		}
		row := Row{}
		for i, c := range columns {
			if i < len(cells) {
				row[c] = cells[i]
			}
		}
		rows = append(rows, row)
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("read manifest %s: %w", path, err)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrEmpty, path)
	}
	return rows, nil
}
