package main_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A resident is a certificate that the CA's desk issued for a request made by OpenSSL.
type resident struct {
	file, serial string
	cert         *x509.Certificate
}

func request(t testing.TB, subject string) (csr string) {
	t.Helper()
	dir := t.TempDir()
	csr = filepath.Join(dir, "req.pem")
	accepts(t, "openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
		"-keyout", filepath.Join(dir, "key.pem"), "-out", csr, "-subj", subject)
	return csr
}

const resident1 = "/C=HK/CN=CHAN Siu Ming/SN=CHAN/GN=Siu Ming/serialNumber=SRN0000000001"

func issue(t testing.TB, a *appliance) resident {
	t.Helper()
	r := resident{file: filepath.Join(t.TempDir(), "cert.pem")}
	a.must(t, "ca issue", "--profile", "resident", "--csr", request(t, resident1), "--out", r.file)
	block, rest := pem.Decode(readFile(t, r.file))
	if block == nil || len(rest) != 0 {
		t.Fatalf("%s is not one PEM block", r.file)
	}
	var err error
	if r.cert, err = x509.ParseCertificate(block.Bytes); err != nil {
		t.Fatal(err)
	}
	r.serial = strings.TrimPrefix(strings.TrimSpace(accepts(t, "openssl", "x509", "-noout", "-serial", "-in", r.file).stdout), "serial=")
	return r
}

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
		list := revocationList(t, c.pointer.CRLDistributionPoints[0], c.issuer)
		if base := deltaBase(list); base {
			t.Errorf("%s is a delta", c.pointer.CRLDistributionPoints[0])
		}
	}
	text := accepts(t, "openssl", "x509", "-noout", "-text", "-in", saved(t, "leaf.pem", encode(leaf))).stdout
	freshest := regexp.MustCompile(`(?s)X509v3 Freshest CRL:.*?URI:(\S+)`).FindStringSubmatch(text)
	if freshest == nil {
		t.Fatalf("no freshestCRL in\n%s", text)
	}
	if !deltaBase(revocationList(t, freshest[1], issuing)) {
		t.Errorf("%s is no delta", freshest[1])
	}
	if len(leaf.OCSPServer) != 1 || leaf.OCSPServer[0] != shared.url+"/ocsp" {
		t.Errorf("OCSP responders %v", leaf.OCSPServer)
	}
}

func deltaBase(l *x509.RevocationList) bool {
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

func fetch(t testing.TB, url string) []byte {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s %v\n%s", url, response.Status, err, body)
	}
	return body
}

func certificate(t testing.TB, file string) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(readFile(t, file))
	if block == nil {
		t.Fatalf("%s is no PEM file", file)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func encode(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
}
