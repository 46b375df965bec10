package cms

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"testing"

	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// smallMessage has every field and little in it, so that changing a byte at random still hits structure.
func smallMessage(f *testing.F) []byte {
	f.Helper()
	attribute := func(oid []int, value ...byte) Attribute { return Attribute{Type: oid, Values: [][]byte{value}} }
	set, err := encodeSet([]Attribute{
		attribute(OIDContentType, 6, 1, 0x2a), attribute(OIDMessageDigest, 4, 1, 7), attribute(OIDSigningCertificateV2, 0x30, 7, 0x30, 5, 0x30, 3, 4, 1, 9),
		attribute(OIDAdobeRevocation, 0x30, 4, 0xa0, 2, 0x30, 0), attribute(OIDSignerLocation, 0x30, 4, 0xa0, 2, 12, 0),
	})
	if err != nil {
		f.Fatal(err)
	}
	empty := []byte{0x30, 0}
	der, err := Build(BuildParams{ContentType: OIDData, Content: []byte("x"), Certificates: [][]byte{empty}, KeyID: true, Hash: crypto.SHA256,
		Certificate: &x509.Certificate{SubjectKeyId: []byte{1}}, Scheme: PSS, SignedAttrs: element(cbasn1.SET, set), Signature: []byte{1},
		CRLs: [][]byte{empty}, OCSPs: [][]byte{empty}, Unsigned: []Attribute{attribute(OIDSignatureTimestamp, empty...)}})
	if err != nil {
		f.Fatal(err)
	}
	return der
}

// What parses must survive everything that is done with it, and come out again as it was.
func FuzzParse(f *testing.F) {
	s := newSigner(f, "p256")
	der := s.sign(f, message{scheme: ECDSA, hash: crypto.SHA256, content: content, changeBuild: func(p *BuildParams) {
		p.OCSPs = [][]byte{{0x30, 0}}
		p.Unsigned = []Attribute{{Type: OIDSignatureTimestamp, Values: [][]byte{{0x30, 0}}}}
	}})
	f.Add(der)
	f.Add(berOf(der, 0, false))
	f.Add(s.sign(f, message{scheme: ECDSA, hash: crypto.SHA512, content: content, keyID: true, detached: true}))
	small := smallMessage(f)
	f.Add(small)
	f.Add(berOf(small, 0, false))
	f.Fuzz(func(t *testing.T, b []byte) {
		if trimmed, err := TrimContents(b); err == nil && !bytes.HasPrefix(b, trimmed) {
			t.Fatal("trimmed contents are not a part of the contents")
		}
		sd, err := Parse(b)
		if err != nil {
			return
		}
		for _, si := range sd.SignerInfos {
			if cert := si.FindCertificate(sd.Certificates); cert != nil {
				if pub, err := PublicKey(cert); err == nil && si.Digest != 0 {
					_ = si.Verify(pub, hashOf(si.Digest, sd.Content))
				}
			}
			_ = si.Verify(s.key.Public(), hashOf(crypto.SHA256, sd.Content))
			_, _ = si.AdobeRevocation()
			_, _ = si.SignaturePolicy()
			_, _ = si.CommitmentTypes()
			_, _ = si.SignerLocation()
		}
		again, err := sd.Marshal()
		if err != nil {
			t.Fatalf("parsed, but not to be marshalled: %v", err)
		}
		second, err := Parse(again)
		if err != nil {
			t.Fatalf("marshalled, but not to be parsed: %v\n%x", err, again)
		}
		if third, err := second.Marshal(); err != nil || !bytes.Equal(again, third) {
			t.Fatalf("marshalling is not stable: %v\n%x\n%x", err, again, third)
		}
	})
}

func FuzzParseTSTInfo(f *testing.F) {
	info := sampleTST()
	der, err := info.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(der)
	f.Fuzz(func(t *testing.T, b []byte) {
		info, err := ParseTSTInfo(b)
		if err != nil {
			return
		}
		_ = info.Covers(b)
		if info.HashAlgorithm == 0 || info.Extensions != nil || info.Policy == nil {
			return
		}
		der, err := info.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseTSTInfo(der); err != nil {
			t.Fatalf("%v\n%x", err, der)
		}
	})
}

func FuzzParseTimestampRequest(f *testing.F) {
	der, err := (&TimestampRequest{HashAlgorithm: crypto.SHA256, Imprint: make([]byte, 32), CertReq: true, Policy: []int{1, 2, 3}}).Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(der)
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseTimestampRequest(b)
		if err != nil || r.HashAlgorithm == 0 || r.Version != 1 || r.Extensions != nil || r.Policy != nil && len(r.Policy) == 0 {
			return
		}
		der, err := r.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseTimestampRequest(der); err != nil {
			t.Fatalf("%v\n%x", err, der)
		}
	})
}

func FuzzParseTimestampResponse(f *testing.F) {
	s := newSigner(f, "p256")
	token := s.sign(f, message{scheme: ECDSA, hash: crypto.SHA256, content: content})
	for _, r := range []TimestampResponse{{Token: token}, {Token: smallMessage(f)}, {Status: StatusRejection, Text: []string{"no"}, Failures: []FailureInfo{BadAlg, SystemFailure}}} {
		der, err := r.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(der)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseTimestampResponse(b)
		if err != nil {
			return
		}
		_, _ = ParseTimestampToken(r.Token)
		der, err := r.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseTimestampResponse(der); err != nil {
			t.Fatalf("%v\n%x", err, der)
		}
	})
}

func FuzzParseSignedAttributes(f *testing.F) {
	set, err := SignedAttributes{ContentType: OIDData, MessageDigest: make([]byte, 32), Hash: crypto.SHA256, Certificate: newSigner(f, "p256").cert}.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(set)
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := ParseSignedAttributes(b)
		if err != nil {
			return
		}
		inner, err := encodeSet(list)
		if err != nil || !bytes.Equal(element(cbasn1.SET, inner), b) {
			t.Fatalf("accepted, but not DER: %v\n%x", err, b)
		}
		si := &SignerInfo{SignedAttrs: list}
		_ = si.BindsCertificate(b)
		_, _ = si.SigningTime()
	})
}

// A strange certificate gives a key or an error.
func FuzzPublicKey(f *testing.F) {
	f.Add(newSigner(f, "p256").cert.Raw)
	f.Add(newSigner(f, "rsa2048").cert.Raw)
	f.Fuzz(func(t *testing.T, b []byte) {
		pub, err := PublicKey(b)
		if (pub == nil) != (err != nil) {
			t.Fatalf("%v, %v", pub, err)
		}
	})
}
