package xmldsig

// ImpliedPolicy stands for a signature policy that has no identifier.
const ImpliedPolicy = "implied"

// maxStated is how many commitments, or roles, are read of one signature.
const maxStated = 64

// readPolicy reads SignaturePolicyIdentifier (EN 319 132-1, 5.2.9).
func (p *Properties) readPolicy(signed *Element) error {
	id, err := p.path(signed, "SignaturePolicyIdentifier")
	if err != nil || id == nil {
		return err
	}
	p.Policy = ImpliedPolicy
	named, err := p.path(id, "SignaturePolicyId", "SigPolicyId", "Identifier")
	if err != nil || named == nil {
		return err
	}
	if p.Policy, err = Text(named); err != nil {
		return err
	}
	if p.Policy = trim(p.Policy); p.Policy == "" {
		p.Policy = ImpliedPolicy
	}
	of, _ := p.path(id, "SignaturePolicyId")
	p.PolicyDerived = len(Children(of, NS, "Transforms")) > 0
	sum, err := p.path(of, "SigPolicyHash")
	if err != nil || sum == nil {
		return err
	}
	// A digest that cannot be read is none.
	method, err := Child(sum, NS, "DigestMethod")
	value, failed := Child(sum, NS, "DigestValue")
	if err != nil || failed != nil || method == nil || value == nil {
		return nil
	}
	uri, _ := Attr(method, "Algorithm")
	if p.PolicyDigest, err = Bytes(value); err == nil {
		p.PolicyHash, _ = ParseDigest(uri)
	}
	return nil
}

// readRoles reads the texts of claimed roles (5.2.6). What cannot be read is not claimed.
func (p *Properties) readRoles(signed *Element) {
	for _, name := range []string{"SignerRole", "SignerRoleV2"} {
		claimed, err := p.path(signed, name, "ClaimedRoles")
		if err != nil || claimed == nil {
			continue
		}
		for _, e := range Children(claimed, p.NS, "ClaimedRole") {
			if text, err := Text(e); err == nil && len(p.Roles) < maxStated {
				p.Roles = append(p.Roles, trim(text))
			}
		}
	}
}

// readCommitment reads CommitmentTypeIndication (5.2.3). What cannot be read is not stated.
func (p *Properties) readCommitment(e *Element) {
	id, err := p.path(e, "CommitmentTypeId", "Identifier")
	if err != nil || id == nil {
		return
	}
	if text, err := Text(id); err == nil && len(p.Commitments) < maxStated {
		p.Commitments = append(p.Commitments, trim(text))
	}
}
