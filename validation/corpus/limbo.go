package corpus

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"chop/internal/corpus/manifest"
	"chop/validation"
	"chop/validation/certpath"
)

// A limboCase is one of limbo.json.
type limboCase struct {
	ID             string      `json:"id"`
	Kind           string      `json:"validation_kind"`
	Trusted        []string    `json:"trusted_certs"`
	Intermediates  []string    `json:"untrusted_intermediates"`
	Peer           string      `json:"peer_certificate"`
	At             string      `json:"validation_time"`
	Usages         []string    `json:"extended_key_usage"`
	ExpectedResult string      `json:"expected_result"`
	PeerName       *limboName  `json:"expected_peer_name"`
	PeerNames      []limboName `json:"expected_peer_names"`
	MaxDepth       *int        `json:"max_chain_depth"`
	CRLs           []string    `json:"crls"`
}

type limboName struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

// limbo compares the verdict on a certificate under the profile rfc5280-strict, and the
// name that it is expected to have.
func (r *runner) limbo(ctx context.Context, row manifest.Row) (Result, error) {
	out := Result{
		ID: row["id"], What: row["description"], Format: "certification path",
		Scored: row["scored"] == "yes", NotScored: row["features"], Want: row["expected"],
	}
	cases, err := r.limboCases()
	if err != nil {
		return out, err
	}
	c, ok := cases[row["id"]]
	if !ok {
		return out, fmt.Errorf("%s is not in limbo.json", row["id"])
	}
	o := validation.Options{Revocation: validation.RevocationSoft}
	p := validation.PathOptions{Strict: true, AnyAlgorithm: true, MaxDepth: -1}
	if c.At != "" {
		if o.At, err = time.Parse(time.RFC3339, c.At); err != nil {
			return out, fmt.Errorf("validation_time: %w", err)
		}
	}
	for _, pem := range c.Trusted {
		if cert, err := x509.ParseCertificate(der([]byte(pem))); err == nil {
			o.Trust = append(o.Trust, cert)
		}
	}
	for _, pem := range c.Intermediates {
		o.Certificates = append(o.Certificates, der([]byte(pem)))
	}
	for _, pem := range c.CRLs {
		o.CRLs = append(o.CRLs, der([]byte(pem)))
	}
	if c.MaxDepth != nil {
		p.MaxDepth = *c.MaxDepth
	}
	if p.Usages, err = c.usages(); err != nil {
		return out, err
	}
	if p.Names, err = c.names(); err != nil {
		return out, err
	}
	return r.path(ctx, out, []byte(c.Peer), o, p, "SUCCESS")
}

func (r *runner) limboCases() (map[string]limboCase, error) {
	r.limboOnce.Do(func() {
		b, err := r.read("limbo.json")
		var file struct {
			Cases []limboCase `json:"testcases"`
		}
		if err == nil {
			err = json.Unmarshal(b, &file)
		}
		r.limboErr = err
		r.limboAll = map[string]limboCase{}
		for _, c := range file.Cases {
			r.limboAll[c.ID] = c
		}
	})
	return r.limboAll, r.limboErr
}

var limboUsages = map[string]x509.ExtKeyUsage{"serverAuth": x509.ExtKeyUsageServerAuth, "clientAuth": x509.ExtKeyUsageClientAuth}

// usages are those stated, and that of the side that the peer takes.
func (c limboCase) usages() ([]x509.ExtKeyUsage, error) {
	side := map[string]string{"SERVER": "serverAuth", "CLIENT": "clientAuth"}[c.Kind]
	var out []x509.ExtKeyUsage
	for _, u := range append(slices.Clone(c.Usages), side) {
		usage, ok := limboUsages[u]
		if !ok {
			return nil, fmt.Errorf("extended key usage %q", u)
		}
		out = append(out, usage)
	}
	return out, nil
}

var limboKinds = map[string]int{"DNS": certpath.DNSName, "IP": certpath.IPAddress, "RFC822": certpath.RFC822Name}

func (c limboCase) names() ([]certpath.PeerName, error) {
	all := slices.Clone(c.PeerNames)
	if c.PeerName != nil {
		all = append(all, *c.PeerName)
	}
	var out []certpath.PeerName
	for _, n := range all {
		kind, ok := limboKinds[n.Kind]
		if !ok {
			return nil, fmt.Errorf("peer name of kind %q", n.Kind)
		}
		out = append(out, certpath.PeerName{Kind: kind, Value: n.Value})
	}
	return out, nil
}
