package corpus

import (
	"bytes"
	"context"
	"fmt"
	"path"

	"chop/internal/corpus/manifest"
	"chop/internal/xmldsig"
)

var c14nNames = map[string]string{
	"c14n10": xmldsig.C14N10, "c14n10#WithComments": xmldsig.C14N10 + "#WithComments",
	"c14n11": xmldsig.C14N11, "exc-c14n": xmldsig.Exclusive,
}

// Two rows do not tell all that their expected octets rest on: the first is the example
// of Canonical XML 1.1, 3.8, whose node-set is that of 3.7; the second shows the element
// p of its document.
var c14nRows = map[string]struct{ algorithm, file, set string }{
	"38_c14n.xml":                         {"c14n11", "org/apache/xml/security/c14n/in/37_subset.xpath", ""},
	"example2_2_3_c14nized_exclusive.xml": {"exc-c14n", "", "(//. | //@* | //namespace::*)[ancestor-or-self::p]"},
}

// c14n compares octets.
func (r *runner) c14n(_ context.Context, row manifest.Row) (Result, error) {
	algorithm, file, set := row["algorithm"], row["node_set_xpath_file"], ""
	if known, ok := c14nRows[path.Base(row["expected_output"])]; ok {
		algorithm, file, set = known.algorithm, known.file, known.set
	}
	out := Result{ID: row["expected_output"], What: row["what"], Format: algorithm, Scored: true, Want: "octets"}
	input, err := r.read(row["input"])
	if err != nil {
		return out, err
	}
	if file != "" {
		b, err := r.read(file)
		if err != nil {
			return out, err
		}
		set = string(b)
	}
	want, err := r.read(row["expected_output"])
	if err != nil {
		return out, err
	}
	got, err := xmldsig.CanonicalizeVector(input, c14nNames[algorithm], set)
	switch {
	case err != nil:
		out.Got, out.Why = "ERROR", err.Error()
	case bytes.Equal(got, want):
		out.Got, out.Agree = "octets", true
	default:
		out.Got, out.Why = "other octets", fmt.Sprintf("got %.2000q, want %.2000q", got, want)
	}
	return out, nil
}
