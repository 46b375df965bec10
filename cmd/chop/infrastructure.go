package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"time"

	"chop/ca/infra"
	"chop/hsm"
)

// infrastructure is the CA of our own TLS clients and servers. Its key lies in the ca token.
func (a *appliance) infrastructure(ctx context.Context) (*infra.Authority, error) {
	return a.services.infrastructure.get(func() (*infra.Authority, error) {
		token, err := a.tokens.get(ctx, roleCA)
		if err != nil {
			return nil, err
		}
		key, err := a.keyOrNew(ctx, token, "infrastructure", hsm.P256)
		if err != nil {
			return nil, fmt.Errorf("open the infrastructure CA's key: %w", err)
		}
		authority, err := infra.New(ctx, infra.Config{DB: a.db, Key: key, Now: now})
		if err != nil {
			return nil, err
		}
		root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Root().Raw})
		path := a.folder.path("public", "infrastructure.pem")
		if there, err := os.ReadFile(path); err == nil && bytes.Equal(there, root) {
			return authority, nil
		}
		return authority, writeFile(path, root, 0o644)
	})
}

// renewBefore is how long before its end a TLS certificate of ours is made anew.
const renewBefore = 30 * 24 * time.Hour

// The names of the server's TLS certificates.
const (
	machineDesk        = "desk-server"
	machineKiosks      = "kiosk-server"
	machineDepartments = "department-server"
	machineImmigration = "immigration-client"
)

// machineCertificate returns the TLS certificate secrets/<name>.pem with its key, and makes both if they are absent
// or nearly over. These keys lie in files: they open a door, and sign nothing.
func (a *appliance) machineCertificate(ctx context.Context, name string, r infra.Request) (tls.Certificate, error) {
	path := a.folder.path("secrets", name+".pem")
	cert, err := a.keyPair(path, path)
	if err == nil && (a.handed != nil || time.Until(cert.Leaf.NotAfter) > renewBefore) {
		return cert, nil // what was handed over was looked at before
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return cert, fmt.Errorf("read %s: %w", shown(path), err)
	}
	authority, err := a.infrastructure(ctx)
	if err != nil {
		return cert, err
	}
	text, _, err := newMachineKey(ctx, authority, r)
	if err != nil {
		return cert, err
	}
	if err := writeFile(path, text, 0o600); err != nil {
		return cert, err
	}
	return tls.LoadX509KeyPair(path, path)
}

// keyPair reads a certificate and its key.
func (a *appliance) keyPair(certFile, keyFile string) (tls.Certificate, error) {
	cert, err := a.read(certFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := a.read(keyFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}

// newMachineKey makes a key and has it certified; it returns both in PEM.
func newMachineKey(ctx context.Context, authority *infra.Authority, r infra.Request) ([]byte, *x509.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	r.Key = key.Public()
	cert, err := authority.Issue(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
	return append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})...), cert, nil
}

// readPublicKey reads a P-256 public key in PEM.
func readPublicKey(path string) (*ecdsa.PublicKey, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parsePublicKey(path, data)
}

func parsePublicKey(path string, data []byte) (*ecdsa.PublicKey, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s: no PEM block", shown(path))
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", shown(path), err)
	}
	pub, ok := key.(*ecdsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%s: not an ECDSA key", shown(path))
	}
	return pub, nil
}

// deskOrigin is the officers' desk, which officers' passkeys are made for. Passkeys want a name, so an address of
// this machine is called localhost.
func (c *config) deskOrigin() string {
	if c.OfficerURL != "" {
		return c.OfficerURL
	}
	u := url.URL{Scheme: "https", Host: c.OfficerListen}
	u.Host = "localhost:" + u.Port()
	return u.String()
}
