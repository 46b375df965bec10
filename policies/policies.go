// Package policies is what the appliance promises, as data: certificate
// profiles (RFC 5280, EN 319 412-2 and -3), signature policies, timestamp
// policies (EN 319 421, EN 319 422), algorithm suites (in the manner of
// TS 119 312), the roles of registration officers, the kinds of documents that
// the law excludes, how long what belongs to people is kept, when two
// pictures are one person's, and how the long-term store renews what it keeps.
//
// The promises are the commented YAML files in files/, embedded in the binary,
// so that a release is one set of promises and its diff is their history. Load
// parses them once into types that cannot be wrong: a key that is not known, a
// name that is used twice or a reference to nothing is refused there and never
// met later.
//
// The package refuses to claim what is not ours to claim: no profile carries a
// QCStatement, because nothing here is an EU qualified certificate, and none
// says "recognized" in the sense of the Electronic Transactions Ordinance
// (Cap. 553), which is conferred by the regulator and lives in a trust list.
package policies

import (
	"bytes"
	"embed"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"

	"gopkg.in/yaml.v3"
)

//go:embed files/*.yaml
var files embed.FS

// DefaultArc is the arc under which all our policy identifiers lie when the
// operator configures none. 1.3.6.1.4.1.32473 is the enterprise number that
// RFC 5612 reserves for documentation; 553 recalls the chapter of the
// Ordinance. A CA in production sets an arc of its own.
const DefaultArc = "1.3.6.1.4.1.32473.553"

var (
	// ErrUnknownPolicy is returned for a name that the embedded files do not define.
	ErrUnknownPolicy = errors.New("unknown policy")
	// ErrAlgorithmUnknown says that a suite does not list an algorithm, or lists it as never suitable.
	ErrAlgorithmUnknown = errors.New("algorithm not in suite")
	// ErrAlgorithmExpired says that a suite no longer holds an algorithm suitable at the time asked about.
	ErrAlgorithmExpired = errors.New("algorithm expired in suite")
)

// Options are the two things about the promises that differ between
// installations.
type Options struct {
	// Arc is the dotted object identifier under which the policies lie; empty
	// means DefaultArc.
	Arc string
	// CPSURL is where the certification practice statement is published; it is
	// placed as the CPS pointer qualifier (RFC 5280, 4.2.1.4). Empty: no pointer.
	CPSURL string
}

// Set is everything promised, resolved under one arc. It is immutable.
type Set struct {
	// Arc is the arc under which the identifiers were resolved.
	Arc asn1.ObjectIdentifier
	// CPSURL is the CPS pointer, or empty.
	CPSURL string

	profiles   map[string]*Profile
	signatures map[string]*Signature
	timestamps map[string]*Timestamp
	suites     map[string]*Suite
	officers   map[string]*OfficerRole
	excluded   map[string]*Excluded
	retention  map[string]*Retention
	faces      map[string]*Face

	preservation map[string]*Preservation
}

// Load parses the embedded files under at most one Options value.
func Load(opts ...Options) (*Set, error) {
	var o Options
	switch len(opts) {
	case 0:
	case 1:
		o = opts[0]
	default:
		return nil, errors.New("load policies: more than one Options")
	}
	if o.Arc == "" {
		o.Arc = DefaultArc
	}
	arc, err := parseOID(o.Arc)
	if err != nil {
		return nil, fmt.Errorf("load policies: arc: %w", err)
	}
	if o.CPSURL != "" {
		if u, err := url.Parse(o.CPSURL); err != nil || u.Scheme == "" || u.Host == "" {
			return nil, fmt.Errorf("load policies: CPS URL %q is not an absolute URL", o.CPSURL)
		}
	}
	return load(files, arc, o.CPSURL)
}

func load(fs embed.FS, arc asn1.ObjectIdentifier, cps string) (*Set, error) {
	s := &Set{Arc: arc, CPSURL: cps}
	var err error
	if s.profiles, err = section(fs, "profiles", func(p *Profile) (string, error) { return p.Name, p.resolve(arc, cps) }); err != nil {
		return nil, err
	}
	if s.signatures, err = section(fs, "signatures", func(p *Signature) (string, error) { return p.Name, p.resolve(arc, s) }); err != nil {
		return nil, err
	}
	if s.timestamps, err = section(fs, "timestamps", func(p *Timestamp) (string, error) { return p.Name, p.resolve(arc, s) }); err != nil {
		return nil, err
	}
	if s.suites, err = section(fs, "suites", func(p *Suite) (string, error) { return p.Name, p.resolve() }); err != nil {
		return nil, err
	}
	if s.officers, err = section(fs, "officers", func(r *OfficerRole) (string, error) { return r.Name, r.resolve() }); err != nil {
		return nil, err
	}
	if s.excluded, err = section(fs, "excluded", func(e *Excluded) (string, error) { return e.Name, e.resolve() }); err != nil {
		return nil, err
	}
	if s.retention, err = section(fs, "retention", func(r *Retention) (string, error) { return r.Name, r.resolve() }); err != nil {
		return nil, err
	}
	if s.faces, err = section(fs, "faces", func(f *Face) (string, error) { return f.Name, f.resolve() }); err != nil {
		return nil, err
	}
	if s.preservation, err = section(fs, "preservation", func(p *Preservation) (string, error) { return p.Name, p.resolve(s) }); err != nil {
		return nil, err
	}
	return s, nil
}

// section reads files/<name>.yaml: one list of T under the key <name>.
func section[T any](fs embed.FS, name string, resolve func(*T) (string, error)) (map[string]*T, error) {
	b, err := fs.ReadFile("files/" + name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("load policies: %w", err)
	}
	var doc map[string][]*T
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(&doc); err != nil {
		return nil, fmt.Errorf("load policies: %s.yaml: %w", name, err)
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("load policies: %s.yaml: more than one document", name)
	}
	if len(doc) != 1 || len(doc[name]) == 0 {
		return nil, fmt.Errorf("load policies: %s.yaml: want one list named %q", name, name)
	}
	out := make(map[string]*T)
	for i, v := range doc[name] {
		if v == nil {
			return nil, fmt.Errorf("load policies: %s.yaml: entry %d is empty", name, i)
		}
		n, err := resolve(v)
		if err != nil {
			return nil, fmt.Errorf("load policies: %s.yaml: %q: %w", name, n, err)
		}
		if n == "" || out[n] != nil {
			return nil, fmt.Errorf("load policies: %s.yaml: name %q is empty or used twice", name, n)
		}
		out[n] = v
	}
	return out, nil
}

// Profile returns a certificate profile: root, issuing-ca, ocsp-responder,
// tsa-unit, resident, resident-device-key or department-seal. The result is shared and read-only.
func (s *Set) Profile(name string) (*Profile, error) { return lookup(s.profiles, "profile", name) }

// Signature returns a signature policy, for example pades-seal.
func (s *Set) Signature(name string) (*Signature, error) {
	return lookup(s.signatures, "signature policy", name)
}

// Timestamp returns a timestamp policy.
func (s *Set) Timestamp(name string) (*Timestamp, error) {
	return lookup(s.timestamps, "timestamp policy", name)
}

// Suite returns an algorithm suite: default or ts119312.
func (s *Set) Suite(name string) (*Suite, error) { return lookup(s.suites, "suite", name) }

// Profiles returns the names of all certificate profiles, sorted.
func (s *Set) Profiles() []string { return slices.Sorted(maps.Keys(s.profiles)) }

// Signatures returns the names of all signature policies, sorted.
func (s *Set) Signatures() []string { return slices.Sorted(maps.Keys(s.signatures)) }

func lookup[T any](m map[string]*T, kind, name string) (*T, error) {
	if v, ok := m[name]; ok {
		return v, nil
	}
	return nil, fmt.Errorf("%w: %s %q", ErrUnknownPolicy, kind, name)
}
