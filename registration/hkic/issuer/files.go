package issuer

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// The files of an issuer in its folder. The first is what readers trust.
const (
	CountryFile = "country-ca.pem"
	signerFile  = "document-signer.pem"
	keyFile     = "document-signer.key"
)

// Save writes the issuer into a folder. The signer's key lies there in the clear: it is worth nothing.
func (i *Issuer) Save(dir string) error {
	key, err := x509.MarshalPKCS8PrivateKey(i.signerKey)
	if err != nil {
		return fmt.Errorf("save issuer: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("save issuer: %w", err)
	}
	for name, b := range map[string]*pem.Block{
		CountryFile: {Type: "CERTIFICATE", Bytes: i.Country.Raw}, signerFile: {Type: "CERTIFICATE", Bytes: i.Signer.Raw}, keyFile: {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(b), 0o600); err != nil {
			return fmt.Errorf("save issuer: %w", err)
		}
	}
	return nil
}

// Load reads what Save wrote.
func Load(dir string) (*Issuer, error) {
	der := map[string][]byte{}
	for _, name := range []string{CountryFile, signerFile, keyFile} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("load issuer: %w", err)
		}
		block, _ := pem.Decode(text)
		if block == nil {
			return nil, fmt.Errorf("load issuer: %s is no PEM file", name)
		}
		der[name] = block.Bytes
	}
	country, err1 := x509.ParseCertificate(der[CountryFile])
	signer, err2 := x509.ParseCertificate(der[signerFile])
	key, err3 := x509.ParsePKCS8PrivateKey(der[keyFile])
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, fmt.Errorf("load issuer: %w", err)
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok || !ec.PublicKey.Equal(signer.PublicKey) {
		return nil, errors.New("load issuer: the key is not the document signer's")
	}
	return &Issuer{country, signer, ec}, nil
}
