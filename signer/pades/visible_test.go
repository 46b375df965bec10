package pades

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

var ming = sync.OnceValues(func() (*Font, error) { return LoadFont(DefaultFont, DefaultFontFace) })

// picture renders a page with poppler and returns the PPM's size and pixels.
func picture(t testing.TB, data []byte) (w, h int, pix []byte) {
	t.Helper()
	out, err := exec.Command("pdftoppm", "-cropbox", "-r", "72", "-f", "1", "-l", "1", saved(t, data)).Output()
	if err != nil {
		t.Fatalf("pdftoppm: %v", err)
	}
	var max int
	n, err := fmt.Sscanf(string(out[:min(len(out), 40)]), "P6\n%d %d\n%d\n", &w, &h, &max)
	if err != nil || n != 3 {
		t.Fatalf("pdftoppm: header %q: %v", out[:20], err)
	}
	return w, h, out[len(out)-3*w*h:]
}

// vermilionBox returns the box around the pixels of the seal's colour, y upwards.
func vermilionBox(w, h int, pix []byte) (x0, y0, x1, y1 int) {
	x0, y0, x1, y1 = w, h, -1, -1
	for i := 0; i < w*h; i++ {
		r, g, b := pix[3*i], pix[3*i+1], pix[3*i+2]
		if r > 150 && r < 210 && g < 70 && b < 70 {
			x, y := i%w, h-1-i/w
			x0, y0, x1, y1 = min(x0, x), min(y0, y), max(x1, x), max(y1, y)
		}
	}
	return
}

// The seal must stand, upright, where the page as shown has the place.
func TestVisibleSignatureStandsWhereItWasAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.ecSigner("CHAN Tai Man 陳大文")
	place := Place{Page: 1, X: 40, Y: 60, Width: 240, Height: 80}
	for _, rotate := range []int{0, 90, 180, 270, -90, 450} {
		for _, box := range []string{"", "/CropBox [50 20 500 700]", "/MediaBox [-100 -50 495 792]"} {
			t.Run(fmt.Sprint(rotate, box), func(t *testing.T) {
				in := plainFile("", fmt.Sprintf("/Rotate %d %s", rotate, box))
				out := w.sign(t, in, s, LevelB, func(r *Request) {
					r.Visible, r.Font = &place, ming
					r.Reason, r.Location = "I agree 我同意", "Central 中環"
				})
				pw, ph, pix := picture(t, out)
				x0, y0, x1, y1 := vermilionBox(pw, ph, pix)
				if x0 < 40 || x0 > 55 || y1 > 140 || y1 < 125 || x1 > 110 || y0 < 60 {
					t.Errorf("the seal is at %d,%d-%d,%d of %dx%d, the place at 40,60-280,140", x0, y0, x1, y1, pw, ph)
				}
			})
		}
	}
}

func TestVisibleSignatureIsAcceptedAndReadable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.ecSigner("CHAN Tai Man 陳大文")
	out := w.sign(t, plainFile("", ""), s, LevelLTA, func(r *Request) {
		r.Visible, r.Font = &Place{1, 40, 60, 260, 90}, ming
		r.Reason = "𠝹𨋢 characters of HKSCS beyond the BMP"
		r.Location = "Hong Kong 香港"
	})
	w.accept(t, out, 1)
	text, code := run(t, "pdftotext", "-layout", saved(t, out), "-")
	for _, want := range []string{"CHAN Tai Man 陳大文", "23 November 2026, 14:05:00 HKT", "𠝹𨋢", "Hong Kong 香港", "數碼簽署", "The text of the page"} {
		if code != 0 || !strings.Contains(text, want) {
			t.Errorf("pdftotext does not find %q:\n%s", want, text)
		}
	}
	fonts, _ := run(t, "pdffonts", saved(t, out))
	if !strings.Contains(fonts, "+UMingHK") || !strings.Contains(fonts, "CID TrueType") {
		t.Errorf("pdffonts:\n%s", fonts)
	}
	if len(out) > 200_000 {
		t.Errorf("%d bytes: the font was not cut to a subset", len(out))
	}
	if dir := os.Getenv("CHOP_LOOK"); dir != "" { // for the eye
		if err := os.WriteFile(filepath.Join(dir, "visible.pdf"), out, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestVisibleRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.ecSigner("Somebody")
	good := Place{1, 40, 60, 240, 80}
	for _, c := range []struct {
		name   string
		place  Place
		reason string
		font   func() (*Font, error)
		want   error
	}{
		{"no such page", Place{2, 0, 0, 100, 50}, "", ming, ErrAppearance},
		{"page 0", Place{0, 0, 0, 100, 50}, "", ming, ErrAppearance},
		{"off the page", Place{1, 500, 60, 240, 80}, "", ming, ErrAppearance},
		{"negative", Place{1, 40, 60, -240, 80}, "", ming, ErrAppearance},
		{"tiny", Place{1, 40, 60, 5, 5}, "", ming, ErrAppearance},
		{"too much text", Place{1, 40, 60, 60, 20}, strings.Repeat("because of this and that, ", 20), ming, ErrAppearance},
		{"no glyph", good, "smile 😀", ming, ErrGlyph},
		{"a mark of direction", good, "abc\u202edef", ming, ErrGlyph},
		{"no font", good, "", func() (*Font, error) { return LoadFont("/nonexistent/font.ttf", 0) }, ErrFont},
		{"not a font", good, "", func() (*Font, error) { return LoadFont(saved(t, []byte("%PDF-1.4")), 0) }, ErrFont},
	} {
		_, err := w.trySign(t, plainFile("", ""), s, LevelB, func(r *Request) {
			r.Visible, r.Reason, r.Font = &c.place, c.reason, c.font
		})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if s.uses != 0 {
		t.Errorf("the key was used %d times for refused requests", s.uses)
	}
}

func TestLongNamesAreBroken(t *testing.T) {
	t.Parallel()
	f, err := ming()
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimSpace(strings.Repeat("Wolfeschlegelsteinhausen ", 4)) + strings.Repeat("漢字", 20)
	lines, size, err := flow(f, []paragraph{{name, style{1, ink}}}, 120, 60)
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) < 2 {
		t.Fatalf("one line of %d characters", len(name))
	}
	joined := ""
	for _, l := range lines {
		width, err := f.Width(l.text)
		if err != nil || width*size > 120 {
			t.Errorf("line %q is %.1f wide: %v", l.text, width*size, err)
		}
		joined += l.text
	}
	if got, want := strings.ReplaceAll(joined, " ", ""), strings.ReplaceAll(name, " ", ""); got != want {
		t.Errorf("text was lost:\n got %q\nwant %q", got, want)
	}
}
