package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"chop/internal/solecontrol"
	"chop/registration/hkic"
	"chop/registration/hkic/issuer"
	"chop/registration/kiosk/agent"
)

// programs builds what is tried, as it is shipped.
func programs(t *testing.T, dir string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", dir+"/", "chop/cmd/chop-card", "chop/cmd/chop-kiosk").CombinedOutput()
	if err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
}

// outcome is what the server got of one card.
type outcome struct {
	card   *hkic.CardData
	reason string
	at     time.Time
}

// server is the kiosk listener with one session after the other: it gives challenges and judges.
type server struct {
	t         *testing.T
	trust     hkic.Trust
	challenge []byte
	got       chan outcome
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	var answer any
	switch r.URL.Path {
	case agent.PathSessions:
		s.challenge = make([]byte, hkic.ChallengeSize)
		rand.Read(s.challenge)
		answer = agent.Offer{Session: "session", Challenge: s.challenge, NotAfter: solecontrol.At(time.Now().Add(time.Minute))}
	case agent.PathReadings:
		var m agent.Reading
		if err := solecontrol.Decode(body, &m); err != nil {
			s.t.Error(err)
		}
		card, err := m.Evidence().Verify(s.challenge, s.trust, time.Now())
		if err != nil {
			s.t.Errorf("the agent brought a card that is refused: %v", err)
		}
		s.got <- outcome{card, "", time.Now()}
		answer = agent.Verdict{State: "read"}
	case agent.PathProblems:
		var m agent.Problem
		if err := solecontrol.Decode(body, &m); err != nil {
			s.t.Error(err)
		}
		s.got <- outcome{nil, m.Problem, time.Now()}
		answer = agent.Verdict{State: "refused", Reason: m.Problem}
	}
	text, err := solecontrol.Encode(answer)
	if err != nil {
		s.t.Error(err)
	}
	if _, err := w.Write(text); err != nil {
		s.t.Error(err)
	}
}

// serveKiosk starts the listener, with mutual TLS under a CA of the test, and
// writes the files that the kiosk needs: ca.pem, kiosk.pem, kiosk.key.
func serveKiosk(t *testing.T, dir string, trust hkic.Trust) (*server, string) {
	t.Helper()
	s := &server{t: t, trust: trust, got: make(chan outcome, 1)}
	caKey, ca := certify(t, "CA", nil, nil)
	serverKey, serverCert := certify(t, "server", ca, caKey)
	kioskKey, kioskCert := certify(t, "kiosk", ca, caKey)
	der, err := x509.MarshalPKCS8PrivateKey(kioskKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*pem.Block{
		"ca.pem": {Type: "CERTIFICATE", Bytes: ca.Raw}, "kiosk.pem": {Type: "CERTIFICATE", Bytes: kioskCert.Raw}, "kiosk.key": {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	h := httptest.NewUnstartedServer(s)
	h.TLS = &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{serverCert.Raw}, PrivateKey: serverKey}},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: pool,
	}
	h.StartTLS()
	t.Cleanup(h.Close)
	return s, h.URL
}

func certify(t *testing.T, name string, parent *x509.Certificate, by *ecdsa.PrivateKey) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: parent == nil, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if parent == nil {
		parent, by = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, cert
}

func saveIssuer(t *testing.T, dir string) *issuer.Issuer {
	t.Helper()
	i, err := issuer.New(time.Now())
	if err == nil {
		err = i.Save(filepath.Join(dir, "cards"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return i
}
