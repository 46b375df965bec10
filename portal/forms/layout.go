package forms

import "slices"

// gridColumns is how many columns a line of fields has.
const gridColumns = 6

// Sizes of what stands around the fields, in points.
const (
	gutter    = 10.0 // between two fields of a line
	rowGap    = 9.0  // between two lines of fields
	tickSide  = 12.0
	tickText  = 20.0 // from the box's left edge to its statement
	helpGap   = 2.5
	labelGap  = 2.0
	labelWide = 7.0 // between the languages of a label on one line
)

var (
	labelStyle  = style{size: 9, ink: ink}
	secondStyle = style{size: 8, ink: secondary}
	helpStyle   = style{size: 7.5, ink: secondary}
	proseStyle  = style{size: 9.5, ink: ink}
	prose2Style = style{size: 8.5, ink: secondary}
)

// A label is a text in two languages: on one line if they fit, else below each other.
type label struct {
	first, second []string
	beside        float64 // where the second begins if it stands beside the first, else 0
	s1, s2        style
}

func (c *canvas) label(first, second string, s1, s2 style, w float64) label {
	l := label{s1: s1, s2: s2, first: c.faces.wrap(first, s1, w)}
	if second == first || second == "" {
		return l
	}
	l.second = c.faces.wrap(second, s2, w)
	if x := c.faces.width(first, s1) + labelWide; x+c.faces.width(second, s2) <= w {
		l.beside = x
	}
	return l
}

func (l label) height() float64 {
	h := float64(len(l.first)) * leading(l.s1.size)
	if l.beside == 0 {
		h += float64(len(l.second)) * leading(l.s2.size)
	}
	return h
}

// draw draws a label from the top y as two elements of a kind.
func (l label) draw(c *canvas, tag string, x, y float64) {
	c.tagged(tag, c.pair.first, func() { c.lines(x, y, l.first, l.s1) })
	if len(l.second) == 0 {
		return
	}
	below := y + float64(len(l.first))*leading(l.s1.size)
	c.tagged("P", c.pair.second, func() {
		if l.beside > 0 {
			c.text(x+l.beside, y+l.s1.size*1.02, l.second[0], l.s2) // on the same baseline
			return
		}
		c.lines(x, below, l.second, l.s2)
	})
}

// A cell is one field in its line.
type cell struct {
	field *Field
	x, w  float64
	value string
	label label
	text  fitted
	box   float64 // its height
	help  []string
}

// rows puts fields beside each other as long as their columns fit.
func rows(fields []*Field) [][]*Field {
	var all [][]*Field
	used := gridColumns
	for _, f := range fields {
		if f.Kind == KindCheckbox || used+f.Columns > gridColumns {
			all = append(all, nil)
			used = 0
		}
		all[len(all)-1] = append(all[len(all)-1], f)
		if used += f.Columns; f.Kind == KindCheckbox {
			used = gridColumns
		}
	}
	return all
}

var optional = Text{" (optional)", "（可選填）", "（可选填）"}

// cells measures a line of fields.
func (c *canvas) cells(fields []*Field, values map[string]string, blank bool) ([]*cell, error) {
	unit := (bodyWidth - (gridColumns-1)*gutter) / gridColumns
	x := margin
	var row []*cell
	for _, f := range fields {
		k := &cell{field: f, x: x, value: values[f.ID]}
		k.w = float64(f.Columns)*(unit+gutter) - gutter
		x += k.w + gutter
		first := f.Label.In(c.pair.first)
		if f.Kind == KindCheckbox {
			k.w = bodyWidth
			k.label = c.label(first, f.Label.In(c.pair.second), labelStyle.sized(9.5), secondStyle.sized(8.5), k.w-tickText)
			k.box = tickSide
		} else {
			if !f.Required {
				first += optional.In(c.pair.first)
			}
			k.label = c.label(first, f.Label.In(c.pair.second), labelStyle, secondStyle, k.w)
			if err := c.measureBox(k); err != nil {
				return nil, err
			}
		}
		k.help = c.helpLines(f, k.w, blank)
		row = append(row, k)
	}
	return row, nil
}

func (c *canvas) measureBox(k *cell) error {
	k.box = boxHeight
	if k.field.Kind == KindMultiline {
		k.box = float64(k.field.Lines)*leading(valueSize) + 2*boxPad
	}
	if k.value == "" {
		return nil
	}
	var err error
	k.text, err = c.fit(c.shown(k.field, k.value), k.w-2*boxPad, k.field.Kind != KindMultiline)
	if err != nil {
		return err
	}
	if len(k.text.lines) > 1 {
		k.box = max(k.box, k.text.height()+2*boxPad)
	}
	return nil
}

// helpLines are the help, and on a blank form what there is to choose from: on paper
// nobody can open a list.
func (c *canvas) helpLines(f *Field, w float64, blank bool) []string {
	var lines []string
	for _, lang := range []string{c.pair.first, c.pair.second} {
		if help := f.Help.In(lang); help != "" {
			lines = append(lines, c.faces.wrap(help, helpStyle, w)...)
		}
	}
	if f.Kind == KindChoice && blank {
		lines = append(lines, c.optionLines(f, w)...)
	}
	return lines
}

// optionLines lists the options of a choice. A line ends between two of them where it
// can.
func (c *canvas) optionLines(f *Field, w float64) []string {
	var lines []string
	line := ""
	for i, o := range f.Options {
		next := c.shown(f, o.Key)
		if i < len(f.Options)-1 {
			next += "  /"
		}
		if line != "" && c.faces.width(line+"  "+next, helpStyle) > w {
			lines = append(lines, c.faces.wrap(line, helpStyle, w)...)
			line = ""
		}
		if line != "" {
			line += "  "
		}
		line += next
	}
	return append(lines, c.faces.wrap(line, helpStyle, w)...)
}

// rowHeight is what a line of fields takes, without the gap after it.
func rowHeight(row []*cell) float64 {
	labels, below := heights(row)
	return labels + below
}

// heights are those of the labels, and of what is below them.
func heights(row []*cell) (labels, below float64) {
	for _, k := range row {
		if k.field.Kind == KindCheckbox {
			return 0, max(k.label.height(), tickSide) + helpHeight(k)
		}
		labels = max(labels, k.label.height()+labelGap)
		below = max(below, k.box+helpHeight(k))
	}
	return labels, below
}

func helpHeight(k *cell) float64 {
	if len(k.help) == 0 {
		return 0
	}
	return helpGap + float64(len(k.help))*leading(helpStyle.size)
}

// drawRow draws a line of fields at y: labels end, and boxes begin, at one height.
func (c *canvas) drawRow(row []*cell, blank bool) {
	labels, below := heights(row)
	for _, k := range row {
		if k.field.Kind == KindCheckbox {
			c.drawTick(k)
			continue
		}
		k.label.draw(c, "P", k.x, c.y+labels-labelGap-k.label.height())
		at := place{k.x, c.y + labels, k.w, k.box}
		c.artifact(func() {
			c.box(at.x, at.y, at.w, at.h, paper, rule, 0.6)
			c.line(at.x, at.y+at.h, at.x+at.w, at.y+at.h, edge, 0.9)
			if k.field.Kind == KindChoice && blank {
				x, y := at.x+at.w-12, at.y+at.h/2
				c.line(x-4, y-2, x, y+2, secondary, 1)
				c.line(x, y+2, x+4, y-2, secondary, 1)
			}
		})
		c.input(k.field, k.value, at, k.text)
		c.drawHelp(k, at.x, at.y+at.h+helpGap)
	}
	c.y += labels + below + rowGap
}

func (c *canvas) drawTick(k *cell) {
	at := place{k.x, c.y + 1, tickSide, tickSide}
	c.artifact(func() { c.box(at.x, at.y, at.w, at.h, paper, edge, 0.9) })
	c.input(k.field, k.value, at, fitted{})
	k.label.draw(c, "P", k.x+tickText, c.y)
	c.drawHelp(k, k.x+tickText, c.y+max(k.label.height(), tickSide)+helpGap)
}

func (c *canvas) drawHelp(k *cell, x, y float64) {
	if len(k.help) == 0 {
		return
	}
	c.tagged("P", c.pair.first, func() { c.lines(x, y, k.help, helpStyle) })
}

// prose measures and later draws a paragraph in both languages.
func (c *canvas) prose(t Text, w float64) label {
	l := c.label(t.In(c.pair.first), t.In(c.pair.second), proseStyle, prose2Style, w)
	l.beside = 0
	return l
}

// hasValue reports whether any field of a form is filled in.
func hasValue(fields []*Field, values map[string]string) bool {
	return slices.ContainsFunc(fields, func(f *Field) bool { return values[f.ID] != "" })
}
