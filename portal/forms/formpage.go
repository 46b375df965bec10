package forms

import (
	"fmt"
	"time"
)

// Words that every form has.
var (
	wordsPurpose     = Text{"Who asks, and why", "誰要求填寫及其原因", "谁要求填写及其原因"}
	wordsUnder       = Text{"Under the ", "根據", "根据"}
	wordsDeclaration = Text{"Declaration and signature", "聲明及簽署", "声明及签署"}
	wordsSpecimen    = Text{"Specimen form, in use by no department", "示範表格，並非任何部門採用的表格", "示范表格，并非任何部门采用的表格"}
	wordsSealNote    = Text{
		"Leave this box empty. The digital signature appears here, with its date and time.",
		"此欄請留空。數碼簽署連同日期及時間會在此顯示。",
		"此栏请留空。数码签署连同日期及时间会在此显示。",
	}
)

// formPage draws one form.
type formPage struct {
	*canvas
	form   *Form
	values map[string]string
	blank  bool
	number int // of the next section
}

func (f *Form) draw(values map[string]string, lang string, at time.Time) ([]byte, error) {
	p, err := pairOf(lang)
	if err != nil {
		return nil, err
	}
	d := &formPage{canvas: newCanvas(f.faces, p), form: f, values: values, blank: !hasValue(f.Fields(), values)}
	d.onNewPage = d.runningHead
	d.newPage()
	d.head()
	for _, s := range f.Sections {
		if err := d.section(s); err != nil {
			return nil, fmt.Errorf("draw form %s: %w", f.ID, err)
		}
	}
	d.sign()
	d.feet(f.Number+" ("+f.Revision+")", wordsSpecimen)
	return d.finish(meta{
		title: f.Number + " " + f.Title.In(lang), creator: f.Department.Name.In(lang),
		subject: f.Purpose.In(lang), lang: lang, at: at,
	})
}

// head is the top of the first page: whose form it is, its name, and who asks and why.
func (d *formPage) head() {
	f, p := d.form, d.pair
	const side = 34.0
	top := 40.0
	d.artifact(func() { d.seal(margin, top, side, vermilion, white) })
	number := f.Number + " (" + f.Revision + ")"
	numberStyle := style{size: 9, ink: ink}
	nw := d.faces.width(number, numberStyle) + 14
	w := bodyWidth - side - 12 - nw - 16
	who := d.label(f.Department.Name.In(p.first), f.Department.Name.In(p.second), style{size: 12, bold: true, ink: ink}, style{size: 9, ink: secondary}, w)
	who.beside = 0
	who.draw(d.canvas, "P", margin+side+12, top+max(0, (side-who.height())/2))
	d.artifact(func() { d.box(margin+bodyWidth-nw, top+7, nw, 20, "", edge, 0.8) })
	d.tagged("P", English, func() { d.text(margin+bodyWidth-nw+7, top+20.2, number, numberStyle) })
	d.y = top + max(side, who.height()) + 10
	d.artifact(func() { d.line(margin, d.y, margin+bodyWidth, d.y, ink, 1) })
	d.y += 16

	big := style{size: 18, bold: true, ink: ink}
	for s := big; s.size >= 15; s.size -= 0.5 { // rather smaller than with one word on a second line
		if d.faces.width(f.Title.In(p.first), s) <= bodyWidth {
			big = s
			break
		}
	}
	title := d.label(f.Title.In(p.first), f.Title.In(p.second), big, style{size: 12, ink: secondary}, bodyWidth)
	title.beside = 0
	title.draw(d.canvas, "H1", margin, d.y)
	d.y += title.height() + 10

	const inset = 12.0
	what := d.label(wordsPurpose.In(p.first), wordsPurpose.In(p.second), style{size: 9, bold: true, ink: ink}, secondStyle, bodyWidth-2*inset)
	why := d.prose(f.Purpose, bodyWidth-2*inset)
	law := d.label(underLaw(f, p.first), underLaw(f, p.second), secondStyle, secondStyle, bodyWidth-2*inset)
	h := what.height() + why.height() + law.height() + 28
	d.artifact(func() { d.box(margin, d.y, bodyWidth, h, paper, rule, 0.6) })
	d.y += 10
	what.draw(d.canvas, "H2", margin+inset, d.y)
	d.y += what.height() + 3
	why.draw(d.canvas, "P", margin+inset, d.y)
	d.y += why.height() + 5
	law.draw(d.canvas, "P", margin+inset, d.y)
	d.y += law.height() + 10 + 14
}

func underLaw(f *Form, lang string) string { return wordsUnder.In(lang) + f.Ordinance.In(lang) }

const headingHeight = 32.0

// heading draws the title of a section, numbered, below a rule.
func (d *formPage) heading(t Text) {
	d.number++
	d.artifact(func() { d.line(margin, d.y, margin+bodyWidth, d.y, ink, 0.7) })
	d.y += 7
	first := fmt.Sprintf("%d.  %s", d.number, t.In(d.pair.first))
	d.label(first, t.In(d.pair.second), style{size: 11.5, bold: true, ink: ink}, style{size: 9, ink: secondary}, bodyWidth).
		draw(d.canvas, "H2", margin, d.y)
	d.y += headingHeight - 7 - 4
}

func (d *formPage) section(s *Section) error {
	for i, fields := range rows(s.Fields) {
		row, err := d.cells(fields, d.values, d.blank)
		if err != nil {
			return err
		}
		if i > 0 {
			d.room(rowHeight(row))
			d.drawRow(row, d.blank)
			continue
		}
		// A heading never stands alone at the foot of a page.
		var intro label
		h := headingHeight + rowHeight(row)
		if !s.Intro.IsZero() {
			intro = d.prose(s.Intro, bodyWidth)
			h += intro.height() + 6
		}
		d.room(h)
		d.heading(s.Title)
		if !s.Intro.IsZero() {
			intro.draw(d.canvas, "P", margin, d.y)
			d.y += intro.height() + 6
		}
		d.drawRow(row, d.blank)
	}
	d.y += 6
	return nil
}

// sign draws the declaration and the place of the signature, together on one page:
// nobody should sign below words that are on another.
func (d *formPage) sign() {
	f, p := d.form, d.pair
	words := d.prose(f.Declaration, bodyWidth)
	who := d.label(f.Signature.Label.In(p.first), f.Signature.Label.In(p.second), labelStyle, secondStyle, f.Signature.Width)
	d.room(headingHeight + words.height() + 12 + who.height() + labelGap + f.Signature.Height + 4)
	d.heading(wordsDeclaration)
	words.draw(d.canvas, "P", margin, d.y)
	d.y += words.height() + 12

	at := place{margin, d.y + who.height() + labelGap, f.Signature.Width, f.Signature.Height}
	if f.Signature.Align == "right" {
		at.x = margin + bodyWidth - at.w
	}
	who.draw(d.canvas, "P", at.x, d.y)
	d.artifact(func() {
		d.box(at.x, at.y, at.w, at.h, paper, edge, 0.9)
		side := min(at.h-12, at.w*0.25, 54) // as large as the seal that will cover it
		d.seal(at.x+6, at.y+6, side, ghost, paper)
	})
	note := d.label(wordsSealNote.In(p.first), wordsSealNote.In(p.second), helpStyle, helpStyle.sized(7), at.w-78)
	note.beside = 0
	note.draw(d.canvas, "P", at.x+68, at.y+max(6, (at.h-note.height())/2))
	d.signatureField(f.Signature.Label.In(p.first), at)
	d.y = at.y + at.h
}

// runningHead is the top of later pages.
func (d *formPage) runningHead() {
	if len(d.pages) == 1 {
		return
	}
	s := style{size: 8, ink: secondary}
	d.artifact(func() {
		number := d.form.Number
		w := d.faces.width(number, s)
		d.text(margin+bodyWidth-w, 44, number, s)
		title := d.faces.wrap(d.form.Title.In(d.pair.first), s, bodyWidth-w-20)
		d.text(margin, 44, title[0], s)
		d.line(margin, 50, margin+bodyWidth, 50, rule, 0.7)
	})
}

// feet draws the foot of every page, now that their number is known.
func (c *canvas) feet(left string, note Text) {
	s := style{size: 7.5, ink: secondary}
	all := c.pages
	for i := range all {
		c.pages = all[:i+1] // so that it is the current one
		c.artifact(func() {
			y := pageHeight - 42
			c.line(margin, y, margin+bodyWidth, y, rule, 0.7)
			words := note.In(c.pair.first)
			if left != "" {
				words = left + "    " + words
			}
			c.text(margin, y+13, words, s)
			c.text(margin, y+24, note.In(c.pair.second), s.sized(7))
			for j, lang := range []string{c.pair.first, c.pair.second} {
				n := pageOf(i+1, len(all), lang)
				c.text(margin+bodyWidth-c.faces.width(n, s), y+13+11*float64(j), n, s)
			}
		})
	}
	c.pages = all
}

func pageOf(n, of int, lang string) string {
	switch lang {
	case Traditional:
		return fmt.Sprintf("第 %d 頁，共 %d 頁", n, of)
	case Simplified:
		return fmt.Sprintf("第 %d 页，共 %d 页", n, of)
	}
	return fmt.Sprintf("Page %d of %d", n, of)
}
