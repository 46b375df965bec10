package main_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// issued is a certificate that the CA's desk issued for a request made by OpenSSL.
type issued struct {
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

// bodyName is a department's name, as OpenSSL writes names.
const bodyName = "/C=HK/O=Lands Department/CN=Lands Department"

func issue(t testing.TB, a *appliance) issued {
	t.Helper()
	r := issued{file: filepath.Join(t.TempDir(), "cert.pem")}
	a.must(t, "ca issue", "--profile", "department-seal", "--csr", request(t, bodyName), "--out", r.file)
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

// newRequest is a certificate signing request for a new key.
func newRequest(t testing.TB) (file string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	name := pkix.Name{
		Country: []string{"HK"}, Organization: []string{"Lands Department"}, CommonName: fmt.Sprintf("Lands Department %d", time.Now().UnixNano()),
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: name}, key)
	if err != nil {
		t.Fatal(err)
	}
	return saved(t, "req.der", der)
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
