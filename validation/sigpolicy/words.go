package sigpolicy

import (
	"iter"
	"maps"
	"regexp"
	"strings"
)

// commitments are those of EN 319 122-1, 5.2.3, by the last number of their object identifier
// and by the last part of their URI.
var commitments = map[string]string{
	"1": "origin", "2": "receipt", "3": "delivery", "4": "sender", "5": "approval", "6": "creation",
	"ProofOfOrigin": "origin", "ProofOfReceipt": "receipt", "ProofOfDelivery": "delivery", "ProofOfSender": "sender",
	"ProofOfApproval": "approval", "ProofOfCreation": "creation",
}

const (
	commitmentArc = "1.2.840.113549.1.9.16.6."
	commitmentURI = "http://uri.etsi.org/01903/v1.2.2#"
)

func words() iter.Seq[string] { return maps.Values(commitments) }

// Commitment is a commitment type in one form, whatever the signature's: a word for those of
// the standard ("approval"), else the identifier as it is.
func Commitment(id string) string {
	id = Normal(id)
	for _, prefix := range []string{commitmentArc, commitmentURI} {
		if word := commitments[strings.TrimPrefix(id, prefix)]; word != "" && strings.HasPrefix(id, prefix) {
			return word
		}
	}
	return id
}

// algorithm is a name as algorithm suites have it.
var algorithm = regexp.MustCompile(`^(sha(1|224|256|384|512|3-256|3-384|3-512)|ecdsa-p(256|384|521)|ed25519|(rsa|rsa-pkcs1|rsa-pss|dsa)-[1-9][0-9]{3,4})$`)

// Allows reports whether an algorithm is one of the policy's; rsa-3072 stands for that size and
// larger ones, with either padding.
func (p *Policy) Allows(name string) bool {
	for _, a := range p.Algorithms {
		if a == name || covers(a, name) {
			return true
		}
	}
	return len(p.Algorithms) == 0
}

// covers compares RSA keys: the name of a key is rsa-pss-4096.
func covers(allowed, name string) bool {
	cut := func(s string) (kind, bits string) {
		i := strings.LastIndexByte(s, '-')
		return s[:max(i, 0)], s[i+1:]
	}
	kind, least := cut(allowed)
	have, bits := cut(name)
	if kind != "rsa" && kind != "rsa-pkcs1" && kind != "rsa-pss" || have != kind && !(kind == "rsa" && strings.HasPrefix(have, "rsa-")) {
		return false
	}
	return len(bits) > len(least) || len(bits) == len(least) && bits >= least
}
