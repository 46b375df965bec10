package certpath

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"testing"
	"time"
)

// issue makes a certificate; whose key signed it plays no part here.
func issue(t testing.TB, subject, issuer string, change func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(7), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(4e9, 0), MaxPathLen: -1,
	}
	if subject != "" {
		c.Subject.CommonName = subject
	}
	if change != nil {
		change(c)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, &x509.Certificate{Subject: pkix.Name{CommonName: issuer}}, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	out, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func ca(c *x509.Certificate) {
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
}

func with(changes ...func(*x509.Certificate)) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		for _, change := range changes {
			change(c)
		}
	}
}

func ext(critical bool, der []byte, oid ...int) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: oid, Critical: critical, Value: der})
	}
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	der, err := asn1.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// general is GeneralNames, each with its tag.
func general(t testing.TB, names ...GeneralName) []asn1.RawValue {
	var out []asn1.RawValue
	for _, n := range names {
		v := asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: n.Kind, Bytes: n.Value}
		v.IsCompound = n.Kind == OtherName || n.Kind >= X400Address && n.Kind <= EDIPartyName
		out = append(out, v)
	}
	return out
}

func alternative(t testing.TB, names ...GeneralName) func(*x509.Certificate) {
	return ext(false, marshal(t, general(t, names...)), 2, 5, 29, 17)
}

type subtree struct{ Base asn1.RawValue }

func constraint(t testing.TB, permitted, excluded []GeneralName) func(*x509.Certificate) {
	trees := func(tag int, names []GeneralName) (out []asn1.RawValue) {
		if len(names) == 0 {
			return nil
		}
		var content []byte
		for _, n := range general(t, names...) {
			content = append(content, marshal(t, subtree{n})...)
		}
		return []asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: tag, IsCompound: true, Bytes: content}}
	}
	return ext(true, marshal(t, append(trees(0, permitted), trees(1, excluded)...)), 2, 5, 29, 30)
}

func dns(s string) GeneralName  { return GeneralName{DNSName, []byte(s)} }
func mail(s string) GeneralName { return GeneralName{RFC822Name, []byte(s)} }
func uri(s string) GeneralName  { return GeneralName{URIName, []byte(s)} }
func ip(b ...byte) GeneralName  { return GeneralName{IPAddress, b} }

func other(t testing.TB, form int, value string) GeneralName {
	body := marshal(t, struct {
		Form  asn1.ObjectIdentifier
		Value string `asn1:"explicit,tag:0,utf8"`
	}{asn1.ObjectIdentifier{1, 2, 3, form}, value})
	return GeneralName{OtherName, body[2:]}
}

func TestNameConstraints(t *testing.T) {
	directory := func(rdns ...string) GeneralName {
		var seq pkix.RDNSequence
		for _, v := range rdns {
			seq = append(seq, pkix.RelativeDistinguishedNameSET{{Type: asn1.ObjectIdentifier{2, 5, 4, 10}, Value: v}})
		}
		return GeneralName{DirectoryName, marshal(t, seq)}
	}
	list := func(n ...GeneralName) []GeneralName { return n }
	for name, c := range map[string]struct {
		permitted, excluded []GeneralName
		of                  GeneralName
		want                error
	}{
		"host in a domain":                         {list(dns("example.hk")), nil, dns("a.example.hk"), nil},
		"host beside a domain":                     {list(dns("example.hk")), nil, dns("badexample.hk"), ErrConstraints},
		"case of a host":                           {list(dns("EXAMPLE.hk")), nil, dns("a.Example.HK"), nil},
		"wildcard in a domain":                     {list(dns("example.hk")), nil, dns("*.example.hk"), nil},
		"wildcard over a permitted host":           {list(dns("a.example.hk")), nil, dns("*.example.hk"), ErrConstraints},
		"wildcard over an excluded host":           {nil, list(dns("a.example.hk")), dns("*.example.hk"), ErrConstraints},
		"wildcard beside an excluded host":         {nil, list(dns("a.example.hk")), dns("*.example.test"), nil},
		"constraint with a leading period":         {list(dns(".example.hk")), nil, dns("a.example.hk"), ErrMalformed},
		"constraint with a wildcard":               {list(dns("*.example.hk")), nil, dns("a.example.hk"), ErrMalformed},
		"no host name at all":                      {nil, list(dns("example.hk")), dns("a b"), ErrMalformed},
		"mailbox":                                  {list(mail("chan@example.hk")), nil, mail("chan@EXAMPLE.hk"), nil},
		"mailbox, local part in another case":      {list(mail("chan@example.hk")), nil, mail("CHAN@example.hk"), ErrConstraints},
		"excluded mailbox in another case":         {nil, list(mail("chan@example.hk")), mail("CHAN@example.hk"), ErrConstraints},
		"mail host":                                {list(mail("example.hk")), nil, mail("chan@example.hk"), nil},
		"mail host below":                          {list(mail("example.hk")), nil, mail("chan@a.example.hk"), ErrConstraints},
		"mail domain":                              {list(mail(".example.hk")), nil, mail("chan@a.example.hk"), nil},
		"mail domain itself":                       {list(mail(".example.hk")), nil, mail("chan@example.hk"), ErrConstraints},
		"URI host":                                 {list(uri("example.hk")), nil, uri("http://example.hk/x"), nil},
		"URI host, another":                        {list(uri("example.hk")), nil, uri("http://a.example.hk/x"), ErrConstraints},
		"URI domain":                               {list(uri(".example.hk")), nil, uri("http://a.example.hk:80/x"), nil},
		"URI with an address":                      {nil, list(uri("example.hk")), uri("http://192.0.2.1/"), ErrConstraints},
		"URI without a host":                       {nil, list(uri("example.hk")), uri("urn:x:y"), ErrConstraints},
		"address":                                  {list(ip(192, 0, 2, 0, 255, 255, 255, 0)), nil, ip(192, 0, 2, 9), nil},
		"address, another":                         {list(ip(192, 0, 2, 0, 255, 255, 255, 0)), nil, ip(192, 0, 3, 9), ErrConstraints},
		"address of another family":                {list(ip(192, 0, 2, 0, 255, 255, 255, 0)), nil, ip(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), ErrConstraints},
		"directory name":                           {list(directory("Dept")), list(), directory("dept", "Unit"), nil},
		"directory name excluded":                  {nil, list(directory("Dept", "Unit")), directory("dept", "UNIT", "x"), ErrConstraints},
		"directory name above":                     {nil, list(directory("Dept", "Unit")), directory("Dept"), nil},
		"other name of another form":               {nil, list(other(t, 1, "a")), other(t, 2, "a"), nil},
		"other name, the same":                     {nil, list(other(t, 1, "a")), other(t, 1, "a"), ErrConstraints},
		"other name of the form, nothing is known": {nil, list(other(t, 1, "a")), other(t, 1, "b"), ErrConstraints},
		"a kind without constraints":               {list(dns("example.hk")), nil, mail("chan@example.test"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			// The subject stays empty, so that constraints on directory names meet one alone.
			leaf := issue(t, "", "CA", alternative(t, c.of))
			chain := []*x509.Certificate{leaf, issue(t, "CA", "Root", with(ca, constraint(t, c.permitted, c.excluded))), issue(t, "Root", "Root", ca)}
			if err := Check(chain, Inputs{}); !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Errorf("got %v, want %v", err, c.want)
			}
			// The anchor's own count as much.
			chain = []*x509.Certificate{leaf, issue(t, "Root", "Root", with(ca, constraint(t, c.permitted, c.excluded)))}
			if err := Check(chain, Inputs{}); !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Errorf("by the anchor: got %v, want %v", err, c.want)
			}
		})
	}
}

func TestConstraintsAddUp(t *testing.T) {
	root := issue(t, "Root", "Root", ca)
	upper := issue(t, "Upper", "Root", with(ca, constraint(t, []GeneralName{dns("example.hk")}, nil)))
	lower := issue(t, "Lower", "Upper", with(ca, constraint(t, []GeneralName{dns("a.example.hk"), dns("example.test")}, nil)))
	for host, want := range map[string]error{"x.a.example.hk": nil, "b.example.hk": ErrConstraints, "example.test": ErrConstraints} {
		if err := Check([]*x509.Certificate{issue(t, "L", "Lower", alternative(t, dns(host))), lower, upper, root}, Inputs{}); !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%s: got %v, want %v", host, err, want)
		}
	}
	// The address in a subject counts where there are no alternative names.
	named := issue(t, "", "Upper", func(c *x509.Certificate) {
		c.Subject.ExtraNames = []pkix.AttributeTypeAndValue{{Type: oidEmailAddress, Value: "chan@example.test"}}
	})
	upper = issue(t, "Upper", "Root", with(ca, constraint(t, []GeneralName{mail("example.hk")}, nil)))
	if err := Check([]*x509.Certificate{named, upper, root}, Inputs{}); !errors.Is(err, ErrConstraints) {
		t.Errorf("address in the subject: %v", err)
	}
}

func TestIssuers(t *testing.T) {
	root := issue(t, "Root", "Root", ca)
	length := func(n int) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = n, n == 0 }
	}
	for name, c := range map[string]struct {
		upper, lower func(*x509.Certificate)
		lowerName    string
		want         error
	}{
		"two CAs":                         {ca, ca, "Lower", nil},
		"path length 0":                   {with(ca, length(0)), ca, "Lower", ErrPathLength},
		"path length 0, self-issued":      {with(ca, length(0)), ca, "Upper", nil},
		"path length 1":                   {with(ca, length(1)), ca, "Lower", nil},
		"no keyCertSign":                  {ca, with(ca, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign }), "Lower", ErrNotCA},
		"no CA":                           {ca, nil, "Lower", ErrNotCA},
		"unknown critical extension":      {with(ca, ext(true, []byte{5, 0}, 1, 2, 3)), ca, "Lower", ErrExtension},
		"unknown extension, not critical": {with(ca, ext(false, []byte{5, 0}, 1, 2, 3)), ca, "Lower", nil},
	} {
		chain := []*x509.Certificate{
			issue(t, "Leaf", c.lowerName, nil), issue(t, c.lowerName, "Upper", c.lower), issue(t, "Upper", "Root", c.upper), root,
		}
		if err := Check(chain, Inputs{}); !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

func TestPolicies(t *testing.T) {
	a, b, c := asn1.ObjectIdentifier{1, 2, 1}, asn1.ObjectIdentifier{1, 2, 2}, asn1.ObjectIdentifier{1, 2, 3}
	stated := func(oids ...asn1.ObjectIdentifier) func(*x509.Certificate) {
		var list []struct{ P asn1.ObjectIdentifier }
		for _, o := range oids {
			list = append(list, struct{ P asn1.ObjectIdentifier }{o})
		}
		return ext(false, marshal(t, list), 2, 5, 29, 32)
	}
	maps := func(from, to asn1.ObjectIdentifier) func(*x509.Certificate) {
		return ext(true, marshal(t, []struct{ From, To asn1.ObjectIdentifier }{{from, to}}), 2, 5, 29, 33)
	}
	constrains := func(explicit, mapping int) func(*x509.Certificate) {
		var out []asn1.RawValue
		for tag, n := range []int{explicit, mapping} {
			if n >= 0 {
				out = append(out, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tag, Bytes: []byte{byte(n)}})
			}
		}
		return ext(true, marshal(t, out), 2, 5, 29, 36)
	}
	inhibitAny := ext(true, []byte{2, 1, 0}, 2, 5, 29, 54)
	explicit := Inputs{ExplicitPolicy: true}
	user := func(in Inputs, oids ...asn1.ObjectIdentifier) Inputs {
		in.Policies = oids
		return in
	}
	any := oidAnyPolicy
	for name, x := range map[string]struct {
		upper, lower, leaf func(*x509.Certificate)
		in                 Inputs
		want               error
	}{
		"none, nobody asks":              {nil, nil, nil, Inputs{}, nil},
		"none, the user asks":            {nil, nil, nil, explicit, ErrPolicy},
		"none, a CA asks":                {constrains(0, -1), nil, nil, Inputs{}, ErrPolicy},
		"the same all the way":           {stated(a), stated(a), stated(a), explicit, nil},
		"another at the end":             {stated(a), stated(a), stated(b), explicit, ErrPolicy},
		"the user wants another":         {stated(a), stated(a), stated(a), user(explicit, b), ErrPolicy},
		"the user would take another":    {stated(a), stated(a), stated(a), user(Inputs{}, b), nil},
		"any, then one":                  {stated(any), stated(any), stated(a), user(explicit, a), nil},
		"any, inhibited":                 {with(stated(any), inhibitAny), stated(any), stated(a), explicit, ErrPolicy},
		"any from the start, inhibited":  {stated(any), stated(any), stated(any), Inputs{ExplicitPolicy: true, InhibitAnyPolicy: true}, ErrPolicy},
		"mapped":                         {with(stated(a), maps(a, b)), stated(b), stated(b), user(explicit, a), nil},
		"mapped, by the other name":      {with(stated(a), maps(a, b)), stated(b), stated(b), user(explicit, b), ErrPolicy},
		"mapped, old name below":         {with(stated(a), maps(a, b)), stated(a), stated(a), explicit, ErrPolicy},
		"mapping inhibited by the user":  {with(stated(a), maps(a, b)), stated(b), stated(b), Inputs{ExplicitPolicy: true, InhibitMapping: true}, ErrPolicy},
		"mapping inhibited by a CA":      {with(stated(a), constrains(-1, 0)), with(stated(a), maps(a, b)), stated(b), explicit, ErrPolicy},
		"mapping of any":                 {with(stated(any), maps(a, c)), stated(c), stated(c), user(explicit, a), nil},
		"mapping to any":                 {with(stated(a), maps(a, any)), stated(b), stated(b), Inputs{}, ErrPolicy},
		"policy lost in the middle":      {stated(a), nil, stated(a), explicit, ErrPolicy},
		"explicit from one further down": {constrains(1, -1), nil, nil, Inputs{}, ErrPolicy},
		"explicit only beyond the end":   {constrains(3, -1), nil, nil, Inputs{}, nil},
	} {
		or := func(f func(*x509.Certificate)) func(*x509.Certificate) {
			if f == nil {
				return func(*x509.Certificate) {}
			}
			return f
		}
		chain := []*x509.Certificate{
			issue(t, "Leaf", "Lower", or(x.leaf)), issue(t, "Lower", "Upper", with(ca, or(x.lower))),
			issue(t, "Upper", "Root", with(ca, or(x.upper))), issue(t, "Root", "Root", ca),
		}
		if err := Check(chain, x.in); !errors.Is(err, x.want) || x.want == nil && err != nil {
			t.Errorf("%s: got %v, want %v", name, err, x.want)
		}
	}
}

// The tree of RFC 5280 doubles with each certificate here; the graph does not.
func TestPolicyGraphStaysSmall(t *testing.T) {
	const depth, width = 8, 32
	chain := []*x509.Certificate{issue(t, "Root", "Root", ca)}
	var list []struct{ P asn1.ObjectIdentifier }
	var mapping []struct{ From, To asn1.ObjectIdentifier }
	for i := range width {
		list = append(list, struct{ P asn1.ObjectIdentifier }{asn1.ObjectIdentifier{1, 2, i}})
		for k := range width {
			mapping = append(mapping, struct{ From, To asn1.ObjectIdentifier }{asn1.ObjectIdentifier{1, 2, i}, asn1.ObjectIdentifier{1, 2, k}})
		}
	}
	policies, maps := ext(false, marshal(t, list), 2, 5, 29, 32), ext(true, marshal(t, mapping), 2, 5, 29, 33)
	for range depth {
		chain = append([]*x509.Certificate{issue(t, "CA", "Other", with(ca, policies, maps))}, chain...)
	}
	chain = append([]*x509.Certificate{issue(t, "Leaf", "CA", policies)}, chain...)
	p := newPolicies(Inputs{ExplicitPolicy: true}, len(chain)-1)
	for i := len(chain) - 2; i >= 0; i-- {
		if err := p.certificate(chain[i], i == 0); err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			if err := p.prepare(chain[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, layer := range p.layers {
		if len(layer) > width+1 {
			t.Errorf("layer %d has %d nodes", i, len(layer))
		}
	}
}
