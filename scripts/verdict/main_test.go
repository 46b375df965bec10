package main

import (
	"bytes"
	"strings"
	"testing"
)

const (
	passes = `{"Action":"output","Package":"p","Test":"TestA","Output":"fine\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Elapsed":1}
`
	fails = `{"Action":"output","Package":"p","Test":"TestB","Output":"got 1, want 2\n"}
{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"fail","Package":"p"}
`
	skips = `{"Action":"output","Package":"q","Test":"TestC","Output":"corpus absent\n"}
{"Action":"skip","Package":"q","Test":"TestC"}
`
	breaks = `{"ImportPath":"r","Action":"build-output","Output":"undefined: x\n"}
{"Action":"output","Package":"r","Output":"FAIL r [build failed]\n"}
{"Action":"fail","Package":"r"}
`
)

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		name           string
		in             string
		strict, absent bool
		good           bool
		says           []string
	}{
		{"all passed", passes, true, false, true, []string{"ok    p", "1 passed, 0 failed, 0 skipped"}},
		{"one failed", passes + fails, false, false, false, []string{"got 1, want 2", "1 passed, 1 failed"}},
		{"one skipped", passes + skips, false, false, true, []string{"skipped: q TestC: corpus absent", "1 skipped"}},
		{"one skipped, strict", passes + skips, true, false, false, []string{"1 skipped"}},
		{"no corpora, strict", passes + skips, true, true, true, []string{"1 skipped"}},
		{"other skip, no corpora, strict", passes + strings.ReplaceAll(skips, "absent", "boring"), true, true, false, nil},
		{"does not build", passes + breaks, false, false, false, []string{"undefined: x", "build failed", "1 passed, 1 failed"}},
		{"nothing ran", "", false, false, false, []string{"no package passed"}},
		{"go itself fails", "go: no such module\n", false, false, false, []string{"go: no such module"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			v := newCounter(c.strict, c.absent)
			if err := v.read(strings.NewReader(c.in), &out); err != nil {
				t.Fatal(err)
			}
			if good := v.summary(&out); good != c.good {
				t.Errorf("good %v, want %v:\n%s", good, c.good, &out)
			}
			for _, s := range c.says {
				if !strings.Contains(out.String(), s) {
					t.Errorf("output lacks %q:\n%s", s, &out)
				}
			}
		})
	}
}
