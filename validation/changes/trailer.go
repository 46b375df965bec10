package changes

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"

	"chop/internal/pdf"
)

// Trailer keys that are the file's bookkeeping and differ in every revision; those of
// a cross-reference stream among them. ID's second half changes with each save.
var bookkeeping = []pdf.Name{
	"Size", "Prev", "XRefStm", "ID", "Type", "W", "Index", "Length", "Filter", "DecodeParms", "Root", "Info",
}

// trailer compares from the top down (7.5.5).
func (w *walk) trailer() error {
	before, after := w.old.Trailer(), w.new.Trailer()
	for _, key := range bookkeeping {
		delete(before, key)
		delete(after, key)
	}
	for key, b := range before {
		if a, ok := after[key]; ok {
			w.pushAll(b, 0, 0)
			if !w.equal(b, a, 0) {
				w.other(pdf.Ref{}, 0, "/%s in the trailer changed", key)
			}
		}
	}
	w.account(after)
	if w.old.CatalogRef() != w.new.CatalogRef() {
		w.other(w.new.CatalogRef(), 0, "the trailer names another catalog")
	}
	w.info(w.old.Trailer()["Info"], w.new.Trailer()["Info"])
	return w.catalog()
}

// info allows any change of the document information dictionary (14.3.3), as long as
// it remains a dictionary of plain values.
func (w *walk) info(before, after pdf.Object) {
	w.account(after)
	w.permit(before)
	if ref, ok := after.(pdf.Ref); ok && before == after && w.sameEntry(ref.Num) {
		return
	}
	d, err := w.new.Dict(after)
	if err != nil {
		w.other(pdf.Ref{}, 0, "document information: %v", err)
		return
	}
	for key, o := range d {
		switch v, err := w.new.Resolve(o); v.(type) {
		case pdf.Dict, pdf.Array, *pdf.Stream:
			if key != "PTEX.InfoDict" {
				w.other(pdf.Ref{}, 0, "document information /%s is no plain value", key)
			}
		default:
			if err != nil {
				w.other(pdf.Ref{}, 0, "document information /%s: %v", key, err)
			}
		}
	}
	if before != nil || after != nil {
		w.report(Change{Kind: Evidence, Detail: "document information"})
	}
}

// catalogRules are the keys of the catalog (7.7.2) under which something may change.
var catalogRules = []pdf.Name{"AcroForm", "DSS", "Extensions", "Metadata", "Pages", "Type", "Version"}

func (w *walk) catalog() error {
	ref := w.old.CatalogRef()
	before, err := w.old.Catalog()
	if err != nil {
		return err
	}
	after, err := w.new.Catalog()
	if err != nil {
		return err
	}
	if done, ok := w.changed[ref.Num]; ok && !done {
		w.changed[ref.Num] = true
	}
	w.strict(ref, 0, before, after, catalogRules...)
	if t := after["Type"]; t != before["Type"] && (before["Type"] != nil || t != pdf.Name("Catalog")) {
		w.other(ref, 0, "/Type changed")
	}
	w.version(ref, before["Version"], after["Version"])
	w.extensions(ref, before["Extensions"], after["Extensions"])
	w.metadata(ref, before["Metadata"], after["Metadata"])
	w.dss(ref, before["DSS"], after["DSS"])
	w.acroForm(ref, before["AcroForm"], after["AcroForm"])
	return w.comparePages(before["Pages"], after["Pages"])
}

var versionName = regexp.MustCompile(`^[12]\.[0-9]$`)

func (w *walk) version(ref pdf.Ref, before, after pdf.Object) {
	if before == after {
		return
	}
	if v, ok := after.(pdf.Name); !ok || !versionName.MatchString(string(v)) {
		w.other(ref, 0, "/Version changed to %v", after)
		return
	}
	w.report(Change{Kind: Evidence, Ref: ref, Detail: "version of the format"})
}

// extensions may declare what the new revision uses (7.12); they hold nothing else.
func (w *walk) extensions(ref pdf.Ref, before, after pdf.Object) {
	w.account(after)
	w.permit(before)
	if !w.differs(before, after) {
		return
	}
	d, err := w.new.Dict(after)
	if err == nil && d == nil {
		err = errors.New("were removed")
	}
	for key, o := range d {
		if err != nil || key == "Type" {
			continue
		}
		var list pdf.Array
		if list, err = w.new.Array(o); err != nil {
			list, err = pdf.Array{o}, nil
		}
		for _, e := range list {
			if one, bad := w.new.Dict(e); bad != nil || one == nil {
				err = fmt.Errorf("%s is no dictionary", key)
			}
		}
	}
	if err != nil {
		w.other(ref, 0, "/Extensions: %v", err)
		return
	}
	w.report(Change{Kind: Evidence, Ref: ref, Detail: "extensions of the format"})
}

// metadata may be replaced by other metadata (14.3.2): a stream of well-formed XML.
func (w *walk) metadata(ref pdf.Ref, before, after pdf.Object) {
	w.account(after)
	w.permit(before)
	if !w.differs(before, after) {
		return
	}
	s, err := w.new.Stream(after)
	switch {
	case err == nil && s == nil:
		err = errors.New("was removed")
	case err == nil && (s.Dict["Type"] != pdf.Name("Metadata") || s.Dict["Subtype"] != pdf.Name("XML")):
		err = errors.New("is no metadata stream")
	case err == nil:
		var data []byte
		if data, err = w.f.Decode(s); err == nil {
			err = wellFormed(data)
		}
	}
	if err != nil {
		w.other(ref, 0, "/Metadata: %v", err)
		return
	}
	w.report(Change{Kind: Evidence, Ref: ref, Detail: "metadata"})
}

// wellFormed wants XML without a document type: entities could make two readers read
// two texts, or one reader fetch something.
func wellFormed(data []byte) error {
	d := xml.NewDecoder(bytes.NewReader(data))
	for {
		t, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if _, ok := t.(xml.Directive); ok {
			return errors.New("has a document type")
		}
	}
}

// differs reports whether what lies at two values is different in the two revisions.
func (w *walk) differs(before, after pdf.Object) bool {
	l := loose{walk: w, met: map[[2]pdf.Ref]bool{}}
	same, err := l.same(before, after, 0)
	return err != nil || !same
}
