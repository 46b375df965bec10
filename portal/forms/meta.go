package forms

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"time"

	"chop/internal/pdf"
)

// meta is what a document says about itself.
type meta struct {
	title, creator, subject, lang string
	at                            time.Time
}

// finish writes pages, fonts, form, structure and metadata, and returns the file.
func (c *canvas) finish(m meta) ([]byte, error) {
	fonts := pdf.Dict{}
	for i, font := range c.fonts {
		s := c.subsets[font]
		s.Encode(" ") // so that none is empty
		ref, err := s.Embed(&c.w)
		if err != nil {
			return nil, fmt.Errorf("embed font: %w", err)
		}
		fonts[pdf.Name(fmt.Sprint("F", i))] = ref
	}
	c.w.Set(c.resources, pdf.Dict{"Font": fonts, "ProcSet": pdf.Array{pdf.Name("PDF"), pdf.Name("Text")}})
	kids := make(pdf.Array, len(c.pages))
	for i, p := range c.pages {
		kids[i] = p.ref
		d := pdf.Dict{
			"Type": pdf.Name("Page"), "Parent": c.root, "MediaBox": pdf.Array{0.0, 0.0, pageWidth, pageHeight},
			"Resources": c.resources, "Contents": c.w.AddStream(pdf.Dict{}, p.buf.Bytes()),
			"StructParents": int64(i), "Tabs": pdf.Name("S"),
		}
		if len(p.annots) > 0 {
			d["Annots"] = p.annots
		}
		c.w.Set(p.ref, d)
	}
	c.w.Set(c.root, pdf.Dict{"Type": pdf.Name("Pages"), "Kids": kids, "Count": int64(len(kids))})
	at := m.at.In(hongKong)
	catalog := pdf.Dict{
		"Type": pdf.Name("Catalog"), "Pages": c.root, "Lang": pdf.EncodeText(m.lang),
		"MarkInfo": pdf.Dict{"Marked": true}, "StructTreeRoot": c.writeTags(),
		"ViewerPreferences": pdf.Dict{"DisplayDocTitle": true},
		"Metadata":          c.w.AddPlain(pdf.Dict{"Type": pdf.Name("Metadata"), "Subtype": pdf.Name("XML")}, m.xmp(at)),
	}
	if len(c.fields) > 0 {
		catalog["AcroForm"] = c.w.Add(pdf.Dict{"Fields": c.fields, "DA": typing(0), "DR": pdf.Dict{"Font": c.formFonts(fonts)}})
	}
	info := c.w.Add(pdf.Dict{
		"Title": pdf.EncodeText(m.title), "Author": pdf.EncodeText(m.creator), "Subject": pdf.EncodeText(m.subject),
		"Producer": pdf.String("Chop"), "CreationDate": pdf.FormatDate(at), "ModDate": pdf.FormatDate(at),
	})
	return c.w.Bytes(c.w.Add(catalog), info)
}

// formFonts are those that a reader may use for what is typed: two that every reader
// has, and ours, with the characters that they have.
func (c *canvas) formFonts(ours pdf.Dict) pdf.Dict {
	all := ours.Clone()
	all["Helv"] = c.w.Add(pdf.Dict{"Type": pdf.Name("Font"), "Subtype": pdf.Name("Type1"), "BaseFont": pdf.Name("Helvetica"), "Encoding": pdf.Name("WinAnsiEncoding")})
	all["ZaDb"] = c.w.Add(pdf.Dict{"Type": pdf.Name("Font"), "Subtype": pdf.Name("Type1"), "BaseFont": pdf.Name("ZapfDingbats")})
	return all
}

// xmp is the metadata stream, ISO 16684-1. It claims no conformance to PDF/A, which
// nothing here has judged.
func (m meta) xmp(at time.Time) []byte {
	var b bytes.Buffer
	escaped := func(s string) string {
		var e bytes.Buffer
		_ = xml.EscapeText(&e, []byte(s)) // a buffer takes everything
		return e.String()
	}
	stamp := at.Format(time.RFC3339)
	b.WriteString("<?xpacket begin=\"\ufeff\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n" +
		"<rdf:Description rdf:about=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\" xmlns:pdf=\"http://ns.adobe.com/pdf/1.3/\">\n")
	fmt.Fprintf(&b, "<dc:format>application/pdf</dc:format>\n<dc:language><rdf:Bag><rdf:li>%s</rdf:li></rdf:Bag></dc:language>\n", escaped(m.lang))
	fmt.Fprintf(&b, "<dc:title><rdf:Alt><rdf:li xml:lang=\"x-default\">%s</rdf:li></rdf:Alt></dc:title>\n", escaped(m.title))
	fmt.Fprintf(&b, "<dc:creator><rdf:Seq><rdf:li>%s</rdf:li></rdf:Seq></dc:creator>\n", escaped(m.creator))
	fmt.Fprintf(&b, "<dc:description><rdf:Alt><rdf:li xml:lang=\"x-default\">%s</rdf:li></rdf:Alt></dc:description>\n", escaped(m.subject))
	fmt.Fprintf(&b, "<xmp:CreateDate>%s</xmp:CreateDate>\n<xmp:ModifyDate>%s</xmp:ModifyDate>\n<pdf:Producer>Chop</pdf:Producer>\n", stamp, stamp)
	b.WriteString("</rdf:Description></rdf:RDF></x:xmpmeta>\n<?xpacket end=\"w\"?>")
	return b.Bytes()
}
