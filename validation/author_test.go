package validation_test

import (
	"bytes"
	"context"
	"crypto"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"chop/internal/cms"
	"chop/internal/pdf"
	"chop/policies"
	"chop/validation"
)

// blank is a file of one page with a line of text; padding makes it larger.
func blank(padding int) []byte {
	var b bytes.Buffer
	var at []int
	object := func(s string) {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", len(at), s)
	}
	b.WriteString("%PDF-1.7\n")
	text := "BT /F1 24 Tf 72 720 Td (Pay 100 dollars) Tj ET"
	object("<< /Type /Catalog /Pages 2 0 R >>")
	object("<< /Type /Pages /Kids [3 0 R] /Count 1 >>")
	object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>")
	object(fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(text)+padding, text+string(bytes.Repeat([]byte{' '}, padding))))
	object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, a := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", a)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, start)
	return b.Bytes()
}

// open reads a document that must be readable.
func open(t testing.TB, doc []byte) *pdf.File {
	t.Helper()
	f, err := pdf.Open(bytes.NewReader(doc), int64(len(doc)), pdf.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// update appends a revision.
func update(t testing.TB, doc []byte, change func(u *pdf.Update, v *pdf.View)) []byte {
	t.Helper()
	f := open(t, doc)
	u := pdf.NewUpdate(f)
	change(u, f.Latest())
	inc, err := u.Build()
	if err != nil {
		t.Fatal(err)
	}
	return append(bytes.Clone(doc), inc.Bytes...)
}

// edit changes the dictionary of an object in an update.
func edit(t testing.TB, u *pdf.Update, ref pdf.Ref, change func(d pdf.Dict)) {
	t.Helper()
	o, err := u.Get(ref)
	d, ok := o.(pdf.Dict)
	if err != nil || !ok {
		t.Fatalf("object %v: %T, %v", ref, o, err)
	}
	d = d.Clone()
	change(d)
	u.Set(ref, d)
}

// A draft is a signature to be made.
type draft struct {
	by        *person
	field     string
	subFilter pdf.Name  // "": ETSI.CAdES.detached
	stamp     time.Time // of the signature time-stamp; zero: none
	unit      *person   // that makes it; nil: the world's
	content   time.Time // of a content time-stamp; zero: none
	certs     [][]byte  // nil: the signer's and the CA's
	mdp       int       // DocMDP
	lock      pdf.Dict  // FieldMDP parameters
	rect      pdf.Array // nil: invisible
	unsigned  func(*cms.SignerInfo)
	contents  func([]byte) []byte // alters the message
	value     func(pdf.Dict)      // alters the signature dictionary
}

// sign appends a signature in a new field.
func (w *world) sign(doc []byte, d draft) []byte {
	if d.subFilter == "" {
		d.subFilter = validation.FormatCAdES
	}
	return w.place(doc, d, "Sig", func(covered []byte) []byte {
		var extra []cms.Attribute
		if !d.content.IsZero() {
			extra = append(extra, cms.Attribute{Type: cms.OIDContentTimestamp, Values: [][]byte{w.token(w.tsu, crypto.SHA256, sha(covered), d.content)}})
		}
		certs := d.certs
		if certs == nil {
			certs = [][]byte{d.by.cert.Raw, w.ca.cert.Raw}
		}
		der := w.message(d.by, crypto.SHA256, cms.OIDData, nil, sha(covered), certs, extra)
		m, err := cms.Parse(der)
		if err != nil {
			w.t.Fatal(err)
		}
		if !d.stamp.IsZero() {
			unit := w.tsu
			if d.unit != nil {
				unit = d.unit
			}
			m.SignerInfos[0].AddUnsigned(cms.OIDSignatureTimestamp, w.token(unit, crypto.SHA256, sha(m.SignerInfos[0].Signature), d.stamp))
		}
		if d.unsigned != nil {
			d.unsigned(m.SignerInfos[0])
		}
		if der, err = m.Marshal(); err != nil {
			w.t.Fatal(err)
		}
		return der
	})
}

// stampDocument appends a document time-stamp.
func (w *world) stampDocument(doc []byte, unit *person, h crypto.Hash, at time.Time) []byte {
	d := draft{field: "Stamp " + at.Format(time.RFC3339), subFilter: validation.FormatTimestamp}
	return w.place(doc, d, "DocTimeStamp", func(covered []byte) []byte { return w.token(unit, h, digestOf(h, covered), at) })
}

// place appends a revision with a signature field and fills its Contents in.
func (w *world) place(doc []byte, d draft, kind pdf.Name, message func(covered []byte) []byte) []byte {
	t := w.t
	f := open(t, doc)
	u := pdf.NewUpdate(f)
	value := pdf.Dict{
		"Type": kind, "Filter": pdf.Name("Adobe.PPKLite"), "SubFilter": d.subFilter,
		"Contents": pdf.HexPlaceholder("contents", 8192), "ByteRange": pdf.ByteRangePlaceholder("range"),
	}
	if kind == "Sig" {
		value["M"] = pdf.FormatDate(day)
	}
	var references pdf.Array
	if d.mdp > 0 {
		references = append(references, pdf.Dict{"Type": pdf.Name("SigRef"), "TransformMethod": pdf.Name("DocMDP"),
			"TransformParams": pdf.Dict{"Type": pdf.Name("TransformParams"), "V": pdf.Name("1.2"), "P": int64(d.mdp)}})
	}
	if d.lock != nil {
		references = append(references, pdf.Dict{"Type": pdf.Name("SigRef"), "TransformMethod": pdf.Name("FieldMDP"), "TransformParams": d.lock})
	}
	if references != nil {
		value["Reference"] = references
	}
	if d.value != nil {
		d.value(value)
	}
	sig := u.Add(value)
	field := pdf.Dict{
		"Type": pdf.Name("Annot"), "Subtype": pdf.Name("Widget"), "FT": pdf.Name("Sig"), "T": pdf.EncodeText(d.field),
		"V": sig, "F": int64(132), "Rect": pdf.Array{int64(0), int64(0), int64(0), int64(0)},
	}
	if d.rect != nil {
		field["Rect"] = d.rect
	}
	addField(t, f, u, field)
	inc, err := u.Build()
	if err != nil {
		t.Fatal(err)
	}
	out := append(bytes.Clone(doc), inc.Bytes...)
	gap, at := inc.Marks["contents"], inc.Marks["range"]
	text := fmt.Sprintf("[0 %d %d %d]", gap.Start, gap.End, int64(len(out))-gap.End)
	copy(out[at.Start:at.End], text+string(bytes.Repeat([]byte{' '}, int(at.Len())-len(text))))
	der := message(append(bytes.Clone(out[:gap.Start]), out[gap.End:]...))
	if d.contents != nil {
		der = d.contents(der)
	}
	if 2*int64(len(der)) > gap.Len()-2 {
		t.Fatalf("message of %d bytes does not fit", len(der))
	}
	hex.Encode(out[gap.Start+1:], der)
	return out
}

// addField puts a field that is its own widget into the form and onto the first page.
func addField(t testing.TB, f *pdf.File, u *pdf.Update, field pdf.Dict) pdf.Ref {
	page, err := pdf.PageAt(f.Latest(), 0)
	if err != nil {
		t.Fatal(err)
	}
	field["P"] = page.Ref
	ref := u.Add(field)
	edit(t, u, page.Ref, func(d pdf.Dict) {
		annots, _ := f.Latest().Array(d["Annots"])
		d["Annots"] = append(annots, ref)
	})
	edit(t, u, f.Latest().CatalogRef(), func(d pdf.Dict) {
		form, _ := f.Latest().Dict(d["AcroForm"])
		if form == nil {
			form = pdf.Dict{"Fields": pdf.Array{}}
		}
		form = form.Clone()
		fields, _ := f.Latest().Array(form["Fields"])
		form["Fields"] = append(fields, ref)
		form["SigFlags"] = int64(3)
		d["AcroForm"] = form
	})
	return ref
}

// addEvidence appends a revision with a document security store, or adds to it.
func addEvidence(t testing.TB, doc []byte, certs, ocsps, crls [][]byte) []byte {
	return update(t, doc, func(u *pdf.Update, v *pdf.View) {
		edit(t, u, v.CatalogRef(), func(d pdf.Dict) {
			old, _ := v.Dict(d["DSS"])
			dss := pdf.Dict{}
			for _, list := range []struct {
				key pdf.Name
				der [][]byte
			}{{"Certs", certs}, {"OCSPs", ocsps}, {"CRLs", crls}} {
				a, _ := v.Array(old[list.key])
				for _, der := range list.der {
					a = append(a, u.AddStream(pdf.Dict{}, der))
				}
				if a != nil {
					dss[list.key] = a
				}
			}
			d["DSS"] = dss
		})
	})
}

// validate judges a document with the world's root as the only anchor.
func (w *world) validate(doc []byte, at time.Time, o validation.Options) *validation.Report {
	w.t.Helper()
	return w.validateUnder(nil, doc, at, o)
}

// validateUnder judges under an algorithm suite; nil is the default one.
func (w *world) validateUnder(s *policies.Suite, doc []byte, at time.Time, o validation.Options) *validation.Report {
	w.t.Helper()
	o.At = at
	v := newValidator(w.t, validation.Config{Suite: s, Trust: append(o.Trust, w.root.cert)})
	r, err := v.Validate(context.Background(), bytes.NewReader(doc), int64(len(doc)), o)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// verdict is a row's indication and sub-indication as one word.
func verdict(s validation.Signature) string {
	if s.SubIndication == "" {
		return string(s.Indication)
	}
	return string(s.Indication) + "/" + string(s.SubIndication)
}

// want compares the verdicts of all rows, in order.
func want(t testing.TB, r *validation.Report, verdicts ...string) {
	t.Helper()
	if len(r.Signatures) != len(verdicts) {
		t.Fatalf("%d signatures, want %d", len(r.Signatures), len(verdicts))
	}
	for i, s := range r.Signatures {
		if got := verdict(s); got != verdicts[i] {
			t.Errorf("signature %q: got %s, want %s\n%s", s.Field, got, verdicts[i], explain(s))
		}
	}
}

func explain(s validation.Signature) string {
	var b bytes.Buffer
	for _, c := range s.Checks {
		fmt.Fprintf(&b, "  %-4s %-8s %s\n", c.Name, c.Status, c.Detail)
	}
	return b.String()
}
