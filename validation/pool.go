package validation

import (
	"crypto/sha256"
	"crypto/x509"
	"slices"

	"chop/internal/ocsp"
	"chop/validation/certpath"
)

// Limits on the evidence of one document. Honest archives hold some dozens of each;
// each one may cost a signature verification.
const (
	maxCertificates = 2048
	maxEvidence     = 2048
)

type digest = [sha256.Size]byte

// A pool is the validation data of one run: certificates, CRLs and OCSP responses
// from the document, from the caller and from the network, each with the place
// from which on an archive time-stamp covers it. Nothing in it is trusted.
type pool struct {
	certs     []*pooled[*x509.Certificate]
	bySubject map[string][]*pooled[*x509.Certificate] // by certpath.Canonical
	crls      []*pooled[*crl]
	ocsps     []*pooled[*ocsp.Response]
	known     map[digest]*int // place of everything, to keep the earliest
	refused   int             // what could not be parsed or was beyond the limits
	parsed    *remembered
}

type pooled[T any] struct {
	value T
	hash  digest
	place int
	// embedded tells evidence of the document from the caller's and the network's:
	// only the former makes a level B-LT.
	embedded bool
}

func newPool(parsed *remembered) *pool {
	return &pool{parsed: parsed, bySubject: map[string][]*pooled[*x509.Certificate]{}, known: map[digest]*int{}}
}

// fresh reports whether der was not seen before; if it was, its place becomes the
// earlier one.
func (p *pool) fresh(der []byte, place int) (digest, bool) {
	h := sha256.Sum256(der)
	if at := p.known[h]; at != nil {
		*at = min(*at, place)
		return h, false
	}
	p.known[h] = &place
	return h, true
}

// addCertificate parses and adds one certificate. Those that crypto/x509 refuses
// are left out: no path can lead through them.
func (p *pool) addCertificate(der []byte, place int, embedded bool) {
	h, ok := p.fresh(der, place)
	if !ok {
		return
	}
	cert, err := p.parsed.certs.read(h, der, x509.ParseCertificate)
	if err != nil || len(p.certs) >= maxCertificates {
		p.refused++
		return
	}
	p.insert(cert, h, place, embedded)
}

func (p *pool) insert(cert *x509.Certificate, h digest, place int, embedded bool) {
	c := &pooled[*x509.Certificate]{value: cert, hash: h, place: place, embedded: embedded}
	p.known[h] = &c.place
	p.certs = append(p.certs, c)
	key := certpath.Canonical(cert.RawSubject)
	p.bySubject[key] = append(p.bySubject[key], c)
}

func (p *pool) addCRL(der []byte, place int, embedded bool) {
	h, ok := p.fresh(der, place)
	if !ok {
		return
	}
	list, err := p.parsed.crls.read(h, der, parseCRL)
	if err != nil || len(p.crls) >= maxEvidence {
		p.refused++
		return
	}
	c := &pooled[*crl]{value: list, hash: h, place: place, embedded: embedded}
	p.known[h] = &c.place
	p.crls = append(p.crls, c)
}

// addOCSP adds a response and the certificates in it.
func (p *pool) addOCSP(der []byte, place int, embedded bool) {
	h, ok := p.fresh(der, place)
	if !ok {
		return
	}
	r, err := p.parsed.ocsps.read(h, der, ocsp.ParseResponse)
	if err != nil || r.Status != ocsp.Successful || len(p.ocsps) >= maxEvidence {
		p.refused++
		return
	}
	c := &pooled[*ocsp.Response]{value: r, hash: h, place: place, embedded: embedded}
	p.known[h] = &c.place
	p.ocsps = append(p.ocsps, c)
	for _, cert := range r.Certificates {
		if h, ok := p.fresh(cert.Raw, place); ok && len(p.certs) < maxCertificates {
			p.insert(cert, h, place, embedded)
		}
	}
}

// certificate parses one that need not be in the pool.
func (p *pool) certificate(der []byte) (*x509.Certificate, error) {
	return p.parsed.certs.read(sha256.Sum256(der), der, x509.ParseCertificate)
}

// holdsEmbedded reports whether the document itself holds cert.
func (p *pool) holdsEmbedded(cert *x509.Certificate) bool {
	return slices.ContainsFunc(p.bySubject[certpath.Canonical(cert.RawSubject)], func(c *pooled[*x509.Certificate]) bool {
		return c.embedded && c.value.Equal(cert)
	})
}

// raw returns all certificates as they came.
func (p *pool) raw() [][]byte {
	out := make([][]byte, len(p.certs))
	for i, c := range p.certs {
		out[i] = c.value.Raw
	}
	return out
}

// place returns where the bytes were first seen.
func (p *pool) place(der []byte) int {
	if at := p.known[sha256.Sum256(der)]; at != nil {
		return *at
	}
	return never
}
