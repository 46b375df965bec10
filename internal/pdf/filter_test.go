package pdf

import (
	"bytes"
	clzw "compress/lzw"
	base85 "encoding/ascii85"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

func decode(d Dict, data []byte) ([]byte, error) {
	f := &File{lim: DefaultLimits()}
	f.decoded.Store(f.lim.DecodedTotal)
	return f.Decode(NewStream(d, data))
}

func filter(names ...Name) Dict {
	a := Array{}
	for _, n := range names {
		a = append(a, n)
	}
	return Dict{"Filter": a}
}

func TestFilters(t *testing.T) {
	text := []byte(strings.Repeat("all work and no play makes a dull boy. ", 400))
	noise := make([]byte, 10000)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(r.Uint32() >> 13)
	}
	a85 := func(b []byte) []byte {
		out := make([]byte, base85.MaxEncodedLen(len(b)))
		return append(out[:base85.Encode(out, b)], "~>"...)
	}
	lzwLate := func(b []byte) []byte { // the standard library writes without early change
		var out bytes.Buffer
		w := clzw.NewWriter(&out, clzw.MSB, 8)
		w.Write(b)
		w.Close()
		return out.Bytes()
	}
	late := Dict{"Filter": Name("LZWDecode"), "DecodeParms": Dict{"EarlyChange": int64(0)}}
	for _, c := range []struct {
		name string
		dict Dict
		in   []byte
		want []byte
	}{
		{"none", Dict{}, text, text},
		{"flate", filter("FlateDecode"), deflate(text), text},
		{"flate without checksum", filter("Fl"), deflate(text)[:len(deflate(text))-4], text},
		{"flate after a line end", filter("FlateDecode"), append([]byte("\r\n"), deflate(text)...), text},
		{"flate of nothing", filter("FlateDecode"), nil, nil},
		{"hex", filter("ASCIIHexDecode"), []byte("48 65\n6C6c 6F2>junk"), []byte("Hello ")},
		{"hex without end", filter("AHx"), []byte(hex.EncodeToString(noise)), noise},
		{"ascii85", filter("ASCII85Decode"), a85(noise), noise},
		{"ascii85 zeros", filter("A85"), []byte("z!!~>"), []byte{0, 0, 0, 0, 0}},
		{"hex, then flate", filter("ASCIIHexDecode", "FlateDecode"), []byte(hex.EncodeToString(deflate(text))), text},
		{"run length", filter("RunLengthDecode"), []byte("\x02abc\xfed\x80junk"), []byte("abcddd")},
		// The example of 7.4.4.2, with early change as the default is.
		{"lzw", filter("LZWDecode"), []byte{0x80, 0x0B, 0x60, 0x50, 0x22, 0x0C, 0x0C, 0x85, 0x01}, []byte{45, 45, 45, 45, 45, 65, 45, 45, 45, 66}},
		{"lzw text, late", late, lzwLate(text), text},
		{"lzw noise, late", late, lzwLate(noise), noise},
		{"lzw noise, early", filter("LZW"), lzwEncode(noise), noise},
		{"lzw text, early", filter("LZW"), lzwEncode(text), text},
	} {
		got, err := decode(c.dict, c.in)
		if err != nil || !bytes.Equal(got, c.want) {
			t.Errorf("%s: got %.60q (%d bytes), %v, want %.60q (%d)", c.name, got, len(got), err, c.want, len(c.want))
		}
	}
	for name, c := range map[string]struct {
		dict Dict
		in   string
		want error
	}{
		"unknown filter":   {filter("DCTDecode"), "", ErrFilter},
		"crypt":            {filter("Crypt"), "", ErrFilter},
		"external file":    {Dict{"F": String("/etc/passwd")}, "", ErrFilter},
		"filter no name":   {Dict{"Filter": int64(1)}, "", ErrMalformed},
		"many filters":     {filter("AHx", "AHx", "AHx", "AHx", "AHx", "AHx", "AHx", "AHx", "AHx"), "", ErrLimit},
		"bad hex":          {filter("AHx"), "4G", ErrMalformed},
		"bad ascii85":      {filter("A85"), "abc\x7f", ErrMalformed},
		"ascii85 overflow": {filter("A85"), "uuuuu~>", ErrMalformed},
		"ascii85 one left": {filter("A85"), "a~>", ErrMalformed},
		"bad flate":        {filter("Fl"), "not zlib at all", ErrMalformed},
		"bad lzw":          {filter("LZW"), "\xff\xff\xff", ErrMalformed},
		"cut run":          {filter("RL"), "\x05ab", ErrMalformed},
		"bad predictor":    {Dict{"Filter": Name("Fl"), "DecodeParms": Dict{"Predictor": int64(7)}}, "", ErrMalformed},
		"wide predictor":   {Dict{"Filter": Name("Fl"), "DecodeParms": Dict{"Predictor": int64(12), "Columns": int64(1 << 40)}}, "", ErrMalformed},
		"bomb":             {filter("Fl", "Fl"), string(deflate(deflate(make([]byte, 100<<20)))), ErrLimit},
	} {
		if got, err := decode(c.dict, []byte(c.in)); !errors.Is(err, c.want) {
			t.Errorf("%s: got %.60q, %v, want %v", name, got, err, c.want)
		}
	}
}

// lzwEncode is a plain LZW encoder with early change, for the tests.
func lzwEncode(data []byte) []byte {
	var out []byte
	var acc, n uint
	put := func(code int, width uint) {
		acc, n = acc<<width|uint(code), n+width
		for n >= 8 {
			out = append(out, byte(acc>>(n-8)))
			n -= 8
		}
	}
	table, next, width := map[string]int{}, 258, uint(9)
	code := func(s string) int {
		if len(s) == 1 {
			return int(s[0])
		}
		return table[s]
	}
	put(256, 9)
	cur := ""
	for _, c := range data {
		s := cur + string([]byte{c})
		if _, ok := table[s]; ok || len(s) == 1 {
			cur = s
			continue
		}
		put(code(cur), width)
		table[s] = next
		next++
		if next >= 1<<width && width < 12 {
			width++
		}
		if next == 4095 {
			put(256, width)
			table, next, width = map[string]int{}, 258, 9
		}
		cur = string([]byte{c})
	}
	put(code(cur), width)
	put(257, width)
	put(0, 8)
	return out
}

// TestPredictors undoes rows that were predicted here by the definitions.
func TestPredictors(t *testing.T) {
	const columns, colors = 5, 3
	r := rand.New(rand.NewPCG(3, 4))
	plain := make([]byte, 6*columns*colors)
	for i := range plain {
		plain[i] = byte(r.Uint32())
	}
	row := columns * colors
	at := func(y, x int) int {
		if y < 0 || x < 0 {
			return 0
		}
		return int(plain[y*row+x])
	}
	var png, tiff []byte
	for y := range len(plain) / row {
		tag := y % 5
		png = append(png, byte(tag))
		for x := range row {
			left, up, upleft := at(y, x-colors), at(y-1, x), at(y-1, x-colors)
			if x < colors {
				upleft = 0
			}
			predicted := []int{0, left, up, (left + up) / 2, int(paeth(left, up, upleft))}[tag]
			png = append(png, byte(at(y, x)-predicted))
			tiff = append(tiff, byte(at(y, x)-left))
		}
	}
	for name, c := range map[string]struct {
		predictor int64
		data      []byte
	}{"png": {15, png}, "tiff": {2, tiff}} {
		got, err := decode(Dict{"Filter": Name("FlateDecode"), "DecodeParms": Dict{
			"Predictor": c.predictor, "Columns": int64(columns), "Colors": int64(colors)}}, deflate(c.data))
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%s: got %x, %v, want %x", name, got, err, plain)
		}
	}
	for _, c := range []struct {
		bits     int64
		in, want []byte
	}{
		{16, []byte{0x01, 0xFF, 0x00, 0x02}, []byte{0x01, 0xFF, 0x02, 0x01}},
		{4, []byte{0x1F, 0x2E}, []byte{0x10, 0x20}},
		{1, []byte{0b1010_0001}, []byte{0b1100_0001}},
	} {
		columns := int64(len(c.in)) * 8 / c.bits
		r, err := predicted(Dict{"Predictor": int64(2), "BitsPerComponent": c.bits, "Columns": columns}, bytes.NewReader(c.in))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, c.want) {
			t.Errorf("tiff of %d bits: got %x, %v, want %x", c.bits, got, err, c.want)
		}
	}
}
