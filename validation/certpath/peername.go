package certpath

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"strings"
)

// A PeerName is whom one means to talk to, as RFC 9525 calls a reference identifier: a
// GeneralName of kind DNSName, IPAddress (in text), or RFC822Name.
type PeerName struct {
	Kind  int
	Value string
}

// Matches reports whether the certificate names the peer: in its alternative names and
// nowhere else, an address as an address, and a wildcard for one whole leftmost label
// of at least three.
func (p PeerName) Matches(cert *x509.Certificate) error {
	der, ok := extension(cert, oidSubjectAltName)
	if !ok {
		return fmt.Errorf("%w: no alternative names", ErrPeerName)
	}
	names, err := parseGeneralNames(der)
	if err != nil {
		return err
	}
	for _, n := range names {
		if n.Kind == p.Kind && p.is(n) {
			return nil
		}
	}
	return fmt.Errorf("%w than %s", ErrPeerName, p.Value)
}

func (p PeerName) is(n GeneralName) bool {
	switch p.Kind {
	case DNSName:
		return matchHost(lower(n.Value), strings.ToLower(strings.TrimSuffix(p.Value, ".")))
	case IPAddress:
		want, err := netip.ParseAddr(p.Value)
		got, ok := netip.AddrFromSlice(n.Value)
		return err == nil && ok && got == want.Unmap()
	case RFC822Name:
		local, host, _ := strings.Cut(p.Value, "@")
		gotLocal, gotHost, ok := strings.Cut(string(n.Value), "@")
		return ok && local == gotLocal && strings.EqualFold(host, gotHost)
	}
	return false
}

func matchHost(pattern, host string) bool {
	if !hostName(pattern, true) || !hostName(host, false) {
		return false
	}
	rest, wild := strings.CutPrefix(pattern, "*.")
	if !wild {
		return pattern == host
	}
	_, above, ok := strings.Cut(host, ".")
	return ok && above == rest && strings.Contains(rest, ".")
}
