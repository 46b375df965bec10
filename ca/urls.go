package ca

import (
	"fmt"
	"net/url"
	"strings"
)

// URLs are the addresses that certificates and CRLs carry. They are fixed in
// every certificate issued: changing them later strands the old ones.
type URLs struct {
	OCSP    string // authorityInfoAccess ocsp
	Root    string // caIssuers of the issuing CA: the root in DER
	Issuing string // caIssuers of all others: the issuing CA in DER
	CRL     string // cRLDistributionPoints: the full list
	Delta   string // freshestCRL: the delta
	ARL     string // cRLDistributionPoints of the issuing CA
}

// The paths that Routes answers.
const (
	pathOCSP    = "/ocsp"
	pathRoot    = "/ca/root.cer"
	pathIssuing = "/ca/issuing.cer"
	pathCRL     = "/crl/issuing-0.crl" // 0 is the shard
	pathDelta   = "/crl/issuing-0-delta.crl"
	pathARL     = "/arl/root.crl"
)

// URLsUnder derives the addresses from the public address of the server, for
// example "http://localhost:8080". Plain http is usual here: what is fetched is
// signed, and fetching it over TLS could need itself.
func URLsUnder(publicURL string) (URLs, error) {
	u, err := url.Parse(publicURL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return URLs{}, fmt.Errorf("public URL %q is not an http address", publicURL)
	}
	base := strings.TrimRight(publicURL, "/")
	return URLs{
		OCSP: base + pathOCSP, Root: base + pathRoot, Issuing: base + pathIssuing,
		CRL: base + pathCRL, Delta: base + pathDelta, ARL: base + pathARL,
	}, nil
}
