package reports

import (
	"bytes"
	"crypto/x509"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"chop/validation"
)

// children says of each element that we write which ones it may have, in which order, as the schema of TS 119 102-2
// (of the namespace v1.2.1) says: with + one is required, with * there may be several.
var children = map[string]string{
	"ValidationReport":                      "SignatureValidationReport+* SignatureValidationObjects SignatureValidator Signature",
	"SignatureValidationReport":             "SignatureIdentifier ValidationConstraintsEvaluationReport ValidationTimeInfo SignersDocument SignatureAttributes SignerInformation SignatureQuality SignatureValidationProcess SignatureValidationStatus+",
	"SignatureIdentifier":                   "DigestAlgAndValue SignatureValue HashOnly+ DocHashOnly+ DAIdentifier",
	"ValidationConstraintsEvaluationReport": "SignatureValidationPolicy ValidationConstraint*",
	"ValidationConstraint":                  "ValidationConstraintIdentifier+ ValidationConstraintParameter* ConstraintStatus+ ValidationStatus Indications",
	"ConstraintStatus":                      "Status+ OverriddenBy",
	"Indications":                           "Detail*", // anything
	"ValidationTimeInfo":                    "ValidationTime+ BestSignatureTime+",
	"BestSignatureTime":                     "POETime+ TypeOfProof+ POEObject",
	"SignersDocument":                       "DigestAlgAndValue+ SignersDocumentRef",
	"DigestAlgAndValue":                     "DigestMethod+ DigestValue+",
	"SignatureAttributes":                   "SigningTime",
	"SigningTime":                           "AttributeObject* Time+",
	"SignerInformation":                     "SignerCertificate+ Signer",
	"SignatureValidationStatus":             "MainIndication+ SubIndication* AssociatedValidationReportData*",
	"SignatureValidationObjects":            "ValidationObject+*",
	"ValidationObject":                      "ObjectType+ ValidationObjectRepresentation+ POE POEProvisioning ValidationReport",
	"ValidationObjectRepresentation":        "base64+",
}

// texts are what stands in elements without any below them.
var texts = map[string]*regexp.Regexp{
	"HashOnly": regexp.MustCompile(`^(true|false)$`), "DocHashOnly": regexp.MustCompile(`^(true|false)$`),
	"ValidationTime": dateTime, "POETime": dateTime, "Time": dateTime,
	"ValidationConstraintIdentifier": uri, "Status": uri, "MainIndication": uri, "SubIndication": uri, "TypeOfProof": uri, "ObjectType": uri,
	"base64": octets, "DigestValue": octets,
	"DAIdentifier": anyText, "Detail": anyText, "Signer": anyText, "DigestMethod": regexp.MustCompile(`^$`), "SignerCertificate": regexp.MustCompile(`^$`),
}

var (
	dateTime = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$`)
	uri      = regexp.MustCompile(`^urn:(etsi:019102|chop):[A-Za-z0-9_:-]+$`)
	octets   = regexp.MustCompile(`^[A-Za-z0-9+/]*={0,2}$`)
	anyText  = regexp.MustCompile(``)
)

type node struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []node     `xml:",any"`
}

// faults are what is not as the schema says.
func faults(t *testing.T, report []byte) (list []string) {
	t.Helper()
	var root node
	d := xml.NewDecoder(bytes.NewReader(report))
	if err := d.Decode(&root); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Token(); err != nil && err != io.EOF {
		t.Error(err)
	}
	ids, references := map[string]bool{}, []string{}
	var walk func(n node)
	walk = func(n node) {
		name := n.XMLName.Local
		fault := func(what string) { list = append(list, name+": "+what) }
		if want := map[bool]string{true: "http://www.w3.org/2000/09/xmldsig#", false: namespace}[strings.HasPrefix(name, "Digest") && name != "DigestAlgAndValue"]; n.XMLName.Space != want {
			fault("its namespace is " + n.XMLName.Space)
		}
		for _, a := range n.Attrs {
			switch a.Name.Local {
			case "id":
				if ids[a.Value] || !regexp.MustCompile(`^[A-Za-z_][\w.-]*$`).MatchString(a.Value) {
					fault("id " + a.Value)
				}
				ids[a.Value] = true
			case "VOReference":
				references = append(references, strings.Fields(a.Value)...)
			}
		}
		model, known := children[name]
		if !known {
			if text, ok := texts[name]; !ok || len(n.Children) > 0 || !text.MatchString(n.Text) {
				fault("holds " + n.Text)
			}
			return
		}
		left := n.Children
		for want := range strings.FieldsSeq(model) {
			child := strings.TrimRight(want, "+*")
			got := 0
			for len(left) > 0 && left[0].XMLName.Local == child {
				left, got = left[1:], got+1
			}
			if got == 0 && strings.Contains(want, "+") || got > 1 && !strings.Contains(want, "*") {
				fault("has not one " + child)
			}
		}
		if len(left) > 0 {
			fault("has " + left[0].XMLName.Local + " where none is due")
		}
		for _, c := range n.Children {
			walk(c)
		}
	}
	walk(root)
	for _, r := range references {
		if !ids[r] {
			list = append(list, "nothing has the id "+r)
		}
	}
	return list
}

// Reports have the structure of the schema, whatever there is to tell. With CHOP_REPORTS=FOLDER they are left there, to be
// judged by xmllint against the schema itself (docs/decisions.md).
func TestSchema(t *testing.T) {
	signer := &validation.SignerEvidence{Certificate: &x509.Certificate{Raw: []byte{1, 2, 3}}}
	for name, change := range map[string]func(*Subject){
		"as it is":              func(*Subject) {},
		"a signer's":            func(s *Subject) { s.Report.Signatures[0].Evidence = signer },
		"without material":      func(s *Subject) { s.Report.Signatures[0].Evidence, s.Report.Material = signer, nil },
		"the same signer twice": func(s *Subject) { s.Report.Signatures[0].Evidence, s.Report.Signatures[1].Evidence = signer, signer },
		"nothing known":         func(s *Subject) { s.Report.Signatures = []validation.Signature{{Indication: validation.TotalFailed}} },
		"not signed":            func(s *Subject) { s.Report.Signatures = nil },
		"strange names":         func(s *Subject) { s.Report.Signatures[0].Field, s.Report.Signatures[0].Signer = "<&\x01\u202e", "]]>" },
	} {
		s := subject()
		change(&s)
		b, err := XML(s)
		if err != nil {
			t.Fatal(err)
		}
		if list := faults(t, b); len(list) > 0 {
			t.Errorf("%s: %q\n%s", name, list, b)
		}
		if dir := os.Getenv("CHOP_REPORTS"); dir != "" {
			if err := os.WriteFile(filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+".xml"), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The check must be able to fail.
func TestSchemaRefuses(t *testing.T) {
	s := subject()
	s.Report.Signatures[0].Evidence = &validation.SignerEvidence{Certificate: &x509.Certificate{Raw: []byte{9}}}
	good, err := XML(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{`<SignerCertificate VOReference="certificate-2"></SignerCertificate>`, "", "SignerInformation: has not one SignerCertificate"},
		{`VOReference="certificate-2"`, `VOReference="certificate-7"`, "nothing has the id certificate-7"},
		{`<HashOnly>false</HashOnly>`, "", "SignatureIdentifier: has not one HashOnly"},
		{`<HashOnly>false</HashOnly>`, "<HashOnly>no</HashOnly>", "HashOnly: holds no"},
		{`id="S-2"`, `id="S-1"`, "SignatureIdentifier: id S-1"},
		{`<Signer>`, `<Signer></Signer><Signer>`, "SignerInformation: has not one Signer"},
		{`<SubIndication>`, `<Sub></Sub><SubIndication>`, "SignatureValidationStatus: has Sub where none is due"},
	} {
		if !bytes.Contains(good, []byte(c.old)) {
			t.Fatalf("no %s in\n%s", c.old, good)
		}
		if list := faults(t, bytes.ReplaceAll(good, []byte(c.old), []byte(c.new))); !slices.Contains(list, c.want) {
			t.Errorf("%s: %q", c.want, list)
		}
	}
}
