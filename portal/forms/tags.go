package forms

import (
	"fmt"

	"chop/internal/pdf"
)

// tags is the logical structure: a Document with headings, paragraphs and form fields
// in reading order, each in its language, for those who listen to the page. ISO
// 32000-1, 14.7 and 14.8.
type tags struct {
	elements []element
	objects  []int // the elements of the annotations, by StructParent less firstObject
}

// firstObject is the StructParent of the first annotation. The numbers below are the
// pages'.
const firstObject = 1000

type element struct {
	tag, lang string
	alt       string
	page      int
	mcid      int     // -1 if it has no content
	object    pdf.Ref // the annotation of a form field
}

// tagged draws one element. Elements do not nest.
func (c *canvas) tagged(tag, lang string, draw func()) {
	p := c.page()
	mcid := len(p.marked)
	p.marked = append(p.marked, len(c.tags.elements))
	c.tags.elements = append(c.tags.elements, element{tag: tag, lang: lang, page: len(c.pages) - 1, mcid: mcid})
	fmt.Fprintf(&p.buf, "/%s <</MCID %d>> BDC\n", tag, mcid)
	draw()
	p.buf.WriteString("EMC\n")
}

// artifact draws what is no content: rules, boxes, running heads and feet.
func (c *canvas) artifact(draw func()) {
	b := &c.page().buf
	b.WriteString("/Artifact BMC\n")
	draw()
	c.page().buf.WriteString("EMC\n")
}

// tagWidget adds the element of an annotation and returns its StructParent.
func (c *canvas) tagWidget(ref pdf.Ref, lang, alt string) int64 {
	c.tags.objects = append(c.tags.objects, len(c.tags.elements))
	c.tags.elements = append(c.tags.elements, element{tag: "Form", lang: lang, alt: alt, page: len(c.pages) - 1, mcid: -1, object: ref})
	return firstObject + int64(len(c.tags.objects)) - 1
}

// writeTags writes the structure tree. In the parent tree come the pages, then the
// annotations.
func (c *canvas) writeTags() pdf.Ref {
	root, document := c.w.Alloc(), c.w.Alloc()
	refs := make([]pdf.Ref, len(c.tags.elements))
	kids := make(pdf.Array, len(refs))
	for i, e := range c.tags.elements {
		d := pdf.Dict{"Type": pdf.Name("StructElem"), "S": pdf.Name(e.tag), "P": document, "Pg": c.pages[e.page].ref, "Lang": pdf.EncodeText(e.lang)}
		if e.mcid >= 0 {
			d["K"] = int64(e.mcid)
		} else {
			d["K"] = pdf.Dict{"Type": pdf.Name("OBJR"), "Obj": e.object}
			d["Alt"] = pdf.EncodeText(e.alt)
		}
		refs[i] = c.w.Add(d)
		kids[i] = refs[i]
	}
	c.w.Set(document, pdf.Dict{"Type": pdf.Name("StructElem"), "S": pdf.Name("Document"), "P": root, "K": kids})
	var nums pdf.Array
	for i, p := range c.pages {
		marked := make(pdf.Array, len(p.marked))
		for j, e := range p.marked {
			marked[j] = refs[e]
		}
		nums = append(nums, int64(i), marked)
	}
	for i, e := range c.tags.objects {
		nums = append(nums, int64(firstObject+i), refs[e])
	}
	c.w.Set(root, pdf.Dict{
		"Type": pdf.Name("StructTreeRoot"), "K": pdf.Array{document},
		"ParentTree":        c.w.Add(pdf.Dict{"Nums": nums}),
		"ParentTreeNextKey": int64(firstObject + len(c.tags.objects)),
	})
	return root
}
