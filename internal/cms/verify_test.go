package cms

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"errors"
	"math/big"
	"slices"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// resort changes the attributes of an encoded SET, so that what is signed is what a hostile or careless signer would
// have signed, not what SignedAttributes allows.
func resort(t *testing.T, change func([]Attribute) []Attribute) func([]byte) []byte {
	return func(set []byte) []byte {
		list, err := ParseSignedAttributes(set)
		if err != nil {
			t.Fatal(err)
		}
		inner, err := encodeSet(change(list))
		if err != nil {
			t.Fatal(err)
		}
		return element(cbasn1.SET, inner)
	}
}

func without(oid string) func([]Attribute) []Attribute {
	return func(l []Attribute) []Attribute {
		return slices.DeleteFunc(l, func(a Attribute) bool { return a.Type.String() == oid })
	}
}

func with(extra ...Attribute) func([]Attribute) []Attribute {
	return func(l []Attribute) []Attribute { return append(l, extra...) }
}

func protection(digest, signature []byte) Attribute {
	inner := cryptobyte.String(signature)
	var content cryptobyte.String
	inner.ReadASN1(&content, cbasn1.SEQUENCE)
	return Attribute{Type: OIDAlgorithmProtection, Values: [][]byte{element(cbasn1.SEQUENCE, digest, element(tagConstructed1, content))}}
}

// Every signature here is mathematically right: what differs is what it says.
func TestVerifyAttributes(t *testing.T) {
	t.Parallel()
	s := newSigner(t, "p256")
	sha256, _ := DigestAlgorithm(crypto.SHA256)
	sha384, _ := DigestAlgorithm(crypto.SHA384)
	ecdsa256, _ := SignatureAlgorithmFor(ECDSA, crypto.SHA256)
	sha256NULL := append([]byte{0x30, byte(len(sha256))}, append(bytes.Clone(sha256[2:]), 5, 0)...)
	digest := element(cbasn1.OCTET_STRING, hashOf(crypto.SHA256, content))
	for _, c := range []struct {
		name   string
		change func([]Attribute) []Attribute
		want   error
	}{
		{"unchanged", with(), nil},
		{"no message-digest", without(OIDMessageDigest.String()), ErrAttributes},
		{"no content-type", without(OIDContentType.String()), ErrAttributes},
		{"other content-type", func(l []Attribute) []Attribute {
			return append(without(OIDContentType.String())(l), Attribute{Type: OIDContentType, Values: [][]byte{element(cbasn1.OBJECT_IDENTIFIER, []byte{0x2a, 3})}})
		}, ErrAttributes},
		{"two message-digests", with(Attribute{Type: OIDMessageDigest, Values: [][]byte{digest}}), ErrAttributes},
		{"message-digest of two values", func(l []Attribute) []Attribute {
			other := element(cbasn1.OCTET_STRING, make([]byte, 32))
			return append(without(OIDMessageDigest.String())(l), Attribute{Type: OIDMessageDigest, Values: [][]byte{digest, other}})
		}, ErrAttributes},
		{"message-digest of no value", func(l []Attribute) []Attribute {
			return append(without(OIDMessageDigest.String())(l), Attribute{Type: OIDMessageDigest})
		}, ErrAttributes},
		{"message-digest of another type", func(l []Attribute) []Attribute {
			return append(without(OIDMessageDigest.String())(l), Attribute{Type: OIDMessageDigest, Values: [][]byte{{5, 0}}})
		}, ErrAttributes},
		{"message-digest of other content", func(l []Attribute) []Attribute {
			return append(without(OIDMessageDigest.String())(l), Attribute{Type: OIDMessageDigest, Values: [][]byte{element(cbasn1.OCTET_STRING, make([]byte, 32))}})
		}, ErrDigest},
		{"unknown attribute twice", with(Attribute{Type: []int{1, 2, 3}, Values: [][]byte{{5, 0}}}, Attribute{Type: []int{1, 2, 3}, Values: [][]byte{{1, 1, 255}}}), ErrAttributes},
		{"content-timestamp twice", with(Attribute{Type: OIDContentTimestamp, Values: [][]byte{{5, 0}}}, Attribute{Type: OIDContentTimestamp, Values: [][]byte{{1, 1, 255}}}), nil},
		{"garbage in ESS", with(Attribute{Type: OIDSigningCertificate, Values: [][]byte{{5, 0}}}), nil}, // v2 is read first
		{"garbage as time", with(Attribute{Type: OIDSigningTime, Values: [][]byte{{23, 1, 'x'}}}), ErrAttributes},
		{"protection", with(protection(sha256, ecdsa256)), nil},
		{"protection with NULL", with(protection(sha256NULL, ecdsa256)), nil},
		{"protection of another digest", with(protection(sha384, ecdsa256)), ErrAttributes},
		{"protection of another signature", with(protection(sha256, sha256)), ErrAttributes},
		{"protection garbage", with(Attribute{Type: OIDAlgorithmProtection, Values: [][]byte{{5, 0}}}), ErrAttributes},
	} {
		t.Run(c.name, func(t *testing.T) {
			der := s.sign(t, message{scheme: ECDSA, hash: crypto.SHA256, content: content, changeSet: resort(t, c.change)})
			err := parse(t, der).SignerInfos[0].Verify(s.key.Public(), hashOf(crypto.SHA256, content))
			if !errors.Is(err, c.want) || (c.want == nil) != (err == nil) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	s, other, rsaSigner := newSigner(t, "p256"), newSigner(t, "p384"), newSigner(t, "rsa2048")
	der := s.sign(t, message{scheme: ECDSA, hash: crypto.SHA256, content: content})
	good := hashOf(crypto.SHA256, content)
	edKey := ed25519.NewKeyFromSeed(make([]byte, 32)).Public()
	for _, c := range []struct {
		name   string
		pub    crypto.PublicKey
		digest []byte
		change func(*SignerInfo)
		want   error
	}{
		{"right", s.key.Public(), good, nil, nil},
		{"other content", s.key.Public(), hashOf(crypto.SHA256, []byte("x")), nil, ErrDigest},
		{"digest of another length", s.key.Public(), good[:31], nil, ErrDigest},
		{"no digest", s.key.Public(), nil, nil, ErrDigest},
		{"other key", other.key.Public(), good, nil, ErrSignature},
		{"RSA key", rsaSigner.key.Public(), good, nil, ErrAlgorithm},
		{"Ed25519 key", edKey, good, nil, ErrAlgorithm},
		{"no key", nil, good, nil, ErrAlgorithm},
		{"signature cut", s.key.Public(), good, func(si *SignerInfo) { si.Signature = si.Signature[:len(si.Signature)-1] }, ErrSignature},
		{"signature empty", s.key.Public(), good, func(si *SignerInfo) { si.Signature = nil }, ErrSignature},
		{"unknown digest", s.key.Public(), good, func(si *SignerInfo) { si.Digest = 0 }, ErrAlgorithm},
		{"unknown signature algorithm", s.key.Public(), good, func(si *SignerInfo) { si.SignatureAlgorithm.Scheme = "" }, ErrAlgorithm},
		{"other hash of the signature", s.key.Public(), good, func(si *SignerInfo) { si.SignatureAlgorithm.Hash = crypto.SHA384 }, ErrSignature},
	} {
		si := parse(t, der).SignerInfos[0]
		if c.change != nil {
			c.change(si)
		}
		if err := si.Verify(c.pub, c.digest); !errors.Is(err, c.want) || (c.want == nil) != (err == nil) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}

// The signature is right under its own algorithm, but its hash is not that of the message digest.
func TestVerifyHashMismatch(t *testing.T) {
	t.Parallel()
	s := newSigner(t, "p256")
	der := s.sign(t, message{scheme: ECDSA, hash: crypto.SHA512, content: content})
	si := parse(t, der).SignerInfos[0]
	set := si.SignedAttributesDER()
	signature, err := s.key.Sign(nil, hashOf(crypto.SHA256, set), crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	si.Signature, si.SignatureAlgorithm.Hash = signature, crypto.SHA256
	if err := si.Verify(s.key.Public(), hashOf(crypto.SHA512, content)); !errors.Is(err, ErrHashMismatch) {
		t.Fatalf("got %v", err)
	}
}

// Attributes that were sent unsorted verify in either order: RFC 5652 has their DER signed, some signers sign as sent.
func TestVerifyOrder(t *testing.T) {
	t.Parallel()
	s := newSigner(t, "p256")
	reverse := func(set []byte) []byte {
		list, err := ParseSignedAttributes(set)
		if err != nil {
			t.Fatal(err)
		}
		slices.Reverse(list)
		var parts [][]byte
		for _, a := range list {
			der, _ := encodeAttribute(a)
			parts = append(parts, der)
		}
		return element(cbasn1.SET, parts...)
	}
	asSent := s.sign(t, message{scheme: ECDSA, hash: crypto.SHA256, content: content, changeSet: reverse})
	sorted := s.sign(t, message{scheme: ECDSA, hash: crypto.SHA256, content: content, changeBuild: func(p *BuildParams) { p.SignedAttrs = reverse(p.SignedAttrs) }})
	for name, der := range map[string][]byte{"as sent": asSent, "sorted": sorted} {
		si := parse(t, der).SignerInfos[0]
		if err := si.Verify(s.key.Public(), hashOf(crypto.SHA256, content)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := ParseSignedAttributes(si.SignedAttributesDER()); err == nil {
			t.Errorf("%s: unsorted attributes pass for DER", name)
		}
	}
}

// A certificate with the signer's issuer and serial number, but an attacker's key, is placed first.
func TestFindCertificate(t *testing.T) {
	t.Parallel()
	s, forger := newSigner(t, "p256"), newSigner(t, "p384")
	template := *s.cert
	template.PublicKey = forger.key.Public()
	raw, err := x509.CreateCertificate(nil, &template, &template, forger.key.Public(), forger.key)
	if err != nil {
		t.Fatal(err)
	}
	for _, keyID := range []bool{false, true} {
		si := parse(t, s.sign(t, message{scheme: ECDSA, hash: crypto.SHA256, content: content, keyID: keyID})).SignerInfos[0]
		if got := si.FindCertificate([][]byte{{0x30, 0}, nil, raw, s.cert.Raw}); !bytes.Equal(got, s.cert.Raw) {
			t.Errorf("key id %v: took the forged certificate", keyID)
		}
		if err := si.BindsCertificate(raw); !errors.Is(err, ErrAttributes) {
			t.Errorf("key id %v: forged certificate: %v", keyID, err)
		}
		if got := si.FindCertificate([][]byte{forger.cert.Raw}); got != nil {
			t.Errorf("key id %v: found a certificate of someone else", keyID)
		}
	}
}

// Unsigned attributes change, everything else stays, and the signature with it.
func TestAddUnsigned(t *testing.T) {
	t.Parallel()
	s := newSigner(t, "rsa2048")
	der := s.sign(t, message{scheme: PSS, hash: crypto.SHA256, content: content, detached: true})
	sd := parse(t, der)
	before := sd.SignerInfos[0]
	before.AddUnsigned(OIDSignatureTimestamp, []byte{0x30, 0})
	before.AddUnsigned([]int{1, 2, 3, 4}, []byte{5, 0})
	longer, err := sd.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	sd = parse(t, longer)
	si := sd.SignerInfos[0]
	if !bytes.Equal(si.head, before.head) || sd.Content != nil {
		t.Fatal("what is signed has changed")
	}
	if err := si.Verify(s.key.Public(), hashOf(crypto.SHA256, content)); err != nil {
		t.Fatal(err)
	}
	if got := si.SignatureTimestamps(); len(got) != 1 || !bytes.Equal(got[0], []byte{0x30, 0}) {
		t.Fatalf("timestamps %x", got)
	}
	si.RemoveUnsigned(OIDSignatureTimestamp)
	si.RemoveUnsigned([]int{1, 2, 3, 4})
	if again, err := sd.Marshal(); err != nil || !bytes.Equal(again, der) {
		t.Fatalf("removing did not undo adding: %v", err)
	}
}

func TestSerialOctets(t *testing.T) {
	t.Parallel()
	for octets, want := range map[string]int64{"\x00": 0, "\x7f": 127, "\x00\x80": 128, "\xff": -1, "\x80": -128} {
		if got := signedInteger([]byte(octets)); got.Cmp(big.NewInt(want)) != 0 {
			t.Errorf("%x: %v", octets, got)
		}
	}
}
