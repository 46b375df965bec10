package main_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// A report is what `validate --json` printed, and the exit code that it ended with.
type report struct {
	result
	Signatures []signature
	Document   struct{ Modifications string }
}

type signature struct {
	Field, Format, Level, Indication, Signer string
	Sub                                      string     `json:"sub_indication"`
	Signed                                   *time.Time `json:"signing_time"`
	Best                                     *time.Time `json:"best_signature_time"`
	Checks                                   []struct{ Name, Status, Detail string }
}

// verdict is the two words of the standard, for example INDETERMINATE/REVOKED_NO_POE.
func (s signature) verdict() string { return strings.TrimSuffix(s.Indication+"/"+s.Sub, "/") }

// verdicts is one line a signature.
func (r report) verdicts() string {
	var lines []string
	for _, s := range r.Signatures {
		lines = append(lines, fmt.Sprintf("%s %s %s", s.Field, s.Format, s.verdict()))
	}
	return strings.Join(lines, "\n")
}

// judged validates file with the appliance's root trusted. Whatever it says, it says it in the agreed shape, and
// its exit code follows from it.
func (a *appliance) judged(t testing.TB, file string, args ...string) report {
	t.Helper()
	r := report{result: a.run(t, "validate --json", append(args, file)...)}
	if r.code > 1 {
		t.Fatalf("no verdict: %v", r.result)
	}
	if err := json.Unmarshal([]byte(r.stdout), &r); err != nil {
		t.Fatalf("%v: %v", err, r.result)
	}
	checkShape(t, r.stdout)
	passed := len(r.Signatures) > 0 && r.Document.Modifications != "suspicious"
	for _, s := range r.Signatures {
		passed = passed && s.Indication == "TOTAL-PASSED"
	}
	if passed != (r.code == 0) {
		t.Errorf("exit code and report do not agree: %v", r.result)
	}
	return r
}

// passes wants a file to pass.
func (a *appliance) passes(t testing.TB, file string, args ...string) report {
	t.Helper()
	r := a.judged(t, file, args...)
	if r.code != 0 {
		t.Errorf("want it to pass: %v", r.result)
	}
	return r
}

// checkShape wants exactly the keys that other programs rely on, each with a value of its type: a string that
// may be empty, a time or null, a list that is never null.
func checkShape(t testing.TB, text string) {
	t.Helper()
	var top map[string]any
	if err := json.Unmarshal([]byte(text), &top); err != nil {
		t.Fatal(err)
	}
	keys := func(where string, object any, want ...string) map[string]any {
		t.Helper()
		m, ok := object.(map[string]any)
		if got := slices.Sorted(maps.Keys(m)); !ok || !slices.Equal(got, slices.Sorted(slices.Values(want))) {
			t.Errorf("%s has the keys %q, want %q", where, got, want)
		}
		return m
	}
	list := func(where string, value any) []any {
		t.Helper()
		l, ok := value.([]any)
		if !ok {
			t.Errorf("%s is %v, want a list", where, value)
		}
		return l
	}
	oneOf := func(where string, value any, want ...string) {
		t.Helper()
		if s, ok := value.(string); !ok || !slices.Contains(want, s) {
			t.Errorf("%s is %v, want one of %q", where, value, want)
		}
	}
	keys("the report", top, "signatures", "document")
	oneOf("modifications", keys("document", top["document"], "modifications")["modifications"], "none", "allowed", "suspicious")
	for _, row := range list("signatures", top["signatures"]) {
		s := keys("a signature", row, "field", "format", "level", "indication", "sub_indication", "signer",
			"signing_time", "best_signature_time", "checks")
		for _, key := range []string{"field", "format", "level", "sub_indication", "signer"} {
			if _, ok := s[key].(string); !ok {
				t.Errorf("%s is %v, want a string", key, s[key])
			}
		}
		oneOf("indication", s["indication"], "TOTAL-PASSED", "TOTAL-FAILED", "INDETERMINATE")
		for _, key := range []string{"signing_time", "best_signature_time"} {
			if v, ok := s[key].(string); ok {
				if _, err := time.Parse(time.RFC3339, v); err != nil {
					t.Errorf("%s: %v", key, err)
				}
			} else if s[key] != nil {
				t.Errorf("%s is %v, want a time or null", key, s[key])
			}
		}
		for _, row := range list("checks", s["checks"]) {
			c := keys("a check", row, "name", "status", "detail")
			oneOf("status", c["status"], "PASSED", "FAILED", "WARNING", "IGNORED")
			oneOf("name", c["name"], "FC", "ISC", "VCI", "RFC", "XCV", "CV", "SAV", "TSV", "PSV", "PCV", "VTS", "POE")
		}
	}
}
