package policies

import (
	"crypto"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
)

// Signature is a signature policy: what a document signed under it may be.
type Signature struct {
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
	// OID is the policy's identifier, relative to the arc in the file and
	// complete after Load. It is not placed in signatures: a signature with an
	// explicit policy identifier is B-level plus EPES, which nobody here asks for.
	OID string `yaml:"oid"`
	// Format is "PAdES" (EN 319 142-1), "PKCS7" (ISO 32000-1 adbe.pkcs7.detached),
	// "XAdES" (EN 319 132-1), "CAdES" (EN 319 122-1), "ASiC" (EN 319 162-1) or
	// "JAdES" (TS 119 182-1).
	Format string `yaml:"format"`
	// SubFilter is the PDF signature dictionary's name for the format; none for the others.
	SubFilter string `yaml:"sub_filter"`
	// Levels are the levels that may be asked for, lowest first.
	Levels []string `yaml:"levels"`
	// DefaultLevel applies when the caller names none.
	DefaultLevel string `yaml:"default_level"`
	// Hash is the document digest: "sha256", "sha384" or "sha512".
	Hash string `yaml:"hash"`
	// Profiles are the certificate profiles whose credentials may sign under it.
	Profiles []string `yaml:"profiles"`
}

// Allows reports whether a level may be asked for under this policy.
func (p *Signature) Allows(level string) bool { return slices.Contains(p.Levels, level) }

// AllowsProfile reports whether a certificate of the profile may sign under this policy.
func (p *Signature) AllowsProfile(profile string) bool { return slices.Contains(p.Profiles, profile) }

// HashFunc is Hash as the standard library names it.
func (p *Signature) HashFunc() crypto.Hash { return hashes[p.Hash] }

func (p *Signature) resolve(arc asn1.ObjectIdentifier, s *Set) error {
	oid, err := under(arc, p.OID)
	if err != nil {
		return err
	}
	p.OID = oid.String()
	if want, ok := subFilters[p.Format]; !ok || p.SubFilter != want {
		return fmt.Errorf("format %q with sub_filter %q", p.Format, p.SubFilter)
	}
	if p.Description == "" || len(p.Levels) == 0 || len(p.Profiles) == 0 {
		return errors.New("description, levels and profiles are wanted")
	}
	for _, l := range p.Levels {
		if !slices.Contains([]string{"B-B", "B-T", "B-LT", "B-LTA"}, l) {
			return fmt.Errorf("level %q", l)
		}
	}
	if !p.Allows(p.DefaultLevel) {
		return fmt.Errorf("default level %q is not among the levels", p.DefaultLevel)
	}
	if _, ok := hashes[p.Hash]; !ok {
		return fmt.Errorf("hash %q", p.Hash)
	}
	for _, name := range p.Profiles {
		if _, err := s.Profile(name); err != nil {
			return err
		}
	}
	return nil
}

var subFilters = map[string]string{
	"PAdES": "ETSI.CAdES.detached",
	"PKCS7": "adbe.pkcs7.detached",
	"XAdES": "",
	"CAdES": "",
	"ASiC":  "",
	"JAdES": "",
}

var hashes = map[string]crypto.Hash{
	"sha256": crypto.SHA256,
	"sha384": crypto.SHA384,
	"sha512": crypto.SHA512,
}
