package validation_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"chop/internal/pdf"
	"chop/validation"
	"chop/validation/changes"
)

// The published attacks on signed documents that use an incremental update, each on
// a document of two signatures: they must fail both, and be called suspicious.
func TestUpdateAttacks(t *testing.T) {
	w := newWorld(t)
	by := w.signer("Chan Tai Man")
	overlay := func(doc []byte) []byte { // prepared before signing, for the attacks that hide
		return update(t, doc, func(u *pdf.Update, v *pdf.View) {
			over := u.AddStream(pdf.Dict{"Type": pdf.Name("XObject"), "Subtype": pdf.Name("Form"), "BBox": pdf.Array{int64(0), int64(0), int64(9), int64(9)}}, []byte("1 g 0 0 595 842 re f"))
			shadow := u.AddStream(pdf.Dict{}, []byte("BT /F1 24 Tf 72 720 Td (Pay 900 dollars) Tj ET"))
			page := pdf.Ref{Num: 3}
			edit(t, u, page, func(d pdf.Dict) {
				d["Resources"] = pdf.Dict{"Font": pdf.Dict{"F1": pdf.Ref{Num: 5}}, "XObject": pdf.Dict{"Over": over}}
			})
			edit(t, u, v.CatalogRef(), func(d pdf.Dict) { d["PieceInfo"] = pdf.Dict{"Later": pdf.Dict{"Private": shadow}} })
		})
	}
	over, shadow := pdf.Ref{Num: 6}, pdf.Ref{Num: 7}
	doc := w.sign(overlay(blank(0)), draft{by: by, field: "Signature1"})
	doc = w.sign(doc, draft{by: w.signer("Wong Siu Ming"), field: "Signature2"})
	r := w.validate(doc, day, soft)
	want(t, r, passed, passed)
	if r.Document.Modifications != changes.Allowed {
		t.Errorf("modifications %s", r.Document.Modifications)
	}
	page, content := pdf.Ref{Num: 3}, pdf.Ref{Num: 4}
	for name, change := range map[string]func(u *pdf.Update, v *pdf.View){
		"incremental saving: page content replaced": func(u *pdf.Update, _ *pdf.View) {
			u.Set(content, pdf.NewStream(pdf.Dict{}, []byte("BT /F1 24 Tf 72 720 Td (Pay 900 dollars) Tj ET")))
		},
		"shadow, hide: overlay made empty": func(u *pdf.Update, _ *pdf.View) {
			u.Set(over, pdf.NewStream(pdf.Dict{"Type": pdf.Name("XObject"), "Subtype": pdf.Name("Form")}, nil))
		},
		"shadow, hide: overlay freed":              func(u *pdf.Update, _ *pdf.View) { u.Set(over, nil) },
		"shadow, hide: overlay of another subtype": func(u *pdf.Update, _ *pdf.View) { edit0(t, u, page, "Resources", pdf.Dict{}) },
		"shadow, replace: font": func(u *pdf.Update, _ *pdf.View) {
			u.Set(pdf.Ref{Num: 5}, pdf.Dict{"Type": pdf.Name("Font"), "Subtype": pdf.Name("Type3")})
		},
		"shadow, hide and replace: prepared content put in place": func(u *pdf.Update, _ *pdf.View) {
			edit0(t, u, page, "Contents", shadow)
		},
		"shadow, hide and replace: prepared object made the catalog": func(u *pdf.Update, v *pdf.View) {
			c, _ := v.Catalog()
			u.Trailer()["Root"] = u.Add(c)
		},
		"evil annotation over the page": func(u *pdf.Update, v *pdf.View) {
			addAnnotation(t, u, v, pdf.Dict{"Subtype": pdf.Name("Stamp"), "AP": pdf.Dict{"N": over}})
		},
		"script on opening": func(u *pdf.Update, v *pdf.View) {
			edit0(t, u, v.CatalogRef(), "OpenAction", pdf.Dict{"S": pdf.Name("JavaScript"), "JS": pdf.String("app.alert(1)")})
		},
		"link that sends data away": func(u *pdf.Update, v *pdf.View) {
			addAnnotation(t, u, v, pdf.Dict{"Subtype": pdf.Name("Link"), "A": pdf.Dict{"S": pdf.Name("URI"), "URI": pdf.String("http://example.test/")}})
		},
		"layers":                func(u *pdf.Update, v *pdf.View) { edit0(t, u, v.CatalogRef(), "OCProperties", pdf.Dict{}) },
		"signature field moved": func(u *pdf.Update, v *pdf.View) { edit0(t, u, firstField(t, v), "Rect", pdf.Array{}) },
		"signature removed":     func(u *pdf.Update, v *pdf.View) { edit0(t, u, firstField(t, v), "V", nil) },
		"appearance of a signature changed": func(u *pdf.Update, v *pdf.View) {
			edit0(t, u, firstField(t, v), "AP", pdf.Dict{"N": u.AddStream(pdf.Dict{"Subtype": pdf.Name("Form")}, []byte("x"))})
		},
		"form taken away": func(u *pdf.Update, v *pdf.View) { edit0(t, u, v.CatalogRef(), "AcroForm", nil) },
	} {
		t.Run(name, func(t *testing.T) {
			bad := update(t, doc, change)
			r := w.validate(bad, day, soft)
			want(t, r, constraints, constraints)
			if r.Passed() || r.Document.Modifications != changes.Suspicious {
				t.Errorf("passed %v, modifications %s", r.Passed(), r.Document.Modifications)
			}
			// And it stays refused when somebody signs what the attack left.
			r = w.validate(w.sign(bad, draft{by: by, field: "Signature3"}), day, soft)
			if r.Passed() || r.Document.Modifications != changes.Suspicious {
				t.Errorf("signed again: passed %v, modifications %s", r.Passed(), r.Document.Modifications)
			}
		})
	}
}

// edit0 sets one entry of an object; nil takes it away.
func edit0(t testing.TB, u *pdf.Update, ref pdf.Ref, key pdf.Name, o pdf.Object) {
	edit(t, u, ref, func(d pdf.Dict) {
		if d[key] = o; o == nil {
			delete(d, key)
		}
	})
}

func firstField(t testing.TB, v *pdf.View) pdf.Ref {
	list, err := pdf.Signatures(v)
	if err != nil {
		t.Fatal(err)
	}
	return list[0].Field.Ref
}

func addAnnotation(t testing.TB, u *pdf.Update, v *pdf.View, d pdf.Dict) {
	d["Type"], d["Rect"] = pdf.Name("Annot"), pdf.Array{int64(0), int64(0), int64(595), int64(842)}
	ref := u.Add(d)
	p, err := pdf.PageAt(v, 0)
	if err != nil {
		t.Fatal(err)
	}
	edit(t, u, p.Ref, func(d pdf.Dict) { d["Annots"] = append(d["Annots"].(pdf.Array), ref) })
}

// Certification: what DocMDP allows, and the attacks on it.
func TestCertified(t *testing.T) {
	w := newWorld(t)
	by := w.signer("Transport Department")
	box := pdf.Array{int64(0), int64(0), int64(595), int64(842)}
	for _, c := range []struct {
		name   string
		level  int
		change func(doc []byte) []byte
		want   []string
	}{
		{"evidence, P 1", 1, func(doc []byte) []byte { return addEvidence(t, doc, [][]byte{w.ca.cert.Raw}, nil, nil) }, []string{passed}},
		{"invisible signature, P 1", 1, func(doc []byte) []byte { return w.sign(doc, draft{by: by, field: "S2"}) }, []string{constraints, passed}},
		{"invisible signature, P 2", 2, func(doc []byte) []byte { return w.sign(doc, draft{by: by, field: "S2"}) }, []string{passed, passed}},
		{"sneaky signature: a new one over the page, P 2", 2, func(doc []byte) []byte { return w.sign(doc, draft{by: by, field: "S2", rect: box}) }, []string{constraints, passed}},
		{"sneaky signature: a new one over the page, P 3", 3, func(doc []byte) []byte { return w.sign(doc, draft{by: by, field: "S2", rect: box}) }, []string{constraints, passed}},
		{"note, P 2", 2, func(doc []byte) []byte {
			return update(t, doc, func(u *pdf.Update, v *pdf.View) { addAnnotation(t, u, v, pdf.Dict{"Subtype": pdf.Name("Text")}) })
		}, []string{constraints}},
		{"note, P 3", 3, func(doc []byte) []byte {
			return update(t, doc, func(u *pdf.Update, v *pdf.View) { addAnnotation(t, u, v, pdf.Dict{"Subtype": pdf.Name("Text")}) })
		}, []string{passed}},
		{"evil annotation: free text, P 3", 3, func(doc []byte) []byte {
			return update(t, doc, func(u *pdf.Update, v *pdf.View) {
				addAnnotation(t, u, v, pdf.Dict{"Subtype": pdf.Name("FreeText"), "Contents": pdf.String("Pay 900")})
			})
		}, []string{constraints}},
		{"certified once more", 2, func(doc []byte) []byte {
			doc = w.sign(doc, draft{by: by, field: "S2", mdp: 3})
			return update(t, doc, func(u *pdf.Update, v *pdf.View) { addAnnotation(t, u, v, pdf.Dict{"Subtype": pdf.Name("Text")}) })
		}, []string{constraints, passed}},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc := w.sign(blank(0), draft{by: by, field: "S1", mdp: c.level})
			want(t, w.validate(doc, day, soft), passed)
			want(t, w.validate(c.change(doc), day, soft), c.want...)
		})
	}
}

// Four revisions by different hands; a changed byte fails the signatures that cover
// it, and no others.
func TestOneByteInEachRevision(t *testing.T) {
	d := newLongTerm(t)
	second := d.signer("Wong Siu Ming")
	doc := d.sign(d.lt, draft{by: second, field: "Signature2", stamp: day.Add(3 * 1e9)})
	doc = addEvidence(t, doc, [][]byte{second.cert.Raw}, [][]byte{d.ocsp(second.cert, day.Add(4*1e9), answer{})}, nil)
	doc = d.stampDocument(doc, d.tsu, 5, day.Add(5*1e9))
	at := day.Add(60 * 1e9)
	want(t, d.validate(doc, at, validation.Options{}), passed, passed, passed)
	for i, c := range []struct {
		text string
		want []string
	}{
		{"Pay 100 dollars", []string{hashFailure, hashFailure, hashFailure}},
		{"/T (Signature1)", []string{hashFailure, hashFailure, hashFailure}},
		{"/T (Signature2)", []string{"", hashFailure, hashFailure}},
	} {
		bad := replace(t, doc, c.text, c.text[:len(c.text)-2]+"_"+c.text[len(c.text)-1:])
		r := d.validate(bad, at, validation.Options{})
		for k, want := range c.want {
			got := verdict(r.Signatures[k])
			if want != "" && got != want || want == "" && got != passed && got != constraints {
				t.Errorf("change %d: signature %d: got %s, want %s\n%s", i, k, got, want, explain(r.Signatures[k]))
			}
		}
		if r.Passed() {
			t.Errorf("change %d: passed", i)
		}
	}
}

// reads counts the bytes that are read.
type reads struct {
	io.ReaderAt
	n int
}

func (r *reads) ReadAt(p []byte, at int64) (int, error) {
	n, err := r.ReaderAt.ReadAt(p, at)
	r.n += n
	return n, err
}

// A revision that writes all evidence anew, in another order, is compared with work in step with the evidence, not
// with its square.
func TestEvidenceInStep(t *testing.T) {
	read := func(n int) int {
		var there, turned [][]byte
		random := rand.NewChaCha8([32]byte{})
		for range n {
			der := make([]byte, 4000)
			_, _ = random.Read(der) // never fails
			there, turned = append(there, der), append([][]byte{der}, turned...)
		}
		doc := addEvidence(t, blank(0), nil, nil, there)
		doc = update(t, doc, func(u *pdf.Update, v *pdf.View) {
			edit(t, u, v.CatalogRef(), func(d pdf.Dict) {
				var list pdf.Array
				for _, der := range turned {
					list = append(list, u.AddStream(pdf.Dict{}, der))
				}
				d["DSS"] = pdf.Dict{"CRLs": list}
			})
		})
		r := &reads{ReaderAt: bytes.NewReader(doc)}
		f, err := pdf.Open(r, int64(len(doc)), pdf.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		r.n = 0
		if list, err := changes.After(t.Context(), f, 1); err != nil || slices.ContainsFunc(list, func(c changes.Change) bool { return c.Kind == changes.Other }) {
			t.Fatalf("%v, %v", list, err)
		}
		return r.n
	}
	few, many := read(25), read(100)
	t.Logf("%d bytes read, %d for four times the evidence", few, many)
	if many > 6*few {
		t.Errorf("4 times the evidence is %d bytes read instead of %d, %.1f times", many, few, float64(many)/float64(few))
	}
}
