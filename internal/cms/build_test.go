package cms

import (
	"bytes"
	"crypto"
	"encoding/asn1"
	"fmt"
	"testing"
	"time"

	"github.com/smallstep/pkcs7"
)

var content = []byte("Form TD123: transfer of ownership\n")

var makers = []struct {
	key    string
	scheme Scheme
	hash   crypto.Hash
	keyID  bool
}{
	{"p256", ECDSA, crypto.SHA256, false},
	{"p256", ECDSA, crypto.SHA512, true},
	{"p384", ECDSA, crypto.SHA384, false},
	{"rsa2048", PKCS1, crypto.SHA256, false},
	{"rsa2048", PKCS1, crypto.SHA512, true},
	{"rsa2048", PSS, crypto.SHA256, false},
	{"rsa2048", PSS, crypto.SHA384, true},
}

// What Build makes is read back, verified by Verify, by OpenSSL with its CAdES checks, and, as far as it goes, by
// smallstep/pkcs7.
func TestBuild(t *testing.T) {
	t.Parallel()
	for _, m := range makers {
		t.Run(fmt.Sprint(m), func(t *testing.T) {
			s := newSigner(t, m.key)
			der := s.sign(t, message{scheme: m.scheme, hash: m.hash, content: content, keyID: m.keyID})
			sd := parse(t, der)
			if sd.BER || len(sd.SignerInfos) != 1 || !bytes.Equal(sd.Content, content) {
				t.Fatalf("BER %v, %d signers, content %q", sd.BER, len(sd.SignerInfos), sd.Content)
			}
			si := sd.SignerInfos[0]
			cert := si.FindCertificate(sd.Certificates)
			if !bytes.Equal(cert, s.cert.Raw) || (si.SKI != nil) != m.keyID {
				t.Fatalf("found certificate %x, SKI %x", cert, si.SKI)
			}
			if err := si.Verify(s.key.Public(), hashOf(m.hash, content)); err != nil {
				t.Fatal(err)
			}
			if err := si.BindsCertificate(cert); err != nil {
				t.Fatal(err)
			}
			if a := si.SignatureAlgorithm; a.Scheme != m.scheme || a.Hash != m.hash {
				t.Fatalf("algorithm %+v", a)
			}
			if again, err := sd.Marshal(); err != nil || !bytes.Equal(again, der) {
				t.Fatalf("marshalled again: %v\n%x\n%x", err, again, der)
			}
			args := []string{"cms", "-verify", "-cades", "-inform", "der", "-in", "{0}", "-CAfile", "{1}", "-binary"}
			if out, err := openssl(t, args, der, pemOf(s.cert.Raw)); err != nil {
				t.Fatalf("openssl: %v\n%s", err, out)
			}
			if m.scheme == PSS || m.keyID {
				return // not known there
			}
			p7, err := pkcs7.Parse(der)
			if err != nil {
				t.Fatal(err)
			}
			if err := p7.Verify(); err != nil {
				t.Fatalf("pkcs7: %v", err)
			}
		})
	}
}

// A message of smallstep/pkcs7 is read and verified.
func TestParseOther(t *testing.T) {
	t.Parallel()
	s := newSigner(t, "rsa2048")
	other, err := pkcs7.NewSignedData(content)
	if err != nil {
		t.Fatal(err)
	}
	other.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	if err := other.AddSigner(s.cert, s.key, pkcs7.SignerInfoConfig{}); err != nil {
		t.Fatal(err)
	}
	der, err := other.Finish()
	if err != nil {
		t.Fatal(err)
	}
	si := parse(t, der).SignerInfos[0]
	if err := si.Verify(s.key.Public(), hashOf(crypto.SHA256, content)); err != nil {
		t.Fatal(err)
	}
	if when, err := si.SigningTime(); err != nil || time.Since(when) > time.Hour {
		t.Fatalf("signing time %v, %v", when, err)
	}
}

func TestBuildIsDER(t *testing.T) {
	t.Parallel()
	s := newSigner(t, "p256")
	second := newSigner(t, "p384")
	ocsp := []byte{0x30, 3, 0x0a, 1, 6}
	der := s.sign(t, message{scheme: ECDSA, hash: crypto.SHA256, content: content, changeBuild: func(p *BuildParams) {
		p.Certificates = [][]byte{second.cert.Raw, s.cert.Raw, second.cert.Raw}
		p.OCSPs = [][]byte{ocsp}
		p.Unsigned = []Attribute{{Type: OIDSignatureTimestamp, Values: [][]byte{{5, 0}}}, {Type: OIDCounterSignature, Values: [][]byte{{2, 1, 2}, {2, 1, 1}}}}
	}})
	sd := parse(t, der)
	if len(sd.Certificates) != 2 || bytes.Compare(sd.Certificates[0], sd.Certificates[1]) > 0 {
		t.Errorf("certificates are not a sorted set: %d", len(sd.Certificates))
	}
	if sd.Version != 5 || len(sd.OCSPs) != 1 || !bytes.Equal(sd.OCSPs[0], ocsp) {
		t.Errorf("version %d, OCSP %x", sd.Version, sd.OCSPs)
	}
	unsigned := sd.SignerInfos[0].UnsignedAttrs
	if len(unsigned) != 2 || !bytes.Equal(unsigned[0].Values[0], []byte{2, 1, 1}) && !bytes.Equal(unsigned[1].Values[0], []byte{2, 1, 1}) {
		t.Errorf("unsigned attributes %v", unsigned)
	}
}

// ESSCertIDv2 leaves the default SHA-256 out, and only that.
func TestESSDefault(t *testing.T) {
	t.Parallel()
	s := newSigner(t, "p256")
	for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		a, err := signingCertificateV2(s.cert, h)
		if err != nil {
			t.Fatal(err)
		}
		oid, _ := asn1.Marshal(OIDOfHash(h))
		if got := bytes.Contains(a.Values[0], oid); got != (h != crypto.SHA256) {
			t.Errorf("%v: algorithm present: %v\n%x", h, got, a.Values[0])
		}
		si := &SignerInfo{SignedAttrs: []Attribute{a}}
		sc, err := si.SigningCertificate()
		if err != nil || sc.Version != 2 || sc.Certs[0].Hash != h || sc.Certs[0].Serial.Cmp(s.cert.SerialNumber) != 0 {
			t.Errorf("%v: read back %+v, %v", h, sc, err)
		}
	}
}

func TestBuildRefuses(t *testing.T) {
	t.Parallel()
	s := newSigner(t, "p256")
	set, err := SignedAttributes{ContentType: OIDData, MessageDigest: make([]byte, 32), Hash: crypto.SHA256}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	good := BuildParams{ContentType: OIDData, Certificate: s.cert, Hash: crypto.SHA256, Scheme: ECDSA, SignedAttrs: set, Signature: []byte{1}}
	if _, err := Build(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*BuildParams){
		"SHA-1":          func(p *BuildParams) { p.Hash = crypto.SHA1 },
		"SHA-224":        func(p *BuildParams) { p.Hash = crypto.SHA224 },
		"scheme":         func(p *BuildParams) { p.Scheme = Ed25519 },
		"no certificate": func(p *BuildParams) { p.Certificate = nil },
		"no signature":   func(p *BuildParams) { p.Signature = nil },
		"no attributes":  func(p *BuildParams) { p.SignedAttrs = nil },
	} {
		p := good
		change(&p)
		if der, err := Build(p); err == nil {
			t.Errorf("%s: built %x", name, der)
		}
	}
	if _, err := (SignedAttributes{ContentType: OIDData, MessageDigest: make([]byte, 20), Hash: crypto.SHA256}).Marshal(); err == nil {
		t.Error("a digest of the wrong length was accepted")
	}
	twice := SignedAttributes{ContentType: OIDData, MessageDigest: make([]byte, 32), Hash: crypto.SHA256,
		Extra: []Attribute{{Type: OIDMessageDigest, Values: [][]byte{{4, 0}}}}}
	if _, err := twice.Marshal(); err == nil {
		t.Error("a second message-digest was accepted")
	}
}

// A Template makes the bytes that Build makes.
func TestTemplate(t *testing.T) {
	t.Parallel()
	for _, m := range makers {
		if m.keyID {
			continue
		}
		s := newSigner(t, m.key)
		tpl, err := NewTemplate(TemplateConfig{ContentType: OIDTSTInfo, Certificate: s.cert, Certificates: [][]byte{s.cert.Raw}, Hash: m.hash, Scheme: m.scheme})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{0, 1, 120, 127, 128, 200, 255, 256, 300, 65530, 70000} {
			body := bytes.Repeat([]byte{7}, n)
			set := tpl.SignedAttributes(body)
			want, err := SignedAttributes{ContentType: OIDTSTInfo, MessageDigest: hashOf(m.hash, body), Certificate: s.cert, Hash: m.hash}.Marshal()
			if err != nil || !bytes.Equal(set, want) {
				t.Fatalf("attributes: %v\n%x\n%x", err, set, want)
			}
			signature := bytes.Repeat([]byte{9}, 71)
			for _, certs := range []bool{true, false} {
				p := BuildParams{ContentType: OIDTSTInfo, Content: body, Certificate: s.cert, Hash: m.hash, Scheme: m.scheme, SignedAttrs: set, Signature: signature}
				if certs {
					p.Certificates = [][]byte{s.cert.Raw}
				}
				want, err := Build(p)
				if err != nil {
					t.Fatal(err)
				}
				if got := tpl.Message(body, set, signature, certs); !bytes.Equal(got, want) {
					t.Fatalf("%d octets, certs %v:\n%x\n%x", n, certs, got, want)
				}
				response := TimestampResponse{Status: StatusGranted, Token: want}
				if want, err = response.Marshal(); err != nil {
					t.Fatal(err)
				}
				if got := tpl.Granted(body, set, signature, certs); !bytes.Equal(got, want) {
					t.Fatalf("response, %d octets, certs %v:\n%x\n%x", n, certs, got, want)
				}
			}
		}
	}
}
