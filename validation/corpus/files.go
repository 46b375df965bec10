package corpus

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"chop/internal/pdf"
	"chop/validation"
)

// read reads a file that a row names.
func (r *runner) read(name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(r.dir, filepath.FromSlash(name)))
}

func (r *runner) readAll(names []string) ([][]byte, error) {
	var out [][]byte
	for _, name := range names {
		b, err := r.read(name)
		if err != nil {
			return nil, err
		}
		out = append(out, der(b))
	}
	return out, nil
}

// der takes DER out of its PEM armour, if it is in one.
func der(b []byte) []byte {
	if block, _ := pem.Decode(b); block != nil {
		return block.Bytes
	}
	return b
}

// certificates reads those files that are certificates in our parser's eyes; of the
// others no path can lead through any.
func (r *runner) certificates(names []string) ([]*x509.Certificate, error) {
	list, err := r.readAll(names)
	if err != nil {
		return nil, err
	}
	var out []*x509.Certificate
	for _, b := range list {
		if c, err := x509.ParseCertificate(b); err == nil {
			out = append(out, c)
		}
	}
	return out, nil
}

// detached reads the files that a row says were signed.
func (r *runner) detached(names []string) ([]validation.File, error) {
	var out []validation.File
	for _, name := range names {
		b, err := r.read(name)
		if err != nil {
			return nil, err
		}
		out = append(out, validation.File{Name: filepath.Base(name), Content: b})
	}
	return out, nil
}

// A judgement is the engine's verdict on one file.
type judgement struct {
	report *validation.Report
	err    error
}

// notRead is the verdict on a file of a format that the engine has no reader for.
const (
	notRead  = "format not read"
	unsigned = "UNSIGNED"
)

func (r *runner) judge(ctx context.Context, name string, o validation.Options) (judgement, error) {
	b, err := r.read(name)
	if err != nil {
		return judgement{}, err
	}
	report, err := r.v.Validate(ctx, bytes.NewReader(b), int64(len(b)), o)
	return judgement{report, err}, ctx.Err()
}

// unread reports whether no reader took the file, so that it fell to that of PDF,
// where the format is another.
func (j judgement) unread(format string) bool {
	if isPDF(format) || slices.Contains([]string{"XAdES", "XMLDSig", "DDOC"}, format) {
		return false
	}
	for _, err := range []error{pdf.ErrNotPDF, pdf.ErrMalformed, pdf.ErrEncrypted, pdf.ErrLimit, validation.ErrOptions} {
		if errors.Is(j.err, err) {
			return true
		}
	}
	return false
}

func isPDF(format string) bool { return strings.EqualFold(format, "pdf") || format == "PAdES" }

// verdict sums up the signatures that keep accepts: the worst of them.
func (j judgement) verdict(format string, keep func(validation.Signature) bool) (got, why string) {
	switch {
	case j.unread(format):
		return notRead, "there is no reader for " + format
	case j.err != nil:
		return "ERROR", j.err.Error()
	}
	worst, n := "", 0
	for _, s := range j.report.Signatures {
		if !keep(s) {
			continue
		}
		n++
		v := string(s.Indication)
		if s.SubIndication != "" {
			v += "/" + string(s.SubIndication)
		}
		if worst == "" || rank(s.Indication) > rank(validation.Indication(indication(worst))) {
			worst, why = v, explain(s)
		}
	}
	if n == 0 {
		return unsigned, "no signature was found"
	}
	return worst, why
}

func rank(i validation.Indication) int {
	switch i {
	case validation.TotalFailed:
		return 2
	case validation.TotalPassed:
		return 0
	}
	return 1
}

// passes reports whether any signature that keep accepts is TOTAL-PASSED.
func (j judgement) passes(keep func(validation.Signature) bool) bool {
	if j.err != nil {
		return false
	}
	for _, s := range j.report.Signatures {
		if keep(s) && s.Indication == validation.TotalPassed {
			return true
		}
	}
	return false
}

func every(validation.Signature) bool { return true }

// indication is what stands before the sub-indication.
func indication(verdict string) string {
	ind, _, _ := strings.Cut(verdict, "/")
	return ind
}

func subIndication(verdict string) string {
	_, sub, _ := strings.Cut(verdict, "/")
	return sub
}

// explain tells which checks of a signature did not pass.
func explain(s validation.Signature) string {
	var lines []string
	for _, c := range s.Checks {
		if c.Status == validation.Failed || c.Status == validation.Warning {
			lines = append(lines, fmt.Sprintf("%s %s", c.Name, c.Detail))
		}
	}
	return strings.Join(lines, "; ")
}
