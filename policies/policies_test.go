package policies

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"
)

func TestLoad(t *testing.T) {
	t.Parallel()
	s, err := Load(Options{Arc: "1.3.6.1.4.1.32473.7", CPSURL: "https://ca.example/cps"})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		usage x509.KeyUsage
		eku   int
		oid   string
	}{
		"root":                {x509.KeyUsageCertSign | x509.KeyUsageCRLSign, 0, ""},
		"issuing-ca":          {x509.KeyUsageCertSign | x509.KeyUsageCRLSign, 0, "2.5.29.32.0"},
		"ocsp-responder":      {x509.KeyUsageDigitalSignature, 1, "1.3.6.1.4.1.32473.7.1.1"},
		"tsa-unit":            {x509.KeyUsageDigitalSignature, 1, "1.3.6.1.4.1.32473.7.1.2"},
		"resident":            {x509.KeyUsageContentCommitment, 0, "1.3.6.1.4.1.32473.7.1.3"},
		"resident-device-key": {x509.KeyUsageContentCommitment, 0, "1.3.6.1.4.1.32473.7.1.5"},
		"department-seal":     {x509.KeyUsageContentCommitment, 0, "1.3.6.1.4.1.32473.7.1.4"},
	} {
		p, err := s.Profile(name)
		if err != nil {
			t.Fatal(err)
		}
		if p.KeyUsage.X509() != want.usage || len(p.ExtKeyUsage.Purposes) != want.eku {
			t.Errorf("%s: key usage %b, purposes %v", name, p.KeyUsage, p.ExtKeyUsage.Purposes)
		}
		if want.oid == "" {
			if p.Policy != nil {
				t.Errorf("%s has a policy", name)
			}
			continue
		}
		if p.Policy.OID.String() != want.oid || p.Policy.CPS != "https://ca.example/cps" {
			t.Errorf("%s: policy %s, CPS %q", name, p.Policy.OID, p.Policy.CPS)
		}
	}
	if got := len(s.Profiles()); got != 7 {
		t.Errorf("%d profiles, want 7", got)
	}
	resident, err := s.Profile("resident")
	if err != nil {
		t.Fatal(err)
	}
	if text := resident.Policy.Text(); !strings.Contains(text, "HK$200,000") || strings.Contains(text, "%s") {
		t.Errorf("notice %q", text)
	}
	seal, err := s.Signature("pades-seal")
	if err != nil || seal.DefaultLevel != "B-LT" || seal.HashFunc() != crypto.SHA256 || !seal.Allows("B-LTA") || !seal.AllowsProfile("department-seal") || seal.AllowsProfile("resident") {
		t.Errorf("pades-seal: %+v, %v", seal, err)
	}
	legacy, err := s.Signature("adobe-legacy")
	if err != nil || legacy.SubFilter != "adbe.pkcs7.detached" || legacy.Allows("B-LT") {
		t.Errorf("adobe-legacy: %+v, %v", legacy, err)
	}
	stamp, err := s.Timestamp("default")
	if err != nil || stamp.ObjectIdentifier().String() != "1.3.6.1.4.1.32473.7.3.1" || stamp.Accuracy > time.Second || !stamp.Accepts(crypto.SHA512) || stamp.Accepts(crypto.SHA1) {
		t.Errorf("timestamp policy: %+v, %v", stamp, err)
	}
	for _, err := range []error{errOf(s.Profile("king")), errOf(s.Signature("")), errOf(s.Timestamp("x")), errOf(s.Suite("x"))} {
		if !errors.Is(err, ErrUnknownPolicy) {
			t.Errorf("unknown name: %v", err)
		}
	}
}

func errOf[T any](_ T, err error) error { return err }

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	for _, o := range []Options{{Arc: "x"}, {Arc: "1"}, {Arc: "1.2.-3"}, {Arc: "3.1"}, {Arc: "1.40"}, {Arc: "1.2.03"}, {Arc: "1.2.4294967296"}, {CPSURL: "cps.html"}} {
		if _, err := Load(o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
	if s, err := Load(); err != nil || s.Arc.String() != DefaultArc {
		t.Errorf("default: %v", err)
	}
}

// Every rule that resolve makes refuses the embedded profile when it is broken.
func TestProfileRules(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Profile){
		"no description":          func(p *Profile) { p.Description = "" },
		"no issuer":               func(p *Profile) { p.Issuer = "" },
		"no validity":             func(p *Profile) { p.Validity = Period{} },
		"no key usage":            func(p *Profile) { p.KeyUsage = 0 },
		"unknown attribute":       func(p *Profile) { p.Subject[0].Type = "L" },
		"attribute twice":         func(p *Profile) { p.Subject = append(p.Subject, p.Subject[0]) },
		"no CN":                   func(p *Profile) { p.Subject = p.Subject[:1] },
		"no keys":                 func(p *Profile) { p.Keys = nil },
		"unknown key":             func(p *Profile) { p.Keys = []string{"dsa"} },
		"unknown purpose":         func(p *Profile) { p.ExtKeyUsage.Purposes = []string{"serverAuth"} },
		"nocheck alone":           func(p *Profile) { p.OCSPNoCheck = true },
		"CA without keyCertSign":  func(p *Profile) { p.CA = new(CAConstraint) },
		"keyCertSign without CA":  func(p *Profile) { p.KeyUsage = KeyUsage(x509.KeyUsageCertSign) },
		"exception, no reason":    func(p *Profile) { p.LintExceptions = map[string]string{"e_x": ""} },
		"long notice":             func(p *Profile) { p.Policy.Notice = strings.Repeat("說", 201); p.Policy.RelianceLimit = "" },
		"limit without its place": func(p *Profile) { p.Policy.Notice = "no limit" },
		"place without limit":     func(p *Profile) { p.Policy.RelianceLimit = "" },
		"bad policy":              func(p *Profile) { p.Policy.ID = "1..2" },
		"unknown enrolment":       func(p *Profile) { p.Enrolment = "word of honour" },
		"enrolment alone":         func(p *Profile) { p.Passkey = nil },
		"passkey alone":           func(p *Profile) { p.Enrolment = "" },
		"unknown passkey":         func(p *Profile) { p.Passkey = &PasskeyRule{"maybe", "none"} },
		"unknown attestation":     func(p *Profile) { p.Passkey = &PasskeyRule{"refuse", "some"} },
	} {
		s, err := Load()
		if err != nil {
			t.Fatal(err)
		}
		p, err := s.Profile("resident")
		if err != nil {
			t.Fatal(err)
		}
		change(p)
		if err := p.resolve(s.Arc, ""); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestYAMLTypes(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"0y", "1", "y", "-1y", "1.5y", "1000y", "1w", "01y"} {
		if err := new(Period).UnmarshalText([]byte(in)); err == nil {
			t.Errorf("period %q was accepted", in)
		}
	}
	from := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	for in, want := range map[string]string{"1y": "2025-03-01T11:59:59Z", "6m": "2024-08-29T11:59:59Z", "30d": "2024-03-30T11:59:59Z"} {
		var p Period
		if err := p.UnmarshalText([]byte(in)); err != nil || p.End(from).Format(time.RFC3339) != want {
			t.Errorf("%s: %s, %v, want %s", in, p.End(from), err, want)
		}
	}
	for in, ok := range map[string]bool{"[contentCommitment]": true, "[nonRepudiation]": false, "[cRLSign, cRLSign]": false, "digitalSignature": false} {
		if err := yaml.Unmarshal([]byte(in), new(KeyUsage)); (err == nil) != ok {
			t.Errorf("key usage %s: %v", in, err)
		}
	}
	for in, ok := range map[string]bool{"no-end": true, "2030-01-01": true, "2030": false, "never": false, "": false} {
		if err := new(Until).UnmarshalText([]byte(in)); (err == nil) != ok {
			t.Errorf("until %q: %v", in, err)
		}
	}
}

func TestSuites(t *testing.T) {
	t.Parallel()
	s, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	day := func(s string) time.Time {
		d, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, one := range []struct {
		suite, alg, at string
		want           error
	}{
		{"default", "sha256", "2200-01-01", nil},
		{"default", "ecdsa-p256", "2200-01-01", nil},
		{"default", "rsa-2048", "2030-12-31", nil},
		{"default", "rsa-2048", "2031-01-01", ErrAlgorithmExpired},
		{"default", "rsa-3071", "2031-01-01", ErrAlgorithmExpired},
		{"default", "rsa-3072", "2100-01-01", nil},
		{"default", "rsa-pkcs1-4096", "2100-01-01", nil},
		{"default", "rsa-1023", "2000-01-01", ErrAlgorithmUnknown},
		{"default", "rsa-x", "2000-01-01", ErrAlgorithmUnknown},
		{"default", "sha1", "2016-01-01", nil},
		{"default", "sha1", "2020-01-01", ErrAlgorithmExpired},
		{"default", "md5", "1999-01-01", ErrAlgorithmUnknown},
		{"default", "", "1999-01-01", ErrAlgorithmUnknown},
		{"ts119312", "rsa-2048", "2026-03-31", nil},
		{"ts119312", "rsa-2048", "2026-04-01", ErrAlgorithmExpired},
		{"ts119312", "rsa-3072", "2040-01-01", nil},
		{"ts119312", "rsa-pss-3072", "2040-01-01", nil},
		{"ts119312", "rsa-pkcs1-3072", "2033-12-31", nil},
		{"ts119312", "rsa-pkcs1-3072", "2034-01-01", ErrAlgorithmExpired},
		{"ts119312", "sha1", "2000-01-01", ErrAlgorithmUnknown},
		{"ts119312", "sha256", "2200-01-01", nil},
	} {
		suite, err := s.Suite(one.suite)
		if err != nil {
			t.Fatal(err)
		}
		if err := suite.Check(one.alg, day(one.at)); !errors.Is(err, one.want) {
			t.Errorf("%s: %s on %s: %v, want %v", one.suite, one.alg, one.at, err, one.want)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for want, pub := range map[string]crypto.PublicKey{
		"ecdsa-p384": p384.Public(),
		"rsa-2048":   &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2047)},
		"":           nil,
	} {
		if got := KeyAlgorithm(pub); got != want {
			t.Errorf("%T: %q, want %q", pub, got, want)
		}
	}
	if got := HashAlgorithm(crypto.SHA3_256); got != "sha3-256" {
		t.Error(got)
	}
	if got := HashAlgorithm(crypto.MD5); got != "" {
		t.Error(got)
	}
	if oid, err := under(asn1.ObjectIdentifier{1, 2}, "3.4"); err != nil || oid.String() != "1.2.3.4" {
		t.Errorf("%v, %v", oid, err)
	}
	if _, err := under(asn1.ObjectIdentifier{1, 2}, ""); err == nil {
		t.Error("an empty identifier was accepted")
	}
}
