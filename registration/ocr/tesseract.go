// Package ocr reads what is printed on a photographed identity card, to fill in a
// form that its holder then corrects. What it returns are suggestions and never
// evidence: a number that was read is worth as much as one that was typed.
//
// Tesseract does the reading, as a child process that gets pixels on its standard
// input and gives text on its standard output. It may write no file at all, and sees
// nothing of this process's environment. What it gets was drawn anew by us from
// decoded pixels: no byte of an uploaded file reaches its decoders.
package ocr

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"time"

	"chop/internal/confined"
)

var (
	// ErrUnavailable says that there is no tesseract, or not its languages.
	ErrUnavailable = errors.New("reading of cards is not available")
	// ErrFailed says that tesseract failed on a picture, or took too long.
	ErrFailed = errors.New("the card could not be read")
)

const (
	maxText   = 64 << 10 // bytes that are read of what it writes
	maxMemory = 1 << 30  // bytes of its address space
	maxPixels = 6 << 20
)

// Config of a Reader.
type Config struct {
	// Program is the path of tesseract. Empty: /usr/bin/tesseract.
	Program string
	// Timeout is for one picture. 0: 20 s.
	Timeout time.Duration
	// AtOnce is how many pictures are read at the same time. 0: 2.
	AtOnce int
}

// Reader reads cards. It is safe for concurrent use.
type Reader struct {
	config Config
	turns  chan struct{}
}

// New makes a reader, and tries whether tesseract and its languages are there: ErrUnavailable.
func New(c Config) (*Reader, error) {
	if c.Program == "" {
		c.Program = "/usr/bin/tesseract"
	}
	if c.Timeout == 0 {
		c.Timeout = 20 * time.Second
	}
	if c.AtOnce <= 0 {
		c.AtOnce = 2
	}
	r := &Reader{config: c, turns: make(chan struct{}, c.AtOnce)}
	blank := image.NewGray(image.Rect(0, 0, 64, 64))
	for i := range blank.Pix {
		blank.Pix[i] = 255
	}
	if _, err := r.text(context.Background(), blank); err != nil {
		return nil, fmt.Errorf("%w (in Debian: tesseract-ocr, tesseract-ocr-chi-tra): %w", ErrUnavailable, err)
	}
	return r, nil
}

// Read returns what can be told of a card in a picture. Fields that were not found
// are empty. It fails with ErrFailed.
func (r *Reader) Read(ctx context.Context, m image.Image, now time.Time) (Suggestion, error) {
	if b := m.Bounds(); b.Empty() || b.Dx()*b.Dy() > maxPixels {
		return Suggestion{}, fmt.Errorf("%w: %d×%d pixels, at most %d million", ErrFailed, b.Dx(), b.Dy(), maxPixels>>20)
	}
	text, err := r.text(ctx, gray(m))
	if err != nil {
		return Suggestion{}, err
	}
	defer clear(text)
	return parse(string(text), now), nil
}

// text runs tesseract. Neither picture nor text are in any error.
func (r *Reader) text(ctx context.Context, m *image.Gray) ([]byte, error) {
	select {
	case r.turns <- struct{}{}:
		defer func() { <-r.turns }()
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrFailed, ctx.Err())
	}
	pgm := fmt.Appendf(make([]byte, 0, len(m.Pix)+32), "P5\n%d %d\n255\n", m.Rect.Dx(), m.Rect.Dy())
	pgm = append(pgm, m.Pix...)
	defer clear(pgm)
	out := &limited{}
	tesseract := confined.Program{
		Path: r.config.Program, Args: []string{"stdin", "stdout", "--psm", "11", "-l", "eng+chi_tra"},
		Env: []string{"OMP_THREAD_LIMIT=1"}, Memory: maxMemory, Timeout: r.config.Timeout,
	}
	if err := tesseract.Run(ctx, bytes.NewReader(pgm), out); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFailed, err)
	}
	return out.text.Bytes(), nil
}

// limited keeps the first maxText bytes. It embeds no buffer: io.Copy would go past Write.
type limited struct{ text bytes.Buffer }

func (l *limited) Write(b []byte) (int, error) {
	if l.text.Len()+len(b) > maxText {
		return 0, io.ErrShortBuffer
	}
	return l.text.Write(b)
}

// gray takes the luminance of a picture.
func gray(m image.Image) *image.Gray {
	b := m.Bounds()
	g := image.NewGray(image.Rect(0, 0, b.Dx(), b.Dy()))
	for y := range b.Dy() {
		for x := range b.Dx() {
			g.Set(x, y, m.At(b.Min.X+x, b.Min.Y+y))
		}
	}
	return g
}
