package pades

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"chop/internal/pdf"
)

func opened(t testing.TB, data []byte) (*pdf.File, *pdf.View) {
	t.Helper()
	f, err := pdf.Open(bytes.NewReader(data), int64(len(data)), pdf.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return f, f.Latest()
}

// text serializes an object, for comparing.
func text(t testing.TB, o pdf.Object) string {
	t.Helper()
	b, err := pdf.Append(nil, o)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func catalogOf(t testing.TB, v *pdf.View) pdf.Dict {
	t.Helper()
	c, err := v.Catalog()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// formFile has a form in every way that the parts of a form can be written, with a text
// field and an empty signature field; extra goes into the signature field (object 7).
func formFile(shape, extra string) []byte {
	form := "/DA (/Helv 0 Tf 0 g) /DR << /Font << /Helv 5 0 R >> >> /NeedAppearances true /CO [6 0 R] /XFA [(template) 8 0 R]"
	fields, annots := "[6 0 R 7 0 R]", "[6 0 R 7 0 R]"
	more := []string{
		"<< /Type /Annot /Subtype /Widget /FT /Tx /T (Name) /V (Value) /Rect [10 10 100 30] /P 3 0 R >>",
		"<< /Type /Annot /Subtype /Widget /FT /Sig /T (Applicant) /F 4 /Rect [300 100 500 170] /P 3 0 R " + extra + " >>",
		"<< /Length 11 >>\nstream\n<template/>\nendstream",
	}
	if strings.Contains(shape, "fields") {
		more = append(more, fields)
		fields = fmt.Sprintf("%d 0 R", 5+len(more))
	}
	if strings.Contains(shape, "annots") {
		more = append(more, annots)
		annots = fmt.Sprintf("%d 0 R", 5+len(more))
	}
	catalog := "/AcroForm << /Fields " + fields + " " + form + " >>"
	if strings.Contains(shape, "form") {
		more = append(more, "<< /Fields "+fields+" "+form+" >>")
		catalog = fmt.Sprintf("/AcroForm %d 0 R", 5+len(more))
	}
	return plainFile(catalog+" /Metadata 8 0 R /Lang (zh-HK)", "/Annots "+annots, more...)
}

func TestFormSurvives(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.ecSigner("Applicant")
	for _, shape := range []string{"direct", "form", "fields", "annots", "form fields", "form fields annots"} {
		for _, field := range []string{"", "Applicant"} {
			t.Run(shape+"/"+field, func(t *testing.T) {
				in := formFile(shape, "")
				_, before := opened(t, in)
				out := w.sign(t, in, s, LevelLTA, func(r *Request) { r.Field = field })
				w.accept(t, out, 1)
				_, after := opened(t, out)
				old, err := before.Dict(catalogOf(t, before)["AcroForm"])
				if err != nil {
					t.Fatal(err)
				}
				form, err := after.Dict(catalogOf(t, after)["AcroForm"])
				if err != nil {
					t.Fatal(err)
				}
				for key, value := range old {
					if key != "Fields" && text(t, form[key]) != text(t, value) {
						t.Errorf("/%s is %s, was %s", key, text(t, form[key]), text(t, value))
					}
				}
				if form["SigFlags"] != int64(3) {
					t.Errorf("SigFlags %v", form["SigFlags"])
				}
				fields, err := after.Array(form["Fields"])
				if err != nil {
					t.Fatal(err)
				}
				want := 4 // two old ones, the signature's and the timestamp's
				if field != "" {
					want = 3
				}
				if len(fields) != want || fields[0] != (pdf.Ref{Num: 6}) || fields[1] != (pdf.Ref{Num: 7}) {
					t.Errorf("fields %v, want %d with the old ones first", fields, want)
				}
				for _, key := range []pdf.Name{"Pages", "Metadata", "Lang"} {
					if got, want := text(t, catalogOf(t, after)[key]), text(t, catalogOf(t, before)[key]); got != want {
						t.Errorf("catalog's /%s is %s, was %s", key, got, want)
					}
				}
				page, err := pdf.PageAt(after, 0)
				if err != nil {
					t.Fatal(err)
				}
				annots, err := after.Array(page.Dict["Annots"])
				if err != nil || len(annots) != want {
					t.Errorf("annotations %v, %v; want %d", annots, err, want)
				}
			})
		}
	}
}

func TestExistingFieldIsDrawnInItsPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	out := w.sign(t, formFile("direct", ""), w.ecSigner("Applicant 申請人"), LevelB, func(r *Request) { r.Field, r.Font = "Applicant", ming })
	w.accept(t, out, 1)
	pw, ph, pix := picture(t, out)
	if x0, y0, x1, y1 := vermilionBox(pw, ph, pix); x0 < 300 || x1 > 360 || y0 < 100 || y1 > 170 {
		t.Errorf("the seal is at %d,%d-%d,%d, the field at 300,100-500,170", x0, y0, x1, y1)
	}
}

func TestNestedFieldWithItsOwnWidget(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := plainFile("/AcroForm << /Fields [6 0 R] >>", "/Annots [8 0 R]",
		"<< /T (Part A) /FT /Sig /Kids [7 0 R] >>",
		"<< /T (簽署) /Parent 6 0 R /Kids [8 0 R] >>",
		"<< /Type /Annot /Subtype /Widget /Parent 7 0 R /Rect [300 100 500 170] /P 3 0 R /F 4 >>")
	in = bytes.Replace(in, []byte("(簽署)"), []byte("("+string(pdf.EncodeText("簽署"))+")"), 1)
	in = byQPDF(t, in) // mends the offsets
	out := w.sign(t, in, w.ecSigner("Nested"), LevelT, func(r *Request) { r.Field, r.Font = "Part A.簽署", ming })
	w.accept(t, out, 1)
	if p := signatures(t, out)[0]; p.field != "Part A.簽署" {
		t.Errorf("signed field %q", p.field)
	}
}

func TestFieldRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.ecSigner("Refused")
	signed := w.sign(t, formFile("direct", ""), s, LevelB, func(r *Request) { r.Field = "Applicant" })
	for _, c := range []struct {
		name  string
		in    []byte
		field string
		want  error
	}{
		{"signed", signed, "Applicant", ErrFieldSigned},
		{"a text field", formFile("direct", ""), "Name", ErrFieldType},
		{"absent", formFile("direct", ""), "applicant", ErrFieldNotFound},
		{"read-only", formFile("direct", "/Ff 1"), "Applicant", ErrForbidden},
		{"lock of an unknown kind", formFile("direct", "/Lock << /Action /Some >>"), "Applicant", ErrForbidden},
	} {
		if _, err := w.trySign(t, c.in, s, LevelB, func(r *Request) { r.Field = c.field }); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	_, err := w.trySign(t, formFile("direct", ""), s, LevelB, func(r *Request) {
		r.Field, r.Visible, r.Font = "Applicant", &Place{1, 10, 10, 100, 50}, ming
	})
	if !errors.Is(err, ErrRequest) {
		t.Errorf("a place for a field that has one: %v, want ErrRequest", err)
	}
}

func TestSeedValues(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, other := w.ecSigner("Seeded"), w.ecSigner("Other")
	cert := func(s *signer) string { return "<" + hex.EncodeToString(s.cert.Raw) + ">" }
	for _, c := range []struct {
		seed   string
		level  Level
		reason string
		ok     bool
	}{
		{"", LevelB, "", true},
		{"/Filter /Adobe.PPKLite /SubFilter [/ETSI.CAdES.detached /adbe.pkcs7.detached] /Ff 3", LevelB, "", true},
		{"/Filter /Entrust.PPKEF /Ff 1", LevelB, "", false},
		{"/Filter /Entrust.PPKEF", LevelB, "", true}, // a wish
		{"/SubFilter [/adbe.pkcs7.detached] /Ff 2", LevelB, "", false},
		{"/V 3 /Ff 4", LevelB, "", true},
		{"/V 4 /Ff 4", LevelB, "", false},
		{"/Reasons [(I agree) (I refuse)] /Ff 8", LevelB, "I agree", true},
		{"/Reasons [(I agree) (I refuse)] /Ff 8", LevelB, "Whatever", false},
		{"/Reasons [(.)] /Ff 8", LevelB, "", true},
		{"/Reasons [(.)] /Ff 8", LevelB, "I agree", false},
		{"/AddRevInfo true /Ff 32", LevelT, "", false},
		{"/AddRevInfo true /Ff 32", LevelLT, "", true},
		{"/DigestMethod [(SHA256) (SHA512)] /Ff 64", LevelB, "", true},
		{"/DigestMethod [(SHA1)] /Ff 64", LevelB, "", false},
		{"/LockDocument /true /Ff 128", LevelB, "", false},
		{"/AppearanceFilter (Ours) /Ff 256", LevelB, "", false},
		{"/Ff 512", LevelB, "", false},
		{"/TimeStamp << /URL (http://tsa.example) /Ff 1 >>", LevelB, "", false},
		{"/TimeStamp << /URL (http://tsa.example) /Ff 1 >>", LevelT, "", true},
		{"/MDP << /P 2 >>", LevelB, "", true},
		{"/MDP << /P 7 >>", LevelB, "", false},
		{"/Cert << /Subject [" + cert(s) + "] /Ff 1 >>", LevelB, "", true},
		{"/Cert << /Subject [" + cert(other) + "] /Ff 1 >>", LevelB, "", false},
		{"/Cert << /Issuer [<" + hex.EncodeToString(w.Issuer.Raw) + ">] /Ff 2 >>", LevelB, "", true},
		{"/Cert << /Issuer [" + cert(other) + "] /Ff 2 >>", LevelB, "", false},
		{"/Cert << /KeyUsage [(1)] /Ff 32 >>", LevelB, "", false},
	} {
		in := formFile("direct", "/SV << /Type /SV "+c.seed+" >>")
		_, err := w.trySign(t, in, s, c.level, func(r *Request) { r.Field, r.Reason = "Applicant", c.reason })
		if c.ok && err != nil || !c.ok && !errors.Is(err, ErrSeedValue) {
			t.Errorf("%s at %s with reason %q: %v, want accepted %v", c.seed, c.level, c.reason, err, c.ok)
		}
	}
}

func TestCertificationAndLocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.ecSigner("Author")
	for p := NoChanges; p <= FormsAnnotations; p++ {
		out := w.sign(t, plainFile("", ""), s, LevelLTA, func(r *Request) { r.Certify = p })
		w.accept(t, out, 1)
		_, v := opened(t, out)
		perms, err := v.Dict(catalogOf(t, v)["Perms"])
		if err != nil {
			t.Fatal(err)
		}
		value, err := v.Dict(perms["DocMDP"])
		if err != nil || value["Type"] != pdf.Name("Sig") {
			t.Fatalf("P %d: /Perms /DocMDP is %v, %v", p, value, err)
		}
		if got := text(t, value["Reference"]); !strings.Contains(got, fmt.Sprintf("/P %d", p)) {
			t.Errorf("P %d: reference %s", p, got)
		}
		_, err = w.trySign(t, out, s, LevelB, nil)
		if p == NoChanges && !errors.Is(err, ErrForbidden) || p != NoChanges && err != nil {
			t.Errorf("an approval after P %d: %v", p, err)
		}
		if _, err = w.trySign(t, out, s, LevelB, func(r *Request) { r.Certify = FormsAndSigning }); err == nil {
			t.Errorf("a second certification after P %d was made", p)
		}
	}
	approved := w.sign(t, plainFile("", ""), s, LevelB, nil)
	if _, err := w.trySign(t, approved, s, LevelB, func(r *Request) { r.Certify = FormsAndSigning }); !errors.Is(err, ErrNotFirst) {
		t.Errorf("certification after an approval: %v, want ErrNotFirst", err)
	}
}

// A lock binds who comes later, by field names, or as a whole.
func TestLocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.ecSigner("First")
	two := func(lock string) []byte {
		return plainFile("/AcroForm << /Fields [6 0 R 7 0 R] >>", "/Annots [6 0 R 7 0 R]",
			"<< /Type /Annot /Subtype /Widget /FT /Sig /T (One) /F 4 /Rect [0 0 0 0] /P 3 0 R /Lock << /Type /SigFieldLock "+lock+" >> >>",
			"<< /Type /Annot /Subtype /Widget /FT /Sig /T (Two) /F 4 /Rect [0 0 0 0] /P 3 0 R >>")
	}
	for _, c := range []struct {
		lock     string
		two, new bool // whether field Two, and a new one, may be signed afterwards
	}{
		{"/Action /All", false, false},
		{"/Action /Include /Fields [(Two)]", false, true},
		{"/Action /Include /Fields [(Other)]", true, true},
		{"/Action /Exclude /Fields [(Two)]", true, false},
		{"/Action /Include /Fields [(Other)] /P 1", false, false},
		{"/Action /Include /Fields [(Other)] /P 2", true, true},
	} {
		out := w.sign(t, two(c.lock), s, LevelLTA, func(r *Request) { r.Field = "One" })
		w.accept(t, out, 1)
		if got := text(t, signatures(t, out)[0].value["Reference"]); !strings.Contains(got, "/FieldMDP") {
			t.Errorf("%s: reference %s", c.lock, got)
		}
		for field, may := range map[string]bool{"Two": c.two, "": c.new} {
			_, err := w.trySign(t, out, s, LevelB, func(r *Request) { r.Field = field })
			if may && err != nil || !may && !errors.Is(err, ErrForbidden) {
				t.Errorf("%s: signing field %q: %v, want allowed %v", c.lock, field, err, may)
			}
		}
	}
}
