package pdf

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
)

func parse(s string) (Object, error) {
	return newParser(memoryWindow([]byte(s)), DefaultLimits()).object()
}

// TestObjects has the corners of ISO 32000-1, 7.3, and the examples given there.
func TestObjects(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Object
	}{
		{"null", nil},
		{"true", true},
		{"% comment\n false", false},
		{"123", int64(123)},
		{"+17", int64(17)},
		{"-98", int64(-98)},
		{"34.5", 34.5},
		{"-.002", -.002},
		{"4.", 4.0},
		{"99999999999999999999", 1e20},
		{"9223372036854775807", int64(9223372036854775807)},
		{"(a (nested) \\) b)", String("a (nested) ) b")},
		{"(\\n\\r\\t\\b\\f\\\\\\x)", String("\n\r\t\b\f\\x")},
		{"(a\\\nb\\\r\nc\\\rd)", String("abcd")},
		{"(a\nb\r\nc\rd)", String("a\nb\nc\nd")},
		{"(\\0053\\53\\5x\\777)", String("\x053+\x05x\xff")},
		{"()", String{}},
		{"<4E6F762073686D6F7A>", String("Nov shmoz")},
		{"<90 1f\nA>", String("\x90\x1f\xa0")},
		{"<>", String{}},
		{"/Name1", Name("Name1")},
		{"/A;Name_With-Various***Characters?", Name("A;Name_With-Various***Characters?")},
		{"/lime#20Green#28#29", Name("lime Green()")},
		{"/A#zz#4", Name("A#zz#4")},
		{"/ x", Name("")},
		{"[549 3.14 false (Ralph) /SomeName]", Array{int64(549), 3.14, false, String("Ralph"), Name("SomeName")}},
		{"[1 0 R 2 3 4 0 R]", Array{Ref{1, 0}, int64(2), int64(3), Ref{4, 0}}},
		{"[1 0 RG]", nil}, // refused below
		{"[]", Array{}},
		{"<</A 1/B<</C[/D]>>/E null>>", Dict{"A": int64(1), "B": Dict{"C": Array{Name("D")}}}},
		{"<</A 1 /A 2>>", Dict{"A": int64(2)}},
		{"<</A 12 65535 R>>", Dict{"A": Ref{12, 65535}}},
		{"<</A#42 (\\051)>>", Dict{"AB": String(")")}},
	} {
		got, err := parse(c.in)
		if c.in == "[1 0 RG]" {
			if err == nil {
				t.Errorf("%s: got %v, want an error", c.in, got)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %#v, %v, want %#v", c.in, got, err, c.want)
		}
	}
	for _, in := range []string{"", "]", ">>", ">", ")", "}", "{", "(a", "<4", "<4x>", "[1", "<</A", "<</A>>", "<<1 2>>", "nul", "--1", "1e5", "0x1", "<</A 1"} {
		if got, err := parse(in); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: got %#v, %v, want ErrMalformed", in, got, err)
		}
	}
}

// TestAppend: what is written is read back the same, whatever bytes it has.
func TestAppend(t *testing.T) {
	all := make(String, 256)
	name := Name("")
	for i := range all {
		all[i] = byte(i)
		if i > 0 {
			name += Name([]byte{byte(i)})
		}
	}
	for _, c := range []struct {
		o    Object
		want string // "" = only read back
	}{
		{Dict{"B": int64(1), "Type": Name("X"), "A": nil, "Subtype": true}, "<</Type /X/Subtype true/B 1>>"},
		{Array{0.00001, 5.0, -1e21, 1.5}, "[0.00001 5.0 -1000000000000000000000.0 1.5]"},
		{String("a(b)\\c\nd"), `(a\(b\)\\c\nd)`},
		{String("\x00"), "<00>"},
		{EncodeText("Шевченко"), ""}, // UTF-16 with bytes 0x28, 0x29 and 0x5C is where others break
		{EncodeText("(\u2829\u5c5c)"), ""},
		{all, ""},
		{name, ""},
		{Name("A B#/"), "/A#20B#23#2F"},
		{Ref{7, 2}, "7 2 R"},
	} {
		b, err := Append(nil, c.o)
		if err != nil || c.want != "" && string(b) != c.want {
			t.Errorf("%#v: wrote %s, %v, want %s", c.o, b, err, c.want)
		}
		got, err := parse(string(b))
		want := c.o
		if d, ok := want.(Dict); ok {
			want = d.Clone()
			delete(want.(Dict), "A")
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%#v: read back %#v, %v", c.o, got, err)
		}
	}
}

// TestClone: nothing of a copy is the original's.
func TestClone(t *testing.T) {
	o := Dict{"A": Array{Dict{"S": String("a")}}, "T": &Stream{Dict: Dict{"X": int64(1)}}}
	c := Clone(o).(Dict)
	c["A"].(Array)[0].(Dict)["S"].(String)[0] = 'b'
	c["T"].(*Stream).Dict["X"] = int64(2)
	c["N"] = true
	want := Dict{"A": Array{Dict{"S": String("a")}}, "T": &Stream{Dict: Dict{"X": int64(1)}}}
	if !reflect.DeepEqual(o, want) {
		t.Errorf("the original became %v", o)
	}
}

// TestWindow crosses the edges of windows, forward and back.
func TestWindow(t *testing.T) {
	data := make([]byte, 3*windowMax)
	for i := range data {
		data[i] = byte(i * 7)
	}
	w := newWindow(bytes.NewReader(data), 5, int64(len(data))-3)
	for i := 5; i < len(data)-3; i++ {
		if c, ok := w.next(); !ok || c != data[i] {
			t.Fatalf("byte %d: got %d, %v, want %d", i, c, ok, data[i])
		}
	}
	if _, ok := w.next(); ok {
		t.Error("a byte after the end")
	}
	for _, off := range []int{0, 70000, 69999, 12, len(data) - 4} {
		w.seek(int64(off))
		if c, ok := w.peek(); !ok || c != data[off] || w.offset() != int64(off) {
			t.Errorf("after seek to %d: %d, %v at %d", off, c, ok, w.offset())
		}
	}
}
