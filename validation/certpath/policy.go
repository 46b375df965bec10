package certpath

import (
	"crypto/x509"
	"fmt"
	"slices"

	"golang.org/x/crypto/cryptobyte"
)

// maxPolicies bounds the policies and mappings of one certificate. With a node a policy
// and depth (RFC 9618), and no tree, that bounds the whole graph.
const maxPolicies = 1024

// A node is a policy at one depth of the graph: what the certificates up to there say
// it is, and under which names the next one may state it.
type node struct {
	expected []string
	parents  []string // policies of the depth above
}

// policies is the state of policy processing: RFC 5280, 6.1.2, with the graph of
// RFC 9618. Each layer has one node a policy.
type policies struct {
	initial                       []string // user-initial-policy-set; nil for any
	explicit, mapping, inhibitAny int
	layers                        []map[string]*node // nil when the graph is NULL
}

var anyPolicy = oidAnyPolicy.String()

func newPolicies(in Inputs, n int) *policies {
	p := &policies{explicit: n + 1, mapping: n + 1, inhibitAny: n + 1}
	for _, oid := range in.Policies {
		p.initial = append(p.initial, oid.String())
	}
	if slices.Contains(p.initial, anyPolicy) {
		p.initial = nil
	}
	if in.ExplicitPolicy {
		p.explicit = 0
	}
	if in.InhibitMapping {
		p.mapping = 0
	}
	if in.InhibitAnyPolicy {
		p.inhibitAny = 0
	}
	p.layers = []map[string]*node{{anyPolicy: {expected: []string{anyPolicy}}}}
	return p
}

// certificate is 6.1.3 (d) to (f).
func (p *policies) certificate(cert *x509.Certificate, final bool) error {
	stated, present, err := statedPolicies(cert)
	if err != nil {
		return err
	}
	switch {
	case !present:
		p.layers = nil
	case p.layers != nil:
		p.layers = append(p.layers, p.next(stated, p.inhibitAny > 0 || !final && SelfIssued(cert)))
		p.prune()
	}
	if p.explicit == 0 && p.layers == nil {
		return fmt.Errorf("%w at %v", ErrPolicy, cert.Subject)
	}
	return nil
}

// next makes the layer of one certificate's policies.
func (p *policies) next(stated []string, anyCounts bool) map[string]*node {
	above := p.layers[len(p.layers)-1]
	layer := map[string]*node{}
	parents := map[string][]string{} // by what they expect
	for policy, n := range above {
		for _, e := range n.expected {
			parents[e] = append(parents[e], policy)
		}
	}
	for _, s := range stated {
		switch {
		case s == anyPolicy:
		case len(parents[s]) > 0:
			layer[s] = &node{expected: []string{s}, parents: parents[s]}
		case above[anyPolicy] != nil:
			layer[s] = &node{expected: []string{s}, parents: []string{anyPolicy}}
		}
	}
	if anyCounts && slices.Contains(stated, anyPolicy) {
		for e, from := range parents {
			if layer[e] == nil {
				layer[e] = &node{expected: []string{e}, parents: from}
			}
		}
	}
	return layer
}

// prune takes out nodes without children, from the last layer upwards; an empty layer
// makes the graph NULL.
func (p *policies) prune() {
	for i := len(p.layers) - 1; i >= 0; i-- {
		if len(p.layers[i]) == 0 {
			p.layers = nil
			return
		}
		if i == 0 {
			return
		}
		wanted := map[string]bool{}
		for _, n := range p.layers[i] {
			for _, parent := range n.parents {
				wanted[parent] = true
			}
		}
		for policy := range p.layers[i-1] {
			if !wanted[policy] {
				delete(p.layers[i-1], policy)
			}
		}
	}
}

// prepare is 6.1.4 (a), (b), (h), (i), and (j).
func (p *policies) prepare(cert *x509.Certificate) error {
	if err := p.apply(cert); err != nil {
		return err
	}
	if !SelfIssued(cert) {
		p.explicit, p.mapping, p.inhibitAny = max(p.explicit-1, 0), max(p.mapping-1, 0), max(p.inhibitAny-1, 0)
	}
	explicit, mapping, err := policyConstraints(cert)
	if err != nil {
		return err
	}
	if explicit >= 0 {
		p.explicit = min(p.explicit, explicit)
	}
	if mapping >= 0 {
		p.mapping = min(p.mapping, mapping)
	}
	if der, ok := extension(cert, oidInhibitAnyPolicy); ok {
		in := cryptobyte.String(der)
		var skip int
		if !in.ReadASN1Integer(&skip) || !in.Empty() || skip < 0 {
			return fmt.Errorf("%w: inhibitAnyPolicy of %v", ErrMalformed, cert.Subject)
		}
		p.inhibitAny = min(p.inhibitAny, skip)
	}
	return nil
}

// apply takes the mappings of a CA certificate, or where mapping is inhibited takes out
// what they map.
func (p *policies) apply(cert *x509.Certificate) error {
	order, to, err := policyMappings(cert)
	if err != nil || p.layers == nil {
		return err
	}
	last := p.layers[len(p.layers)-1]
	for _, from := range order {
		n := last[from]
		switch {
		case p.mapping == 0:
			delete(last, from)
		case n != nil:
			n.expected = to[from]
		case last[anyPolicy] != nil:
			last[from] = &node{expected: to[from], parents: []string{anyPolicy}}
		}
	}
	p.prune()
	return nil
}

// wrapUp is 6.1.5 (a), (b), and (g).
func (p *policies) wrapUp(cert *x509.Certificate) error {
	p.explicit = max(p.explicit-1, 0)
	explicit, _, err := policyConstraints(cert)
	if err != nil {
		return err
	}
	if explicit == 0 {
		p.explicit = 0
	}
	if p.explicit == 0 && len(p.acceptable()) == 0 {
		return fmt.Errorf("%w at %v", ErrPolicy, cert.Subject)
	}
	return nil
}

// acceptable is the user-constrained-policy-set: the policies under which the path is
// valid, in the names of the trust anchor's domain (RFC 9618, 5.4).
func (p *policies) acceptable() []string {
	if p.layers == nil {
		return nil
	}
	var authority []string
	for i, layer := range p.layers[1:] {
		for policy, n := range layer {
			if policy != anyPolicy && slices.Contains(n.parents, anyPolicy) || policy == anyPolicy && i == len(p.layers)-2 {
				authority = append(authority, policy)
			}
		}
	}
	if p.initial == nil || len(p.layers) == 1 {
		return authority
	}
	if slices.Contains(authority, anyPolicy) {
		return p.initial
	}
	return slices.DeleteFunc(authority, func(s string) bool { return !slices.Contains(p.initial, s) })
}
