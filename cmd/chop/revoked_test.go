package main_test

import (
	"path/filepath"
	"testing"
	"time"

	"chop/internal/cms"
)

// A certificate is revoked between signature and timestamp, or after the timestamp: the same signature, and only
// in the second case does anything prove that it was made while the certificate was good (EN 319 102-1, 5.5).
func TestRevokedBeforeTimestamp(t *testing.T) {
	t.Parallel()
	a := shared.open(t)
	seal := a.seal(t, "Lands Department")
	in := saved(t, "letter.pdf", letter("Dear Sir"))
	bare := a.sign(t, seal.ID, "B-B", in)
	stamped := a.sign(t, seal.ID, "B-T", in)
	long := a.sign(t, seal.ID, "B-LT", in)
	for _, file := range []string{bare, stamped, long} {
		a.passes(t, file)
	}
	time.Sleep(1100 * time.Millisecond) // revocation times are in whole seconds
	a.must(t, "ca revoke", "--serial", seal.Serial, "--reason", "keyCompromise")
	time.Sleep(1100 * time.Millisecond)
	late := saved(t, "late.pdf", restamped(t, readFile(t, stamped)))

	// What was answered before the revocation may be answered for some seconds.
	eventually(t, "the responder says revoked", func() bool { return a.judged(t, bare).code == 1 })
	for _, c := range []struct{ name, file, want string }{
		{"no timestamp", bare, "INDETERMINATE/REVOKED_NO_POE"},
		{"timestamp after the revocation", late, "INDETERMINATE/REVOKED_NO_POE"},
		{"timestamp before the revocation", stamped, "TOTAL-PASSED"},
		{"timestamp and proof of status before the revocation", long, "TOTAL-PASSED"},
	} {
		r := a.judged(t, c.file)
		if len(r.Signatures) != 1 || r.Signatures[0].verdict() != c.want {
			t.Errorf("%s: want %s: %v", c.name, c.want, r.result)
		}
	}
	if r := a.judged(t, bare, "--offline"); len(r.Signatures) != 1 || r.Signatures[0].Indication != "INDETERMINATE" {
		t.Errorf("nobody was asked, so nothing is known: %v", r.result)
	}

	// Nobody is handed what we would refuse.
	out := filepath.Join(t.TempDir(), "out.pdf")
	for _, words := range []string{"extend pdf --level B-T", "extend pdf --level B-LT", "sign pdf --credential " + seal.ID} {
		file := bare
		if words[:4] == "sign" {
			file = in
		}
		if r := a.run(t, words, "--in", file, "--out", out); r.code == 0 {
			t.Errorf("%v", r)
		}
		if files, _ := filepath.Glob(filepath.Join(filepath.Dir(out), "*")); len(files) != 0 {
			t.Errorf("%s: left %v", words, files)
		}
	}
}

// restamped is a B-T file with a new timestamp in the place of its first.
func restamped(t *testing.T, file []byte) []byte {
	t.Helper()
	sig := parts(t, file)[0]
	sd := sig.parsed(t)
	signer := sd.SignerInfos[0]
	reply, err := cms.ParseTimestampResponse(readFile(t, stamp(t, query(t, saved(t, "value.bin", signer.Signature), "-sha256", "-cert"))))
	if err != nil {
		t.Fatal(err)
	}
	signer.RemoveUnsigned(cms.OIDSignatureTimestamp)
	signer.AddUnsigned(cms.OIDSignatureTimestamp, reply.Token)
	der, err := sd.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return sig.put(t, file, der)
}

// A file rises a level at a time, what is signed untouched, and an archive timestamp is renewed.
func TestExtend(t *testing.T) {
	t.Parallel()
	a := shared.open(t)
	file := a.sign(t, shared.seal(t, "p256", ""), "B-B", saved(t, "letter.pdf", letter("Dear Sir")))
	signed := parts(t, readFile(t, file))[0].signed
	for i, level := range []string{"B-T", "B-LT", "B-LTA", "B-LTA"} {
		before := a.passes(t, file)
		out := filepath.Join(t.TempDir(), "extended.pdf")
		a.must(t, "extend pdf", "--level", level, "--in", file, "--out", out)
		file = out
		r := a.passes(t, file)
		// Each step but B-LT adds a document timestamp: a B-B signature has no room for one inside.
		if added := len(r.Signatures) - len(before.Signatures); (added == 0) != (level == "B-LT") || added > 1 || r.Signatures[0].Level != level {
			t.Errorf("step %d: want level %s: %v", i, level, r.result)
		}
		if got := parts(t, readFile(t, file))[0].signed; string(got) != string(signed) {
			t.Errorf("step %d changed what is signed", i)
		}
	}
	judge(t, a, file, 1, true)
}
