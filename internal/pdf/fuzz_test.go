package pdf

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"chop/internal/corpus"
)

// expected reports whether an error is one that the package promises.
func expected(err error) bool {
	for _, e := range []error{ErrNotPDF, ErrEncrypted, ErrMalformed, ErrLimit, ErrFilter, ErrNoSpan} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// FuzzOpen opens anything, reads all that there is, and appends to it: no panic, no
// unexpected error, and what was appended can be read back.
func FuzzOpen(f *testing.F) {
	f.Add([]byte("%PDF-1.4\n1 0 obj<</Pages 2 0 R/AcroForm<</Fields[3 0 R]>>>>endobj xref\n0 2\n0000000000 65535 f \n0000000009 00000 n \ntrailer<</Size 2/Root 1 0 R>>startxref\n67\n%%EOF"))
	f.Add([]byte("%PDF-1.5\n7 0 obj<</Type/XRef/Size 8/W[1 1 1]/Index[7 1]/Length 3/Root 1 0 R>>stream\n\x01\x09\x00\nendstream endobj startxref\n9\n%%EOF"))
	dir, _ := corpus.Find("")
	if names, err := filepath.Glob(filepath.Join(dir, "*/*.pdf")); err == nil {
		for _, n := range names {
			if b, err := os.ReadFile(n); err == nil && len(b) < 4000 {
				f.Add(b)
			}
		}
	}
	lim := Limits{Entries: 5000, Sections: 20, Decoded: 1 << 20, DecodedTotal: 8 << 20, Nodes: 200, Anomalies: 3, ParsedTotal: 1 << 20, Elements: 5000, Scan: 1 << 20}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Open(bytes.NewReader(data), int64(len(data)), lim)
		if err != nil {
			if !expected(err) {
				t.Fatalf("Open: %v", err)
			}
			return
		}
		for i, rev := range file.Revisions() {
			if rev.End < 0 || rev.End > rev.Tail || rev.Tail > file.Size() {
				t.Fatalf("revision %d ends at %d, %d of %d", i, rev.End, rev.Tail, file.Size())
			}
			walk(t, file.View(i))
		}
		file.Anomalies()
		appendAndReopen(t, file, data, lim)
	})
}

func walk(t *testing.T, v *View) {
	check := func(err error) {
		if err != nil && !expected(err) {
			t.Fatal(err)
		}
	}
	for _, ref := range v.Changed() {
		o, err := v.Get(ref)
		check(err)
		if s, ok := o.(*Stream); ok {
			if sp := s.Span(); sp.Start < 0 || sp.End < sp.Start || sp.End > v.f.size {
				t.Fatalf("stream at %v of %d", sp, v.f.size)
			}
			_, err := v.f.Decode(s)
			check(err)
		}
		if s, err := v.f.Span(ref, v.i); err == nil && (s.Start < 0 || s.End < s.Start || s.End > v.f.size) {
			t.Fatalf("object at %v of %d", s, v.f.size)
		}
		_, err = v.ValueSpan(ref, "Type")
		check(err)
	}
	v.Numbers()
	for _, err := range Pages(v) {
		check(err)
	}
	_, err := Signatures(v)
	check(err)
}

func appendAndReopen(t *testing.T, file *File, data []byte, lim Limits) {
	u := NewUpdate(file)
	ref := u.Add(Dict{"Mark": HexPlaceholder("mark", 3)})
	inc, err := u.Build()
	if err != nil {
		return
	}
	data = append(bytes.Clone(data), inc.Bytes...)
	again, err := Open(bytes.NewReader(data), int64(len(data)), Limits{Scan: 1 << 30, Sections: lim.Sections + 1})
	if err != nil {
		t.Fatalf("after an update: %v\n%q", err, inc.Bytes)
	}
	if s, err := again.StringSpan(again.Latest(), ref, "Mark"); err != nil || s != inc.Marks["mark"] {
		t.Fatalf("mark at %v, %v, want %v", s, err, inc.Marks["mark"])
	}
}

// FuzzTokenizer parses anything; what parses is written and parses the same again.
func FuzzTokenizer(f *testing.F) {
	for _, s := range []string{"<</A[1 2 R(x\\051)<4f>/N#20/#]/B null>>", "[1 0 R 2 .5 -1.25 true]", "((\\\n)\\777)", "<</A 1/A 2>>", "%x\n99999999999999999999", "1e5", "<4 f 6>"} {
		f.Add([]byte(s))
	}
	lim := Limits{Depth: 30, Elements: 10000}.orDefault()
	f.Fuzz(func(t *testing.T, data []byte) {
		p := newParser(memoryWindow(data), lim)
		o, err := p.object()
		// Reading in windows must see the same.
		w := newParser(newWindow(bytes.NewReader(data), 0, int64(len(data))), lim)
		if o2, err2 := w.object(); !reflect.DeepEqual(o, o2) || (err == nil) != (err2 == nil) || err == nil && p.offset() != w.offset() {
			t.Fatalf("in memory %#v, %v, in windows %#v, %v", o, err, o2, err2)
		}
		if err != nil {
			if !expected(err) {
				t.Fatal(err)
			}
			return
		}
		b, err := Append(nil, o)
		if err != nil {
			return // a name with a zero byte
		}
		got, err := newParser(memoryWindow(b), lim).object()
		if err != nil || !reflect.DeepEqual(got, o) {
			t.Fatalf("%q is %#v, written as %q, read back as %#v, %v", data, o, b, got, err)
		}
	})
}

// FuzzFilters decodes anything with every filter and some predictors.
func FuzzFilters(f *testing.F) {
	f.Add([]byte{0x80, 0x0B, 0x60, 0x50, 0x22, 0x0C, 0x0C, 0x85, 0x01}, uint8(1), uint8(0), uint8(0))
	f.Add(deflate([]byte("\x02abc\x02abc")), uint8(0), uint8(12), uint8(3))
	f.Add([]byte("87cURD]i,\"Ebo80~>"), uint8(3), uint8(0), uint8(0))
	f.Add([]byte("48656C6C6F>"), uint8(2), uint8(0), uint8(0))
	f.Add([]byte("\x02abc\xfed\x80"), uint8(4), uint8(0), uint8(0))
	names := []Name{"FlateDecode", "LZWDecode", "ASCIIHexDecode", "ASCII85Decode", "RunLengthDecode"}
	bits := []int64{1, 2, 4, 8, 16}
	f.Fuzz(func(t *testing.T, data []byte, which, predictor, shape uint8) {
		d := Dict{"Filter": names[int(which)%len(names)], "DecodeParms": Dict{
			"Predictor": int64(predictor % 17), "Columns": int64(shape%31) + 1, "Colors": int64(shape%5) + 1,
			"BitsPerComponent": bits[int(shape)%len(bits)], "EarlyChange": int64(shape % 2)}}
		file := &File{lim: Limits{Decoded: 1 << 20}.orDefault()}
		file.decoded.Store(math.MaxInt64)
		out, err := file.Decode(NewStream(d, data))
		if err != nil && !expected(err) {
			t.Fatal(err)
		}
		if len(out) > 1<<20 {
			t.Fatalf("%d bytes in spite of the limit", len(out))
		}
	})
}

// FuzzText: decoding never fails and gives valid UTF-8; encoding is undone by it;
// a date that parses survives being written.
func FuzzText(f *testing.F) {
	for _, s := range []string{"\xfe\xff\x4e\x2d", "\xff\xfe\x00\xd8", "\xef\xbb\xbfx", "\x18\x80\xad", "\xfe\xff\x00\x1b\x00e\x00n\x00\x1b", "D:20260402153000+08'00'", "張"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		text := DecodeText(data)
		if !utf8.ValidString(text) {
			t.Fatalf("%q decoded to %q", data, text)
		}
		if s := string(data); utf8.ValidString(s) && !strings.Contains(s, "\x1b") {
			if got := DecodeText(EncodeText(s)); got != s {
				t.Fatalf("%q became %q", s, got)
			}
		}
		d, err := ParseDate(data)
		if err != nil {
			if !expected(err) {
				t.Fatal(err)
			}
			return
		}
		if again, err := ParseDate(FormatDate(d)); err != nil || !again.Equal(d) {
			t.Fatalf("%q is %v, written as %q, read back as %v, %v", data, d, FormatDate(d), again, err)
		}
	})
}
