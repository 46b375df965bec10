package certpath

import (
	"bytes"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/crypto/cryptobyte"
)

// within reports whether a name lies in the subtree of a base of the same kind
// (RFC 5280, 4.2.1.10). A wildcard stands for many names: it lies in a permitted
// subtree if all of them do, in an excluded one if any does. Of a kind that is not
// compared here nothing can be said, and that is an error.
func (c *constraints) within(n, base GeneralName, excluded bool) (bool, error) {
	if n.Kind != base.Kind {
		return false, nil
	}
	if c.comparisons++; c.comparisons > maxComparisons {
		return false, fmt.Errorf("%w: more than %d comparisons", ErrConstraints, maxComparisons)
	}
	switch n.Kind {
	case DirectoryName:
		return withinDirectory(n.Value, base.Value)
	case DNSName:
		return withinDNS(lower(n.Value), lower(base.Value), excluded), nil
	case RFC822Name:
		return withinMail(string(n.Value), string(base.Value), excluded), nil
	case URIName:
		return withinURI(string(n.Value), lower(base.Value))
	case IPAddress:
		return withinIP(n.Value, base.Value), nil
	case OtherName:
		return withinOther(n.Value, base.Value)
	case RegisteredID:
		return bytes.HasPrefix(n.Value, base.Value), nil
	}
	return false, fmt.Errorf("%w: constraints on %s are not supported", ErrConstraints, kinds[n.Kind])
}

func lower(b []byte) string { return strings.ToLower(string(b)) }

func withinDirectory(name, base []byte) (bool, error) {
	n, ok := relativeNames(name)
	b, sound := relativeNames(base)
	if !ok || !sound {
		return false, fmt.Errorf("%w: directory name", ErrMalformed)
	}
	return len(n) >= len(b) && slices.Equal(n[:len(b)], b), nil
}

func withinDNS(name, base string, excluded bool) bool {
	if base == "" {
		return true
	}
	rest, wild := strings.CutPrefix(name, "*.")
	if !wild {
		return below(name, base)
	}
	if below(rest, base) {
		return true
	}
	// *.example.com is also a.example.com, which a base of its own may exclude.
	return excluded && below(base, rest)
}

// below reports whether a host is base, or has labels before it.
func below(host, base string) bool {
	return host == base || strings.HasSuffix(host, "."+base)
}

// withinMail: a base is a mailbox, a host, or with a leading period a domain. The local
// part's case counts, but one that differs in nothing else is not let past an exclusion.
func withinMail(name, base string, excluded bool) bool {
	at := strings.LastIndexByte(name, '@')
	if at < 0 {
		return false
	}
	local, host := name[:at], strings.ToLower(name[at+1:])
	if i := strings.LastIndexByte(base, '@'); i >= 0 {
		return (local == base[:i] || excluded && strings.EqualFold(local, base[:i])) && strings.EqualFold(host, base[i+1:])
	}
	base = strings.ToLower(base)
	if strings.HasPrefix(base, ".") {
		return strings.HasSuffix(host, base)
	}
	return base == "" || host == base
}

// withinURI applies to the host. A URI without one, or with an address in its place,
// is in no subtree that could be told, and is refused.
func withinURI(name, base string) (bool, error) {
	u, err := url.Parse(name)
	if err != nil || u.Hostname() == "" || net.ParseIP(u.Hostname()) != nil {
		return false, fmt.Errorf("%w: URI %q has no host name", ErrConstraints, name)
	}
	host := strings.ToLower(u.Hostname())
	if strings.HasPrefix(base, ".") {
		return strings.HasSuffix(host, base), nil
	}
	return base == "" || host == base, nil
}

// withinIP: a base is an address and a mask.
func withinIP(name, base []byte) bool {
	if len(base) != 2*len(name) {
		return false
	}
	for i, b := range name {
		if b&base[len(name)+i] != base[i]&base[len(name)+i] {
			return false
		}
	}
	return true
}

// withinOther knows nothing of the forms of otherName but their identifiers: one of
// another form is not in the subtree, of the same form only the same name is, and of
// anything else nothing can be said.
func withinOther(name, base []byte) (bool, error) {
	if bytes.Equal(name, base) {
		return true, nil
	}
	a, b := cryptobyte.String(name), cryptobyte.String(base)
	x, okX := readOID(&a)
	y, okY := readOID(&b)
	if okX && okY && !x.Equal(y) {
		return false, nil
	}
	return false, fmt.Errorf("%w: constraints on otherName %v are not supported", ErrConstraints, x)
}

// soundBase refuses bases that could be read in two ways.
func soundBase(base GeneralName) error {
	ok := true
	switch base.Kind {
	case DNSName:
		s := string(base.Value)
		ok = s == "" || hostName(s, false)
	case RFC822Name:
		s := string(base.Value)
		if i := strings.LastIndexByte(s, '@'); i >= 0 {
			s = s[i+1:]
			ok = hostName(s, false)
		} else {
			ok = s == "" || hostName(strings.TrimPrefix(s, "."), false)
		}
	case URIName:
		s := string(base.Value)
		ok = s == "" || hostName(strings.TrimPrefix(s, "."), false) && net.ParseIP(s) == nil
	case IPAddress:
		ok = (len(base.Value) == 8 || len(base.Value) == 32) && contiguous(base.Value[len(base.Value)/2:])
	}
	if !ok {
		return fmt.Errorf("%w: %s %q as a name constraint", ErrMalformed, kinds[base.Kind], base.text())
	}
	return nil
}

// soundName refuses alternative names that are none of their kind, to which a
// constraint could not be applied.
func soundName(n GeneralName) error {
	ok := true
	switch n.Kind {
	case DNSName:
		ok = hostName(string(n.Value), true)
	case RFC822Name:
		at := strings.LastIndexByte(string(n.Value), '@')
		ok = at > 0 && hostName(string(n.Value[at+1:]), false)
	case IPAddress:
		ok = len(n.Value) == 4 || len(n.Value) == 16
	}
	if !ok {
		return fmt.Errorf("%w: %s %q", ErrMalformed, kinds[n.Kind], n.text())
	}
	return nil
}

// hostName reports whether s is one in preferred name syntax (RFC 1034, 3.5, with
// RFC 1123's digits, and underscores, which exist); wild allows a first label of "*".
func hostName(s string, wild bool) bool {
	if wild {
		s = strings.TrimPrefix(s, "*.")
	}
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for _, c := range []byte(label) {
			if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
				return false
			}
		}
	}
	return true
}

// contiguous reports whether a mask is ones and then zeros (RFC 4632).
func contiguous(mask []byte) bool {
	ones, _ := net.IPMask(mask).Size()
	return ones > 0 || bytes.Count(mask, []byte{0}) == len(mask)
}

func (n GeneralName) text() string {
	switch n.Kind {
	case IPAddress:
		if a, ok := netip.AddrFromSlice(n.Value); ok {
			return a.String()
		}
		return fmt.Sprintf("%x", n.Value)
	case RFC822Name, DNSName, URIName:
		return string(n.Value)
	case DirectoryName:
		return readable(n.Value)
	}
	return fmt.Sprintf("%x", n.Value)
}

// readable is a name for a person.
func readable(der []byte) string {
	var names pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &names); err != nil || len(rest) > 0 {
		return fmt.Sprintf("%x", der)
	}
	return names.String()
}
