package face

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"testing"

	"chop/policies"
)

// corners is a picture whose four quarters have four colours.
func corners(w, h int) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{A: 255}
			if x < w/2 {
				c.R = 200
			}
			if y < h/2 {
				c.G = 200
			}
			m.Set(x, y, c)
		}
	}
	return m
}

func jpegFile(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pngFile(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withEXIF puts an orientation and a place into a JPEG.
func withEXIF(file []byte, orientation uint16, order binary.AppendByteOrder) []byte {
	tiff := []byte("II*\x00")
	if order == binary.AppendByteOrder(binary.BigEndian) {
		tiff = []byte("MM\x00*")
	}
	tiff = order.AppendUint32(tiff, 8)
	tiff = order.AppendUint16(tiff, 2)
	for _, e := range [][4]uint32{{270, 2, 4, 0}, {274, 3, 1, uint32(orientation)}} {
		tiff = order.AppendUint16(order.AppendUint16(tiff, uint16(e[0])), uint16(e[1]))
		tiff = order.AppendUint16(order.AppendUint16(order.AppendUint32(tiff, e[2]), uint16(e[3])), 0)
	}
	tiff = append(tiff, "22.3193N,114.1694E"...)
	body := append([]byte("Exif\x00\x00"), tiff...)
	segment := binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(body)+2))
	return bytes.Join([][]byte{file[:2], segment, body, file[2:]}, nil)
}

func at(p *Picture, x, y int) string {
	c := p.Pix[3*(y*p.W+x):]
	s := ""
	for i, name := range []string{"R", "G"} {
		if c[i] > 100 {
			s += name
		}
	}
	return s + "."
}

func TestOrientation(t *testing.T) {
	t.Parallel()
	file := jpegFile(t, corners(64, 32))
	// Upper left, upper right, lower left, lower right of what a viewer shows.
	for orientation, want := range map[uint16]string{
		0: "RG. G. R. .", 1: "RG. G. R. .", 2: "G. RG. . R.", 3: ". R. G. RG.", 4: "R. . RG. G.",
		5: "RG. R. G. .", 6: "R. RG. . G.", 7: ". G. R. RG.", 8: "G. . RG. R.", 9: "RG. G. R. .",
	} {
		for _, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
			p, err := Decode(withEXIF(file, orientation, order))
			if err != nil {
				t.Fatal(err)
			}
			got := fmt.Sprintf("%s %s %s %s", at(p, 4, 4), at(p, p.W-5, 4), at(p, 4, p.H-5), at(p, p.W-5, p.H-5))
			if wide := p.W > p.H; got != want || wide != (orientation < 5 || orientation > 8) {
				t.Errorf("orientation %d: %s in %d×%d, want %s", orientation, got, p.W, p.H, want)
			}
		}
	}
}

// Nothing of the file but its pixels is in what is made of it.
func TestMetadataGone(t *testing.T) {
	t.Parallel()
	file := withEXIF(jpegFile(t, corners(64, 32)), 1, binary.BigEndian)
	if !bytes.Contains(file, []byte("114.1694E")) {
		t.Fatal("the place is not in the file")
	}
	p, err := Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	again, err := p.JPEG(1000)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(again, []byte("114.1694E")) || bytes.Contains(again, []byte("Exif")) {
		t.Error("metadata survived")
	}
	if p.Wipe(); bytes.ContainsFunc(p.Pix, func(r rune) bool { return r != 0 }) {
		t.Error("pixels survived")
	}
}

// claims is a PNG whose header says so, with nothing behind it.
func claims(w, h uint32) []byte {
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32([]byte("IHDR"), w), h)
	head = append(head, 8, 2, 0, 0, 0)
	b := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), head...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(head))
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	whole := jpegFile(t, corners(640, 480))
	for name, b := range map[string][]byte{
		"nothing": nil, "text": []byte("hello"), "GIF": []byte("GIF89a\x01\x00\x01\x00"),
		"much": make([]byte, MaxBytes+1), "half a JPEG": whole[:len(whole)/2], "JPEG's start": whole[:3],
		"13 MP": claims(4096, 3300), "wide": claims(MaxSide+1, 1), "bomb": claims(1<<31-1, 1<<31-1), "only a header": claims(10, 10),
	} {
		if _, err := Decode(b); !errors.Is(err, ErrPicture) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A picture is made smaller by averaging; every type that decoders give is read.
func TestReduce(t *testing.T) {
	t.Parallel()
	gray := image.NewGray(image.Rect(0, 0, 40, 20))
	for i := range gray.Pix {
		gray.Pix[i] = byte(i % 2 * 100)
	}
	for name, file := range map[string][]byte{"PNG": pngFile(t, gray), "JPEG": jpegFile(t, gray)} {
		p, err := Decode(file)
		if err != nil || p.W != 40 || p.H != 20 {
			t.Fatalf("%s: %v", name, err)
		}
		if small := FromImage(p.Reduced(20)); small.W != 20 || small.H != 10 || math.Abs(float64(small.Pix[0])-50) > 3 {
			t.Errorf("%s: %d×%d, %d", name, small.W, small.H, small.Pix[0])
		}
	}
	for _, c := range [][4]int{{Longest, Longest, Longest, Longest}, {3000, 1000, 1500, 500}, {4100, 2, 1366, 1}, {1, 8192, 1, 2048}} {
		p := FromImage(corners(c[0], c[1]))
		if p.W != c[2] || p.H != c[3] || len(p.Pix) != 3*p.W*p.H {
			t.Errorf("%d×%d became %d×%d", c[0], c[1], p.W, p.H)
		}
	}
}

func TestPose(t *testing.T) {
	t.Parallel()
	for _, want := range []Pose{{}, {30, 0, 0}, {-30, 0, 0}, {0, 20, 0}, {0, -20, 0}, {0, 0, 25}, {0, 0, -90}, {20, -15, 10}} {
		// The head turned about its vertical axis, then nodded, then leant over; seen from far.
		var f Face
		sin := func(d float64) float64 { return math.Sin(d * math.Pi / 180) }
		cos := func(d float64) float64 { return math.Cos(d * math.Pi / 180) }
		for _, m := range model {
			x, y, z := m.x*cos(want.Yaw)-m.z*sin(want.Yaw), m.y, m.x*sin(want.Yaw)+m.z*cos(want.Yaw)
			y = y*cos(want.Pitch) + z*sin(want.Pitch)
			x, y = x*cos(want.Roll)-y*sin(want.Roll), x*sin(want.Roll)+y*cos(want.Roll)
			f.Landmarks[m.landmark] = Point{400 + x*0.3, 300 + y*0.3}
		}
		got := f.Pose()
		// Yaw and pitch do not commute: where both are there, a few degrees are left.
		if math.Abs(got.Yaw-want.Yaw) > 4 || math.Abs(got.Pitch-want.Pitch) > 4 || math.Abs(got.Roll-want.Roll) > 8 {
			t.Errorf("%.1f, want %.1f", got, want)
		}
	}
	if p := (&Face{}).Pose(); p.Yaw != 0 || p.Roll != 0 {
		t.Errorf("no landmarks: %v", p)
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	s, err := policies.Load()
	if err != nil {
		t.Fatal(err)
	}
	policy, err := s.Face("remote")
	if err != nil {
		t.Fatal(err)
	}
	for distance, want := range map[float32]Outcome{0: Pass, 0.44: Pass, 0.46: Refer, 0.59: Refer, 0.61: Refuse, 2: Refuse, float32(math.NaN()): Refuse} {
		var a, b Face
		b.Descriptor[7] = distance
		if v := Match(policy, &a, &b); v.Outcome != want {
			t.Errorf("%v: %v, want %s", distance, v, want)
		}
	}
	f := Face{Box: Box{W: 119, H: 200}}
	if err := f.Large(120); !errors.Is(err, ErrSmall) {
		t.Error(err)
	}
}

// FuzzDecode: whatever a picture's header says, it is refused or read within the limits.
func FuzzDecode(f *testing.F) {
	small := jpegFile(f, corners(32, 16))
	f.Add(small)
	f.Add(withEXIF(small, 6, binary.BigEndian))
	f.Add(withEXIF(small, 8, binary.LittleEndian))
	f.Add(pngFile(f, corners(16, 16)))
	f.Add(claims(1<<31-1, 1))
	f.Add([]byte("\xff\xd8\xff\xe1\x00\x10Exif\x00\x00II*\x00\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		kind, err := checkHeader(b)
		if err != nil {
			if !errors.Is(err, ErrPicture) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		if o := 1; kind == "jpeg" {
			if o = exifOrientation(b); o < 1 || o > 8 {
				t.Fatalf("orientation %d", o)
			}
		}
		config, _, err := image.DecodeConfig(bytes.NewReader(b))
		if err != nil || config.Width*config.Height > MaxPixels {
			t.Fatalf("let through: %+v, %v", config, err)
		}
		if config.Width*config.Height > 1<<16 {
			return // the time is for headers
		}
		p, err := Decode(b)
		if err != nil {
			return
		}
		if p.W*p.H*3 != len(p.Pix) || (p.W != config.Width || p.H != config.Height) && (p.H != config.Width || p.W != config.Height) {
			t.Fatalf("%d×%d of %d×%d, %d bytes", p.W, p.H, config.Width, config.Height, len(p.Pix))
		}
	})
}
