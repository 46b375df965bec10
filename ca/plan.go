package ca

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"strings"

	"gopkg.in/yaml.v3"

	"chop/policies"
)

//go:embed ceremony.yaml
var defaultPlan []byte

// DefaultPlan is the commented plan that demonstrations run, and the form to
// copy for a real one.
func DefaultPlan() []byte { return bytes.Clone(defaultPlan) }

// maxPlan is the largest plan in octets: people are to read it.
const maxPlan = 32 << 10

// The kinds of ceremony.
const (
	createCeremony   = "create"
	renewARLCeremony = "renew-arl"
)

// Plan is a reviewed ceremony file.
type Plan struct {
	Ceremony  string       `yaml:"ceremony"`
	Reference string       `yaml:"reference"`
	Persons   []Person     `yaml:"persons"`
	Root      *PlanCA      `yaml:"root"`
	Issuing   *PlanCA      `yaml:"issuing"`
	ARL       PlanARL      `yaml:"arl"`
	Revoke    []PlanRevoke `yaml:"revoke"`
}

// Person is somebody present.
type Person struct {
	Duty string `yaml:"duty"`
	Name string `yaml:"name"`
}

// PlanCA is a CA to be made.
type PlanCA struct {
	Organization string  `yaml:"organization"`
	CommonName   string  `yaml:"common_name"`
	Key          PlanKey `yaml:"key"`
}

// PlanKey is a key to be made.
type PlanKey struct {
	Role  string `yaml:"role"`
	Label string `yaml:"label"`
	Spec  string `yaml:"spec"`
}

// PlanARL is the list to be signed by the root.
type PlanARL struct {
	Validity policies.Period `yaml:"validity"`
}

// PlanRevoke is a CA certificate to be revoked by the root.
type PlanRevoke struct {
	Serial string `yaml:"serial"`
	Reason string `yaml:"reason"`
}

// ParsePlan reads a ceremony file and refuses what it does not know, what is
// missing, and fewer than two people.
func ParsePlan(b []byte) (*Plan, error) {
	if len(b) > maxPlan {
		return nil, fmt.Errorf("%w: it has %d octets", ErrPlan, len(b))
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	var p Plan
	if err := dec.Decode(&p); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPlan, err)
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: more than one document", ErrPlan)
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPlan, err)
	}
	return &p, nil
}

func (p *Plan) check() error {
	if !isLine(p.Reference) {
		return errors.New("reference is wanted, one line of at most 64 characters")
	}
	names := make(map[string]bool)
	for _, who := range p.Persons {
		if !isLine(who.Duty) || !isLine(who.Name) {
			return errors.New("each person has a duty and a name, one line of at most 64 characters")
		}
		names[strings.ToUpper(strings.Join(strings.Fields(who.Name), " "))] = true
	}
	if len(names) < 2 || len(names) != len(p.Persons) {
		return errors.New("at least two different people are wanted, each once")
	}
	if p.ARL.Validity.IsZero() {
		return errors.New("arl.validity is wanted")
	}
	switch p.Ceremony {
	case createCeremony:
		return p.checkCreate()
	case renewARLCeremony:
		return p.checkRenew()
	}
	return fmt.Errorf("ceremony %q is neither %s nor %s", p.Ceremony, createCeremony, renewARLCeremony)
}

func (p *Plan) checkCreate() error {
	if p.Root == nil || p.Issuing == nil || len(p.Revoke) > 0 {
		return errors.New("create wants root and issuing, and no revoke")
	}
	for _, c := range []*PlanCA{p.Root, p.Issuing} {
		if !isLine(c.Key.Role) || !isLine(c.Key.Label) || !isLine(c.Key.Spec) {
			return errors.New("each key has a role, a label and a spec")
		}
	}
	if p.Root.Key.Role == p.Issuing.Key.Role {
		return errors.New("the root has a token of its own")
	}
	return nil
}

func (p *Plan) checkRenew() error {
	if p.Root != nil || p.Issuing != nil {
		return errors.New("renew-arl has no root and no issuing")
	}
	for _, r := range p.Revoke {
		if _, err := ParseSerial(r.Serial); err != nil {
			return err
		}
		reason, err := ParseReason(r.Reason)
		if err != nil || reason.Note != "" || reason.Code == Unspecified || reason.Code == CertificateHold {
			return fmt.Errorf("%q is not a reason to revoke a CA", r.Reason)
		}
	}
	return nil
}

// isLine accepts what can stand in a transcript's line without forging another.
func isLine(s string) bool {
	return s != "" && checkText(s, attribute{max: 64}) == nil
}
