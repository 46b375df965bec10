package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// folder is the appliance's data folder:
//
//	chop.yaml         configuration
//	public/           certificates for relying parties: root.pem, issuing.pem, tsa.pem
//	secrets/          PINs, one 0600 file each
//	tokens/<role>/    SoftHSM token of one role
//	postgres/         the private database cluster
//	kiosks/           certificates of the kiosks whose tickets count
//	run/              locks
//	ceremony/         transcripts
//	out/              what the demo made
type folder string

func (f folder) path(elem ...string) string {
	return filepath.Join(append([]string{string(f)}, elem...)...)
}

// shown is path as a person would type it here.
func shown(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(wd, path); err == nil && !strings.HasPrefix(rel, "..") {
		return rel
	}
	return path
}

func (f folder) config() string           { return f.path("chop.yaml") }
func (f folder) token(role string) string { return f.path("tokens", role) }

// errNoAppliance: the folder has no chop.yaml.
var errNoAppliance = errors.New("no appliance in this folder")

// create makes the folder and its parts. Only its owner may look inside; public/ is public by being served.
func (f folder) create() error {
	for _, dir := range []string{"", "public", "secrets", "tokens", "run", "ceremony", "out"} {
		if err := os.MkdirAll(f.path(dir), 0o700); err != nil {
			return fmt.Errorf("create the data folder: %w", err)
		}
	}
	return nil
}

// open loads the configuration of an appliance that exists.
func (f folder) open() (config, error) {
	c, err := loadConfig(f.config())
	if errors.Is(err, fs.ErrNotExist) {
		return c, fmt.Errorf("%s: %w", f, errNoAppliance)
	}
	return c, err
}

// secret reads secrets/<name>.
func (f folder) secret(name string) (string, error) {
	s, err := readSecretFile(f.path("secrets", name))
	if err != nil {
		return "", fmt.Errorf("read secret %s: %w", name, err)
	}
	return s, nil
}

// readSecretFile reads a file that holds one secret; white space around it does not count.
func readSecretFile(path string) (string, error) {
	data, err := os.ReadFile(path)
	return strings.TrimSpace(string(data)), err
}

// ensureSecret reads secrets/<name>, or makes 128 random bits there. It is on disk before it is used.
func (f folder) ensureSecret(name string) (string, error) {
	s, err := f.secret(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	s = rand.Text()
	return s, writeFile(f.path("secrets", name), []byte(s+"\n"), 0o600)
}
