// Package sigpolicy holds signature policies: for each, by the identifier that signers give
// (EN 319 122-1, 5.2.9; EN 319 132-1, 5.2.9; TS 119 182-1, 5.2.7), the document that it is and
// what it asks of a signature, in YAML that a person reads. It is the local source of
// validation constraints of EN 319 102-1, 5.1.4.
//
// What it refuses: a key or a name that it does not know, two policies of one identifier, a
// document outside of the policy's own folder, and to get a policy from where a signature says
// that it is.
package sigpolicy

import (
	"bytes"
	"crypto"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// A Policy is one that we hold. Lists that are empty ask for nothing.
type Policy struct {
	// ID is an object identifier with dots, or a URI.
	ID, Name string
	// Document are the octets whose digest a signature gives.
	Document []byte
	// Level is the least baseline level: B-B, B-T, B-LT or B-LTA; "" is any.
	Level string
	// Commitments are those that a signature may state, one of which it must.
	Commitments []string
	// Roles are those of which the signer must claim one.
	Roles []string
	// Algorithms are those that signatures may use: names of algorithm suites (policies).
	Algorithms []string
	// CertificatePolicies are those of which the signing certificate must have one.
	CertificatePolicies []asn1.ObjectIdentifier
}

// A Store is the policies that are held. It is immutable; nil holds none.
type Store struct{ byID map[string]*Policy }

// Limits on what Read reads.
const (
	maxPolicies = 1000
	maxSize     = 16 << 20 // of one file, in bytes
)

// ErrPolicy means that a file describes no policy. The wrapped error says why.
var ErrPolicy = errors.New("unusable signature policy")

// Find returns the policy of an identifier, in whatever form a signature gives it; nil: it is
// not held.
func (s *Store) Find(id string) *Policy {
	if s == nil {
		return nil
	}
	return s.byID[Normal(id)]
}

// Len is how many policies are held.
func (s *Store) Len() int {
	if s == nil {
		return 0
	}
	return len(s.byID)
}

// Normal is an identifier in the form of Policy.ID: urn:oid:1.2.3 and OID.1.2.3 are 1.2.3.
func Normal(id string) string {
	for {
		short := strings.TrimSpace(id)
		for _, prefix := range []string{"urn:oid:", "oid."} {
			if len(short) > len(prefix) && strings.EqualFold(short[:len(prefix)], prefix) {
				short = short[len(prefix):]
			}
		}
		if short == id {
			return id
		}
		id = short
	}
}

// Matches reports whether a digest is that of the policy's document.
func (p *Policy) Matches(h crypto.Hash, digest []byte) bool {
	if !h.Available() {
		return false
	}
	w := h.New()
	w.Write(p.Document)
	return bytes.Equal(w.Sum(nil), digest)
}

// Read reads policies' files, and all of folders (*.yaml). ErrPolicy.
func Read(paths ...string) (*Store, error) {
	var names []string
	for _, path := range paths {
		list, err := filesOf(path)
		if err != nil {
			return nil, err
		}
		names = append(names, list...)
	}
	if len(names) > maxPolicies {
		return nil, fmt.Errorf("%w: %d files, at most %d", ErrPolicy, len(names), maxPolicies)
	}
	s := &Store{byID: map[string]*Policy{}}
	for _, name := range names {
		b, err := readFile(name)
		if err != nil {
			return nil, err
		}
		p, err := Parse(b, func(document string) ([]byte, error) { return readFile(filepath.Join(filepath.Dir(name), document)) })
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if s.byID[p.ID] != nil {
			return nil, fmt.Errorf("%s: %w: a second policy %s", name, ErrPolicy, p.ID)
		}
		s.byID[p.ID] = p
	}
	return s, nil
}

// filesOf lists the policies of a folder, or the file itself.
func filesOf(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("signature policies: %w", err)
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("signature policies: %w", err)
	}
	var names []string
	for _, e := range entries {
		if filepath.Ext(e.Name()) == ".yaml" {
			names = append(names, filepath.Join(path, e.Name()))
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: no *.yaml in %s", ErrPolicy, path)
	}
	return names, nil
}

func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("signature policies: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxSize {
		return nil, fmt.Errorf("%w: %s is not a regular file, or larger than %d bytes", ErrPolicy, name, maxSize)
	}
	return os.ReadFile(name)
}

// Levels are the baseline levels, the lowest first.
var Levels = []string{"B-B", "B-T", "B-LT", "B-LTA"}

// Parse reads one policy in YAML; document reads the file that it names. ErrPolicy.
func Parse(b []byte, document func(name string) ([]byte, error)) (*Policy, error) {
	if len(b) > maxSize {
		return nil, bad("it is larger than %d bytes", maxSize)
	}
	var in struct {
		ID, Name, Document, Level string
		Commitments, Roles        []string
		Algorithms                []string
		CertificatePolicies       []string `yaml:"certificate_policies"`
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&in); err != nil {
		return nil, bad("%v", err)
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, bad("more than one document")
	}
	p := &Policy{ID: Normal(in.ID), Name: in.Name, Level: in.Level, Roles: in.Roles}
	switch _, oid := parseOID(p.ID); {
	case !oid && !absolute(p.ID):
		return nil, bad("id %q is neither an object identifier nor an absolute URI", in.ID)
	case in.Name == "":
		return nil, bad("a name is wanted")
	case in.Level != "" && !slices.Contains(Levels, in.Level):
		return nil, bad("no level %q, there are %s", in.Level, strings.Join(Levels, ", "))
	case !filepath.IsLocal(in.Document) || filepath.Base(in.Document) != in.Document:
		return nil, bad("document %q is not the name of a file beside it", in.Document)
	case slices.Contains(in.Roles, ""):
		return nil, bad("an empty role")
	}
	for _, c := range in.Commitments {
		if c = Commitment(c); !slices.Contains(slices.Collect(words()), c) && !absolute(c) {
			if _, oid := parseOID(c); !oid {
				return nil, bad("no commitment %q", c)
			}
		}
		p.Commitments = append(p.Commitments, Commitment(c))
	}
	for _, a := range in.Algorithms {
		if !algorithm.MatchString(a) {
			return nil, bad("no algorithm %q; they are named as in algorithm suites: sha256, ecdsa-p256, rsa-pss-3072", a)
		}
		p.Algorithms = append(p.Algorithms, a)
	}
	for _, text := range in.CertificatePolicies {
		oid, ok := parseOID(Normal(text))
		if !ok {
			return nil, bad("certificate policy %q is no object identifier", text)
		}
		p.CertificatePolicies = append(p.CertificatePolicies, oid)
	}
	var err error
	p.Document, err = document(in.Document)
	return p, err
}

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrPolicy, fmt.Sprintf(format, args...))
}

func absolute(uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && u.Scheme != "" && (u.Host != "" || u.Opaque != "")
}

// parseOID reads an object identifier with dots.
func parseOID(s string) (asn1.ObjectIdentifier, bool) {
	var oid asn1.ObjectIdentifier
	for part := range strings.SplitSeq(s, ".") {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil || len(oid) == 64 || len(part) > 1 && part[0] == '0' {
			return nil, false
		}
		oid = append(oid, int(n))
	}
	return oid, len(oid) > 1
}
