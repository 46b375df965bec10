package face

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
)

// Limits of what is read from outside. A picture that claims more is refused by
// its header, before memory is given to its pixels.
const (
	MaxBytes  = 8 << 20  // of a JPEG or PNG file
	MaxPixels = 12 << 20 // 12 MP, as phones' cameras have
	MaxSide   = 8192     // pixels
	// Longest is the longer side, in pixels, to which a picture is reduced at once. What a face measures, it measures there.
	Longest = 2048
)

// Picture is a decoded picture: pixels, and nothing else that was in the file. It
// stands upright.
type Picture struct {
	W, H int
	Pix  []byte // red, green, blue; row by row from the top
}

// Decode reads a JPEG or PNG file: header first, then its pixels, reduced to
// Longest and turned as its EXIF orientation says. All other EXIF data (place,
// time, camera) and everything else are dropped. It fails with ErrPicture.
func Decode(b []byte) (*Picture, error) {
	kind, err := checkHeader(b)
	if err != nil {
		return nil, err
	}
	var img image.Image
	orientation := 1
	if kind == "jpeg" {
		img, err = jpeg.Decode(bytes.NewReader(b))
		orientation = exifOrientation(b)
	} else {
		img, err = png.Decode(bytes.NewReader(b))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: its pixels cannot be read", ErrPicture)
	}
	return fromImage(img).turned(orientation), nil
}

// checkHeader returns "jpeg" or "png" of a file whose header is within the limits.
func checkHeader(b []byte) (string, error) {
	if len(b) > MaxBytes {
		return "", fmt.Errorf("%w: more than %d MB", ErrPicture, MaxBytes>>20)
	}
	var config image.Config
	var err error
	kind := "jpeg"
	switch {
	case bytes.HasPrefix(b, []byte("\xff\xd8\xff")):
		config, err = jpeg.DecodeConfig(bytes.NewReader(b))
	case bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")):
		kind = "png"
		config, err = png.DecodeConfig(bytes.NewReader(b))
	default:
		return "", fmt.Errorf("%w: neither JPEG nor PNG", ErrPicture)
	}
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: its header cannot be read", ErrPicture)
	case config.Width < 1 || config.Height < 1 || config.Width > MaxSide || config.Height > MaxSide || config.Width*config.Height > MaxPixels:
		return "", fmt.Errorf("%w: more than %d megapixels, or a side of more than %d", ErrPicture, MaxPixels>>20, MaxSide)
	}
	return kind, nil
}

// JPEG encodes a picture anew, with its longer side reduced to at most longest
// pixels by a whole factor. Nothing but pixels is in it.
func (p *Picture) JPEG(longest int) ([]byte, error) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, p.Reduced(longest), &jpeg.Options{Quality: 88}); err != nil {
		return nil, fmt.Errorf("encode a picture: %w", err)
	}
	return b.Bytes(), nil
}

// Reduced is the picture with its longer side at most longest pixels, by a whole factor.
func (p *Picture) Reduced(longest int) *image.RGBA {
	small := p
	if max(p.W, p.H) > longest {
		small = reduce(p.W, p.H, longest, func(y int, row []byte) { copy(row, p.Pix[3*p.W*y:]) })
	}
	img := image.NewRGBA(image.Rect(0, 0, small.W, small.H))
	for i := range small.W * small.H {
		copy(img.Pix[4*i:], small.Pix[3*i:3*i+3])
		img.Pix[4*i+3] = 255
	}
	return img
}

// Wipe overwrites the pixels: call it when a picture has been looked at.
func (p *Picture) Wipe() { clear(p.Pix) }
