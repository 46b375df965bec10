package main_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// What other people's tools say of our signatures. Each of them is asked what it can judge:
//
//	pdfsig       cryptography, and trust in the signer: it asks our OCSP responder at the URL in the certificate
//	mutool       cryptography, and "unchanged since signing" where nothing follows; neither PSS nor trust
//	qpdf         the structure of the file
//	openssl cms  the CMS by CAdES' rules, with the chain
//	openssl ts   every timestamp
func TestJudges(t *testing.T) {
	shared.open(t)
	for _, c := range []struct {
		key, scheme, level string
		args               []string
	}{
		{key: "p256", level: "B-B"},
		{key: "p256", level: "B-T"},
		{key: "p256", level: "B-LT"},
		{key: "p256", level: "B-LTA"},
		{key: "p384", level: "B-LT"},
		{key: "rsa2048", scheme: "pkcs1", level: "B-LT"},
		{key: "rsa2048", scheme: "pss", level: "B-LT"},
		{key: "rsa3072", scheme: "pkcs1", level: "B-T"},
		{key: "p256", level: "B-LTA", args: []string{"--certify", "--visible", "1,300,60,240,70", "--reason", "續牌", "--location", "Hong Kong 香港"}},
		{key: "p256", level: "B-T", args: []string{"--field", "Officer"}},
	} {
		name := strings.TrimSuffix(strings.Join([]string{c.key + c.scheme, c.level, strings.Join(c.args, " ")}, " "), " ")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := shared.open(t)
			signed := a.sign(t, shared.seal(t, c.key, c.scheme), c.level, saved(t, "form.pdf", form()), c.args...)
			judge(t, a, signed, 1, c.scheme != "pss")
		})
	}
}

// The old Adobe profile is for readers that know no PAdES; the same tools know it.
func TestJudgesAdobeLegacy(t *testing.T) {
	t.Parallel()
	a := shared.open(t)
	in := saved(t, "letter.pdf", letter("Dear Sir"))
	out := saved(t, "signed.pdf", nil)
	a.must(t, "sign pdf", "--credential", shared.seal(t, "p256", ""), "--policy", "adobe-legacy", "--in", in, "--out", out)
	pdfsig(t, a, out, 1)
	accepts(t, "qpdf", "--check", out)
}

// judge lets all of them judge a file with that many signatures, document timestamps not counted.
func judge(t *testing.T, a *appliance, file string, signatures int, mutool bool) {
	t.Helper()
	accepts(t, "qpdf", "--check", file)
	pdfsig(t, a, file, signatures)
	data := readFile(t, file)
	found, last := 0, false
	for i, p := range parts(t, data) {
		body := saved(t, fmt.Sprintf("%d.bin", i), p.signed)
		der := saved(t, fmt.Sprintf("%d.der", i), p.der)
		if p.isTimestamp(t) {
			verifyToken(t, a, der, body)
			last = false
			continue
		}
		found++
		last = p.end == len(data)
		accepts(t, "openssl", "cms", "-verify", "-cades", "-binary", "-inform", "DER", "-in", der, "-content", body,
			"-CAfile", a.root(), "-purpose", "any", "-out", os.DevNull)
		for _, signer := range p.parsed(t).SignerInfos {
			for _, token := range signer.SignatureTimestamps() {
				verifyToken(t, a, saved(t, "token.der", token), saved(t, "signature.bin", signer.Signature))
			}
		}
	}
	if found != signatures {
		t.Errorf("%s holds %d signatures, want %d", file, found, signatures)
	}
	if !mutool {
		return
	}
	said := tool(t, "mutool", "sign", "-v", file)
	unchanged, followed := strings.Count(said.stdout, "unchanged since signing"), strings.Count(said.stdout, "The signature is valid but")
	if unchanged+followed != signatures || last != (unchanged == 1) {
		t.Errorf("%v", said)
	}
}

// pdfsig wants every signature valid, and the signer trusted after asking our OCSP responder. Trust is counted for
// the first signature only: from the second on poppler 22.12 may compare a certificate with one that it has freed
// (SEC_ERROR_REUSED_ISSUER_AND_SERIAL), and calls that an unknown issue.
func pdfsig(t *testing.T, a *appliance, file string, signatures int) {
	t.Helper()
	said := accepts(t, "pdfsig", "-nssdir", nssDB(t, a), file)
	valid, trusted := strings.Count(said.stdout, "Signature is Valid."), strings.Count(said.stdout, "Certificate is Trusted.")
	if valid != signatures || trusted < 1 {
		t.Errorf("%d valid signatures, want %d; %d trusted signers: %v", valid, signatures, trusted, said)
	}
}

// nssDB is a store of certificates, as pdfsig reads it, that trusts the appliance's root.
func nssDB(t *testing.T, a *appliance) string {
	t.Helper()
	db := "sql:" + t.TempDir()
	accepts(t, "certutil", "-N", "-d", db, "--empty-password")
	accepts(t, "certutil", "-A", "-d", db, "-n", "root", "-t", "CT,C,C", "-a", "-i", a.root())
	return db
}

// verifyToken lets OpenSSL check a timestamp token over a file's bytes, with nothing but the root trusted.
func verifyToken(t *testing.T, a *appliance, token, data string) {
	t.Helper()
	accepts(t, "openssl", "ts", "-verify", "-token_in", "-in", token, "-data", data,
		"-CAfile", a.root(), "-untrusted", a.issuing())
}
