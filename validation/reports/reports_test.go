package reports

import (
	"encoding/xml"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"chop/validation"
	"chop/validation/changes"
	"chop/validation/eto"
)

func subject() Subject {
	at := time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)
	return Subject{
		Name: "letter\u202e.pdf", SHA256: []byte("0123456789abcdef0123456789abcdef"), At: at,
		Report: &validation.Report{
			Document: validation.Document{Modifications: changes.None},
			Material: &validation.Material{Certificates: [][]byte{{1, 2, 3}}, OCSPs: [][]byte{{4}}},
			Signatures: []validation.Signature{
				{Field: "A", Format: "XAdES", Level: "B-T", Indication: validation.TotalPassed, Signer: "CN=陳大文", SigningTime: &at, BestSignatureTime: &at,
					Checks: []validation.Check{{Name: "FC", Status: validation.Passed, Detail: "format\nTOTAL-PASSED"}, {Name: "RFC", Status: validation.Ignored, Detail: "<not asked>"}}},
				{Field: "B", Format: "XAdES", Indication: validation.Indeterminate, SubIndication: validation.TryLater},
			},
		},
		ETO: []eto.Verdict{{Field: "A", Answer: eto.Undecided, Words: eto.Words(eto.Undecided), Parts: []eto.Part{
			{Name: "kind", Title: eto.Phrases{"en": "Kind", "zh-Hant": "類別", "zh-Hans": "类别"}, Answer: eto.Undecided, Reasons: []eto.Reason{{Text: eto.Phrases{"en": "undeclared", "zh-Hant": "未申報", "zh-Hans": "未申报"}}}},
		}}},
	}
}

func TestText(t *testing.T) {
	for lang, want := range map[string][]string{
		"en":      {"cannot be decided with what is there", "Indication: INDETERMINATE/TRY_LATER", "it may be later", "Signer: CN=陳大文", "undeclared", `letter\u202e.pdf`},
		"zh-Hant": {"憑現有資料無法判斷", "結論: INDETERMINATE/TRY_LATER", "簽署人: CN=陳大文", "未申報"},
		"zh-Hans": {"凭现有资料无法判断", "结论: INDETERMINATE/TRY_LATER", "签署人: CN=陳大文", "未申报"},
	} {
		simple, err := Simple(subject(), lang)
		detailed, failed := Detailed(subject(), lang)
		if err = errors.Join(err, failed); err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(simple, w) || !strings.Contains(detailed, w) {
				t.Errorf("%s lacks %q:\n%s\n%s", lang, w, simple, detailed)
			}
		}
		if strings.Contains(simple, "IGNORED") || !strings.Contains(detailed, "IGNORED  RFC  "+word("check-RFC", lang)) || strings.Contains(detailed, "\nTOTAL-PASSED") {
			t.Errorf("%s: the checks:\n%s\n%s", lang, simple, detailed)
		}
	}
	if _, err := Simple(subject(), "fr"); !errors.Is(err, ErrLanguage) {
		t.Errorf("French: %v", err)
	}
}

// The sentence for a person follows from the verdict, and never says more.
func TestOverall(t *testing.T) {
	for want, change := range map[string]func(*validation.Report){
		"undecided":  func(*validation.Report) {},
		"passed":     func(r *validation.Report) { r.Signatures = r.Signatures[:1] },
		"failed":     func(r *validation.Report) { r.Signatures[1].Indication = validation.TotalFailed },
		"not-signed": func(r *validation.Report) { r.Signatures = nil },
	} {
		s := subject()
		if change(s.Report); overall(s.Report) != want {
			t.Errorf("got %s, want %s", overall(s.Report), want)
		}
	}
	s := subject()
	s.Report.Signatures, s.Report.Document.Modifications = s.Report.Signatures[:1], changes.Suspicious
	if overall(s.Report) != "failed" {
		t.Errorf("changed afterwards: %s", overall(s.Report))
	}
	s.Report.Document = validation.Document{Modifications: changes.None, Unsigned: []string{"/a"}}
	if got := overall(s.Report); got == "passed" {
		t.Error("a part that nobody signed passed")
	}
}

func TestXML(t *testing.T) {
	b, err := XML(subject())
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		XMLName xml.Name
		Reports []struct {
			Children []struct {
				XMLName xml.Name
			} `xml:",any"`
		} `xml:"SignatureValidationReport"`
	}
	if err := xml.Unmarshal(b, &got); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	if got.XMLName != (xml.Name{Space: namespace, Local: "ValidationReport"}) || len(got.Reports) != 2 {
		t.Errorf("%+v", got)
	}
	order := []string{"SignatureIdentifier", "ValidationConstraintsEvaluationReport", "ValidationTimeInfo", "SignersDocument", "SignatureAttributes", "SignerInformation", "SignatureValidationStatus"}
	for _, r := range got.Reports {
		last := -1
		for _, c := range r.Children {
			at := slices.Index(order, c.XMLName.Local)
			if at <= last {
				t.Errorf("%s is unknown, or out of order\n%s", c.XMLName.Local, b)
			}
			last = at
		}
	}
	for _, want := range []string{
		"<MainIndication>urn:etsi:019102:mainindication:total-passed<", "<SubIndication>urn:etsi:019102:subindication:TRY_LATER<",
		"<base64>AQID</base64>", "IGNORED: &lt;not asked&gt;", "<POETime>2026-03-02T09:30:00Z<", "<ds:DigestValue>MDEy",
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("lacks %s\n%s", want, b)
		}
	}
}

// Every word is there in each language, and every sub-indication has a meaning.
func TestWords(t *testing.T) {
	for name, w := range words {
		if slices.Contains(w[:], "") {
			t.Errorf("%s: %q", name, w)
		}
	}
	for sub, name := range meanings {
		if words[name][0] == "" {
			t.Errorf("%s: no word %s", sub, name)
		}
	}
	if word("check-nothing", "en") != "" {
		t.Error("a word for nothing")
	}
}
