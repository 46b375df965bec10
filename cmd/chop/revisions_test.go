package main_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

// thrice is a letter signed by two departments at B-LT, and once more at B-LTA.
func thrice(t *testing.T) (file string) {
	t.Helper()
	a := shared.open(t)
	file = saved(t, "letter.pdf", letter("Dear Sir, your licence is renewed."))
	file = a.sign(t, shared.seal(t, "p256", ""), "B-LT", file, "--reason", "first reason")
	file = a.sign(t, shared.seal(t, "rsa2048", "pkcs1"), "B-LT", file, "--reason", "second reason")
	return a.sign(t, shared.seal(t, "p384", ""), "B-LTA", file, "--reason", "third reason")
}

func TestSignedThreeTimes(t *testing.T) {
	t.Parallel()
	a := shared.open(t)
	file := thrice(t)
	for _, r := range []report{a.passes(t, file), a.passes(t, file, "--offline")} {
		want := "Signature1 ETSI.CAdES.detached TOTAL-PASSED\nSignature2 ETSI.CAdES.detached TOTAL-PASSED\n" +
			"Signature3 ETSI.CAdES.detached TOTAL-PASSED\nTimestamp1 ETSI.RFC3161 TOTAL-PASSED"
		if r.verdicts() != want {
			t.Errorf("got\n%s\nwant\n%s", r.verdicts(), want)
		}
		if r.Document.Modifications != "allowed" {
			t.Errorf("modifications: %s, want allowed: further signatures are", r.Document.Modifications)
		}
		levels := ""
		for _, s := range r.Signatures[:3] {
			levels += s.Level + " "
			if s.Signed == nil || s.Best == nil || !strings.Contains(s.Signer, "Transport Department") {
				t.Errorf("signed %v, best signature time %v, signer %q", s.Signed, s.Best, s.Signer)
			}
		}
		// The document timestamp covers the evidence of all three.
		if levels != "B-LTA B-LTA B-LTA " {
			t.Errorf("levels %s", levels)
		}
	}
	judge(t, a, file, 3, true)

	t.Run("changed", func(t *testing.T) { changeEachRevision(t, a, readFile(t, file)) })
}

// changeEachRevision changes one byte in each revision of a file. A signature fails if and only if it signs that
// byte. The earlier ones do not fail: what is damaged is not theirs, though they may lose the proof that a later
// revision held for them.
func changeEachRevision(t *testing.T, a *appliance, file []byte) {
	signatures := parts(t, file)
	ends := regexp.MustCompile(`%%EOF\r?\n?`).FindAllIndex(file, -1)
	if len(ends) < 6 { // the letter, three signatures, evidence for the last at the least, the timestamp
		t.Fatalf("%d revisions", len(ends))
	}
	start := 0
	for _, end := range ends {
		at, what := visibleByte(t, file, start, end[0])
		start = end[1]
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			changed := bytes.Clone(file)
			changed[at] ^= 0x01
			r := a.judged(t, saved(t, "changed.pdf", changed))
			if r.code != 1 || len(r.Signatures) != len(signatures) {
				t.Errorf("want exit code 1 and %d rows: %v", len(signatures), r.result)
				return
			}
			for i, s := range r.Signatures {
				if signed := at < signatures[i].end; signed != (s.verdict() == "TOTAL-FAILED/HASH_FAILURE") || !signed && s.Indication == "TOTAL-FAILED" {
					t.Errorf("%s is %s; it signs the byte: %v", s.Field, s.verdict(), signed)
				}
			}
		})
	}
}

// visibleByte chooses a byte of a revision that is plain text and that no reader needs to find the signatures: of the
// page's text, a signature's reason, a certificate's name, the page's height.
func visibleByte(t *testing.T, file []byte, start, end int) (at int, what string) {
	t.Helper()
	for _, text := range []string{"licence is renewed", "first reason", "second reason", "third reason", "Chop Demonstration", "2]/Parent"} {
		if i := bytes.Index(file[start:end], []byte(text)); i >= 0 {
			return start + i, text
		}
	}
	t.Fatalf("nothing readable in the revision at %d to %d:\n%.2000q", start, end, file[start:end])
	return 0, ""
}

// What is appended to a signed file without touching a signed byte.
func TestPageAlteredAfterSigning(t *testing.T) {
	t.Parallel()
	a := shared.open(t)
	in := saved(t, "letter.pdf", letter("Pay HKD 100"))
	for _, args := range [][]string{{}, {"--certify"}} {
		signed := readFile(t, a.sign(t, shared.seal(t, "p256", ""), "B-B", in, args...))
		altered := saved(t, "altered.pdf", update(t, signed, map[int]string{5: pageText("Pay HKD 900")}))
		if said := tool(t, "pdfsig", "-nocert", altered); !strings.Contains(said.stdout, "Signature is Valid.") {
			t.Errorf("no signed byte was changed, and yet: %v", said)
		}
		r := a.judged(t, altered)
		if r.code != 1 || r.Document.Modifications != "suspicious" {
			t.Errorf("%v: want suspicious: %v", args, r.result)
		}
	}
}

// A certification allows forms and signatures; it must be the first signature, and there is one.
func TestCertifyThenApprove(t *testing.T) {
	t.Parallel()
	a := shared.open(t)
	seal := shared.seal(t, "p256", "")
	in := saved(t, "form.pdf", form())
	certified := a.sign(t, seal, "B-T", in, "--certify", "--field", "Officer")
	approved := a.sign(t, seal, "B-LT", certified, "--field", "Applicant")
	r := a.passes(t, approved)
	if want := "Officer ETSI.CAdES.detached TOTAL-PASSED\nApplicant ETSI.CAdES.detached TOTAL-PASSED"; r.verdicts() != want {
		t.Errorf("got\n%s\nwant\n%s", r.verdicts(), want)
	}
	judge(t, a, approved, 2, true)

	out := saved(t, "out.pdf", []byte("as it was"))
	for name, args := range map[string][]string{
		"certified twice":           {"--in", certified, "--certify"},
		"certified after approval":  {"--in", a.sign(t, seal, "B-B", in), "--certify"},
		"a field that is not there": {"--in", in, "--field", "Nobody"},
		"a field that is signed":    {"--in", certified, "--field", "Officer"},
		"a field that is no place":  {"--in", in, "--field", "Owner"},
	} {
		t.Log(name)
		a.refuses(t, "sign pdf", append([]string{"--credential", seal, "--out", out}, args...)...)
		if got := string(readFile(t, out)); got != "as it was" {
			t.Errorf("%s: the output was written", name)
		}
	}
}
