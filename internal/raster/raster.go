// Package raster draws pages of a PDF as pictures, by poppler's pdftoppm: a stranger's
// document is for a program in a process of its own, with limits (internal/confined), and
// nothing of the document is written to disk. What comes back is rows of pixels, which no
// decoder has to read. It judges nothing.
package raster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"strconv"
	"time"

	"chop/internal/confined"
)

var (
	// ErrAbsent says that there is no pdftoppm; in Debian, poppler-utils brings it.
	ErrAbsent = errors.New("no program that draws pages")
	// ErrFailed says that a page was not drawn: it took too long or too much memory, or the
	// file is one that pdftoppm does not read.
	ErrFailed = errors.New("the pages could not be drawn")
)

// Side is the longer side of a picture, in pixels: A4 at 100 dpi.
const Side = 1170

const (
	program   = "/usr/bin/pdftoppm"
	maxMemory = 1 << 30 // bytes of its address space
	timeout   = 60 * time.Second
	// MaxAtOnce is how many pages are drawn in one run; a picture takes some 5 MB.
	MaxAtOnce = 8
)

// Pages draws pages first to last, counted from 1, at most MaxAtOnce. It fails with ErrAbsent or ErrFailed.
func Pages(ctx context.Context, doc io.Reader, first, last int) ([]*image.RGBA, error) {
	n := last - first + 1
	if first < 1 || n < 1 || n > MaxAtOnce {
		return nil, fmt.Errorf("%w: pages %d to %d", ErrFailed, first, last)
	}
	out := &limited{left: n * (3*Side*Side + 64)}
	err := confined.Program{
		Path: program, Memory: maxMemory, Timeout: timeout,
		Args: []string{"-q", "-cropbox", "-scale-to", strconv.Itoa(Side), "-f", strconv.Itoa(first), "-l", strconv.Itoa(last), "-"},
	}.Run(ctx, doc, out)
	if errors.Is(err, confined.ErrAbsent) {
		return nil, fmt.Errorf("%w: %w", ErrAbsent, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFailed, err)
	}
	list, err := pictures(out.Bytes())
	if err != nil || len(list) != n {
		return nil, fmt.Errorf("%w: %d pictures of %d pages: %w", ErrFailed, len(list), n, err)
	}
	return list, nil
}

// pictures reads portable pixmaps one behind the other, as pdftoppm writes them.
func pictures(b []byte) (list []*image.RGBA, err error) {
	for len(b) > 0 {
		var kind string
		var w, h, most int
		in := bytes.NewReader(b)
		if _, err := fmt.Fscanf(in, "%2s\n%d %d\n%d\n", &kind, &w, &h, &most); err != nil || kind != "P6" || most != 255 || w < 1 || h < 1 || w > Side+1 || h > Side+1 {
			return list, fmt.Errorf("no portable pixmap (%q, %d × %d), %w", kind, w, h, err)
		}
		b = b[len(b)-in.Len():]
		if len(b) < 3*w*h {
			return list, io.ErrUnexpectedEOF
		}
		m := image.NewRGBA(image.Rect(0, 0, w, h))
		for i := range w * h {
			copy(m.Pix[4*i:], b[3*i:3*i+3])
			m.Pix[4*i+3] = 255
		}
		list = append(list, m)
		b = b[3*w*h:]
	}
	return list, nil
}

// limited keeps what fits. It embeds no io.ReaderFrom, so that io.Copy cannot go past Write.
type limited struct {
	buf  bytes.Buffer
	left int
}

func (l *limited) Bytes() []byte { return l.buf.Bytes() }

func (l *limited) Write(b []byte) (int, error) {
	if l.left -= len(b); l.left < 0 {
		return 0, io.ErrShortBuffer
	}
	return l.buf.Write(b)
}
