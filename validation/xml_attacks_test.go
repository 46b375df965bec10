package validation_test

import (
	"strings"
	"testing"

	"chop/internal/xmldsig"
	"chop/signer/pades"
	"chop/signer/xades"
	"chop/validation"
)

const (
	payment = `<payment Id="pay"><to>Chan Tai Man</to><amount>100</amount></payment>`
	forged  = `<payment><to>Mallory</to><amount>100000</amount></payment>`
)

// Wrapping attacks: what the signature signs is still somewhere in the document, and what a
// reader takes is something else. Each must not pass, and be told: by a sub-indication, or
// by the unsigned element's name.
func TestXMLWrapping(t *testing.T) {
	w := newWorld(t)
	by := w.signer("Chan Tai Man")
	partly := w.signBare(by, `<order>`+payment+`SIGNATURE</order>OBJECT=`, "#pay", "")
	all := w.signBare(by, `<order>`+payment+`SIGNATURE</order>OBJECT=`, "", `<ds:Transform Algorithm="`+xmldsig.EnvelopedSignature+`"/>`)
	object := w.signBare(by, `SIGNATURE`+"OBJECT=<ds:Object Id=\"o\">"+payment+"</ds:Object>", "#o", "")
	own := string(w.signXML(by, xades.Request{Level: pades.LevelB}))
	start, end := strings.Index(partly, "<ds:Signature "), strings.Index(partly, "</order>")
	signature := partly[start:end]
	into := func(where, what string) string {
		return strings.Replace(signature, where, what+where, 1)
	}
	swap := func(doc, old, new string) string {
		t.Helper()
		if !strings.Contains(doc, old) {
			t.Fatalf("%q is not in\n%s", old, doc)
		}
		return strings.Replace(doc, old, new, 1)
	}
	for _, doc := range []string{all, object, own} { // what is attacked passes
		if r := w.validateXML(t, doc, validation.Options{}); !r.Passed() {
			t.Fatalf("%s\n%s", doc, tell(r))
		}
	}
	if r := w.validateXML(t, partly, validation.Options{}); verdict(r.Signatures[0]) != passed || r.Passed() {
		t.Fatalf("a part that is signed does not make the document signed\n%s", tell(r))
	}
	props := own[strings.Index(own, "<xades:SignedProperties"):strings.Index(own, "</xades:QualifyingProperties>")]
	elsewhere := strings.Replace(props, "<xades:SignedProperties", `<xades:SignedProperties xmlns:xades="`+xmldsig.XAdES+`"`, 1)
	backdated := strings.Replace(props, "2026-", "2025-", 1)
	for _, c := range []struct{ name, doc, verdict, unsigned string }{
		{"signed element moved into a wrapper", `<order>` + forged + `<wrapper>` + payment + `</wrapper>` + signature + `</order>`, passed, "/order/payment"},
		{"signed element moved behind the forged one", `<order>` + forged + payment + signature + `</order>`, passed, "/order/payment[1]"},
		{"signed element within the forged one", `<order>` + swap(forged, "</payment>", payment+"</payment>") + signature + `</order>`, passed, "/order/payment/to"},
		{"signed element moved into the signature's Object", `<order>` + forged + into("</ds:Signature>", "<ds:Object>"+payment+"</ds:Object>") + `</order>`, passed, "/order"},
		{"signature and signed element within the forged one", swap(forged, "</payment>", into("</ds:Signature>", "<ds:Object>"+payment+"</ds:Object>")+"</payment>"), passed, "/payment"},
		{"forged element with the same Id before", `<order>` + swap(forged, "<payment>", `<payment Id="pay">`) + payment + signature + `</order>`, "INDETERMINATE/SIGNED_DATA_NOT_FOUND", "/order"},
		{"forged element with the same Id behind", `<order>` + payment + swap(forged, "<payment>", `<payment Id="pay">`) + signature + `</order>`, "INDETERMINATE/SIGNED_DATA_NOT_FOUND", "/order"},
		{"same identifier by another attribute", `<order>` + swap(forged, "<payment>", `<payment ID="pay">`) + payment + signature + `</order>`, "INDETERMINATE/SIGNED_DATA_NOT_FOUND", "/order"},
		{"same identifier by xml:id", `<order>` + swap(forged, "<payment>", `<payment xml:id="pay">`) + payment + signature + `</order>`, "INDETERMINATE/SIGNED_DATA_NOT_FOUND", "/order"},
		{"same identifier by the document type", `<!DOCTYPE order [<!ATTLIST payment key ID #IMPLIED>]><order>` + swap(forged, "<payment>", `<payment key="pay">`) + payment + signature + `</order>`, "INDETERMINATE/SIGNED_DATA_NOT_FOUND", "/order"},
		{"second SignedInfo", swap(partly, "<ds:SignatureValue", swap(signature[strings.Index(signature, "<ds:SignedInfo>"):strings.Index(signature, "<ds:SignatureValue")], "#pay", "#other")+"<ds:SignatureValue"), "TOTAL-FAILED/FORMAT_FAILURE", "/order"},
		{"element added to a signed document", swap(all, "<order>", "<order>"+forged), "TOTAL-FAILED/HASH_FAILURE", "/order"},
		{"signed document within another", "<orders>" + all + forged + "</orders>", "TOTAL-FAILED/HASH_FAILURE", "/orders"},
		{"forged Object beside the signed one", swap(object, "<ds:Object ", "<ds:Object>"+forged+"</ds:Object><ds:Object "), passed, "/ds:Signature/ds:Object[1]"},
		{"forged Object in the place of the signed one", swap(swap(object, `<ds:Object Id="o">`, `<ds:Object Id="p">`), "100<", "100000<"), "INDETERMINATE/SIGNED_DATA_NOT_FOUND", "/ds:Signature/ds:Object"},
		{"content hidden in a second signature", swap(own, "</order>", `<ds:Signature xmlns:ds="`+xmldsig.NS+`"><ds:Object>`+forged+`</ds:Object></ds:Signature></order>`), passed, ""},
		{"content hidden in the signature", swap(own, "</ds:Signature>", `<ds:Object>`+forged+`</ds:Object></ds:Signature>`), passed, "/order/ds:Signature/ds:Object[2]"},
		{"content hidden beside the properties", swap(own, "<ds:Object>", `<ds:Object>`+forged), passed, "/order/ds:Signature/ds:Object/payment"},
		{"signed properties moved and forged ones in their place", swap(swap(own, props, strings.Replace(backdated, ` Id="`, ` Id="x`, 1)), "</ds:Signature>", "<ds:Object>"+elsewhere+"</ds:Object></ds:Signature>"), "INDETERMINATE/SIG_CONSTRAINTS_FAILURE", "/order"},
		{"signed properties with the same Id before", swap(own, "<ds:Object>", "<ds:Object>"+strings.Replace(elsewhere, "2026-", "2025-", 1)+"</ds:Object><ds:Object>"), "INDETERMINATE/SIG_CONSTRAINTS_FAILURE", "/order"},
		{"signed properties altered", swap(own, props, backdated), "TOTAL-FAILED/HASH_FAILURE", "/order"},
		{"two QualifyingProperties", swap(own, "<ds:Object>", "<ds:Object>"+strings.Replace(own[strings.Index(own, "<xades:Qual"):strings.Index(own, "</ds:Object>")], props, "", 1)+"</ds:Object><ds:Object>"), "INDETERMINATE/SIG_CONSTRAINTS_FAILURE", "/order"},
		{"properties of another signature", swap(own, `Target="#chop-`, `Target="#other-`), "INDETERMINATE/SIG_CONSTRAINTS_FAILURE", "/order"},
		{"a stylesheet for a signed Object", `<?xml-stylesheet href="x.xsl" type="text/xsl"?>` + object, passed, "instruction xml-stylesheet"},
		{"a stylesheet for a signed document", `<?xml-stylesheet href="x.xsl" type="text/xsl"?>` + all, "TOTAL-FAILED/HASH_FAILURE", "instruction xml-stylesheet"},
		{"signature value of another", swap(own, own[strings.Index(own, "<ds:SignatureValue"):strings.Index(own, "</ds:SignatureValue>")], partly[strings.Index(partly, "<ds:SignatureValue"):strings.Index(partly, "</ds:SignatureValue>")]), "TOTAL-FAILED/SIG_CRYPTO_FAILURE", "/order"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := w.validateXML(t, c.doc, validation.Options{})
			if s := r.Signatures[0]; s.SubIndication == validation.SigCryptoFailure && len(s.Signed) > 0 {
				t.Errorf("with a value that does not verify %q is signed", s.Signed)
			}
			if r.Passed() {
				t.Fatalf("passed\n%s\n%s", c.doc, tell(r))
			}
			if got := verdict(r.Signatures[0]); got != c.verdict {
				t.Errorf("%s, want %s\n%s", got, c.verdict, tell(r))
			}
			found := c.unsigned == ""
			for _, path := range r.Document.Unsigned {
				path, _, _ = strings.Cut(path, ",")
				found = found || path == c.unsigned
			}
			if !found {
				t.Errorf("unsigned are %q, not %q", r.Document.Unsigned, c.unsigned)
			}
		})
	}
}

// Whose certificate it is is not for its place in KeyInfo to say.
func TestXMLCertificateSubstitution(t *testing.T) {
	w := newWorld(t)
	by, other := w.signer("Chan Tai Man"), w.signer("Mallory")
	own := string(w.signXML(by, xades.Request{Level: pades.LevelB}))
	for name, doc := range map[string]string{
		"first":    strings.Replace(own, "<ds:X509Certificate>", "<ds:X509Certificate>"+encode(other.cert.Raw)+"</ds:X509Certificate><ds:X509Certificate>", 1),
		"in place": strings.Replace(own, encode(by.cert.Raw), encode(other.cert.Raw), 1),
	} {
		r := w.validateXML(t, doc, validation.Options{})
		if r.Passed() && !strings.Contains(r.Signatures[0].Signer, "Chan Tai Man") {
			t.Errorf("%s: passed as %s", name, r.Signatures[0].Signer)
		}
		if s := r.Signatures[0]; s.SubIndication == validation.NoSigningCertificateFound && len(s.Signed) > 0 {
			t.Errorf("%s: without a certificate %q is signed", name, s.Signed)
		}
		if name == "in place" && verdict(r.Signatures[0]) != "INDETERMINATE/NO_SIGNING_CERTIFICATE_FOUND" {
			t.Errorf("%s: %s", name, tell(r))
		}
	}
}
