package portal

import (
	"fmt"
	"html/template"
	"strings"

	"github.com/skip2/go-qrcode"
)

// qrCode draws a QR code (ISO/IEC 18004) as the path of an SVG: no image is loaded, and
// it is sharp at every size. One unit is one module, the quiet zone included.
type qr struct {
	Size int
	Path template.HTMLAttr
}

func qrCode(text string) (*qr, error) {
	code, err := qrcode.New(text, qrcode.Medium)
	if err != nil {
		return nil, fmt.Errorf("draw QR code: %w", err)
	}
	rows := code.Bitmap()
	var b strings.Builder
	for y, row := range rows {
		for x := 0; x < len(row); x++ {
			from := x
			for x < len(row) && row[x] {
				x++
			}
			if x > from {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", from, y, x-from, x-from)
			}
		}
	}
	return &qr{Size: len(rows), Path: template.HTMLAttr(`d="` + b.String() + `"`)}, nil // digits and letters of ours only
}
