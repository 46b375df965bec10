package certpath

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

func readOID(in *cryptobyte.String) (asn1.ObjectIdentifier, bool) {
	var oid asn1.ObjectIdentifier
	return oid, in.ReadASN1ObjectIdentifier(&oid)
}

func statedPolicies(cert *x509.Certificate) (out []string, present bool, err error) {
	der, ok := extension(cert, oidCertificatePolicies)
	if !ok {
		return nil, false, nil
	}
	bad := fmt.Errorf("%w: certificate policies of %v", ErrMalformed, cert.Subject)
	in := cryptobyte.String(der)
	var seq cryptobyte.String
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !in.Empty() || seq.Empty() {
		return nil, true, bad
	}
	for !seq.Empty() {
		var one cryptobyte.String
		if !seq.ReadASN1(&one, cbasn1.SEQUENCE) || len(out) >= maxPolicies {
			return nil, true, bad
		}
		oid, ok := readOID(&one)
		if !ok || slices.Contains(out, oid.String()) { // 4.2.1.4: not twice
			return nil, true, bad
		}
		out = append(out, oid.String())
	}
	return out, true, nil
}

func policyMappings(cert *x509.Certificate) (order []string, to map[string][]string, err error) {
	der, ok := extension(cert, oidPolicyMappings)
	if !ok {
		return nil, nil, nil
	}
	in := cryptobyte.String(der)
	var seq cryptobyte.String
	to = map[string][]string{}
	ok = in.ReadASN1(&seq, cbasn1.SEQUENCE) && in.Empty()
	for n := 0; ok && !seq.Empty(); n++ {
		var one cryptobyte.String
		var from, into asn1.ObjectIdentifier
		ok = n < maxPolicies && seq.ReadASN1(&one, cbasn1.SEQUENCE) && one.ReadASN1ObjectIdentifier(&from) && one.ReadASN1ObjectIdentifier(&into) && one.Empty()
		if !ok {
			break
		}
		if from.Equal(oidAnyPolicy) || into.Equal(oidAnyPolicy) {
			return nil, nil, fmt.Errorf("%w: %v maps anyPolicy", ErrPolicy, cert.Subject)
		}
		if to[from.String()] == nil {
			order = append(order, from.String())
		}
		to[from.String()] = append(to[from.String()], into.String())
	}
	if !ok {
		return nil, nil, fmt.Errorf("%w: policy mappings of %v", ErrMalformed, cert.Subject)
	}
	return order, to, nil
}

// policyConstraints reads the extension; what it does not state is -1.
func policyConstraints(cert *x509.Certificate) (explicit, mapping int, err error) {
	explicit, mapping = -1, -1
	der, ok := extension(cert, oidPolicyConstraints)
	if !ok {
		return explicit, mapping, nil
	}
	in := cryptobyte.String(der)
	var seq cryptobyte.String
	ok = in.ReadASN1(&seq, cbasn1.SEQUENCE) && in.Empty()
	for i, out := range []*int{&explicit, &mapping} {
		var v cryptobyte.String
		var present bool
		ok = ok && seq.ReadOptionalASN1(&v, &present, cbasn1.Tag(i).ContextSpecific())
		if ok && present {
			ok = len(v) > 0 && v[0] < 0x80 // an IMPLICIT INTEGER; a large one is as good as none
			*out = 127
			if len(v) == 1 {
				*out = int(v[0])
			}
		}
	}
	if !ok || !seq.Empty() || explicit < 0 && mapping < 0 {
		return -1, -1, fmt.Errorf("%w: policy constraints of %v", ErrMalformed, cert.Subject)
	}
	return explicit, mapping, nil
}
