package validation

import (
	"crypto"
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"

	"chop/internal/cms"
	"chop/validation/sigpolicy"
)

// A statement is what the signer signed about the signature itself.
type statement struct {
	policy *declared // nil: none
	// commitments and roles are as the signature has them.
	commitments, roles []string
}

// declared is the signature policy that a signer named (EN 319 122-1, 5.2.9).
type declared struct {
	id     string      // "": implied, or not to be read
	hash   crypto.Hash // 0: the signature gives no digest under one that is known here
	digest []byte
	// derived: the digest is of something that was made from the document.
	derived bool
}

// validationContext is initialisation of the validation context (EN 319 102-1, 5.2.4): of a
// policy that the signer named and we hold, the document is compared with the digest that was
// signed. One that is not held is reported, and only where one is required more than that.
func (r *run) validationContext(s *subject) conclusion {
	named := s.form.stated().policy
	missing := func(format string, args ...any) conclusion {
		why := fmt.Sprintf(format, args...)
		if r.required {
			return s.checks.conclude("VCI", undecided(SignaturePolicyNotAvailable, "%s, and one that is held here is required", why), "")
		}
		s.checks.add("VCI", Warning, "%s, which was not applied", why)
		return pass()
	}
	switch {
	case named == nil && r.required:
		return s.checks.conclude("VCI", undecided(SigConstraintsFailure, "the signature names no signature policy, and one is required"), "")
	case named == nil:
		return s.checks.conclude("VCI", pass(), "algorithm suite "+r.v.cfg.Suite.Name)
	case r.policies.Len() == 0 && !r.required:
		return missing("the signature names a policy of its own")
	case named.id == "":
		return missing("the signature names a policy without an identifier")
	}
	p := r.policies.Find(named.id)
	switch {
	case p == nil:
		return missing("the signature names the policy %.200s, which is not held here", named.id)
	case named.derived:
		return s.checks.conclude("VCI", undecided(PolicyProcessingError, "policy %s (%s): what was digested is made from its document in a way that is not followed here", p.ID, p.Name), "")
	case named.hash == 0 || len(named.digest) == 0:
		return s.checks.conclude("VCI", undecided(PolicyProcessingError, "policy %s (%s): the signature gives no digest of its document that can be computed here", p.ID, p.Name), "")
	case !p.Matches(named.hash, named.digest):
		return s.checks.conclude("VCI", undecided(PolicyProcessingError, "policy %s (%s): the document that was signed for it is not the one that is held here", p.ID, p.Name), "")
	}
	s.policy = p
	return s.checks.conclude("VCI", pass(), fmt.Sprintf("algorithm suite %s, and policy %s (%s), whose document has the digest that was signed", r.v.cfg.Suite.Name, p.ID, p.Name))
}

// applyPolicy judges the constraints of the policy that holds for a signature, each by itself,
// so that a report tells all that is amiss.
func (r *run) applyPolicy(s *subject) {
	p := s.policy
	if p == nil || s.cert == nil {
		return
	}
	said := s.form.stated()
	judge := func(name string, wrong bool, sub SubIndication, format string, args ...any) {
		if wrong {
			s.settle(s.checks.conclude(name, undecided(sub, "policy %s: %s", p.ID, fmt.Sprintf(format, args...)), ""))
		}
	}
	before := len(s.checks)
	level := r.level(s)
	judge("SAV", p.Level != "" && slices.Index(sigpolicy.Levels, level) < slices.Index(sigpolicy.Levels, p.Level), SigConstraintsFailure,
		"it asks for level %s, and the signature is %s", p.Level, orNone(level))
	var commitments []string
	for _, c := range said.commitments {
		commitments = append(commitments, sigpolicy.Commitment(c))
	}
	stray := slices.IndexFunc(commitments, func(c string) bool { return !slices.Contains(p.Commitments, c) })
	judge("SAV", len(p.Commitments) > 0 && (len(commitments) == 0 || stray >= 0), SigConstraintsFailure,
		"it allows the commitments %s, and the signer states %s", strings.Join(p.Commitments, ", "), orNone(strings.Join(commitments, ", ")))
	judge("SAV", len(p.Roles) > 0 && !slices.ContainsFunc(said.roles, func(r string) bool { return slices.Contains(p.Roles, r) }), SigConstraintsFailure,
		"it asks for one of the roles %s, and the signer claims %s", strings.Join(p.Roles, ", "), orNone(strings.Join(said.roles, ", ")))
	for _, name := range r.algorithmsOf(s) {
		judge("SAV", !p.Allows(name), CryptoConstraintsFailure, "it does not allow %s", orNone(name))
	}
	judge("XCV", len(p.CertificatePolicies) > 0 && !slices.ContainsFunc(s.cert.PolicyIdentifiers, func(have asn1.ObjectIdentifier) bool {
		return slices.ContainsFunc(p.CertificatePolicies, have.Equal)
	}), ChainConstraintsFailure, "the signing certificate has none of the certificate policies that it asks for")
	if len(s.checks) == before {
		s.checks.add("SAV", Passed, "all that policy %s asks for", p.ID)
	}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// algorithmsOf names what the signature rests on, each once.
func (r *run) algorithmsOf(s *subject) []string {
	key, err := cms.PublicKey(s.cert.Raw)
	if err != nil {
		return nil // which acceptance says
	}
	list := slices.Concat(s.form.algorithms(key)...)
	slices.Sort(list)
	return slices.Compact(list)
}
