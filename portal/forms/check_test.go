package forms

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func faceOf(t testing.TB) *faces { return catalogue(t).faces }

func TestCheckKinds(t *testing.T) {
	text := Text{"a", "b", "c"}
	two := []*Option{{"yes", text}, {"no", text}}
	for _, c := range []struct {
		field     Field
		in        string
		want, key string
	}{
		{Field{Kind: KindText}, "  CHAN  ", "CHAN", ""},
		{Field{Kind: KindText, Required: true}, " \t ", "", "required"},
		{Field{Kind: KindText}, "", "", ""},
		{Field{Kind: KindText, Max: 3}, "𨋢𨋢𨋢", "𨋢𨋢𨋢", ""},
		{Field{Kind: KindText, Max: 3}, "abcd", "", "tooLong"},
		{Field{Kind: KindText}, strings.Repeat("x", maxValue+1), "", "tooLong"},
		{Field{Kind: KindText, Pattern: "[A-Z]+"}, "ABc", "", "pattern"},
		{Field{Kind: KindText, Pattern: "A|B"}, "AB", "", "pattern"},
		{Field{Kind: KindText}, "a\nb", "", "character"},
		{Field{Kind: KindText}, "smile 😀", "", "character"},
		{Field{Kind: KindText}, "abc\u202edef", "", "character"},
		{Field{Kind: KindText}, "葛\U000E0100", "", "character"},
		{Field{Kind: KindText}, "\xff", "", "character"},
		{Field{Kind: KindText}, "e\u0301", "é", ""},
		{Field{Kind: KindMultiline}, "a\r\nb  \rc\n\n", "a\nb\nc", ""},
		{Field{Kind: KindMultiline, Lines: 2}, strings.Repeat("a\n", 8) + "a", "", "tooManyLines"},
		{Field{Kind: KindMultiline, Lines: 2}, strings.Repeat("a\n", 7) + "a", strings.Repeat("a\n", 7) + "a", ""},
		{Field{Kind: KindDate}, "2026-02-29", "", "date"},
		{Field{Kind: KindDate}, "2024-02-29", "2024-02-29", ""},
		{Field{Kind: KindDate}, "23/11/2026", "", "date"},
		{Field{Kind: KindDate, When: "past"}, "2026-11-23", "2026-11-23", ""},
		{Field{Kind: KindDate, When: "past"}, "2026-11-24", "", "past"},
		{Field{Kind: KindDate, When: "future"}, "2026-11-22", "", "future"},
		{Field{Kind: KindChoice, Options: two}, "yes", "yes", ""},
		{Field{Kind: KindChoice, Options: two}, "maybe", "", "choice"},
		{Field{Kind: KindCheckbox}, "true", "true", ""},
		{Field{Kind: KindCheckbox}, "false", "", ""},
		{Field{Kind: KindCheckbox}, "on", "", "choice"},
		{Field{Kind: KindCheckbox, Required: true}, "false", "", "tick"},
		{Field{Kind: KindHKID}, "a123456(3)", "A123456(3)", ""},
		{Field{Kind: KindHKID}, "C6686689", "C668668(9)", ""},
		{Field{Kind: KindHKID}, "P103265（1）", "P103265(1)", ""},
		{Field{Kind: KindHKID}, "G000000(A)", "G000000(A)", ""},
		{Field{Kind: KindHKID}, "Z683365(A)", "Z683365(A)", ""},
		{Field{Kind: KindHKID}, "AB987654(3)", "AB987654(3)", ""},
		{Field{Kind: KindHKID}, "WX 123456 (9)", "WX123456(9)", ""},
		{Field{Kind: KindHKID}, "A123456(A)", "", "hkid"}, // the official sample, which is wrong
		{Field{Kind: KindHKID}, "A123456", "", "hkid"},
		{Field{Kind: KindHKID}, "A123456(3", "", "hkid"},
		{Field{Kind: KindHKID}, "ABC123456(3)", "", "hkid"},
		{Field{Kind: KindPhone}, "9123 4567", "91234567", ""},
		{Field{Kind: KindPhone}, "+852 2123-4567", "21234567", ""},
		{Field{Kind: KindPhone}, "+44 20 7946 0000", "+442079460000", ""},
		{Field{Kind: KindPhone}, "+852 1123 4567", "", "phone"},
		{Field{Kind: KindPhone}, "01234567", "", "phone"},
		{Field{Kind: KindEmail}, "a.b@example.hk", "a.b@example.hk", ""},
		{Field{Kind: KindEmail}, "a@b", "", "email"},
		{Field{Kind: KindEmail}, "a@b.hk,c@d.hk", "", "email"},
		{Field{Kind: KindAmount, Most: maxAmount}, "HK$1,234.5", "1234.50", ""},
		{Field{Kind: KindAmount, Most: maxAmount}, "1.234", "", "amount"},
		{Field{Kind: KindAmount, Most: maxAmount}, "-1", "", "amount"},
		{Field{Kind: KindAmount, Least: 10, Most: 20}, "9.99", "", "tooSmall"},
		{Field{Kind: KindAmount, Least: 10, Most: 20}, "20.01", "", "tooLarge"},
		{Field{Kind: KindAmount, Least: 10, Most: 20}, "020", "20.00", ""},
		{Field{Kind: KindChineseName}, "𠝹𨋢", "𠝹𨋢", ""},
		{Field{Kind: KindChineseName}, "\uF907", "\uF907", ""}, // a compatibility ideograph stays
		{Field{Kind: KindChineseName}, "陳Tai", "", "chineseName"},
		{Field{Kind: KindChineseName}, "陳大文陳大文陳", "", "tooLong"},
	} {
		f := c.field
		f.ID, f.Label, f.faces = "field", text, faceOf(t)
		if err := f.validate(); err != nil {
			t.Fatalf("%+v: %v", f, err)
		}
		for _, lang := range Languages {
			got, bad := f.Check(c.in, lang, day)
			key := ""
			if bad != nil {
				key = bad.Key
				if bad.Message == "" || strings.Contains(bad.Message, "%") {
					t.Errorf("%s %.30q: the message in %s is %q", f.Kind, c.in, lang, bad.Message)
				}
			}
			if got != c.want || key != c.key {
				t.Errorf("%s %.30q: %q, %q; want %q, %q", f.Kind, c.in, got, key, c.want, c.key)
			}
		}
	}
}

func TestShow(t *testing.T) {
	for _, c := range []struct {
		kind                 Kind
		in, en, hant, wonder string
	}{
		{KindDate, "2026-11-03", "3 November 2026", "2026年11月3日", ""},
		{KindAmount, "1234567.80", "HK$1,234,567.80", "HK$1,234,567.80", ""},
		{KindPhone, "91234567", "9123 4567", "9123 4567", ""},
		{KindPhone, "+442079460000", "+442079460000", "+442079460000", ""},
		{KindText, "", "", "", ""},
	} {
		f := &Field{Kind: c.kind}
		if en, hant := f.Show(c.in, English), f.Show(c.in, Traditional); en != c.en || hant != c.hant {
			t.Errorf("%s %q: %q, %q; want %q, %q", c.kind, c.in, en, hant, c.en, c.hant)
		}
	}
}

func TestFillRefuses(t *testing.T) {
	f := form(t, "vehicle-licence")
	values := sample(f)
	values["hkid"], values["insuredUntil"], values["email"] = "A123456(A)", "2020-01-01", "secret-text"
	delete(values, "address")
	_, err := f.Fill(values, Traditional, day)
	var wrong *FieldErrors
	if !errors.As(err, &wrong) {
		t.Fatalf("error %v, want FieldErrors", err)
	}
	var got []string
	for _, e := range wrong.Errors {
		got = append(got, e.Field+" "+e.Key)
	}
	if diff := cmp.Diff([]string{"hkid hkid", "email email", "address required", "insuredUntil future"}, got); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	if m := wrong.Message("hkid"); !strings.Contains(m, "身份證號碼") {
		t.Errorf("message of hkid %q", m)
	}
	for _, secret := range []string{"A123456", "secret", "陳大文", "Tai Man"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error text has the value %q: %v", secret, err)
		}
	}
	values = sample(f)
	values["nobody"] = "x"
	if _, err := f.Fill(values, English, day); !errors.Is(err, ErrUnknownField) {
		t.Errorf("unknown field: %v, want %v", err, ErrUnknownField)
	}
	values["<script>"] = "x"
	delete(values, "nobody")
	if _, err := f.Fill(values, English, day); !errors.Is(err, ErrUnknownField) || strings.Contains(err.Error(), "script") {
		t.Errorf("unknown field: %v, want %v without its name", err, ErrUnknownField)
	}
	for _, lang := range []string{"", "fr", "zh"} {
		if _, err := f.Fill(sample(f), lang, day); !errors.Is(err, ErrLanguage) {
			t.Errorf("language %q: %v, want %v", lang, err, ErrLanguage)
		}
		if _, err := f.Blank(lang, day); !errors.Is(err, ErrLanguage) {
			t.Errorf("blank in language %q: %v, want %v", lang, err, ErrLanguage)
		}
	}
}

// A line is never wider than its box, and breaking loses nothing but spaces.
func TestWrapHolds(t *testing.T) {
	f := faceOf(t)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("aW -/.,()「」。，香港𨋢鬱“”é1")), 0, 120, -1).Draw(t, "text")
		w := rapid.Float64Range(20, 400).Draw(t, "width")
		s := style{size: rapid.Float64Range(6, 18).Draw(t, "size")}
		lines := f.wrap(text, s, w)
		for _, l := range lines {
			if got := f.width(l, s); got > w+1e-6 && len([]rune(l)) > 1 {
				t.Fatalf("line %q is %.2f wide, the box %.2f", l, got, w)
			}
		}
		squeeze := func(s string) string { return strings.ReplaceAll(s, " ", "") }
		if got := squeeze(strings.Join(lines, "")); got != squeeze(text) {
			t.Fatalf("text %q became %q", text, got)
		}
	})
}

func TestWrapMarks(t *testing.T) {
	f, s := faceOf(t), style{size: 10}
	for _, c := range []struct {
		text string
		w    float64
		want []string
	}{
		{"香港特別行政區，中國", 70, []string{"香港特別行政", "區，中國"}},
		{"見「香港」條", 25, []string{"見", "「香", "港」", "條"}},
		{"two words", 35, []string{"two", "words"}},
		{"line\n\nend", 100, []string{"line", "", "end"}},
		{"", 100, []string{""}},
	} {
		if diff := cmp.Diff(c.want, f.wrap(c.text, s, c.w)); diff != "" {
			t.Errorf("%q in %.0f (-want +got):\n%s", c.text, c.w, diff)
		}
	}
}
