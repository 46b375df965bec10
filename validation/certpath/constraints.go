package certpath

import (
	"crypto/x509"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// maxComparisons bounds the work that names and constraints make of each other: a
// hostile CA could send some thousands of both.
const maxComparisons = 250_000

// constraints are the name constraints of the CAs so far. A name must lie in a
// permitted subtree of each CA that has any of its kind, and in no excluded one.
type constraints struct {
	permitted   [][]GeneralName // one list a CA
	excluded    []GeneralName
	comparisons int
}

// add takes the constraints of a CA certificate (6.1.4 g).
func (c *constraints) add(cert *x509.Certificate) error {
	der, ok := extension(cert, oidNameConstraints)
	if !ok {
		return nil
	}
	in := cryptobyte.String(der)
	var seq, permitted, excluded cryptobyte.String
	var some, none bool
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !in.Empty() ||
		!seq.ReadOptionalASN1(&permitted, &some, cbasn1.Tag(0).Constructed().ContextSpecific()) ||
		!seq.ReadOptionalASN1(&excluded, &none, cbasn1.Tag(1).Constructed().ContextSpecific()) || !seq.Empty() || !some && !none {
		return fmt.Errorf("%w: name constraints of %v", ErrMalformed, cert.Subject)
	}
	allowed, err := subtrees(permitted)
	if err != nil {
		return err
	}
	barred, err := subtrees(excluded)
	if err != nil {
		return err
	}
	if len(allowed) > 0 {
		c.permitted = append(c.permitted, allowed)
	}
	c.excluded = append(c.excluded, barred...)
	return nil
}

// subtrees reads GeneralSubtrees. Minimum and maximum have no meaning here, and what
// states them is refused (4.2.1.10).
func subtrees(in cryptobyte.String) ([]GeneralName, error) {
	var out []GeneralName
	for !in.Empty() {
		var one cryptobyte.String
		if !in.ReadASN1(&one, cbasn1.SEQUENCE) {
			return nil, fmt.Errorf("%w: subtree of name constraints", ErrMalformed)
		}
		base, ok := ReadGeneralName(&one)
		if !ok || !one.Empty() {
			return nil, fmt.Errorf("%w: subtree of name constraints", ErrMalformed)
		}
		if err := soundBase(base); err != nil {
			return nil, err
		}
		out = append(out, base)
	}
	return out, nil
}

// check is 6.1.3 (b) and (c) for one certificate.
func (c *constraints) check(cert *x509.Certificate) error {
	if len(c.permitted) == 0 && len(c.excluded) == 0 {
		return nil
	}
	names, err := namesOf(cert)
	if err != nil {
		return err
	}
	for _, n := range names {
		for _, base := range c.excluded {
			in, err := c.within(n, base, true)
			if err != nil {
				return err
			}
			if in {
				return fmt.Errorf("%w: %s %q of %v is excluded", ErrConstraints, kinds[n.Kind], n.text(), cert.Subject)
			}
		}
		for _, list := range c.permitted {
			bound, in := false, false
			for _, base := range list {
				if base.Kind != n.Kind {
					continue
				}
				bound = true
				one, err := c.within(n, base, false)
				if err != nil {
					return err
				}
				in = in || one
			}
			if bound && !in {
				return fmt.Errorf("%w: %s %q of %v is not permitted", ErrConstraints, kinds[n.Kind], n.text(), cert.Subject)
			}
		}
	}
	return nil
}

// namesOf are the names of a certificate to which constraints apply: the subject, the
// alternative names, and the subject's e-mail addresses where there are none of the
// latter (4.2.1.10).
func namesOf(cert *x509.Certificate) ([]GeneralName, error) {
	var names []GeneralName
	if !emptyName(cert.RawSubject) {
		names = append(names, GeneralName{DirectoryName, cert.RawSubject})
	}
	der, ok := extension(cert, oidSubjectAltName)
	if !ok {
		for _, a := range cert.Subject.Names {
			if s, isText := a.Value.(string); isText && a.Type.Equal(oidEmailAddress) {
				names = append(names, GeneralName{RFC822Name, []byte(s)})
			}
		}
		return names, nil
	}
	alternative, err := parseGeneralNames(der)
	if err != nil {
		return nil, err
	}
	for _, n := range alternative {
		if err := soundName(n); err != nil {
			return nil, err
		}
	}
	return append(names, alternative...), nil
}
