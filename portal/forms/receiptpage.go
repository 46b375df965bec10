package forms

import (
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Words of the receipt.
var (
	wordsReceipt   = Text{"Receipt of a digital signing", "數碼簽署收據", "数码签署收据"}
	wordsAsked     = Text{"Who asked", "要求簽署的機構", "要求签署的机构"}
	wordsSigner    = Text{"Who signed", "簽署人", "签署人"}
	wordsSignedAt  = Text{"Signed at (Hong Kong time)", "簽署時間（香港時間）", "签署时间（香港时间）"}
	wordsSigningID = Text{"Number of this signing", "簽署編號", "签署编号"}
	wordsSerial    = Text{"Certificate serial number", "證書序號", "证书序号"}
	wordsIssuer    = Text{"Certificate issued by", "證書簽發機構", "证书签发机构"}
	wordsDocuments = Text{"What was signed", "已簽署的文件", "已签署的文件"}
	wordsHow       = Text{"How to check", "如何核實", "如何核实"}
	wordsSteps     = Text{
		"1.  Open the signed file, not this receipt, at the address below. Nobody needs an account for it.\n2.  The page says who signed and when, and whether anything was changed since.\n3.  Compare the SHA-256 of your file with the one above. If they differ, it is another file.",
		"1.  在以下網址開啟已簽署的檔案（並非本收據），無須登記帳戶。\n2.  網頁會顯示簽署人、簽署時間，以及檔案其後有否被更改。\n3.  將你的檔案的 SHA-256 與上列數值比對；如有不同，即並非同一檔案。",
		"1.  在以下网址打开已签署的文件（并非本收据），无须登记账户。\n2.  网页会显示签署人、签署时间，以及文件其后有否被更改。\n3.  将你的文件的 SHA-256 与上列数值比对；如有不同，即并非同一文件。",
	}
	wordsReceiptNote = Text{
		"This receipt is for your records. It is not itself signed and proves nothing without the signed file.",
		"本收據供你存檔之用，本身並無簽署；如無已簽署的檔案，不能作為證明。",
		"本收据供你存档之用，本身并无签署；如无已签署的文件，不能作为证明。",
	}
)

func (d *ReceiptData) check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: receipt: %s", ErrDraw, fmt.Sprintf(format, args...))
	}
	if len(d.Documents) == 0 || len(d.Documents) > maxReceiptDocuments {
		return bad("%d documents, must be 1 to %d", len(d.Documents), maxReceiptDocuments)
	}
	if d.At.IsZero() {
		return bad("no time of signing")
	}
	for what, s := range map[string]string{
		"id": d.ID, "service": d.Service, "signer": d.Signer, "serial": d.Serial, "issuer": d.Issuer, "check URL": d.CheckURL,
	} {
		if strings.TrimSpace(s) == "" || !utf8.ValidString(s) || len(s) > maxReceiptText {
			return bad("the %s is empty, no UTF-8, or longer than %d bytes", what, maxReceiptText)
		}
	}
	for _, doc := range d.Documents {
		if !utf8.ValidString(doc.Name) || doc.Name == "" || len(doc.Name) > maxReceiptText || doc.Size < 0 {
			return bad("the name of a document is empty, no UTF-8, or longer than %d bytes, or its size is negative", maxReceiptText)
		}
	}
	return nil
}

const (
	maxReceiptDocuments = 10
	maxReceiptText      = 1000
	receiptLabel        = 170.0 // the column of labels
)

// receiptPage draws a receipt.
type receiptPage struct {
	*canvas
	data ReceiptData
}

func (c *Catalogue) drawReceipt(data ReceiptData, lang string) ([]byte, error) {
	p, err := pairOf(lang)
	if err != nil {
		return nil, err
	}
	if err := data.check(); err != nil {
		return nil, err
	}
	d := &receiptPage{newCanvas(c.faces, p), data}
	d.newPage()
	d.head()
	for _, row := range []struct {
		label Text
		value string
	}{
		{wordsAsked, data.Service}, {wordsSigner, data.Signer}, {wordsSignedAt, showTime(data.At, lang)},
		{wordsSigningID, data.ID}, {wordsSerial, data.Serial}, {wordsIssuer, data.Issuer},
	} {
		d.fact(row.label, row.value)
	}
	d.documents()
	d.howToCheck()
	d.feet("", wordsReceiptNote)
	if len(d.pages) != 1 || d.y > bodyBottom {
		return nil, fmt.Errorf("%w: receipt is longer than a page", ErrDraw)
	}
	return d.finish(meta{title: wordsReceipt.In(lang) + " " + c.faces.printable(data.ID), creator: "Chop", subject: wordsReceipt.In(lang), lang: lang, at: data.At})
}

func (d *receiptPage) head() {
	const side, top = 34.0, 40.0
	d.artifact(func() { d.seal(margin, top, side, vermilion, white) })
	title := d.label(wordsReceipt.In(d.pair.first), wordsReceipt.In(d.pair.second), style{size: 16, bold: true, ink: ink}, style{size: 10, ink: secondary}, bodyWidth-side-12)
	title.beside = 0
	title.draw(d.canvas, "H1", margin+side+12, top+(side-title.height())/2)
	d.y = top + side + 12
	d.artifact(func() { d.line(margin, d.y, margin+bodyWidth, d.y, ink, 1) })
	d.y += 6
}

// fact draws a label with what it is about beside it, in at most two lines.
func (d *receiptPage) fact(t Text, value string) {
	l := d.label(t.In(d.pair.first), t.In(d.pair.second), labelStyle, secondStyle, receiptLabel-12)
	l.beside = 0
	lines, s := d.atMost(2, d.faces.printable(value), style{size: 11, ink: ink}, bodyWidth-receiptLabel)
	h := max(l.height(), float64(len(lines))*leading(s.size)) + 10
	l.draw(d.canvas, "P", margin, d.y+5)
	d.tagged("P", d.pair.first, func() { d.lines(margin+receiptLabel, d.y+5, lines, s) })
	d.y += h
	d.artifact(func() { d.line(margin, d.y, margin+bodyWidth, d.y, rule, 0.6) })
}

// atMost breaks a text into that many lines: in smaller letters if need be, and at last
// with its end left out.
func (d *receiptPage) atMost(n int, text string, s style, w float64) ([]string, style) {
	lines := d.faces.wrap(text, s, w)
	for ; len(lines) > n && s.size > 8; lines = d.faces.wrap(text, s, w) {
		s.size -= 0.5
	}
	if len(lines) > n {
		last := lines[n-1]
		for d.faces.width(last+"…", s) > w {
			_, size := utf8.DecodeLastRuneInString(last)
			last = last[:len(last)-size]
		}
		lines = append(lines[:n-1:n-1], last+"…")
	}
	return lines, s
}

func (d *receiptPage) heading(t Text) {
	d.y += 18
	d.label(t.In(d.pair.first), t.In(d.pair.second), style{size: 11.5, bold: true, ink: ink}, style{size: 9, ink: secondary}, bodyWidth).
		draw(d.canvas, "H2", margin, d.y)
	d.y += 22
}

// documents lists what was signed: the file's name and size, and below it its digest in
// groups, so that people can compare two of them.
func (d *receiptPage) documents() {
	d.heading(wordsDocuments)
	names, letters := 2, 10.0
	if len(d.data.Documents) > 4 {
		names, letters = 1, 8.5 // so that ten of them have room
	}
	for i, doc := range d.data.Documents {
		d.artifact(func() { d.line(margin, d.y, margin+bodyWidth, d.y, rule, 0.6) })
		size := showSize(doc.Size)
		s := style{size: letters, ink: ink}
		lines, s := d.atMost(names, fmt.Sprintf("%d.  %s", i+1, d.faces.printable(doc.Name)), s, bodyWidth-80)
		d.y += 4
		d.tagged("P", d.pair.first, func() {
			d.text(margin+bodyWidth-d.faces.width(size, secondStyle), d.y+s.size*1.02, size, secondStyle)
			d.y = d.lines(margin, d.y, lines, s)
		})
		digest := hex.EncodeToString(doc.SHA256[:])
		var groups []string
		for len(digest) > 0 {
			groups = append(groups, digest[:8])
			digest = digest[8:]
		}
		d.tagged("P", English, func() {
			d.text(margin, d.y+8.5, "SHA-256  "+strings.Join(groups, " "), style{size: 8, ink: ink})
		})
		d.y += 15
	}
	d.artifact(func() { d.line(margin, d.y, margin+bodyWidth, d.y, rule, 0.6) })
}

func (d *receiptPage) howToCheck() {
	d.heading(wordsHow)
	for i, lang := range []string{d.pair.first, d.pair.second} {
		s := []style{labelStyle, secondStyle}[i]
		d.tagged("P", lang, func() { d.y = d.lines(margin, d.y, d.faces.wrap(wordsSteps.In(lang), s, bodyWidth), s) + 3 })
	}
	lines, s := d.atMost(2, d.faces.printable(d.data.CheckURL), style{size: 10, bold: true, ink: ink}, bodyWidth)
	d.tagged("P", English, func() { d.y = d.lines(margin, d.y+3, lines, s) })
}

func showSize(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}
