package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// sampleForm is the PDF that `chop demo` signs when it is given none: one A4 page, a statutory form of a made-up
// kind with two filled AcroForm fields and an empty signature field named "Signature" (ISO 32000-1, 12.7).
func sampleForm() []byte {
	field := func(name, value string, y int) string {
		appearance := fmt.Sprintf("/Tx BMC q BT /Helv 11 Tf 0 g 4 6 Td (%s) Tj ET Q EMC", value)
		return fmt.Sprintf("<< /Type /Annot /Subtype /Widget /FT /Tx /T (%s) /V (%s) /DA (/Helv 11 Tf 0 g) /F 4 /P 3 0 R /Rect [210 %d 540 %d] /AP << /N %s >> >>",
			name, value, y, y+22, "%d 0 R|"+appearance)
	}
	content := sampleText([]sampleLine{
		{56, 770, 20, "Application for Renewal of Vehicle Licence"},
		{56, 748, 10, "Sample form of the Chop demo. Not a form of any department; the people and the vehicle are made up."},
		{56, 700, 11, "Registered owner"},
		{56, 664, 11, "Registration mark"},
		{56, 600, 11, "I apply for renewal of the licence of this vehicle for twelve months and declare"},
		{56, 584, 11, "that the particulars given above are true and complete."},
		{56, 500, 11, "Signature"},
	}, []string{"210 694 330 22 re", "210 658 330 22 re", "210 440 330 80 re"})

	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [5 0 R 6 0 R 7 0 R] /DA (/Helv 11 Tf 0 g) /DR << /Font << /Helv 4 0 R >> >> >> /Lang (en-HK) >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /Helv 4 0 R >> >> /Contents 8 0 R /Annots [5 0 R 6 0 R 7 0 R] >>",
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
		field("owner", "CHAN, Siu Ming", 694),
		field("mark", "ZZ 1234", 658),
		"<< /Type /Annot /Subtype /Widget /FT /Sig /T (Signature) /F 4 /P 3 0 R /Rect [210 440 540 520] >>",
		sampleStream("", content),
	}
	for i, object := range objects { // a field's appearance becomes an object of its own
		head, appearance, ok := strings.Cut(object, "%d 0 R|")
		if !ok {
			continue
		}
		appearance, tail, _ := strings.Cut(appearance, " >> >>")
		objects = append(objects, sampleStream("/Type /XObject /Subtype /Form /BBox [0 0 330 22] /Resources << /Font << /Helv 4 0 R >> >> ", appearance))
		objects[i] = fmt.Sprintf("%s%d 0 R >> >>%s", head, len(objects), tail)
	}
	return samplePDF(objects)
}

// sampleLine is one line of text at x, y points from the lower left corner.
type sampleLine struct {
	x, y, size int
	text       string
}

func sampleText(lines []sampleLine, boxes []string) string {
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "BT /Helv %d Tf %d %d Td (%s) Tj ET\n", l.size, l.x, l.y, l.text)
	}
	b.WriteString("0.87 0.85 0.81 RG 1 w\n")
	for _, box := range boxes {
		b.WriteString(box + " S\n")
	}
	return b.String()
}

func sampleStream(entries, body string) string {
	return fmt.Sprintf("<< %s/Length %d >>\nstream\n%s\nendstream", entries, len(body), body)
}

// samplePDF is a PDF of these objects, numbered from 1.
func samplePDF(objects []string) []byte {
	var b bytes.Buffer
	w := newSampleWriter(&b)
	for _, object := range objects {
		w.object(object)
	}
	_ = w.finish() // a buffer takes everything
	return b.Bytes()
}

// sampleWriter writes a PDF object by object, the first being the catalog, and the cross-reference table behind
// them (ISO 32000-1, 7.5.4). An error is kept until finish.
type sampleWriter struct {
	out     io.Writer
	n       int
	offsets []int
	err     error
}

func newSampleWriter(out io.Writer) *sampleWriter {
	w := &sampleWriter{out: out}
	w.printf("%%PDF-1.7\n%%\xe2\xe3\xcf\xd3\n")
	return w
}

func (w *sampleWriter) printf(format string, args ...any) {
	if w.err != nil {
		return
	}
	n, err := fmt.Fprintf(w.out, format, args...)
	w.n, w.err = w.n+n, err
}

func (w *sampleWriter) object(body string) {
	w.offsets = append(w.offsets, w.n)
	w.printf("%d 0 obj\n%s\nendobj\n", len(w.offsets), body)
}

func (w *sampleWriter) finish() error {
	xref := w.n
	w.printf("xref\n0 %d\n0000000000 65535 f \n", len(w.offsets)+1)
	for _, at := range w.offsets {
		w.printf("%010d 00000 n \n", at)
	}
	w.printf("trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(w.offsets)+1, xref)
	return w.err
}
