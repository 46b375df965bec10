package validation

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"
)

func TestName(t *testing.T) {
	t.Parallel()
	of := func(pairs ...any) pkix.RDNSequence {
		var out pkix.RDNSequence
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, pkix.RelativeDistinguishedNameSET{{Type: pairs[i].(asn1.ObjectIdentifier), Value: pairs[i+1]}})
		}
		return out
	}
	at := func(n int) asn1.ObjectIdentifier { return asn1.ObjectIdentifier{2, 5, 4, n} }
	two := of(at(6), "HK", at(3), "A")
	two[1] = append(two[1], pkix.AttributeTypeAndValue{Type: at(11), Value: "B"})
	for want, names := range map[string]pkix.RDNSequence{
		`serialNumber=SRN0000000001,GN=Tai Man,SN=CHAN,CN=CHAN\, Tai Man,C=HK`: of(at(6), "HK", at(3), "CHAN, Tai Man", at(4), "CHAN", at(42), "Tai Man", at(5), "SRN0000000001"),
		`CN=陳大文`:                              of(at(3), "陳大文"),
		`CN=\#1\"\<\>\;\\\ `:                  of(at(3), `#1"<>;\ `),
		`CN=a\0A\1B[2J\E2\80\AEfdp`:           of(at(3), "a\n\x1b[2J\u202efdp"),
		`1.2.3.4=x`:                           of(asn1.ObjectIdentifier{1, 2, 3, 4}, "x"),
		`CN=A+OU=B,C=HK`:                      two,
		`organizationIdentifier=NTRHK-1,C=HK`: of(at(6), "HK", at(97), "NTRHK-1"),
	} {
		der, err := asn1.Marshal(names)
		if err != nil {
			t.Fatal(err)
		}
		if got := name(&x509.Certificate{RawSubject: der}); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// What is no string is written as its bytes (RFC 4514, 2.4), and so is what cannot be read.
func TestNameOfUnknownValues(t *testing.T) {
	t.Parallel()
	rdn := func(value ...byte) []byte {
		attribute := append([]byte{0x06, 3, 0x55, 4, 3}, value...)
		set := append([]byte{0x30, byte(len(attribute))}, attribute...)
		inner := append([]byte{0x31, byte(len(set))}, set...)
		return append([]byte{0x30, byte(len(inner))}, inner...)
	}
	for want, der := range map[string][]byte{
		"CN=A":                rdn(0x0c, 1, 'A'),
		"CN=#020107":          rdn(0x02, 1, 7),
		"CN=#30030101ff":      rdn(0x30, 3, 1, 1, 0xff),
		"CN=#0c01ff":          rdn(0x0c, 1, 0xff),
		"CN=#1c0400000041":    rdn(0x1c, 4, 0, 0, 0, 'A'),
		`CN=\D8\9CA\E2\80\8B`: rdn(append([]byte{0x0c, 6}, "\u061cA\u200b"...)...),
		"#30020500":           {0x30, 2, 5, 0},
	} {
		if got := name(&x509.Certificate{RawSubject: der}); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"陳大文 é\\": "陳大文 é\\", "a\x1b[2Jb": `a\u001b[2Jb`, "a\u202efdp": `a\u202efdp`, "a\u061cb\u2067": `a\u061cb\u2067`,
		"a\nb\r": `a\u000ab\u000d`, "a\u200bb\ufeff": `a\u200bb\ufeff`, "\u009b2J": `\u009b2J`, "a\xffb": `a\ufffdb`, "\u2028": `\u2028`, "\U000e0041": `\U000e0041`,
	} {
		if got := Plain(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}
