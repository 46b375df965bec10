// Package infra is the infrastructure CA: it certifies the appliance's own servers and
// the machines and people that operate it (officers, kiosks, departments) for TLS
// (RFC 5280, RFC 8446). Nobody else trusts it, and it has nothing to do with the
// certificates that residents and departments sign with.
//
// A certificate is recorded, with the digest of its key, before it is signed. Whoever
// accepts connections asks Known for each client: a certificate that is not recorded,
// or was withdrawn, is refused at the next handshake, so there is no revocation list.
//
// It holds no key: that is a crypto.Signer. It refuses kinds that it does not know.
package infra

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"

	"chop/internal/audit"
	"chop/internal/postgres"
)

// The kinds of certificates.
const (
	Server     = "server"
	Officer    = "officer"
	Kiosk      = "kiosk"
	Department = "department" // a department's program
	Operator   = "operator"   // a person who works for a department
	Client     = "client"     // the appliance itself, where it asks a server of others
)

var (
	// ErrRequest: the request is not one that this CA serves.
	ErrRequest = errors.New("infrastructure certificate refused")
	// ErrUnknown: the certificate is not recorded here, or was withdrawn.
	ErrUnknown = errors.New("client certificate is not known here, or was withdrawn")
)

// The lengths of life. A client's key may lie in a file, so it does not live long.
const (
	rootLife   = 20 * 365 * 24 * time.Hour
	serverLife = 397 * 24 * time.Hour
	clientLife = 397 * 24 * time.Hour
)

// Config is what an Authority needs.
type Config struct {
	DB *postgres.DB
	// Key is the root's.
	Key crypto.Signer
	// Now is the wall clock; nil: time.Now.
	Now func() time.Time
}

// Authority issues under one root. It is safe for concurrent use.
type Authority struct {
	c    Config
	root *x509.Certificate
}

// New finds the root's certificate for the key, and makes it if there is none.
func New(ctx context.Context, c Config) (*Authority, error) {
	if c.DB == nil || c.Key == nil {
		return nil, errors.New("new infrastructure CA: no database or no key")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	a := &Authority{c: c}
	digest, err := keyDigest(c.Key.Public())
	if err != nil {
		return nil, err
	}
	der, err := selectRoot(ctx, c.DB, digest)
	if err == nil && der == nil {
		der, err = a.makeRoot(ctx, digest)
	}
	if err != nil {
		return nil, fmt.Errorf("open infrastructure CA: %w", err)
	}
	if a.root, err = x509.ParseCertificate(der); err != nil {
		return nil, fmt.Errorf("open infrastructure CA: %w", err)
	}
	return a, nil
}

// Root is what servers and clients of the appliance trust.
func (a *Authority) Root() *x509.Certificate { return a.root }

func keyDigest(pub crypto.PublicKey) ([]byte, error) {
	spki, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("encode public key: %w", err)
	}
	d := sha256.Sum256(spki)
	return d[:], nil
}

func newSerial() (*big.Int, error) {
	b := make([]byte, 17)
	if _, err := rand.Read(b[1:]); err != nil {
		return nil, err
	}
	b[0] = 1 // never negative, never short
	return new(big.Int).SetBytes(b), nil
}

func (a *Authority) makeRoot(ctx context.Context, digest []byte) ([]byte, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	now := a.c.Now().UTC().Truncate(time.Second)
	t := &x509.Certificate{
		SerialNumber: serial, NotBefore: now, NotAfter: now.Add(rootLife),
		Subject:               pkix.Name{Country: []string{"HK"}, Organization: []string{"Chop"}, CommonName: "Chop infrastructure CA"},
		BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, a.c.Key.Public(), a.c.Key)
	if err != nil {
		return nil, fmt.Errorf("make root: %w", err)
	}
	// Two processes may make one each at the same moment: the first that is stored is the root.
	return insertRoot(ctx, a.c.DB, digest, der, now, audit.Event{
		At: now, Actor: "system:infra", Action: "infra.root", Subject: fmt.Sprintf("certificate:%x", serial),
	})
}

// Request asks for one certificate.
type Request struct {
	Kind string // Server, Officer, Kiosk, Department, Operator, Client
	// ID names the holder: the officer's, the kiosk's; for a server its purpose.
	ID string
	// Names are a server's DNS names and addresses.
	Names []string
	// Key is the holder's; who may have it is for the caller to know.
	Key crypto.PublicKey
	// Actor is who asks.
	Actor string
}

// Issue records and signs a certificate.
func (a *Authority) Issue(ctx context.Context, r Request) (*x509.Certificate, error) {
	if r.ID == "" || len(r.ID) > 64 || r.Actor == "" || r.Key == nil {
		return nil, fmt.Errorf("%w: id, key and actor are wanted", ErrRequest)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	now := a.c.Now().UTC().Truncate(time.Second)
	t := &x509.Certificate{
		SerialNumber: serial, NotBefore: now.Add(-time.Minute), NotAfter: now.Add(clientLife),
		Subject:               pkix.Name{Country: []string{"HK"}, Organization: []string{"Chop"}, OrganizationalUnit: []string{r.Kind}, CommonName: r.ID},
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	switch r.Kind {
	case Server:
		t.NotAfter, t.ExtKeyUsage = now.Add(serverLife), []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		for _, n := range r.Names {
			if ip := net.ParseIP(n); ip != nil {
				t.IPAddresses = append(t.IPAddresses, ip)
			} else {
				t.DNSNames = append(t.DNSNames, n)
			}
		}
		if len(r.Names) == 0 {
			return nil, fmt.Errorf("%w: a server without a name", ErrRequest)
		}
	case Officer, Kiosk, Department, Operator, Client:
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	default:
		return nil, fmt.Errorf("%w: no kind %q", ErrRequest, r.Kind)
	}
	digest, err := keyDigest(r.Key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	event := audit.Event{
		At: a.c.Now(), Actor: r.Actor, Action: "infra.issue", Subject: r.Kind + ":" + r.ID,
		Detail: map[string]any{"serial": fmt.Sprintf("%x", serial), "key": fmt.Sprintf("%x", digest)},
	}
	if err := insertCertificate(ctx, a.c.DB, serial.Bytes(), r.Kind, r.ID, digest, t.NotAfter, now, event); err != nil {
		return nil, fmt.Errorf("record infrastructure certificate: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.root, r.Key, a.c.Key)
	if err != nil {
		return nil, fmt.Errorf("sign infrastructure certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}
