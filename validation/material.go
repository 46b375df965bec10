package validation

import (
	"crypto/sha256"
	"crypto/x509"
)

// Material is what the verdicts of one document rest on, or could have: certificates, their anchors too, CRLs and
// OCSP responses, of the document, the caller and the network, and the time-stamps that were judged. Each is there
// once, in DER as received. Given again as Options, it lets the document be judged offline.
type Material struct {
	Certificates, CRLs, OCSPs, Timestamps [][]byte
}

// A collector remembers the runs of one document and what they judged.
type collector struct {
	runs   []*run
	tokens [][]byte
	chains []chain
}

// judged notes a chain that was found.
func (c *collector) judged(found chain) {
	if c != nil {
		c.chains = append(c.chains, found)
	}
}

func (c *collector) stamped(der []byte) {
	if c != nil {
		c.tokens = append(c.tokens, der)
	}
}

// material puts it together.
func (c *collector) material() *Material {
	m := &Material{}
	seen := map[digest]bool{}
	add := func(list *[][]byte, h digest, der []byte) {
		if !seen[h] {
			seen[h] = true
			*list = append(*list, der)
		}
	}
	for _, r := range c.runs {
		for _, p := range r.pool.certs {
			add(&m.Certificates, p.hash, p.value.Raw)
		}
		for _, p := range r.pool.crls {
			add(&m.CRLs, p.hash, p.value.Raw)
		}
		for _, p := range r.pool.ocsps {
			add(&m.OCSPs, p.hash, p.value.Raw)
		}
	}
	for _, found := range c.chains {
		for _, cert := range []*x509.Certificate(found) {
			add(&m.Certificates, sha256.Sum256(cert.Raw), cert.Raw)
		}
	}
	for _, der := range c.tokens {
		add(&m.Timestamps, sha256.Sum256(der), der)
	}
	return m
}
