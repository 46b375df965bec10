package main_test

import (
	"bytes"
	"crypto/x509"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The status that OpenSSL is told, by a server that runs while the command line changes it.
func TestJudgesOCSP(t *testing.T) {
	t.Parallel()
	a := shared.open(t)
	r := issue(t, a)
	ask := func(args ...string) string {
		t.Helper()
		args = append([]string{"ocsp", "-issuer", a.issuing(), "-CAfile", a.root(), "-verify_other", a.issuing(), "-url", shared.url + "/ocsp"}, args...)
		said := accepts(t, "openssl", args...)
		if !strings.Contains(said.stderr, "Response verify OK") {
			t.Errorf("%v", said)
		}
		return said.stdout + said.stderr
	}
	wants := func(want string, args ...string) {
		t.Helper()
		if said := ask(args...); !strings.Contains(said, want) {
			t.Errorf("want %q in\n%s", want, said)
		}
	}
	wants(r.file+": good", "-cert", r.file, "-no_nonce")
	wants(r.file+": good", "-sha256", "-cert", r.file, "-nonce")
	wants(": unknown", "-serial", "0x0123456789abcdef", "-no_nonce")
	if said := ask("-cert", r.file, "-nonce"); strings.Contains(said, "WARNING") {
		t.Errorf("a nonce was asked for and not given back:\n%s", said)
	}

	// An answer may be some seconds old, not older.
	turns := func(want string) {
		t.Helper()
		eventually(t, "OpenSSL is told "+want, func() bool { return strings.Contains(ask("-cert", r.file, "-no_nonce"), want) })
		wants(want, "-cert", r.file, "-nonce")
	}
	a.must(t, "ca suspend", "--serial", r.serial)
	turns("Reason: certificateHold")
	a.must(t, "ca resume", "--serial", r.serial)
	turns(r.file + ": good")
	a.must(t, "ca revoke", "--serial", r.serial, "--reason", "keyCompromise")
	turns("Reason: keyCompromise")
	wants(r.file+": revoked", "-cert", r.file)
}

// OpenSSL takes the CRL and the ARL, and finds in them what happened.
func TestJudgesCRL(t *testing.T) {
	t.Parallel()
	a := shared.open(t)
	good, gone := issue(t, a), issue(t, a)
	a.must(t, "ca revoke", "--serial", gone.serial)

	crl := filepath.Join(t.TempDir(), "issuing.pem")
	a.must(t, "ca crl", "--out", crl)
	arl := saved(t, "root.crl", fetch(t, shared.url+"/arl/root.crl"))
	arlPEM := filepath.Join(t.TempDir(), "root.pem")
	accepts(t, "openssl", "crl", "-inform", "DER", "-in", arl, "-out", arlPEM)
	for list, signer := range map[string]string{crl: a.issuing(), arlPEM: a.root()} {
		said := accepts(t, "openssl", "crl", "-in", list, "-CAfile", signer, "-noout")
		if !strings.Contains(said.stderr, "verify OK") {
			t.Errorf("%v", said)
		}
	}
	verify := []string{"verify", "-crl_check_all", "-x509_strict", "-CAfile", a.root(), "-untrusted", a.issuing(), "-CRLfile", crl, "-CRLfile", arlPEM}
	accepts(t, "openssl", append(verify, good.file)...)
	if said := tool(t, "openssl", append(verify, gone.file)...); said.code == 0 || !strings.Contains(said.stderr, "certificate revoked") {
		t.Errorf("a revoked certificate: %v", said)
	}
}

// Every URL in a certificate answers with what it promises.
func TestPointersAnswer(t *testing.T) {
	t.Parallel()
	a := shared.open(t)
	leaf := issue(t, a).cert
	root, issuing := certificate(t, a.root()), certificate(t, a.issuing())

	for _, c := range []struct{ pointer, issuer *x509.Certificate }{{leaf, issuing}, {issuing, root}} {
		if len(c.pointer.IssuingCertificateURL) != 1 || len(c.pointer.CRLDistributionPoints) != 1 {
			t.Fatalf("%v points to issuers %v, CRLs %v", c.pointer.Subject, c.pointer.IssuingCertificateURL, c.pointer.CRLDistributionPoints)
		}
		if got := fetch(t, c.pointer.IssuingCertificateURL[0]); !bytes.Equal(got, c.issuer.Raw) {
			t.Errorf("%s is not the certificate of %v", c.pointer.IssuingCertificateURL[0], c.issuer.Subject)
		}
		if isDelta(revocationList(t, c.pointer.CRLDistributionPoints[0], c.issuer)) {
			t.Errorf("%s is a delta", c.pointer.CRLDistributionPoints[0])
		}
	}
	text := accepts(t, "openssl", "x509", "-noout", "-text", "-in", saved(t, "leaf.pem", encode(leaf))).stdout
	freshest := regexp.MustCompile(`(?s)X509v3 Freshest CRL:.*?URI:(\S+)`).FindStringSubmatch(text)
	statement := regexp.MustCompile(`CPS: (\S+)`).FindStringSubmatch(text)
	if freshest == nil || statement == nil {
		t.Fatalf("no freshestCRL or no practice statement in\n%s", text)
	}
	if len(fetch(t, statement[1])) == 0 {
		t.Errorf("%s is empty", statement[1])
	}
	if !isDelta(revocationList(t, freshest[1], issuing)) {
		t.Errorf("%s is no delta", freshest[1])
	}
	if len(leaf.OCSPServer) != 1 || leaf.OCSPServer[0] != shared.url+"/ocsp" {
		t.Errorf("OCSP responders %v", leaf.OCSPServer)
	}
}

func isDelta(l *x509.RevocationList) bool {
	for _, e := range l.Extensions {
		if e.Id.String() == "2.5.29.27" {
			return true
		}
	}
	return false
}

func revocationList(t *testing.T, url string, issuer *x509.Certificate) *x509.RevocationList {
	t.Helper()
	list, err := x509.ParseRevocationList(fetch(t, url))
	if err == nil {
		err = list.CheckSignatureFrom(issuer)
	}
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	return list
}
