package validation_test

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"

	"chop/validation"
	"chop/validation/certpath"
)

// A certificate by itself, without a document.
func TestCertificate(t *testing.T) {
	w := newWorld(t)
	dns := w.issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "server"}, DNSNames: []string{"a.example.hk"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, w.ca)
	any := validation.PathOptions{MaxDepth: -1}
	peer := func(name string) validation.PathOptions {
		return validation.PathOptions{MaxDepth: -1, Names: []certpath.PeerName{{Kind: certpath.DNSName, Value: name}}}
	}
	for name, c := range map[string]struct {
		o    validation.Options
		p    validation.PathOptions
		want string
	}{
		"good":               {validation.Options{CRLs: [][]byte{w.crl(w.ca, day, list{}), w.arl(day)}}, any, passed},
		"no lists":           {validation.Options{}, any, tryLater},
		"no lists, soft":     {validation.Options{Revocation: validation.RevocationSoft}, any, passed},
		"its name":           {soft, peer("a.example.hk"), passed},
		"another name":       {soft, peer("b.example.hk"), "INDETERMINATE/CHAIN_CONSTRAINTS_FAILURE"},
		"no CA may be above": {soft, validation.PathOptions{MaxDepth: 0}, "INDETERMINATE/CHAIN_CONSTRAINTS_FAILURE"},
		"another usage":      {soft, validation.PathOptions{MaxDepth: -1, Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, "INDETERMINATE/CHAIN_CONSTRAINTS_FAILURE"},
		"a policy is asked for": {
			soft, validation.PathOptions{MaxDepth: -1, Inputs: certpath.Inputs{ExplicitPolicy: true}}, "INDETERMINATE/CERTIFICATE_CHAIN_GENERAL_FAILURE",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.o.At, c.o.Certificates = day, [][]byte{w.ca.cert.Raw}
			v := newValidator(t, validation.Config{Trust: []*x509.Certificate{w.root.cert}})
			r, err := v.ValidateCertificate(context.Background(), dns.cert.Raw, c.o, c.p)
			if err != nil {
				t.Fatal(err)
			}
			if got := verdict(validation.Signature{Indication: r.Indication, SubIndication: r.SubIndication}); got != c.want {
				t.Errorf("got %s, want %s: %v", got, c.want, r.Checks)
			}
		})
	}
}

// Lists that another key signs than the certificate's (RFC 5280, 6.3.3 f): the key must
// lead to the same anchor, may sign lists, and was not revoked itself.
func TestListsOfAnotherKey(t *testing.T) {
	w := newWorld(t)
	by := w.signer("Chan Tai Man")
	lists := func(change func(*x509.Certificate), issuer *person) *person {
		c := &x509.Certificate{Subject: w.ca.cert.Subject, NotBefore: years(-1), NotAfter: years(9), KeyUsage: x509.KeyUsageCRLSign, SubjectKeyId: []byte{9}}
		if change != nil {
			change(c)
		}
		return w.issue(c, issuer)
	}
	alien := newWorld(t)
	revoked := lists(nil, w.root)
	between := func(name string, alg x509.SignatureAlgorithm) *person {
		return w.issue(&x509.Certificate{
			Subject: pkix.Name{CommonName: name}, NotBefore: years(-1), NotAfter: years(9), IsCA: true, BasicConstraintsValid: true,
			KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, SubjectKeyId: []byte(name), SignatureAlgorithm: alg,
		}, w.root)
	}
	strong, weak := between("Strong", x509.ECDSAWithSHA256), between("Weak", x509.ECDSAWithSHA1)
	for name, c := range map[string]struct {
		by    *person
		extra [][]byte
		want  string
	}{
		"certified by the same CA's issuer": {lists(nil, w.root), nil, passed},
		"without the key usage":             {lists(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature }, w.root), nil, tryLater},
		"below another anchor":              {lists(nil, alien.root), nil, tryLater},
		"expired when it signed":            {lists(func(c *x509.Certificate) { c.NotAfter = day.AddDate(0, 0, -9) }, w.root), nil, tryLater},
		"below another CA of that anchor":   {lists(nil, strong), [][]byte{w.crl(strong, day, list{})}, passed},
		"the same, certified under SHA-1":   {lists(nil, weak), [][]byte{w.crl(weak, day, list{})}, tryLater},
		"revoked":                           {revoked, [][]byte{w.crl(w.root, day, list{number: 9, entries: []x509.RevocationListEntry{entry(revoked.cert, day.AddDate(0, 0, -1), 1)}})}, tryLater},
	} {
		t.Run(name, func(t *testing.T) {
			doc := w.sign(blank(0), draft{by: by, field: "S", certs: [][]byte{by.cert.Raw, w.ca.cert.Raw, c.by.cert.Raw, strong.cert.Raw, weak.cert.Raw}})
			signer, allowed := *c.by, *c.by.cert // crypto/x509 makes no list for a key that may sign none
			allowed.KeyUsage = x509.KeyUsageCRLSign
			signer.cert = &allowed
			o := validation.Options{CRLs: append(c.extra, w.crl(&signer, day, list{}), w.arl(day)), Trust: []*x509.Certificate{alien.root.cert}}
			want(t, w.validate(doc, day, o), c.want)
		})
	}
}

// Lists of some reasons clear a certificate only together (RFC 5280, 6.3.3 d, e, l).
func TestListsOfSomeReasons(t *testing.T) {
	w := newWorld(t)
	by := w.signer("Chan Tai Man")
	doc := w.sign(blank(0), draft{by: by, field: "S"})
	some := func(bits ...byte) pkix.Extension {
		der := append([]byte{0x30, byte(2 + len(bits)), 0x83, byte(len(bits))}, bits...)
		return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 28}, Critical: true, Value: der}
	}
	compromise, others := some(5, 0x60), some(7, 0x1f, 0x80) // keyCompromise and cACompromise; the rest
	bad := []x509.RevocationListEntry{entry(by.cert, day.AddDate(0, 0, -1), 5)}
	for name, c := range map[string]struct {
		crls [][]byte
		want string
	}{
		"some alone":               {[][]byte{w.crl(w.ca, day, list{extra: []pkix.Extension{compromise}})}, tryLater},
		"the others alone":         {[][]byte{w.crl(w.ca, day, list{extra: []pkix.Extension{others}})}, tryLater},
		"together":                 {[][]byte{w.crl(w.ca, day, list{extra: []pkix.Extension{compromise}}), w.crl(w.ca, day, list{number: 5, extra: []pkix.Extension{others}})}, passed},
		"one is old":               {[][]byte{w.crl(w.ca, day, list{extra: []pkix.Extension{compromise}}), w.crl(w.ca, day.AddDate(0, -2, 0), list{number: 5, extra: []pkix.Extension{others}})}, tryLater},
		"one of them says revoked": {[][]byte{w.crl(w.ca, day, list{extra: []pkix.Extension{compromise}}), w.crl(w.ca, day, list{number: 5, entries: bad, extra: []pkix.Extension{others}})}, revokedNoPOE},
	} {
		t.Run(name, func(t *testing.T) {
			want(t, w.validate(doc, day, validation.Options{CRLs: append(c.crls, w.arl(day))}), c.want)
		})
	}
}
