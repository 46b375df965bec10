package policies

import (
	"crypto/x509"
	"fmt"

	"gopkg.in/yaml.v3"
)

// KeyUsage is the key usage extension (RFC 5280, 4.2.1.3); in YAML a list of
// the names that the RFC gives to the bits.
type KeyUsage x509.KeyUsage

var keyUsageNames = map[string]x509.KeyUsage{
	"digitalSignature":  x509.KeyUsageDigitalSignature,
	"contentCommitment": x509.KeyUsageContentCommitment, // formerly nonRepudiation
	"keyCertSign":       x509.KeyUsageCertSign,
	"cRLSign":           x509.KeyUsageCRLSign,
}

// UnmarshalYAML reads a list of bit names, each once.
func (u *KeyUsage) UnmarshalYAML(n *yaml.Node) error {
	var names []string
	if err := n.Decode(&names); err != nil {
		return err
	}
	*u = 0
	for _, name := range names {
		bit, ok := keyUsageNames[name]
		if !ok || *u&KeyUsage(bit) != 0 {
			return fmt.Errorf("line %d: key usage %q is unknown or occurs twice", n.Line, name)
		}
		*u |= KeyUsage(bit)
	}
	return nil
}

// X509 is the usage as crypto/x509 has it.
func (u KeyUsage) X509() x509.KeyUsage { return x509.KeyUsage(u) }

// CertSign reports whether the key may sign certificates.
func (u KeyUsage) CertSign() bool { return u.X509()&x509.KeyUsageCertSign != 0 }
