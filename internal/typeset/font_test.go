package typeset

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"chop/internal/pdf"
)

var ming = sync.OnceValues(func() (*Font, error) { return Load(DefaultFont, DefaultFontFace) })

// objects takes objects and keeps them.
type objects []pdf.Object

func (o *objects) Add(x pdf.Object) pdf.Ref {
	*o = append(*o, x)
	return pdf.Ref{Num: uint32(len(*o))}
}

func (o *objects) AddStream(d pdf.Dict, data []byte) pdf.Ref { return o.Add(pdf.NewStream(d, data)) }

// Drawing with one Font from many goroutines: subsetting must not spoil it.
func TestFontIsShared(t *testing.T) {
	t.Parallel()
	f, err := ming()
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 20 {
				text := fmt.Sprint("第", i, "個 ", j, "章")
				if _, err := f.Width(text); err != nil {
					t.Error(err)
				}
				s := f.Subset()
				s.Encode(text)
				if _, err := s.Embed(&objects{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if f.sfnt.Maxp.NumGlyphs < 1000 || f.sfnt.Hhea.NumberOfHMetrics < 2 {
		t.Error("the parsed font was changed")
	}
}

func TestSubset(t *testing.T) {
	t.Parallel()
	f, err := ming()
	if err != nil {
		t.Fatal(err)
	}
	s := f.Subset()
	if got, want := s.Encode("香港香"), "\x00\x01\x00\x02\x00\x01"; string(got) != want {
		t.Errorf("codes %x, want %x", got, want)
	}
	s.Encode("𨋢")
	if got := string(s.toUnicode()); !bytes.Contains([]byte(got), []byte("<0003> <D860DEE2>")) {
		t.Errorf("the map to Unicode lacks the surrogates of U+282E2:\n%s", got)
	}
	if !f.Has('𨋢') || f.Has('😀') {
		t.Errorf("has 𨋢 %v, has an emoji %v", f.Has('𨋢'), f.Has('😀'))
	}
	if _, err := f.Width("a😀"); !errors.Is(err, ErrGlyph) {
		t.Errorf("width with an emoji: %v, want %v", err, ErrGlyph)
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	bad := filepath.Join(t.TempDir(), "no.ttf")
	if err := os.WriteFile(bad, []byte("%PDF-1.7"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{bad, "/nonexistent.ttf"} {
		if _, err := Load(path, 0); !errors.Is(err, ErrFont) {
			t.Errorf("%s: %v, want %v", path, err, ErrFont)
		}
	}
}
