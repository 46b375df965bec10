package forms

import (
	"bytes"
	"fmt"

	"chop/internal/pdf"
)

// Flags of annotations and fields, ISO 32000-1, tables 165, 221, 228 and 230.
const (
	flagPrint     = 1 << 2
	flagRequired  = 1 << 1
	flagMultiline = 1 << 12
	flagCombo     = 1 << 17
)

// typing is how a reader writes what is typed into a field: Helvetica, which every
// reader has, since a subset has no letters but those that were used. What this
// package writes itself never uses it.
func typing(size float64) pdf.String {
	return pdf.String(fmt.Sprintf("/Helv %.4g Tf %s rg", size, ink))
}

// A place is a rectangle on the page; y from the top.
type place struct{ x, y, w, h float64 }

func (p place) rect() pdf.Array {
	return pdf.Array{p.x, pageHeight - p.y - p.h, p.x + p.w, pageHeight - p.y}
}

// widget adds a field whose only widget is itself, with what all kinds have in common.
func (c *canvas) widget(name, label string, at place, more pdf.Dict) {
	ref := c.w.Alloc()
	d := pdf.Dict{
		"Type": pdf.Name("Annot"), "Subtype": pdf.Name("Widget"),
		"T": pdf.EncodeText(name), "TU": pdf.EncodeText(label),
		"F": int64(flagPrint), "P": c.page().ref, "Rect": at.rect(),
		"StructParent": c.tagWidget(ref, c.pair.first, label),
	}
	for k, v := range more {
		d[k] = v
	}
	c.w.Set(ref, d)
	c.page().annots = append(c.page().annots, ref)
	c.fields = append(c.fields, ref)
}

// appearance is a form XObject of that size with this content.
func (c *canvas) appearance(w, h float64, content []byte) pdf.Ref {
	return c.w.AddStream(pdf.Dict{
		"Type": pdf.Name("XObject"), "Subtype": pdf.Name("Form"),
		"BBox": pdf.Array{0.0, 0.0, w, h}, "Resources": c.resources,
	}, content)
}

// A fitted text is broken into lines for its box.
type fitted struct {
	lines []string
	style style
}

func (t fitted) height() float64 {
	return float64(len(t.lines)) * leading(t.style.size)
}

const (
	boxPad     = 5.0
	valueSize  = 10.5
	minOneLine = 8.5 // below it a single-line answer is broken instead
	boxHeight  = 22.0
	// tallestBox is what a box may take of a page besides its label and help.
	tallestBox = bodyBottom - bodyTop - 90
)

// fit makes an answer fit a width: one line of a smaller size if that is enough, else
// as many lines as it takes, and only if a page is too short for them a smaller size.
func (c *canvas) fit(text string, w float64, oneLine bool) (fitted, error) {
	s := style{size: valueSize, ink: ink}
	if oneLine {
		for ; s.size >= minOneLine; s.size -= 0.5 {
			if c.faces.width(text, s) <= w {
				return fitted{[]string{text}, s}, nil
			}
		}
		s.size = 9.5
	}
	for ; s.size >= 4; s.size -= 0.5 {
		t := fitted{c.faces.wrap(text, s, w), s}
		if t.height()+2*boxPad <= tallestBox {
			return t, nil
		}
	}
	return fitted{}, fmt.Errorf("%w: an answer is higher than a page", ErrDraw)
}

// valueAppearance draws an answer in its box as 12.7.3.3 wants it.
func (c *canvas) valueAppearance(at place, t fitted) pdf.Ref {
	var b bytes.Buffer
	b.WriteString("/Tx BMC\n")
	if len(t.lines) > 0 {
		fmt.Fprintf(&b, "q\n1 1 %.2f %.2f re W n\n", at.w-2, at.h-2)
		size := t.style.size
		// A lone line stands in the middle of a low box, others begin at the top.
		y := at.h - boxPad - size*1.02
		if len(t.lines) == 1 && at.h <= boxHeight+1 {
			y = (at.h-size)/2 + size*0.16
		}
		for _, l := range t.lines {
			b.Write(c.show(boxPad, y, l, t.style))
			y -= leading(size)
		}
		b.WriteString("Q\n")
	}
	b.WriteString("EMC")
	return c.appearance(at.w, at.h, b.Bytes())
}

// input adds the field itself into a box that is already drawn.
func (c *canvas) input(f *Field, value string, at place, t fitted) {
	label := f.Label.In(c.pair.first)
	flags := int64(0)
	if f.Required {
		flags |= flagRequired
	}
	d := pdf.Dict{"FT": pdf.Name("Tx"), "DA": typing(0)}
	if len(t.lines) > 0 {
		d["DA"] = typing(t.style.size)
	}
	shown := c.shown(f, value)
	switch f.Kind {
	case KindCheckbox:
		c.tick(f, value, at, flags)
		return
	case KindChoice:
		options := make(pdf.Array, len(f.Options))
		for i, o := range f.Options {
			options[i] = pdf.Array{pdf.EncodeText(o.Key), pdf.EncodeText(c.shown(f, o.Key))}
		}
		d["FT"], d["Opt"], flags = pdf.Name("Ch"), options, flags|flagCombo
		shown = value
	case KindText, KindChineseName:
		d["MaxLen"] = int64(f.Max)
	case KindMultiline:
		d["MaxLen"] = int64(f.Max)
		if len(t.lines) == 0 {
			d["DA"] = typing(valueSize) // an automatic size fills the whole box with one line
		}
	}
	if f.Kind == KindMultiline || f.Kind != KindChoice && len(t.lines) > 1 {
		flags |= flagMultiline
	}
	if value != "" {
		d["V"] = pdf.EncodeText(shown)
	}
	d["Ff"] = flags
	d["AP"] = pdf.Dict{"N": c.valueAppearance(at, t)}
	c.widget(f.ID, label, at, d)
}

// shown is an answer as it stands on paper: of a choice in both languages.
func (c *canvas) shown(f *Field, value string) string {
	first := f.Show(value, c.pair.first)
	if f.Kind != KindChoice || value == "" {
		return first
	}
	if second := f.Show(value, c.pair.second); second != first {
		return first + "  " + second
	}
	return first
}

// tick adds a check box; its two appearances are drawn, since no font here has a tick.
func (c *canvas) tick(f *Field, value string, at place, flags int64) {
	s := at.w
	mark := fmt.Sprintf("q %s RG %.2f w 1 J 1 j %.2f %.2f m %.2f %.2f l %.2f %.2f l S Q",
		ink, s*0.13, s*0.22, s*0.52, s*0.42, s*0.28, s*0.8, s*0.78)
	state := pdf.Name("Off")
	if value == "true" {
		state = "Yes"
	}
	c.widget(f.ID, f.Label.In(c.pair.first), at, pdf.Dict{
		"FT": pdf.Name("Btn"), "Ff": flags, "V": state, "AS": state,
		"DA": pdf.String("/ZaDb 0 Tf 0 g"), "MK": pdf.Dict{"CA": pdf.String("4")},
		"AP": pdf.Dict{"N": pdf.Dict{"Yes": c.appearance(s, s, []byte(mark)), "Off": c.appearance(s, s, nil)}},
	})
}

// signatureField adds the empty signature field. Its lock keeps all fields from being
// changed once it is signed, ISO 32000-1, table 233.
func (c *canvas) signatureField(label string, at place) {
	c.widget(SignatureField, label, at, pdf.Dict{
		"FT": pdf.Name("Sig"), "Ff": int64(flagRequired),
		"AP":   pdf.Dict{"N": c.appearance(at.w, at.h, nil)},
		"Lock": pdf.Dict{"Type": pdf.Name("SigFieldLock"), "Action": pdf.Name("All")},
	})
}
