package policies

import (
	"crypto"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Timestamp is a timestamp policy (EN 319 421, RFC 3161).
type Timestamp struct {
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
	// OID is the policy field of every token, relative to the arc in the file
	// and complete after Load.
	OID string `yaml:"oid"`
	// Accuracy is the largest deviation from UTC that a token may declare;
	// EN 319 421, 7.7.2 wants one second or better.
	Accuracy time.Duration `yaml:"accuracy"`
	// Hashes are the accepted imprint algorithms: "sha256", "sha384", "sha512".
	Hashes []string `yaml:"hashes"`
	// Profile is the certificate profile of the units that sign under it.
	Profile string `yaml:"profile"`
}

// ObjectIdentifier is OID as encoding/asn1 has it.
func (p *Timestamp) ObjectIdentifier() asn1.ObjectIdentifier {
	oid, _ := parseOID(p.OID) // resolve has parsed it before
	return oid
}

// HashFuncs are Hashes as the standard library names them.
func (p *Timestamp) HashFuncs() []crypto.Hash {
	out := make([]crypto.Hash, len(p.Hashes))
	for i, h := range p.Hashes {
		out[i] = hashes[h]
	}
	return out
}

// Accepts reports whether an imprint made with h may be stamped.
func (p *Timestamp) Accepts(h crypto.Hash) bool { return slices.Contains(p.HashFuncs(), h) }

func (p *Timestamp) resolve(arc asn1.ObjectIdentifier, s *Set) error {
	oid, err := under(arc, p.OID)
	if err != nil {
		return err
	}
	p.OID = oid.String()
	if p.Description == "" || len(p.Hashes) == 0 {
		return errors.New("description and hashes are wanted")
	}
	if p.Accuracy < time.Millisecond || p.Accuracy > time.Second {
		return fmt.Errorf("accuracy %s is not between 1 ms and 1 s", p.Accuracy)
	}
	for _, h := range p.Hashes {
		if _, ok := hashes[h]; !ok {
			return fmt.Errorf("hash %q", h)
		}
	}
	tsu, err := s.Profile(p.Profile)
	if err != nil {
		return err
	}
	if !slices.Equal(tsu.ExtKeyUsage.Purposes, []string{"timeStamping"}) || !tsu.ExtKeyUsage.Critical {
		return fmt.Errorf("profile %q does not say timeStamping alone, critically", p.Profile)
	}
	return nil
}
