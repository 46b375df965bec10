package raster

import (
	"bytes"
	"image"
)

// cell is the side of the squares that are compared, in pixels: about a letter.
const cell = 12

// Differences returns where two pictures of a page differ, in rectangles of the first that
// do not overlap; its whole, if the pictures are not of one size.
func Differences(a, b *image.RGBA) []image.Rectangle {
	if a.Rect != b.Rect {
		return []image.Rectangle{a.Rect}
	}
	if bytes.Equal(a.Pix, b.Pix) {
		return nil
	}
	var list []image.Rectangle
	for y := 0; y < a.Rect.Dy(); y += cell {
		for x := 0; x < a.Rect.Dx(); x += cell {
			if r := image.Rect(x, y, x+cell, y+cell).Intersect(a.Rect); !same(a, b, r) {
				list = join(list, r)
			}
		}
	}
	return list
}

func same(a, b *image.RGBA, r image.Rectangle) bool {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		from, to := a.PixOffset(r.Min.X, y), a.PixOffset(r.Max.X-1, y)+4
		if !bytes.Equal(a.Pix[from:to], b.Pix[from:to]) {
			return false
		}
	}
	return true
}

// join adds r to the rectangles, as one with those that it touches or nearly so.
func join(list []image.Rectangle, r image.Rectangle) []image.Rectangle {
	for i := 0; i < len(list); {
		if list[i].Inset(-2 * cell).Overlaps(r) {
			r = r.Union(list[i])
			list = append(list[:i], list[i+1:]...)
			i = 0
			continue
		}
		i++
	}
	return append(list, r)
}
