package raster

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"reflect"
	"strings"
	"testing"
)

// sheets is a PDF whose pages have a black bar each, at the height of their number.
func sheets(n int) string {
	var b strings.Builder
	b.WriteString("%PDF-1.4\n1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj\n2 0 obj <</Type/Pages/MediaBox[0 0 595 842]/Kids[")
	for i := range n {
		fmt.Fprintf(&b, "%d 0 R ", 2*i+3)
	}
	fmt.Fprintf(&b, "]/Count %d>> endobj\n", n)
	for i := range n {
		bar := fmt.Sprintf("50 %d 100 20 re f", 100*(i+1))
		fmt.Fprintf(&b, "%d 0 obj <</Type/Page/Parent 2 0 R/Contents %d 0 R>> endobj\n%d 0 obj <</Length %d>> stream\n%s\nendstream endobj\n", 2*i+3, 2*i+4, 2*i+4, len(bar), bar)
	}
	b.WriteString("trailer <</Root 1 0 R>>\n%%EOF\n") // readers that draw mend what lacks
	return b.String()
}

func TestPages(t *testing.T) {
	list, err := Pages(t.Context(), strings.NewReader(sheets(4)), 2, 3)
	if err != nil {
		t.Fatalf("%v; hint: make deps", err)
	}
	for i, m := range list {
		if m.Rect.Dy() != Side || m.Rect.Dx() < 820 || m.Rect.Dx() > 832 {
			t.Errorf("%v", m.Rect)
		}
		scale := float64(Side) / 842
		for page := 1; page <= 4; page++ {
			at := image.Pt(int(100*scale), int((842-float64(100*page+10))*scale))
			if dark := m.RGBAAt(at.X, at.Y) == (color.RGBA{A: 255}); dark != (page == i+2) {
				t.Errorf("page %d has a bar where page %d has: %v", i+2, page, dark)
			}
		}
	}
	if _, err := Pages(t.Context(), strings.NewReader("%PDF-1.4 nothing"), 1, 1); !errors.Is(err, ErrFailed) {
		t.Errorf("no document: %v", err)
	}
	if _, err := Pages(t.Context(), strings.NewReader(sheets(1)), 1, 2); !errors.Is(err, ErrFailed) {
		t.Errorf("a page too many: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Pages(ended, strings.NewReader(sheets(1)), 1, 1); !errors.Is(err, ErrFailed) {
		t.Errorf("nobody waits: %v", err)
	}
}

// A page of ten metres takes no more than one of A4.
func TestHugePage(t *testing.T) {
	huge := strings.Replace(sheets(1), "595 842", "28000 2800", 1)
	list, err := Pages(t.Context(), strings.NewReader(huge), 1, 1)
	if err != nil || list[0].Rect.Dx() != Side {
		t.Errorf("%v", err)
	}
}

func TestDifferences(t *testing.T) {
	a, b := image.NewRGBA(image.Rect(0, 0, 200, 300)), image.NewRGBA(image.Rect(0, 0, 200, 300))
	if got := Differences(a, b); got != nil {
		t.Errorf("%v", got)
	}
	for x := 50; x < 90; x++ {
		b.SetRGBA(x, 100, color.RGBA{R: 255, A: 255})
	}
	b.SetRGBA(199, 299, color.RGBA{R: 255, A: 255})
	if got, want := Differences(a, b), []image.Rectangle{image.Rect(48, 96, 96, 108), image.Rect(192, 288, 200, 300)}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	if got := Differences(a, image.NewRGBA(image.Rect(0, 0, 1, 1))); len(got) != 1 || got[0] != a.Rect {
		t.Errorf("another size: %v", got)
	}
}

func FuzzPictures(f *testing.F) {
	f.Add([]byte("P6\n2 1\n255\nabcdefP6\n1 1\n255\nabc"))
	f.Add([]byte("P6\n99999 99999\n255\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := pictures(b)
		n := 0
		for _, m := range list {
			n += 3 * m.Rect.Dx() * m.Rect.Dy()
		}
		if n > len(b) || err == nil && len(b) > 0 && len(list) == 0 {
			t.Errorf("%d bytes of pixels from %d, %v", n, len(b), err)
		}
	})
}
