package catest

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"chop/ca"
)

// Statements stands in for the activation process: an envelope is a random name under
// which it remembers what it has stated. It implements ca.StatementVerifier.
type Statements struct {
	mu     sync.Mutex
	stated map[string]*ca.Statement
}

// State states something and returns the envelope.
func (s *Statements) State(what ca.Statement) []byte {
	name := make([]byte, 16)
	_, _ = rand.Read(name)
	envelope := []byte(hex.EncodeToString(name))
	if what.Digest == [sha256.Size]byte{} {
		what.Digest = sha256.Sum256(envelope)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stated == nil {
		s.stated = map[string]*ca.Statement{}
	}
	s.stated[string(envelope)] = &what
	return envelope
}

// VerifyStatement knows what State has returned, and nothing else.
func (s *Statements) VerifyStatement(envelope []byte) (*ca.Statement, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if what := s.stated[string(envelope)]; what != nil {
		return what, nil
	}
	return nil, errors.New("nobody has stated that")
}

// Stated completes a request for a resident's certificate with a statement that says
// what it asks for. Whatever cannot be stated stays as it is, for the CA to refuse.
func (s *Statements) Stated(r ca.Request) ca.Request {
	if (r.Profile != "resident" && r.Profile != "resident-device-key") || r.Statement != nil {
		return r
	}
	csr, err := x509.ParseCertificateRequest(r.CSR)
	if err != nil {
		return r
	}
	spki, err := x509.MarshalPKIXPublicKey(csr.PublicKey)
	if err != nil {
		return r
	}
	subject := r.Subject
	if subject == (ca.Subject{}) {
		subject = subjectOf(csr.Subject)
	}
	if subject.Country == "" {
		subject.Country = "HK"
	}
	digest, err := ca.SubjectDigest(subject)
	if err != nil {
		return r
	}
	if r.Credential == "" {
		sum := sha256.Sum256(spki)
		r.Credential = "credential:" + hex.EncodeToString(sum[:16])
	}
	r.Statement = s.State(ca.Statement{
		Credential: r.Credential, SPKI: spki, Subject: digest, DeviceKey: r.Profile == "resident-device-key", At: time.Time{},
	})
	return r
}

func subjectOf(n pkix.Name) ca.Subject {
	s := ca.Subject{CommonName: n.CommonName, SerialNumber: n.SerialNumber}
	if len(n.Country) == 1 {
		s.Country = n.Country[0]
	}
	for _, a := range n.Names {
		v, _ := a.Value.(string)
		switch a.Type.String() {
		case "2.5.4.4":
			s.Surname = v
		case "2.5.4.42":
			s.GivenName = v
		}
	}
	return s
}
