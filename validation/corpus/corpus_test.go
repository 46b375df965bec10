package corpus_test

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	files "chop/internal/corpus"
	"chop/policies"
	"chop/validation/corpus"
)

func run(t testing.TB, dir string, only ...string) []corpus.Result {
	t.Helper()
	set, err := policies.Load()
	if err != nil {
		t.Fatal(err)
	}
	suite, err := set.Suite("default")
	if err != nil {
		t.Fatal(err)
	}
	results, err := corpus.Run(context.Background(), corpus.Config{Dir: dir, Suite: suite, Only: only})
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// settled are the formats whose every difference is argued in
// docs/validation-differences.md, and so listed here: one more is a defect.
var settled = []string{
	"PAdES", "XAdES", "CAdES", "JAdES", "ASiC-CAdES", "ASiC-XAdES", "ASiC-E", "ASiC-S", "BDOC", "edoc", "zip",
	"XMLDSig", "DDOC", "pdf", "c14n10", "c14n11", "exc-c14n", "ETSI.CAdES.detached", "adbe.pkcs7.detached", "adbe.pkcs7.sha1", "ETSI.RFC3161", "certification path",
}

// argued are the scored rows on which we differ with a reason.
var argued = map[string][]string{
	"pyHanko": {
		"a5fb51b09b88186163e4f337.pdf", "332dea3f66afc9c4a414093d.pdf", "6cbb760ed31deae8f8d26fc0.pdf", "65f294a2485d2dd03a01361b.pdf",
		"82364b2472f7c58bd3a86989.pdf", "5be7363566316fff49ae67c4.pdf", "ab71e9687d533337a5c5ed33.pdf", "388e56ee44c242ff0ebb3e60.pdf", "b01c3b1ac9accc8693f25231.pdf", "165dc4074560189cf4caceaf.pdf",
	},
	"esig_dss": {"encrypted.pdf", "xades-ocsp-before-cert-validity.xml", "sample.xml", "sample.json"},
	"digidoc4j": {
		"container-with-sig-params.ddoc", "ddoc_for_testing.ddoc", "DIGIDOC-XML1.3_hashcode.ddoc", "SK-XML1.0.ddoc",
	},
	"xmlsec": {"xpointer-hmac.xml"},
	"pkits":  {"41430 valid_crlissuer_test30"},
}

// undecided are the broken rows that are only said to lack what they are over: one more is a defect.
var undecided = map[string][]string{
	"esig_dss": {"removed-doc.asice", "Signature-X-PT-4.xml", "sigPolicyWithTransforms.xml"},
}

func TestCorpora(t *testing.T) {
	t.Parallel()
	for _, project := range corpus.Projects() {
		t.Run(project, func(t *testing.T) {
			t.Parallel()
			results := run(t, files.Dir(t, ""), project)
			differ, open := map[string]bool{}, map[string]bool{}
			rows, same := 0, 0
			for _, r := range results {
				if r.Unsafe {
					t.Errorf("%s: %s, and must not pass (%s)", r.ID, r.Got, r.What)
				}
				if name := path.Base(r.ID); r.Scored && r.Undecided {
					if open[name] = true; !slices.Contains(undecided[project], name) {
						t.Errorf("%s (%s): theirs %s, ours %s\n%s", r.ID, r.What, r.Want, r.Got, r.Why)
					}
				}
				if !r.Scored || !slices.Contains(settled, r.Format) {
					continue
				}
				if r.SameIndication != nil {
					rows++
					if *r.SameIndication {
						same++
					}
				}
				if r.Agree {
					continue
				}
				name := path.Base(r.ID)
				differ[name] = true
				if !slices.Contains(argued[project], name) {
					t.Errorf("%s (%s): theirs %s, ours %s\n%s", r.ID, r.What, r.Want, r.Got, r.Why)
				}
			}
			for _, name := range argued[project] {
				if !differ[name] {
					t.Errorf("%s is argued, and agrees", name)
				}
			}
			for _, name := range undecided[project] {
				if !open[name] {
					t.Errorf("%s is listed as undecided, and is decided", name)
				}
			}
			_, coarse := corpus.Tally(results)
			if a := coarse[0]; a.Percent() < 97 {
				t.Errorf("%d of %d rows agree", a.Agree, a.Scored)
			}
			if rows > 0 && same*100 < 92*rows {
				t.Errorf("%d of %d indications agree", same, rows)
			}
		})
	}
}

// A comparison that nothing can fail would be worth nothing: verdicts turned round
// must be seen.
func TestDisagreementIsSeen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"xmlsec", "pyHanko"} {
		b, err := os.ReadFile(filepath.Join(files.Dir(t, ""), name+".tsv"))
		if err != nil {
			t.Fatal(err)
		}
		turned := strings.NewReplacer("\tpassed\t", "\tnot-passed\t", "\tnot-passed\t", "\tpassed\t", "\tVALID\t", "\tINVALID\t", "\tINVALID\t", "\tVALID\t").Replace(string(b))
		if err := os.WriteFile(filepath.Join(dir, name+".tsv"), []byte(turned), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(files.Dir(t, ""), name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	_, coarse := corpus.Tally(run(t, dir))
	for _, a := range coarse {
		if a.Percent() > 10 || a.Unsafe < a.Scored/3 {
			t.Errorf("%s: %d of %d agree with the contrary, %d are called unsafe", a.Project, a.Agree, a.Scored, a.Unsafe)
		}
	}
}

func TestNoCorpus(t *testing.T) {
	t.Parallel()
	if _, err := corpus.Run(context.Background(), corpus.Config{Dir: t.TempDir(), Suite: &policies.Suite{}}); !errors.Is(err, corpus.ErrNoCorpus) {
		t.Errorf("got %v", err)
	}
}
