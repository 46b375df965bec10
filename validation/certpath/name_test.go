package certpath

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"testing"
	"time"
)

func oneName(t testing.TB, values ...asn1.RawValue) []byte {
	var seq []asn1.RawValue
	for _, v := range values {
		attr := marshal(t, struct {
			Type  asn1.ObjectIdentifier
			Value asn1.RawValue
		}{asn1.ObjectIdentifier{2, 5, 4, 10}, v})
		seq = append(seq, asn1.RawValue{Tag: asn1.TagSet, IsCompound: true, Bytes: attr})
	}
	return marshal(t, seq)
}

func text(tag int, s string) asn1.RawValue { return asn1.RawValue{Tag: tag, Bytes: []byte(s)} }

func TestSameName(t *testing.T) {
	const printable, utf8String, t61, bmp, octets = 19, 12, 20, 30, 4
	base := oneName(t, text(printable, "Transport Department"))
	for name, c := range map[string]struct {
		other []byte
		same  bool
	}{
		"itself":               {base, true},
		"case":                 {oneName(t, text(printable, "TRANSPORT department")), true},
		"white space":          {oneName(t, text(printable, "  Transport   Department ")), true},
		"kind of string":       {oneName(t, text(utf8String, "Transport Department")), true},
		"BMP":                  {oneName(t, text(bmp, "\x00T\x00r\x00a\x00n\x00s\x00p\x00o\x00r\x00t\x00 \x00D\x00e\x00p\x00a\x00r\x00t\x00m\x00e\x00n\x00t")), true},
		"teletex":              {oneName(t, text(t61, "Transport Department")), true},
		"full width":           {oneName(t, text(utf8String, "Ｔransport Department")), true},
		"one word":             {oneName(t, text(printable, "TransportDepartment")), false},
		"no string":            {oneName(t, text(octets, "Transport Department")), false},
		"two in place of one":  {oneName(t, text(printable, "Transport"), text(printable, "Department")), false},
		"more":                 {oneName(t, text(printable, "Transport Department"), text(printable, "X")), false},
		"nothing that is read": {[]byte{1, 2, 3}, false},
	} {
		if got := SameName(base, c.other); got != c.same {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestPeerName(t *testing.T) {
	cert := issue(t, "example.hk", "CA", alternative(t, dns("a.example.hk"), dns("*.b.example.hk"), dns("*.hk"), ip(192, 0, 2, 1), mail("chan@example.hk"), dns("192.0.2.9")))
	for _, c := range []struct {
		name PeerName
		want error
	}{
		{PeerName{DNSName, "A.example.hk"}, nil},
		{PeerName{DNSName, "example.hk"}, ErrPeerName}, // the subject is no name of a peer
		{PeerName{DNSName, "x.b.example.hk"}, nil},
		{PeerName{DNSName, "b.example.hk"}, ErrPeerName},
		{PeerName{DNSName, "y.x.b.example.hk"}, ErrPeerName},
		{PeerName{DNSName, "example.hk"}, ErrPeerName},
		{PeerName{DNSName, "*.b.example.hk"}, ErrPeerName},
		{PeerName{IPAddress, "192.0.2.1"}, nil},
		{PeerName{IPAddress, "192.0.2.9"}, ErrPeerName}, // an address in a host name's place
		{PeerName{RFC822Name, "chan@EXAMPLE.hk"}, nil},
		{PeerName{RFC822Name, "Chan@example.hk"}, ErrPeerName},
	} {
		if err := c.name.Matches(cert); !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: got %v, want %v", c.name.Value, err, c.want)
		}
	}
	if err := (PeerName{DNSName, "example.hk"}).Matches(issue(t, "example.hk", "CA", nil)); !errors.Is(err, ErrPeerName) {
		t.Errorf("no alternative names: %v", err)
	}
}

// What the strict profile refuses, one breach at a time.
func TestStrict(t *testing.T) {
	ids := func(c *x509.Certificate) { c.SubjectKeyId = []byte{1}; c.AuthorityKeyId = []byte{2} }
	aki := func(critical bool) func(*x509.Certificate) {
		return ext(critical, []byte{0x30, 3, 0x80, 1, 2}, 2, 5, 29, 35)
	}
	now := time.Unix(1e9, 0)
	root := issue(t, "Root", "Root", with(ca, ids))
	for name, c := range map[string]struct {
		leaf, above func(*x509.Certificate)
		ok          bool
	}{
		"as it should be":                 {aki(false), with(ca, ids, aki(false)), true},
		"no authority key identifier":     {nil, with(ca, ids, aki(false)), false},
		"keyCertSign of no CA":            {with(aki(false), func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCertSign }), with(ca, ids, aki(false)), false},
		"underscore":                      {with(aki(false), alternative(t, dns("a_b.example.hk"))), with(ca, ids, aki(false)), false},
		"address as a host":               {with(aki(false), alternative(t, dns("192.0.2.1"))), with(ca, ids, aki(false)), false},
		"constraints that are no CA's":    {with(aki(false), constraint(t, []GeneralName{dns("example.hk")}, nil)), with(ca, ids, aki(false)), false},
		"constraints, not critical":       {aki(false), with(ca, ids, aki(false), ext(false, marshal(t, []asn1.RawValue{}), 2, 5, 29, 36)), false},
		"basic constraints, not critical": {aki(false), with(ids, aki(false), func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCertSign }, ext(false, []byte{0x30, 3, 1, 1, 0xff}, 2, 5, 29, 19)), false},
		"an issuer that is no CA":         {aki(false), with(ids, aki(false)), false},
		"a CA without keyCertSign":        {aki(false), with(ca, ids, aki(false), func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign }), false},
		"alternative name, empty subject": {with(aki(false), func(c *x509.Certificate) { c.Subject = pkix.Name{} }, alternative(t, dns("a.example.hk"))), with(ca, ids, aki(false)), false},
	} {
		chain := []*x509.Certificate{issue(t, "Leaf", "CA", c.leaf), issue(t, "CA", "Root", c.above), root}
		if err := Strict(chain, now); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Strict([]*x509.Certificate{root}, time.Unix(5e9, 0)); !errors.Is(err, ErrProfile) {
		t.Errorf("anchor that has expired: %v", err)
	}
}

func FuzzCanonical(f *testing.F) {
	f.Add(oneName(f, text(12, "A b"), text(30, "\x00x")), oneName(f, text(19, " a  B")))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if SameName(a, b) != SameName(b, a) || !SameName(a, a) {
			t.Errorf("%x, %x: not an equivalence", a, b)
		}
	})
}

// FuzzCheck: whatever crypto/x509 reads as a certificate is judged without a panic, as
// a leaf and as a CA, and its distribution points are read.
func FuzzCheck(f *testing.F) {
	f.Add(issue(f, "CA", "Root", with(ca, constraint(f, []GeneralName{dns("example.hk")}, []GeneralName{ip(1, 2, 3, 4, 255, 255, 0, 0)}))).Raw)
	f.Add(issue(f, "L", "Root", with(alternative(f, uri("http://x/"), mail("a@b")), func(c *x509.Certificate) { c.CRLDistributionPoints = []string{"http://x/"} })).Raw)
	root, leaf := issue(f, "Root", "Root", ca), issue(f, "Leaf", "CA", alternative(f, dns("a.example.hk"), ip(1, 2, 3, 4)))
	f.Fuzz(func(t *testing.T, der []byte) {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return
		}
		for _, chain := range [][]*x509.Certificate{{cert, root}, {leaf, cert, root}, {leaf, cert}} {
			_ = Check(chain, Inputs{ExplicitPolicy: true})
			_ = Strict(chain, time.Unix(1e9, 0))
		}
		_, _ = DistributionPoints(cert)
	})
}
