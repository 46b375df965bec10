package face

import (
	"bytes"
	"encoding/binary"
)

// maxSegments bounds how many segments of a JPEG are looked at before its pixels.
const maxSegments = 64

// exifOrientation returns the orientation in a JPEG's EXIF header, 1 to 8, and 1
// where there is none or it cannot be read: a picture that lies about it lies on
// its side, and no face is found.
func exifOrientation(b []byte) int {
	b = b[2:] // after SOI, which checkHeader saw
	for range maxSegments {
		if len(b) < 4 || b[0] != 0xff {
			return 1
		}
		marker, n := b[1], int(binary.BigEndian.Uint16(b[2:]))
		if marker == 0xff { // fill byte
			b = b[1:]
			continue
		}
		if marker == 0xda || n < 2 || 2+n > len(b) { // the pixels begin, or no segment
			return 1
		}
		if body, ok := bytes.CutPrefix(b[4:2+n], []byte("Exif\x00\x00")); ok && marker == 0xe1 {
			return tiffOrientation(body)
		}
		b = b[2+n:]
	}
	return 1
}

// tiffOrientation reads tag 274 of the first directory (TIFF 6.0, section 2).
func tiffOrientation(b []byte) int {
	if len(b) < 8 {
		return 1
	}
	var order binary.ByteOrder
	switch string(b[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 1
	}
	at := int64(order.Uint32(b[4:]))
	if at+2 > int64(len(b)) {
		return 1
	}
	entries := int(order.Uint16(b[at:]))
	for i := range entries {
		e := at + 2 + 12*int64(i)
		if e+12 > int64(len(b)) {
			return 1
		}
		const tag, short = 274, 3
		if order.Uint16(b[e:]) != tag {
			continue
		}
		v := int(order.Uint16(b[e+8:]))
		if order.Uint16(b[e+2:]) != short || order.Uint32(b[e+4:]) != 1 || v < 1 || v > 8 {
			return 1
		}
		return v
	}
	return 1
}
