package reports

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"slices"
	"time"

	"chop/validation"
)

// The words of ETSI TS 119 102-2.
const (
	namespace    = "http://uri.etsi.org/19102/v1.2.1#"
	urn          = "urn:etsi:019102:"
	sha256Method = "http://www.w3.org/2001/04/xmlenc#sha256"
	constraintID = "urn:chop:en319102-1:" // of ours: a building block of EN 319 102-1
	noSignature  = "urn:chop:subindication:NO_SIGNATURE"
)

type xmlReport struct {
	XMLName    xml.Name       `xml:"ValidationReport"`
	NS         string         `xml:"xmlns,attr"`
	DS         string         `xml:"xmlns:ds,attr"`
	Signatures []xmlSignature `xml:"SignatureValidationReport"`
	Objects    *xmlObjects    `xml:"SignatureValidationObjects,omitempty"`
}

type xmlSignature struct {
	Identifier  *xmlIdentifier  `xml:"SignatureIdentifier"`
	Constraints []xmlConstraint `xml:"ValidationConstraintsEvaluationReport>ValidationConstraint,omitempty"`
	Time        *xmlTime        `xml:"ValidationTimeInfo"`
	Document    *xmlDigest      `xml:"SignersDocument>DigestAlgAndValue,omitempty"`
	Attributes  *struct {
		Signed bool      `xml:"Signed,attr"`
		Time   time.Time `xml:"Time"`
	} `xml:"SignatureAttributes>SigningTime,omitempty"`
	Signer *xmlSigner `xml:"SignerInformation"`
	Status struct {
		Main string `xml:"MainIndication"`
		Sub  string `xml:"SubIndication,omitempty"`
	} `xml:"SignatureValidationStatus"`
}

type xmlIdentifier struct {
	ID          string `xml:"id,attr"`
	HashOnly    bool   `xml:"HashOnly"`
	DocHashOnly bool   `xml:"DocHashOnly"`
	Name        string `xml:"DAIdentifier"`
}

// xmlSigner names the signer by a certificate that is among the validation objects.
type xmlSigner struct {
	Certificate struct {
		Object string `xml:"VOReference,attr"`
	} `xml:"SignerCertificate"`
	Name string `xml:"Signer,omitempty"`
}

type xmlConstraint struct {
	ID     string `xml:"ValidationConstraintIdentifier"`
	Status string `xml:"ConstraintStatus>Status"`
	Detail string `xml:"Indications>Detail"`
}

type xmlTime struct {
	Validation time.Time `xml:"ValidationTime"`
	Best       struct {
		Time  time.Time `xml:"POETime"`
		Proof string    `xml:"TypeOfProof"`
	} `xml:"BestSignatureTime"`
}

type xmlDigest struct {
	Method struct {
		Algorithm string `xml:"Algorithm,attr"`
	} `xml:"ds:DigestMethod"`
	Value []byte `xml:"ds:DigestValue"`
}

type xmlObjects struct {
	List   []xmlObject `xml:"ValidationObject"`
	counts map[string]int
}

type xmlObject struct {
	ID   string `xml:"id,attr"`
	Type string `xml:"ObjectType"`
	Body []byte `xml:"ValidationObjectRepresentation>base64"`
}

// indications are the main ones as the standard's names.
var indications = map[validation.Indication]string{
	validation.TotalPassed: "total-passed", validation.TotalFailed: "total-failed", validation.Indeterminate: "indeterminate",
}

// statuses are results of a constraint.
var statuses = map[validation.Status]string{
	validation.Passed: "applied", validation.Failed: "applied", validation.Warning: "applied", validation.Ignored: "disabled",
}

// XML is the validation report of TS 119 102-2, unsigned. Each signature is named by its field, the building blocks of
// EN 319 102-1 stand as constraints, and the signers' certificates and the material, if it was collected, as validation
// objects. The schema wants one signature at least: a document without any has one row that says so.
func XML(s Subject) ([]byte, error) {
	r := xmlReport{NS: namespace, DS: "http://www.w3.org/2000/09/xmldsig#"}
	objects := &xmlObjects{counts: map[string]int{}}
	if m := s.Report.Material; m != nil {
		objects.add("certificate", m.Certificates...)
		objects.add("CRL", m.CRLs...)
		objects.add("OCSPResponse", m.OCSPs...)
		objects.add("timestamp", m.Timestamps...)
	}
	for i, sig := range s.Report.Signatures {
		x := signatureXML(s, sig)
		x.Identifier.ID = fmt.Sprintf("S-%d", i+1)
		if e := sig.Evidence; e != nil && e.Certificate != nil {
			x.Signer = &xmlSigner{Name: validation.Plain(sig.Signer)}
			x.Signer.Certificate.Object = objects.add("certificate", e.Certificate.Raw)
		}
		r.Signatures = append(r.Signatures, x)
	}
	if len(r.Signatures) == 0 {
		var x xmlSignature
		x.Status.Main, x.Status.Sub = urn+"mainindication:"+indications[validation.Indeterminate], noSignature
		r.Signatures = append(r.Signatures, x)
	}
	if len(objects.List) > 0 {
		r.Objects = objects
	}
	body, err := xml.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write validation report: %w", err)
	}
	return append([]byte(xml.Header), append(body, '\n')...), nil
}

func signatureXML(s Subject, sig validation.Signature) xmlSignature {
	x := xmlSignature{Identifier: &xmlIdentifier{Name: validation.Plain(sig.Field)}, Time: &xmlTime{Validation: s.At.UTC()}, Document: &xmlDigest{Value: encoded(s.SHA256)}}
	x.Document.Method.Algorithm = sha256Method
	x.Time.Best.Time, x.Time.Best.Proof = s.At.UTC(), urn+"poetype:validation"
	if sig.BestSignatureTime != nil {
		x.Time.Best.Time = sig.BestSignatureTime.UTC()
	}
	if sig.SigningTime != nil {
		x.Attributes = &struct {
			Signed bool      `xml:"Signed,attr"`
			Time   time.Time `xml:"Time"`
		}{true, sig.SigningTime.UTC()}
	}
	for _, c := range sig.Checks {
		x.Constraints = append(x.Constraints, xmlConstraint{
			ID: constraintID + c.Name, Status: urn + "constraintStatus:" + statuses[c.Status], Detail: string(c.Status) + ": " + validation.Plain(c.Detail),
		})
	}
	x.Status.Main = urn + "mainindication:" + indications[sig.Indication]
	if sig.SubIndication != "" {
		x.Status.Sub = urn + "subindication:" + string(sig.SubIndication)
	}
	return x
}

// add adds objects of a kind, each once, and returns the id of the last.
func (o *xmlObjects) add(kind string, list ...[]byte) (id string) {
	for _, der := range list {
		body := encoded(der)
		i := slices.IndexFunc(o.List, func(x xmlObject) bool { return bytes.Equal(x.Body, body) })
		if i < 0 {
			i, o.counts[kind] = len(o.List), o.counts[kind]+1
			o.List = append(o.List, xmlObject{fmt.Sprintf("%s-%d", kind, o.counts[kind]), urn + "validationObject:" + kind, body})
		}
		id = o.List[i].ID
	}
	return id
}

// encoded is base64: encoding/xml writes octets as they are.
func encoded(b []byte) []byte { return base64.StdEncoding.AppendEncode(nil, b) }
