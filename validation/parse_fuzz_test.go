package validation

import (
	"crypto/x509"
	"encoding/hex"
	"math/big"
	"testing"

	"chop/validation/certpath"
)

func unhex(f *testing.F, s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		f.Fatal(err)
	}
	return b
}

// FuzzParseScope: any bytes give a scope or an error, and a scope that is refused
// covers nothing that the certificate did not name.
func FuzzParseScope(f *testing.F) {
	for _, s := range []string{
		"3000", "30038101ff", "30038201ff", "30038401ff", "3009a007a005860361626d",
		"300ca00aa00886066162636465668101ff", "3003830101", "30800000", "3009a007a1053030303030",
	} {
		f.Add(unhex(f, s))
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1)}
	f.Fuzz(func(t *testing.T, der []byte) {
		s, err := parseScope(der)
		if err != nil {
			return
		}
		c := &crl{RevocationList: &x509.RevocationList{}, scope: s, issuer: certpath.Canonical(nil)}
		if c.covers(cert) != 0 && (s.present || s.attributes || s.cas) {
			t.Errorf("scope %+v covers a certificate without a distribution point", s)
		}
	})
}

func FuzzParseKeyPeriod(f *testing.F) {
	f.Add(unhex(f, "3000"))
	f.Add(unhex(f, "3022800f32303235303130313030303030305a810f32303236303130313030303030305a"))
	f.Add(unhex(f, "3011810f32303236303130313030303030305a"))
	f.Fuzz(func(t *testing.T, der []byte) {
		from, to, err := parseKeyPeriod(der)
		if err == nil && from.Year() > 9999 && to.Year() > 9999 {
			t.Errorf("%v to %v", from, to)
		}
	})
}

// FuzzParseCRL: whatever crypto/x509 reads, the extensions are read without a panic,
// and every entry that is listed is found.
func FuzzParseCRL(f *testing.F) {
	f.Add(unhex(f, crlSeed))
	f.Fuzz(func(t *testing.T, der []byte) {
		c, err := parseCRL(der)
		if err != nil {
			return
		}
		for i, e := range c.RevokedCertificateEntries {
			if c.scope.indirect && c.issuers[i] != c.issuer {
				continue
			}
			if c.entry(&x509.Certificate{SerialNumber: e.SerialNumber, RawIssuer: c.RawIssuer}) == nil {
				t.Errorf("entry %v is not found", e.SerialNumber)
			}
		}
	})
}

// crlSeed is a delta CRL of one shard with two entries, one of them on hold.
const crlSeed = "" +
	"3082015d30820103020101300a06082a8648ce3d0403023027310b300906035504061302484b311830160603550403130f486172626f75" +
	"722049737375696e67170d3236303330323039333030305a170d3236303430313039333030305a30373021020203ed170d323630333032" +
	"3039333030305a300c300a0603551d1504030a0106301202014d170d3236303330323039333030305aa0723070301f0603551d23041830" +
	"168014a487638cdd2e2f5819abc4291b981bd53087e281300a0603551d14040302010130320603551d1c0101ff04283026a021a01f861d" +
	"687474703a2f2f63726c2e6578616d706c652e746573742f312e63726c8101ff300d0603551d1b0101ff0403020101300a06082a8648ce" +
	"3d04030203480030450221009f2a2c9b6801c9f04e7d6c91c0ef0b5e22cd6fd591a4f51730d1adf2c89fdba202205f946d6133ae7661a4" +
	"dc7c0b8730dc06dbab2fb480202e5c841c8cb10020e8ec"
