package validation_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"errors"
	"slices"
	"testing"

	"chop/internal/cms"
	"chop/signer/cades"
	"chop/signer/pades"
	"chop/validation"
)

// More signatures, time-stamps or depth than an honest file has are told, and do not pass.
func TestCMSLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	by := w.signer("Chan Tai Man")
	doc := w.signCMS(by, cades.Request{Level: pades.LevelT})
	parse := func(der []byte) *cms.SignedData {
		m, err := cms.Parse(der)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	marshal := func(m *cms.SignedData) []byte {
		der, err := m.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	many := parse(doc)
	for range 100 {
		if err := many.AddSigner(parse(doc)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.tryValidate(t, marshal(many), validation.Options{}); !errors.Is(err, validation.ErrFormat) {
		t.Errorf("101 signers: %v", err)
	}
	stamps := parse(doc)
	for range 64 {
		stamps.SignerInfos[0].AddUnsigned(cms.OIDSignatureTimestamp, stamps.SignerInfos[0].SignatureTimestamps()[0])
	}
	if r, err := w.tryValidate(t, marshal(stamps), validation.Options{}); err != nil || verdict(r.Signatures[0]) != "INDETERMINATE/SIG_CONSTRAINTS_FAILURE" {
		t.Errorf("65 time-stamps: %v, %s", err, tell(r))
	}
	// One on the other on the other: what is too deep is told.
	deep := parse(doc)
	value := deep.SignerInfos[0].Signature
	var inner []byte
	for range 5 {
		inner = w.counter(by, value, inner)
	}
	deep.SignerInfos[0].AddUnsigned(cms.OIDCounterSignature, inner)
	r, err := w.tryValidate(t, marshal(deep), validation.Options{})
	if err != nil || len(r.Signatures) != 4 || verdict(r.Signatures[3]) == passed || r.Passed() {
		t.Errorf("five deep: %v, %s", err, tell(r))
	}
}

// counter makes a SignerInfo on a value, with another one on it.
func (w *world) counter(by *person, value, on []byte) []byte {
	w.t.Helper()
	attrs, err := cms.SignedAttributes{MessageDigest: sha(value), Certificate: by.cert, Hash: crypto.SHA256}.Marshal()
	if err != nil {
		w.t.Fatal(err)
	}
	signature, err := by.key.Sign(rand.Reader, sha(attrs), crypto.SHA256)
	if err != nil {
		w.t.Fatal(err)
	}
	p := cms.BuildParams{Certificate: by.cert, Hash: crypto.SHA256, Scheme: cms.ECDSA, SignedAttrs: attrs, Signature: signature}
	if on != nil {
		p.Unsigned = []cms.Attribute{{Type: cms.OIDCounterSignature, Values: [][]byte{on}}}
	}
	der, err := cms.BuildSigner(p)
	if err != nil {
		w.t.Fatal(err)
	}
	return der
}

// A value over attributes in the order sent is none over their DER.
func TestCMSAttributesInDER(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	by := w.signer("Chan Tai Man")
	doc := w.signCMS(by, cades.Request{})
	m, err := cms.Parse(doc)
	if err != nil {
		t.Fatal(err)
	}
	set := m.SignerInfos[0].SignedAttributesDER()
	// The first attribute, content-type, goes behind the others.
	if set[1] < 0x80 {
		t.Fatal("the attributes are shorter than this test knows")
	}
	head := 2 + int(set[1]&0x7f)
	size := 2 + int(set[head+1])
	moved := slices.Concat(set[:head], set[head+size:], set[head:head+size])
	value, err := by.key.Sign(rand.Reader, sha(moved), crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	forged := bytes.Replace(doc, set[head:], moved[head:], 1)
	was := m.SignerInfos[0].Signature
	if len(value) != len(was) { // ECDSA values differ in length: try until one fits
		for len(value) != len(was) {
			if value, err = by.key.Sign(rand.Reader, sha(moved), crypto.SHA256); err != nil {
				t.Fatal(err)
			}
		}
	}
	r, err := w.tryValidate(t, bytes.Replace(forged, was, value, 1), validation.Options{})
	if err != nil || verdict(r.Signatures[0]) != "TOTAL-FAILED/SIG_CRYPTO_FAILURE" {
		t.Errorf("%v, %s", err, tell(r))
	}
	// Sent in another order, and signed as the standard says, it holds.
	r, err = w.tryValidate(t, forged, validation.Options{})
	if err != nil || !r.Passed() {
		t.Errorf("%v, %s", err, tell(r))
	}
}
