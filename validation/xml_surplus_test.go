package validation_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"chop/internal/xmldsig"
	"chop/signer/pades"
	"chop/signer/xades"
	"chop/validation"
)

// What stands in a signature and is neither signed nor a part of one is named, and the
// document does not pass: readers that gather text find it there.
func TestXMLContentHiddenInASignature(t *testing.T) {
	w := newWorld(t)
	by := w.signer("Chan Tai Man")
	own := string(w.signXML(by, xades.Request{Level: pades.LevelLT}))
	const sig = "/order/ds:Signature"
	const props = sig + "/ds:Object/xades:QualifyingProperties"
	swap := func(old, new string) string {
		t.Helper()
		if strings.Count(own, old) == 0 {
			t.Fatalf("%q is not in\n%s", old, own)
		}
		return strings.Replace(own, old, new, 1)
	}
	foreign := `<payment xmlns=""><to>Mallory</to></payment>`
	long := strings.Repeat("Pay Mallory. ", 50)
	if r := w.validateXML(t, own, validation.Options{}); !r.Passed() {
		t.Fatal(tell(r))
	}
	for _, c := range []struct{ name, doc, unsigned string }{
		{"element in KeyInfo", swap("<ds:KeyInfo>", "<ds:KeyInfo>"+foreign), sig + "/ds:KeyInfo/payment"},
		{"element in X509Data", swap("<ds:X509Data>", "<ds:X509Data>"+foreign), sig + "/ds:KeyInfo/ds:X509Data/payment"},
		{"Object in KeyInfo", swap("<ds:KeyInfo>", "<ds:KeyInfo><ds:Object>"+foreign+"</ds:Object>"), sig + "/ds:KeyInfo/ds:Object"},
		{"text in KeyInfo", swap("<ds:KeyInfo>", "<ds:KeyInfo>Pay Mallory"), sig + "/ds:KeyInfo, text in it"},
		{"CDATA in KeyInfo", swap("<ds:KeyInfo>", "<ds:KeyInfo><![CDATA[Pay Mallory]]>"), sig + "/ds:KeyInfo, text in it"},
		{"long KeyName", swap("<ds:KeyInfo>", "<ds:KeyInfo><ds:KeyName>"+long+"</ds:KeyName>"), sig + "/ds:KeyInfo/ds:KeyName, a long text in it"},
		{"no base64 in X509SKI", swap("<ds:X509Data>", "<ds:X509Data><ds:X509SKI>Pay: Mallory</ds:X509SKI>"), sig + "/ds:KeyInfo/ds:X509Data/ds:X509SKI, text in it"},
		{"words of base64", swap("<ds:X509Data>", "<ds:X509Data><ds:X509SKI>Pay Mallory one hundred thousand</ds:X509SKI>"), sig + "/ds:KeyInfo/ds:X509Data/ds:X509SKI, text in it"},
		{"many names", swap("<ds:KeyInfo>", "<ds:KeyInfo>"+strings.Repeat("<ds:KeyName>"+long[:500]+"</ds:KeyName>", 10)), sig + "/ds:KeyInfo/ds:KeyName[9], a long text in it"},
		{"MgmtData", swap("<ds:KeyInfo>", "<ds:KeyInfo><ds:MgmtData>Pay Mallory</ds:MgmtData>"), sig + "/ds:KeyInfo/ds:MgmtData"},
		{"attribute of KeyInfo", swap("<ds:KeyInfo>", "<ds:KeyInfo pay='Mallory'>"), sig + "/ds:KeyInfo, attribute pay"},
		{"attribute in another namespace", swap("<ds:KeyInfo>", "<ds:KeyInfo xmlns:e='urn:e' e:pay='Mallory'>"), sig + "/ds:KeyInfo, attribute e:pay"},
		{"long Id", swap("<ds:KeyInfo>", "<ds:KeyInfo Id='"+long+"'>"), sig + "/ds:KeyInfo, attribute Id"},
		{"instruction in KeyInfo", swap("<ds:KeyInfo>", "<ds:KeyInfo><?pay Mallory?>"), sig + "/ds:KeyInfo, instruction pay"},
		{"text in Signature", swap("<ds:SignedInfo>", "Pay Mallory<ds:SignedInfo>"), sig + ", text in it"},
		{"text beside the properties", swap("<ds:Object>", "<ds:Object>Pay Mallory"), sig + "/ds:Object, text in it"},
		{"element in QualifyingProperties", swap("</xades:QualifyingProperties>", foreign+"</xades:QualifyingProperties>"), props + "/payment"},
		{"text in QualifyingProperties", swap("</xades:QualifyingProperties>", "Pay</xades:QualifyingProperties>"), props + ", text in it"},
		{"element in UnsignedProperties", swap("</xades:UnsignedProperties>", foreign+"</xades:UnsignedProperties>"), props + "/xades:UnsignedProperties/payment"},
		{"unsigned property", swap("</xades:UnsignedSignatureProperties>", foreign+"</xades:UnsignedSignatureProperties>"),
			props + "/xades:UnsignedProperties/xades:UnsignedSignatureProperties/payment"},
		{"unsigned property of a data object", swap("</xades:UnsignedProperties>", "<xades:UnsignedDataObjectProperties><xades:UnsignedDataObjectProperty>"+foreign+
			"</xades:UnsignedDataObjectProperty></xades:UnsignedDataObjectProperties></xades:UnsignedProperties>"),
			props + "/xades:UnsignedProperties/xades:UnsignedDataObjectProperties/xades:UnsignedDataObjectProperty"},
		{"among certificates", swap("</xades:CertificateValues>", foreign+"</xades:CertificateValues>"),
			props + "/xades:UnsignedProperties/xades:UnsignedSignatureProperties/xades:CertificateValues/payment"},
		{"OtherCertificate", swap("</xades:CertificateValues>", "<xades:OtherCertificate>Pay</xades:OtherCertificate></xades:CertificateValues>"),
			props + "/xades:UnsignedProperties/xades:UnsignedSignatureProperties/xades:CertificateValues/xades:OtherCertificate"},
	} {
		r := w.validateXML(t, c.doc, validation.Options{})
		if got := verdict(r.Signatures[0]); got != passed || r.Passed() || !slices.Contains(r.Document.Unsigned, c.unsigned) {
			t.Errorf("%s: %s, unsigned are %q, not %q", c.name, got, r.Document.Unsigned, c.unsigned)
		}
	}
	// A second signature over it all makes it signed.
	both := w.signBare(w.signer("Wong Siu Ming"), `<all>`+swap("<ds:KeyInfo>", "<ds:KeyInfo><ds:MgmtData>x</ds:MgmtData>")[len("<?xml version=\"1.0\"?>\n"):]+`SIGNATURE</all>OBJECT=`, "",
		`<ds:Transform Algorithm="`+xmldsig.EnvelopedSignature+`"/>`)
	if r := w.validateXML(t, both, validation.Options{}); slices.ContainsFunc(r.Document.Unsigned, func(s string) bool { return strings.Contains(s, "MgmtData") }) {
		t.Errorf("what a second signature covers is named: %s", tell(r))
	}
}

// Of base64 the octets are signed: not the element around them, its name and attributes.
func TestXMLBase64SignsItsOctets(t *testing.T) {
	w := newWorld(t)
	by := w.signer("Chan Tai Man")
	data := base64.StdEncoding.EncodeToString([]byte("the data"))
	transform := `<ds:Transform Algorithm="` + xmldsig.Base64 + `"/>`
	for _, c := range []struct{ name, doc, unsigned string }{
		{"an attribute", w.signBare(by, `<order><a Id="a" to="Mallory">`+data+`</a>SIGNATURE</order>OBJECT=`, "#a", transform), "/order/a, but for the base64 in it"},
		{"in an Object", w.signBare(by, `SIGNATURE`+`OBJECT=<ds:Object Id="o"><a Id="a" to="Mallory">`+data+`</a></ds:Object>`, "#a", transform), "/ds:Signature/ds:Object"},
	} {
		r := w.validateXML(t, c.doc, validation.Options{})
		if verdict(r.Signatures[0]) != passed || r.Passed() || !slices.Contains(r.Document.Unsigned, c.unsigned) || !strings.HasPrefix(r.Signatures[0].Signed[0], "the base64 in /") {
			t.Errorf("%s: %s", c.name, tell(r))
		}
	}
	own := string(w.signXML(by, xades.Request{Level: pades.LevelB, Packaging: xades.Enveloping, In: []byte("the data")}))
	r := w.validateXML(t, own, validation.Options{})
	if want := []string{"the base64 in /ds:Signature/ds:Object[1]"}; !r.Passed() || !slices.Equal(r.Signatures[0].Signed, want) || !strings.Contains(own, data) {
		t.Errorf("%s", tell(r))
	}
	named := strings.Replace(own, "<ds:Object Id", `<ds:Object pay="Mallory" Id`, 1)
	if r := w.validateXML(t, named, validation.Options{}); r.Passed() || named == own {
		t.Errorf("an attribute was added: %s", tell(r))
	}
}

// A prefix that only content uses is bound by nobody's signature under exclusive C14N.
func TestXMLDeclarationsThatContentUses(t *testing.T) {
	w := newWorld(t)
	by := w.signer("Chan Tai Man")
	in := []byte(`<order xmlns="urn:example:order" xmlns:x="urn:x" xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><pay i:type="x:small">1</pay></order>`)
	exclusive := string(w.signXML(by, xades.Request{Level: pades.LevelB, In: in, C14N: xades.Exclusive}))
	evil := strings.Replace(exclusive, "urn:x", "urn:large", 1)
	for doc, want := range map[string]string{exclusive: `/order, declaration xmlns:x="urn:x" that its content uses`, evil: `/order, declaration xmlns:x="urn:large" that its content uses`} {
		r := w.validateXML(t, doc, validation.Options{})
		if verdict(r.Signatures[0]) != passed || r.Passed() || !slices.Contains(r.Document.Unsigned, want) {
			t.Errorf("not %q: %s", want, tell(r))
		}
	}
	for _, p := range []xades.Packaging{xades.Enveloped, xades.Enveloping} {
		own := string(w.signXML(by, xades.Request{Level: pades.LevelB, In: in, Packaging: p}))
		if r := w.validateXML(t, own, validation.Options{}); !r.Passed() {
			t.Errorf("%s, by default: %s", p, tell(r))
		}
		if r := w.validateXML(t, strings.Replace(own, "urn:x", "urn:large", 1), validation.Options{}); r.Signatures[0].Indication != validation.TotalFailed {
			t.Errorf("%s, by default, and changed: %s", p, tell(r))
		}
	}
	// What content does not use is told, and does not count.
	quiet := w.signXML(by, xades.Request{Level: pades.LevelB, In: []byte(`<order xmlns:x="urn:x"/>`), C14N: xades.Exclusive})
	r := w.validateXML(t, string(quiet), validation.Options{})
	if !r.Passed() || !strings.Contains(tell(r), `xmlns:x="urn:x"`) {
		t.Errorf("%s", tell(r))
	}
}
