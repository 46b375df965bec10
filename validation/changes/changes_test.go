package changes_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"chop/internal/pdf"
	"chop/validation/changes"
)

// The objects of the base document, by number.
const (
	catalog = iota + 1
	pages
	page
	content
	font
	form
	textField // "Name"
	sigField  // "Approval", empty
	signed    // "Clerk", signed
	value     // of the signed one
	shown     // its appearance
	note      // an annotation
	orphan
	metadata
	info
	store // DSS
	evidence
	picture // shown by the page, and nothing else
	group   // "Group", with the kid "Group.Kid"
	kid
	annots
	lastObject
)

func ref(n int) pdf.Ref { return pdf.Ref{Num: uint32(n)} }

// base is a signed document with about everything in it.
func base() []byte {
	var b bytes.Buffer
	var at [lastObject]int
	object := func(n int, s string) {
		at[n] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", n, s)
	}
	stream := func(dict, data string) string {
		return fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", dict, len(data), data)
	}
	b.WriteString("%PDF-1.7\n")
	object(catalog, fmt.Sprintf("<< /Type /Catalog /Pages %d 0 R /AcroForm %d 0 R /Metadata %d 0 R /DSS %d 0 R /Lang (en) >>", pages, form, metadata, store))
	object(pages, fmt.Sprintf("<< /Type /Pages /Kids [%d 0 R] /Count 1 >>", page))
	object(page, fmt.Sprintf("<< /Type /Page /Parent %d 0 R /MediaBox [0 0 595 842] /Contents %d 0 R /Resources << /Font << /F1 %d 0 R >> /XObject << /Im %d 0 R /Ghost 50 0 R /Wrong %d 1 R >> >> /Annots %d 0 R >>", pages, content, font, picture, content, annots))
	object(content, stream("", "BT /F1 24 Tf (Pay 100) Tj ET /Im Do"))
	object(font, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
	object(form, fmt.Sprintf("<< /Fields [%d 0 R %d 0 R %d 0 R %d 0 R] /SigFlags 3 /DA (/F1 0 Tf) /DR << /Font << /F1 %d 0 R >> >> >>", textField, sigField, signed, group, font))
	object(textField, fmt.Sprintf("<< /Type /Annot /Subtype /Widget /FT /Tx /T (Name) /V (Chan) /P %d 0 R /Rect [10 10 90 30] /AP << /N %d 0 R >> >>", page, shown))
	object(sigField, fmt.Sprintf("<< /Type /Annot /Subtype /Widget /FT /Sig /T (Approval) /P %d 0 R /Rect [10 50 90 70] /F 4 >>", page))
	object(signed, fmt.Sprintf("<< /Type /Annot /Subtype /Widget /FT /Sig /T (Clerk) /V %d 0 R /P %d 0 R /Rect [10 90 90 99] /AP << /N %d 0 R >> >>", value, page, shown))
	object(value, "<< /Type /Sig /Filter /X /SubFilter /Y /ByteRange [0 1 2 3] /Contents <00> >>")
	object(shown, stream("/Type /XObject /Subtype /Form /BBox [0 0 80 20]", "BT (Chan) Tj ET"))
	object(note, "<< /Type /Annot /Subtype /Text /Contents (hm) /Rect [0 0 9 9] >>")
	object(orphan, stream("/Subtype /Shadow", "BT (Pay 900) Tj ET"))
	object(metadata, stream("/Type /Metadata /Subtype /XML", "<x/>"))
	object(info, "<< /Producer (somebody) >>")
	object(store, fmt.Sprintf("<< /Type /DSS /Certs [%d 0 R] /VRI << /AA << /Cert [%d 0 R] >> >> >>", evidence, evidence))
	object(evidence, stream("", "certificate"))
	object(picture, stream("/Type /XObject /Subtype /Image", "picture"))
	object(group, fmt.Sprintf("<< /T (Group) /FT /Tx /Kids [%d 0 R] >>", kid))
	object(kid, fmt.Sprintf("<< /Type /Annot /Subtype /Widget /T (Kid) /Parent %d 0 R /P %d 0 R /Rect [1 1 2 2] >>", group, page))
	object(annots, fmt.Sprintf("[%d 0 R %d 0 R %d 0 R %d 0 R %d 0 R]", textField, sigField, signed, note, kid))
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", lastObject)
	for _, a := range at[1:] {
		fmt.Fprintf(&b, "%010d 00000 n \n", a)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n", lastObject, catalog, info, start)
	return b.Bytes()
}

// An editor makes the later revision.
type editor struct {
	*pdf.Update
	t testing.TB
}

// set changes entries of an object's dictionary; nil takes one away.
func (e editor) set(n int, entries pdf.Dict) {
	o, err := e.Get(ref(n))
	if err != nil {
		e.t.Fatal(err)
	}
	d := o.(pdf.Dict).Clone()
	for k, v := range entries {
		if v == nil {
			delete(d, k)
		} else {
			d[k] = v
		}
	}
	e.Set(ref(n), d)
}

// push adds to an array object.
func (e editor) push(n int, o pdf.Object) {
	a, err := e.Get(ref(n))
	if err != nil {
		e.t.Fatal(err)
	}
	e.Set(ref(n), append(pdf.Clone(a).(pdf.Array), o))
}

// field adds a signature field to the form and the page.
func (e editor) field(entries pdf.Dict) pdf.Ref {
	d := pdf.Dict{
		"Type": pdf.Name("Annot"), "Subtype": pdf.Name("Widget"), "FT": pdf.Name("Sig"), "T": pdf.String("New"),
		"P": ref(page), "Rect": pdf.Array{int64(0), int64(0), int64(0), int64(0)},
	}
	for k, v := range entries {
		d[k] = v
	}
	if d["V"] == nil {
		d["V"] = e.signature("ETSI.CAdES.detached")
	}
	r := e.Add(d)
	e.push(annots, r)
	e.set(form, pdf.Dict{"Fields": pdf.Array{ref(textField), ref(sigField), ref(signed), ref(group), r}})
	return r
}

func (e editor) signature(subFilter pdf.Name) pdf.Ref {
	return e.Add(pdf.Dict{"Type": pdf.Name("Sig"), "Filter": pdf.Name("X"), "SubFilter": subFilter,
		"ByteRange": pdf.Array{int64(0)}, "Contents": pdf.String("x")})
}

func (e editor) stream(data string) pdf.Ref {
	return e.AddStream(pdf.Dict{"Type": pdf.Name("XObject"), "Subtype": pdf.Name("Form")}, []byte(data))
}

// compare returns the kinds of the changes that edit makes, each once.
func compare(t testing.TB, edit func(e editor)) ([]changes.Kind, []changes.Change) {
	t.Helper()
	doc := base()
	f, err := pdf.Open(bytes.NewReader(doc), int64(len(doc)), pdf.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	u := pdf.NewUpdate(f)
	edit(editor{u, t})
	inc, err := u.Build()
	if err != nil {
		t.Fatal(err)
	}
	doc = append(doc, inc.Bytes...)
	if f, err = pdf.Open(bytes.NewReader(doc), int64(len(doc)), pdf.Limits{}); err != nil {
		t.Fatal(err)
	}
	list, err := changes.After(context.Background(), f, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Unaltered(); err != nil { // objects are shared by the revisions that are compared
		t.Error(err)
	}
	var kinds []changes.Kind
	seen := map[changes.Kind]bool{}
	for _, c := range list {
		if !seen[c.Kind] {
			seen[c.Kind] = true
			kinds = append(kinds, c.Kind)
		}
	}
	return kinds, list
}

func TestAfter(t *testing.T) {
	box := pdf.Array{int64(100), int64(100), int64(200), int64(200)}
	for _, c := range []struct {
		name string
		edit func(e editor)
		want changes.Kind // "": nothing
	}{
		{"nothing", func(e editor) {}, ""},
		{"the same again", func(e editor) { e.set(page, nil); e.set(font, nil); e.set(textField, nil) }, ""},

		// What honest work does.
		{"evidence added", func(e editor) { e.set(store, pdf.Dict{"OCSPs": pdf.Array{e.stream("ocsp")}}) }, changes.Evidence},
		{"document information", func(e editor) { e.set(info, pdf.Dict{"ModDate": pdf.String("D:2026")}) }, changes.Evidence},
		{"metadata", func(e editor) {
			e.set(catalog, pdf.Dict{"Metadata": e.AddStream(pdf.Dict{"Type": pdf.Name("Metadata"), "Subtype": pdf.Name("XML")}, []byte("<y/>"))})
		}, changes.Evidence},
		{"extension declared", func(e editor) {
			e.set(catalog, pdf.Dict{"Extensions": pdf.Dict{"ESIC": pdf.Dict{"BaseVersion": pdf.Name("1.7"), "ExtensionLevel": int64(2)}}})
		}, changes.Evidence},
		{"version", func(e editor) { e.set(catalog, pdf.Dict{"Version": pdf.Name("2.0")}) }, changes.Evidence},
		{"document time-stamp", func(e editor) { e.field(pdf.Dict{"V": e.signature("ETSI.RFC3161")}) }, changes.Evidence},
		{"invisible signature field", func(e editor) { e.field(nil) }, changes.Sign},
		{"empty field signed", func(e editor) {
			e.set(sigField, pdf.Dict{"V": e.signature("ETSI.CAdES.detached"), "AP": pdf.Dict{"N": e.stream("x")}, "F": int64(132)})
		}, changes.Sign},
		{"visible signature field", func(e editor) { e.field(pdf.Dict{"Rect": box, "AP": pdf.Dict{"N": e.stream("x")}}) }, changes.NewField},
		{"text filled in", func(e editor) {
			e.set(textField, pdf.Dict{"V": pdf.String("Wong"), "AP": pdf.Dict{"N": e.stream("Wong")}})
		}, changes.Fill},
		{"text of a nested field", func(e editor) { e.set(kid, pdf.Dict{"V": pdf.String("x")}) }, changes.Fill},
		{"note", func(e editor) {
			e.push(annots, e.Add(pdf.Dict{"Type": pdf.Name("Annot"), "Subtype": pdf.Name("Text"), "Rect": box}))
		}, changes.Note},
		{"object that nothing refers to", func(e editor) { e.Add(pdf.String("waiting")) }, changes.Orphan},

		// What is shown.
		{"page content", func(e editor) { e.Set(ref(content), pdf.NewStream(pdf.Dict{}, []byte("BT (Pay 900) Tj ET"))) }, changes.Other},
		{"other content stream", func(e editor) { e.set(page, pdf.Dict{"Contents": e.stream("x")}) }, changes.Other},
		{"page added", func(e editor) {
			e.set(pages, pdf.Dict{"Kids": pdf.Array{ref(page), e.Add(pdf.Dict{"Type": pdf.Name("Page"), "Parent": ref(pages)})}})
		}, changes.Other},
		{"page taken away", func(e editor) { e.set(pages, pdf.Dict{"Kids": pdf.Array{}}) }, changes.Other},
		{"page turned", func(e editor) { e.set(page, pdf.Dict{"Rotate": int64(180)}) }, changes.Other},
		{"page box", func(e editor) { e.set(page, pdf.Dict{"CropBox": box}) }, changes.Other},
		{"font", func(e editor) { e.set(font, pdf.Dict{"BaseFont": pdf.Name("Courier")}) }, changes.Other},
		{"glyphs of a font", func(e editor) {
			e.set(font, pdf.Dict{"Encoding": pdf.Dict{"Differences": pdf.Array{int64(49), pdf.Name("nine")}}})
		}, changes.Other},
		{"picture freed", func(e editor) { e.Set(ref(picture), nil) }, changes.Other},
		{"picture replaced", func(e editor) {
			e.Set(ref(picture), pdf.NewStream(pdf.Dict{"Subtype": pdf.Name("Image")}, []byte("other")))
		}, changes.Other},
		{"shadow: dangling reference comes to life", func(e editor) {
			r := e.Alloc()
			for r.Num != 50 {
				r = e.Alloc()
			}
			e.Set(r, pdf.NewStream(pdf.Dict{}, []byte("x")))
		}, changes.Other},
		{"action on opening", func(e editor) { e.set(catalog, pdf.Dict{"OpenAction": pdf.Dict{"S": pdf.Name("GoTo")}}) }, changes.Other},
		{"additional actions", func(e editor) { e.set(catalog, pdf.Dict{"AA": pdf.Dict{}}) }, changes.Other},
		{"names", func(e editor) { e.set(catalog, pdf.Dict{"Names": pdf.Dict{}}) }, changes.Other},
		{"layers", func(e editor) { e.set(catalog, pdf.Dict{"OCProperties": pdf.Dict{}}) }, changes.Other},
		{"permissions", func(e editor) { e.set(catalog, pdf.Dict{"Perms": pdf.Dict{}}) }, changes.Other},
		{"another catalog", func(e editor) {
			o, _ := e.Get(ref(catalog))
			e.Trailer()["Root"] = e.Add(o)
		}, changes.Other},

		// The form.
		{"XFA", func(e editor) { e.set(form, pdf.Dict{"XFA": e.stream("<xfa/>")}) }, changes.Other},
		{"appearances to be drawn anew", func(e editor) { e.set(form, pdf.Dict{"NeedAppearances": true}) }, changes.Other},
		{"default appearance", func(e editor) { e.set(form, pdf.Dict{"DA": pdf.String("/F2 9 Tf")}) }, changes.Other},
		{"default font replaced", func(e editor) {
			e.set(form, pdf.Dict{"DR": pdf.Dict{"Font": pdf.Dict{"F1": e.Add(pdf.Dict{"Type": pdf.Name("Font")})}}})
		}, changes.Other},
		{"form taken away", func(e editor) { e.set(catalog, pdf.Dict{"AcroForm": nil}) }, changes.Other},
		{"field removed", func(e editor) { e.set(form, pdf.Dict{"Fields": pdf.Array{ref(textField), ref(sigField)}}) }, changes.Other},
		{"field renamed", func(e editor) { e.set(textField, pdf.Dict{"T": pdf.String("Other")}) }, changes.Other},
		{"field moved over the page", func(e editor) { e.set(textField, pdf.Dict{"Rect": box}) }, changes.Other},
		{"field hidden", func(e editor) { e.set(textField, pdf.Dict{"F": int64(2)}) }, changes.Other},
		{"field lost its appearance", func(e editor) { e.set(textField, pdf.Dict{"AP": nil}) }, changes.Other},
		{"field of another type", func(e editor) { e.set(textField, pdf.Dict{"FT": pdf.Name("Btn")}) }, changes.Other},
		{"text field added", func(e editor) { e.field(pdf.Dict{"FT": pdf.Name("Tx")}) }, changes.Other},
		{"nested field added", func(e editor) {
			e.set(group, pdf.Dict{"Kids": pdf.Array{ref(kid), e.Add(pdf.Dict{"T": pdf.String("x"), "FT": pdf.Name("Sig"), "Parent": ref(group)})}})
		}, changes.Other},
		{"signature field with a name that is taken", func(e editor) { e.field(pdf.Dict{"T": pdf.String("Clerk")}) }, changes.Other},
		{"signature field with an action", func(e editor) { e.field(pdf.Dict{"AA": pdf.Dict{}}) }, changes.Other},
		{"signature field with the value of another", func(e editor) { e.field(pdf.Dict{"V": ref(value)}) }, changes.Other},

		// Signatures that are there.
		{"signature replaced", func(e editor) { e.set(value, pdf.Dict{"Reason": pdf.String("because")}) }, changes.Other},
		{"signature removed", func(e editor) { e.set(signed, pdf.Dict{"V": nil}) }, changes.Other},
		{"another signature in its place", func(e editor) { e.set(signed, pdf.Dict{"V": e.signature("Z")}) }, changes.Other},
		{"appearance of a signed field", func(e editor) { e.set(signed, pdf.Dict{"AP": pdf.Dict{"N": e.stream("Wong")}}) }, changes.Other},
		{"appearance shared with a signed field overwritten", func(e editor) {
			e.Set(ref(shown), pdf.NewStream(pdf.Dict{"Type": pdf.Name("XObject"), "Subtype": pdf.Name("Form")}, []byte("BT (Wong) Tj ET")))
		}, changes.Other},

		// Annotations.
		{"annotation removed", func(e editor) { e.Set(ref(annots), pdf.Array{ref(textField), ref(sigField), ref(signed)}) }, changes.Other},
		{"annotation changed", func(e editor) { e.set(note, pdf.Dict{"Contents": pdf.String("no")}) }, changes.Other},
		{"evil annotation: free text", func(e editor) {
			e.push(annots, e.Add(pdf.Dict{"Subtype": pdf.Name("FreeText"), "Rect": box, "DA": pdf.String("x")}))
		}, changes.Other},
		{"evil annotation: note with an appearance", func(e editor) {
			e.push(annots, e.Add(pdf.Dict{"Subtype": pdf.Name("Text"), "Rect": box, "AP": pdf.Dict{"N": e.stream("x")}}))
		}, changes.Other},
		{"evil annotation: redaction", func(e editor) {
			e.push(annots, e.Add(pdf.Dict{"Subtype": pdf.Name("Redact"), "Rect": box}))
		}, changes.Other},
		{"widget of no field", func(e editor) {
			e.push(annots, e.Add(pdf.Dict{"Subtype": pdf.Name("Widget"), "Rect": box, "AP": pdf.Dict{"N": e.stream("x")}}))
		}, changes.Other},
		{"annotations of the page taken away", func(e editor) { e.set(page, pdf.Dict{"Annots": nil}) }, changes.Other},

		// Evidence that is none.
		{"evidence removed", func(e editor) { e.set(store, pdf.Dict{"Certs": pdf.Array{}}) }, changes.Other},
		{"store replaced by nonsense", func(e editor) { e.set(catalog, pdf.Dict{"DSS": pdf.String("x")}) }, changes.Other},
		{"store with something else in it", func(e editor) { e.set(store, pdf.Dict{"XObject": pdf.Dict{}}) }, changes.Other},
		{"store in a page's object", func(e editor) { e.set(catalog, pdf.Dict{"DSS": ref(font)}) }, changes.Other},
		{"metadata with a document type", func(e editor) {
			e.set(catalog, pdf.Dict{"Metadata": e.AddStream(pdf.Dict{"Type": pdf.Name("Metadata"), "Subtype": pdf.Name("XML")},
				[]byte(`<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>`))})
		}, changes.Other},

		// Shadows: an object prepared before the signature, and used after.
		{"shadow: prepared object put to use", func(e editor) {
			e.Set(ref(orphan), pdf.Dict{"Type": pdf.Name("DSS"), "Certs": pdf.Array{ref(evidence)}, "VRI": pdf.Dict{"AA": pdf.Dict{}}})
			e.set(catalog, pdf.Dict{"DSS": ref(orphan)})
		}, changes.Other},
	} {
		t.Run(c.name, func(t *testing.T) {
			kinds, list := compare(t, c.edit)
			if c.want == "" {
				if len(kinds) != 0 {
					t.Errorf("got %v", list)
				}
				return
			}
			if c.want == changes.Other {
				for _, k := range kinds {
					if k == changes.Other {
						return
					}
				}
			}
			if len(kinds) != 1 || kinds[0] != c.want {
				t.Errorf("got %v, want %s", list, c.want)
			}
		})
	}
}
