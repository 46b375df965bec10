package pades

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"chop/internal/corpus"
)

// TestCorpus signs every PDF of a collection of odd files at B-LTA, or refuses it where
// its manifest allows that. What comes out must be no worse for qpdf than what went in,
// pdfsig must call the new signature valid, and the old ones what it called them before.
func TestCorpus(t *testing.T) {
	t.Parallel()
	dir := corpus.Dir(t, "pdf")
	w := newWorld(t)
	nss := w.nssDB()
	rows := corpusRows(t, dir+".tsv")
	results := make([]string, len(rows))
	var wg sync.WaitGroup
	turns := make(chan struct{}, 4)
	for i, row := range rows {
		wg.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			outcome, fault := w.corpusCase(t, filepath.Join(dir, row.file), nss)
			allowed := strings.Split(row.allowed, "|")
			if word, _, _ := strings.Cut(outcome, ":"); !slices.Contains(allowed, word) {
				fault = append(fault, "allowed is "+row.allowed)
			}
			results[i] = fmt.Sprintf("%-44s %-60.60s %s", row.file, outcome, strings.Join(fault, "; "))
			if len(fault) > 0 {
				t.Errorf("%s: %s: %s", row.file, outcome, strings.Join(fault, "; "))
			}
		})
	}
	wg.Wait()
	signed := 0
	for _, r := range results {
		if strings.Contains(r, " signed") {
			signed++
		}
	}
	t.Logf("%d files, %d signed, %d refused\n%s", len(rows), signed, len(rows)-signed, strings.Join(results, "\n"))
}

type corpusRow struct{ file, allowed string }

func corpusRows(t *testing.T, manifest string) []corpusRow {
	t.Helper()
	f, err := os.Open(manifest)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows []corpusRow
	for in := bufio.NewScanner(f); in.Scan(); {
		cells := strings.Split(in.Text(), "\t")
		if len(cells) == 6 && cells[0] != "file" {
			rows = append(rows, corpusRow{cells[0], cells[5]})
		}
	}
	if len(rows) == 0 {
		t.Fatalf("%s: no rows", manifest)
	}
	return rows
}

// corpusCase signs one file and says how it went and what is wrong with the result.
func (w *world) corpusCase(t *testing.T, path, nss string) (outcome string, faults []string) {
	in, err := os.ReadFile(path)
	if err != nil {
		return "unreadable", []string{err.Error()}
	}
	out, err := w.trySign(t, in, w.ecSigner("Corpus"), LevelLTA, nil)
	if err != nil {
		return "refused: " + err.Error(), nil
	}
	if !bytes.HasPrefix(out, in) {
		faults = append(faults, "the original's bytes were changed")
	}
	result := saved(t, out)
	if before, after := qpdfComplaints(t, path), qpdfComplaints(t, result); after > before {
		faults = append(faults, fmt.Sprintf("qpdf has %d complaints, had %d", after, before))
	}
	before, after := pdfsigVerdicts(t, nss, path), pdfsigVerdicts(t, nss, result)
	valid := 0
	for field, verdict := range after {
		if old, ok := before[field]; ok && old != verdict {
			faults = append(faults, fmt.Sprintf("pdfsig says %q of %s, said %q", verdict, field, old))
		} else if !ok && verdict == "Signature is Valid." {
			valid++
		}
	}
	if valid != 1 {
		faults = append(faults, fmt.Sprintf("pdfsig finds %d new valid signatures: %v", valid, after))
	}
	return "signed", faults
}

// qpdfComplaints counts the errors and warnings of qpdf --check.
func qpdfComplaints(t *testing.T, path string) int {
	out, code := run(t, "qpdf", "--check", path)
	n := 0
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "WARNING:") || strings.HasPrefix(line, "ERROR:") || strings.HasPrefix(line, "qpdf:") {
			n++
		}
	}
	if code == 2 {
		n += 1000 // gave up
	}
	return n
}

// pdfsigVerdicts maps field names to what pdfsig says of their signatures.
func pdfsigVerdicts(t *testing.T, nss, path string) map[string]string {
	out, _ := run(t, "pdfsig", "-nssdir", nss, "-no-ocsp", path)
	verdicts := map[string]string{}
	field, n := "", 0
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "-"))
		if strings.HasPrefix(line, "Signature #") {
			n++
			field = fmt.Sprint("#", n)
		}
		if name, ok := strings.CutPrefix(line, "Signature Field Name: "); ok {
			field = name
		}
		if verdict, ok := strings.CutPrefix(line, "Signature Validation: "); ok {
			verdicts[field] = verdict
		}
	}
	return verdicts
}
