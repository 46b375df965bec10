package validation_test

import (
	"bufio"
	"context"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chop/policies"
	"chop/validation"
)

// corpora is where other people's signed files lie, beside the repository.
func corpora(t testing.TB) string {
	dir, err := filepath.Abs("../../shared/corpora")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		t.Skip("corpora absent")
	}
	return dir
}

// manifest reads a tab-separated table: comment lines, a line of column names, rows.
func manifest(t testing.TB, path string) []map[string]string {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var columns []string
	var rows []map[string]string
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
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
		row := map[string]string{}
		for i, c := range columns {
			if i < len(cells) {
				row[c] = cells[i]
			}
		}
		rows = append(rows, row)
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

func readCertificates(t testing.TB, dir, list string) []*x509.Certificate {
	var out []*x509.Certificate
	for _, name := range strings.Split(list, ",") {
		if name == "" {
			continue
		}
		der, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out = append(out, c)
	}
	return out
}

func suite(t testing.TB, name string) *policies.Suite {
	set, err := policies.Load()
	if err != nil {
		t.Fatal(err)
	}
	s, err := set.Suite(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newValidator(t testing.TB, cfg validation.Config) *validation.Validator {
	if cfg.Suite == nil {
		cfg.Suite = suite(t, "default")
	}
	v, err := validation.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// validateFile validates one file; an error is a verdict that could not be had.
func validateFile(t testing.TB, v *validation.Validator, path string, o validation.Options) (*validation.Report, error) {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return v.Validate(context.Background(), f, info.Size(), o)
}

func TestPyHankoCorpus(t *testing.T) {
	dir := filepath.Join(corpora(t), "pyHanko")
	v := newValidator(t, validation.Config{})
	tally := map[string]int{}
	for _, row := range manifest(t, dir+".tsv") {
		at, err := time.Parse(time.RFC3339, row["validation_time"])
		if err != nil {
			t.Fatal(err)
		}
		o := validation.Options{At: at, Revocation: validation.Revocation(row["revocation"])}
		o.Trust = readCertificates(t, dir, row["trust_anchor_files"])
		for _, name := range strings.Split(row["extra_crl_ocsp_files"], ",") {
			if name == "" {
				continue
			}
			der, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(name, ".crl") {
				o.CRLs = append(o.CRLs, der)
			} else {
				o.OCSPs = append(o.OCSPs, der)
			}
		}
		report, err := validateFile(t, v, filepath.Join(dir, row["path"]), o)
		got, why := "error", ""
		if err != nil {
			why = err.Error()
		} else {
			got = "absent"
			for _, s := range report.Signatures {
				if s.Field == row["sig_field"] {
					got = string(s.Indication) + "/" + string(s.SubIndication)
					for _, c := range s.Checks {
						if c.Status == validation.Failed {
							why += c.Name + " " + c.Detail + "; "
						}
					}
				}
			}
		}
		passed := got == "TOTAL-PASSED/"
		kind := row["scored"] + " " + row["verdict"]
		agree := passed == (row["verdict"] == "passed")
		tally[kind+map[bool]string{true: " agree", false: " DIFFER"}[agree]]++
		if !agree {
			t.Logf("%s %s %s at %s %s: %s: %s | %s", kind, row["path"], row["sig_field"], row["validation_time"][:10], row["revocation"], got, why, row["what_it_tests"])
		}
	}
	t.Log(tally)
}

func TestDSSCorpus(t *testing.T) {
	dir := filepath.Join(corpora(t), "esig_dss")
	v := newValidator(t, validation.Config{})
	for _, row := range manifest(t, dir+".tsv") {
		if row["format"] != "PAdES" {
			continue
		}
		report, err := validateFile(t, v, filepath.Join(dir, row["path"]), validation.Options{})
		got := "error: "
		if err != nil {
			got += err.Error()
		} else {
			got = string(report.Document.Modifications)
			for _, s := range report.Signatures {
				got += " " + string(s.Indication) + "/" + string(s.SubIndication) + "/" + s.Level
				for _, c := range s.Checks {
					if c.Status == validation.Failed {
						got += " [" + c.Name + " " + c.Detail + "]"
					}
				}
			}
		}
		t.Logf("%s %s %s %s: %s", row["scored"], row["verdict"], row["crypto_expectation"], filepath.Base(row["path"]), got)
	}
}
