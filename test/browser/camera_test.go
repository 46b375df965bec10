//go:build browser

package browser

import (
	"bufio"
	"fmt"
	"image"
	"image/color"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"chop/registration/face"
	"chop/registration/face/facetest"
	"chop/registration/face/nets"
	"chop/registration/hkic"
	"chop/registration/immd"
	"chop/registration/ocr/cardface"
)

// filmW and filmH are what the browsers' camera gives.
const filmW, filmH = 1600, 1200

// filmFrames is how many frames a film has, at five a second. No two are alike, as with a camera: the
// server takes no frame twice.
const filmFrames = 4

// turned is how far a pose bends the face: far enough from 18 degrees that no encoding or scaling matters,
// and near enough that the engine knows the face. TestFilms measures both.
const turned = 1

// poses are pictures of one person, made from one.
func poses(t *testing.T, engine *nets.Engine) map[string]*face.Picture {
	t.Helper()
	person := facetest.Person(t, 0)
	seen, err := engine.Look(t.Context(), person)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*face.Picture{
		"front": person, "left": facetest.Turn(person, &seen, turned), "right": facetest.Turn(person, &seen, -turned), "blink": facetest.Blink(person, &seen),
	}
}

func newEngine(t *testing.T) *nets.Engine {
	t.Helper()
	engine, err := nets.New(nets.Config{Weights: facetest.Model(t)})
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

// frame is the nth of a pose's: the person fills the picture's height, before a grey wall.
func frame(p *face.Picture, n int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, filmW, filmH))
	dim := 1 - 0.02*float64(n)
	scale := float64(filmH) / float64(p.H)
	left := (filmW - int(float64(p.W)*scale)) / 2
	for y := range filmH {
		sy := min(float64(y)/scale, float64(p.H-1))
		y0 := int(sy)
		y1 := min(y0+1, p.H-1)
		for x := range filmW {
			at := m.Pix[m.PixOffset(x, y):]
			at[0], at[1], at[2], at[3] = 150, 150, 150, 255
			sx := float64(x-left) / scale
			if sx < 0 || sx > float64(p.W-1) {
				continue
			}
			x0 := int(sx)
			x1 := min(x0+1, p.W-1)
			fx, fy := sx-float64(x0), sy-float64(y0)
			for c := range 3 {
				of := func(x, y int) float64 { return float64(p.Pix[3*(y*p.W+x)+c]) }
				v := (of(x0, y0)*(1-fx)+of(x1, y0)*fx)*(1-fy) + (of(x0, y1)*(1-fx)+of(x1, y1)*fx)*fy
				at[c] = byte(v*dim + 0.5)
			}
		}
	}
	return m
}

// films writes what the browsers' cameras may show into a folder: a person in each pose, and two drawn cards with that
// person's portrait, of the first of the made-up people and of one whom the Immigration Department refers.
func films(t *testing.T, dir string) {
	t.Helper()
	made := poses(t, newEngine(t))
	for name, p := range made {
		var list []*image.RGBA
		for n := range filmFrames {
			list = append(list, frame(p, n))
		}
		film(t, filepath.Join(dir, name+".y4m"), list)
	}
	people := immd.Register(time.Now(), "chop", 100)
	referred := slices.IndexFunc(people, func(p immd.Person) bool { return p.Portrait == immd.Refer })
	for name, card := range map[string]hkic.Card{"card": people[0].Card, "card-referred": people[referred].Card} {
		drawn, err := cardface.Draw(card, made["front"].Reduced(1024))
		if err != nil {
			t.Fatal(err)
		}
		still := cardface.OnTable(drawn, filmW, filmH)
		film(t, filepath.Join(dir, name+".y4m"), slices.Repeat([]*image.RGBA{still}, filmFrames))
	}
}

// film writes frames as an uncompressed film (YUV4MPEG2). All films are equally long: one can be written over another.
func film(t *testing.T, name string, frames []*image.RGBA) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := bufio.NewWriterSize(f, 1<<20)
	fmt.Fprintf(out, "YUV4MPEG2 W%d H%d F5:1 Ip A1:1 C420jpeg\n", filmW, filmH)
	for _, m := range frames {
		planes := [3][]byte{make([]byte, 0, filmW*filmH), make([]byte, 0, filmW*filmH/4), make([]byte, 0, filmW*filmH/4)}
		for y := range filmH {
			for x := range filmW {
				c := m.Pix[m.PixOffset(x, y):]
				yy, cb, cr := color.RGBToYCbCr(c[0], c[1], c[2])
				planes[0] = append(planes[0], yy)
				if x%2 == 0 && y%2 == 0 {
					planes[1], planes[2] = append(planes[1], cb), append(planes[2], cr)
				}
			}
		}
		_, _ = io.WriteString(out, "FRAME\n") // Flush tells of errors
		for _, plane := range planes {
			_, _ = out.Write(plane)
		}
	}
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
}
