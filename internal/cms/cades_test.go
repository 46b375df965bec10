package cms

import (
	"bytes"
	"crypto"
	"reflect"
	"testing"
)

func TestCAdESAttributes(t *testing.T) {
	t.Parallel()
	must := func(a Attribute, err error) Attribute {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	location := SignerLocation{Country: "HK", Locality: "香港", Postal: []string{"Immigration Tower", "Wan Chai"}}
	revocation := RevocationInfo{CRLs: [][]byte{{0x30, 0}}, OCSPs: [][]byte{{0x30, 2, 5, 0}, {0x30, 0}}}
	s := newSigner(t, "p256")
	der := s.sign(t, message{scheme: ECDSA, hash: crypto.SHA256, content: content, change: func(a *SignedAttributes) {
		a.Extra = []Attribute{
			must(SignaturePolicyAttribute([]int{1, 2, 3}, crypto.SHA256, make([]byte, 32))),
			must(CommitmentTypeAttribute([]int{1, 2, 840, 113549, 1, 9, 16, 6, 1})),
			must(location.Attribute()),
			must(AdobeRevocationAttribute(revocation)),
			ContentTimestampAttribute([]byte{0x30, 0}),
		}
	}})
	si := parse(t, der).SignerInfos[0]
	if err := si.Verify(s.key.Public(), hashOf(crypto.SHA256, content)); err != nil {
		t.Fatal(err)
	}
	policy, err := si.SignaturePolicy()
	if err != nil || policy.OID.String() != "1.2.3" || policy.Hash != crypto.SHA256 || !bytes.Equal(policy.Digest, make([]byte, 32)) {
		t.Errorf("policy %+v, %v", policy, err)
	}
	if got, err := si.CommitmentTypes(); err != nil || len(got) != 1 || got[0].String() != "1.2.840.113549.1.9.16.6.1" {
		t.Errorf("commitments %v, %v", got, err)
	}
	if got, err := si.SignerLocation(); err != nil || !reflect.DeepEqual(*got, location) {
		t.Errorf("location %+v, %v", got, err)
	}
	if got, err := si.AdobeRevocation(); err != nil || !reflect.DeepEqual(*got, revocation) {
		t.Errorf("revocation %+v, %v", got, err)
	}
	if got := si.ContentTimestamps(); len(got) != 1 {
		t.Errorf("content timestamps %x", got)
	}
}

// Absent attributes are nil without an error; broken ones are an error.
func TestCAdESAbsentOrBroken(t *testing.T) {
	t.Parallel()
	read := func(si *SignerInfo) map[string]error {
		errs := map[string]error{}
		_, errs["policy"] = si.SignaturePolicy()
		_, errs["commitments"] = si.CommitmentTypes()
		_, errs["location"] = si.SignerLocation()
		_, errs["adobe"] = si.AdobeRevocation()
		_, errs["ess"] = si.SigningCertificate()
		_, errs["time"] = si.SigningTime()
		return errs
	}
	for name, err := range read(&SignerInfo{}) {
		if err != nil {
			t.Errorf("%s absent: %v", name, err)
		}
	}
	var broken []Attribute
	for _, oid := range [][]int{OIDSignaturePolicy, OIDCommitmentType, OIDSignerLocation, OIDAdobeRevocation, OIDSigningCertificateV2, OIDSigningTime} {
		broken = append(broken, Attribute{Type: oid, Values: [][]byte{{0x30, 2, 4, 0}}})
	}
	for name, err := range read(&SignerInfo{SignedAttrs: broken}) {
		if err == nil {
			t.Errorf("%s broken: no error", name)
		}
	}
}
