package main

import (
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
	"net"
	"os"

	"chop/ca/infra"
	"chop/registration/immd"
	"chop/registration/officers"
)

// The reference server that stands in for the Immigration Department.
const (
	referenceListen = "127.0.0.1:8444"
	referenceKeyID  = "immd-reference"
)

// immigration is the client of the Immigration Department.
func (a *appliance) immigration(ctx context.Context) (*immd.Client, error) {
	c := a.config.Immigration
	config := immd.Config{URL: c.URL, Now: now, Keys: map[string]*ecdsa.PublicKey{}}
	if config.URL == "" {
		config.URL = "https://" + a.referenceAddress()
	}
	var err error
	if config.TLS, err = a.immigrationTLS(ctx); err != nil {
		return nil, err
	}
	files := c.AnswerKeys
	if len(files) == 0 {
		files = map[string]string{referenceKeyID: a.folder.path("public", "immigration.pem")}
		if a.handed == nil {
			if _, err := a.referenceKey(); err != nil {
				return nil, err
			}
		}
	}
	for id, file := range files {
		data, err := a.read(file)
		if err == nil {
			config.Keys[id], err = parsePublicKey(file, data)
		}
		if err != nil {
			return nil, fmt.Errorf("read the Immigration Department's key %q: %w", id, err)
		}
	}
	return immd.New(config)
}

func (a *appliance) immigrationTLS(ctx context.Context) (*tls.Config, error) {
	c := a.config.Immigration
	if c.CertFile != "" {
		cert, err := a.keyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("read immigration.cert_file: %w", err)
		}
		pool := x509.NewCertPool()
		ca, err := a.read(c.CAFile)
		if err != nil || !pool.AppendCertsFromPEM(ca) {
			return nil, fmt.Errorf("read immigration.ca_file: %w", errors.Join(err, errors.New("it must hold certificates in PEM")))
		}
		return &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{cert}}, nil
	}
	authority, err := a.infrastructure(ctx)
	if err != nil {
		return nil, err
	}
	cert, err := a.machineCertificate(ctx, machineImmigration, infra.Request{Kind: infra.Client, ID: "registration", Actor: "system:registration"})
	if err != nil {
		return nil, err
	}
	return &tls.Config{RootCAs: authority.Pool(), Certificates: []tls.Certificate{cert}}, nil
}

// referenceAddress is where the reference server of this data folder listens, or listened last.
func (a *appliance) referenceAddress() string {
	if a.handed != nil {
		return a.handed.Reference
	}
	if b, err := os.ReadFile(a.folder.path("run", "immd-reference.address")); err == nil {
		return string(b)
	}
	return referenceListen
}

// referenceKey is the key that the reference server signs its answers with; its public half is public/immigration.pem.
func (a *appliance) referenceKey() (*ecdsa.PrivateKey, error) {
	path := a.folder.path("secrets", "immd-reference.key")
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		turn, failed := a.folder.making(context.Background()) // which takes a moment, whoever has it
		if failed != nil {
			return nil, failed
		}
		defer turn.Close()
		data, err = os.ReadFile(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, err
		}
		public, err := x509.MarshalPKIXPublicKey(key.Public())
		if err != nil {
			return nil, err
		}
		// The public half first: a key that is there is whole.
		if err := writeFile(a.folder.path("public", "immigration.pem"), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), 0o644); err != nil {
			return nil, err
		}
		return key, writeFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s: no PEM block", shown(path))
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", shown(path), err)
	}
	private, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s: not an ECDSA key", shown(path))
	}
	return private, nil
}

// pinnedImmigration are the Immigration Department's keys for pins.json.
func (a *appliance) pinnedImmigration() ([]officers.Key, error) {
	files := a.config.Immigration.AnswerKeys
	if len(files) == 0 {
		if _, err := a.referenceKey(); err != nil {
			return nil, err
		}
		files = map[string]string{referenceKeyID: a.folder.path("public", "immigration.pem")}
	}
	var keys []officers.Key
	for id, file := range files {
		pub, err := readPublicKey(file)
		if err != nil {
			return nil, err
		}
		der, err := x509.MarshalPKIXPublicKey(pub)
		if err != nil {
			return nil, err
		}
		keys = append(keys, officers.Key{ID: id, Key: der})
	}
	return keys, nil
}

// serveReference answers as the Immigration Department until ctx ends, about the people and with the fault of config.
func (a *appliance) serveReference(ctx context.Context, listener net.Listener, config immd.ReferenceConfig) error {
	key, err := a.referenceKey()
	if err != nil {
		return err
	}
	config.Key, config.KeyID, config.Now = key, referenceKeyID, now
	reference, err := immd.NewReference(config)
	if err != nil {
		return err
	}
	authority, err := a.infrastructure(ctx)
	if err != nil {
		return err
	}
	cert, err := a.machineCertificate(ctx, "immigration-server", infra.Request{
		Kind: infra.Server, ID: "immd-reference", Names: []string{"localhost", "127.0.0.1", "::1"}, Actor: "system:immd-reference",
	})
	if err != nil {
		return err
	}
	if err := writeFile(a.folder.path("run", "immd-reference.address"), []byte(listener.Addr().String()), 0o600); err != nil {
		return err
	}
	return serveTLS(ctx, listener, "the immigration reference", a.log, authority.ServerConfig(cert), reference.Handler())
}
