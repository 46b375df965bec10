package hkic_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"chop/registration/hkic"
)

var noon = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC) // 12:00 in Hong Kong

func number(t testing.TB, s string) hkic.Number {
	t.Helper()
	n, err := hkic.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ text, secret, masked string }{
		{"A123456(3)", "A123456(3)", "A123•••(•)"},
		{"C668668(9)", "C668668(9)", "C668•••(•)"},
		{"P103265(1)", "P103265(1)", "P103•••(•)"},
		{"G000000(A)", "G000000(A)", "G000•••(•)"},
		{"Z683365(A)", "Z683365(A)", "Z683•••(•)"},
		{"AB987654(3)", "AB987654(3)", "AB987•••(•)"},
		{"WX123456(9)", "WX123456(9)", "WX123•••(•)"},
		{" a1234563 ", "A123456(3)", "A123•••(•)"},
		{"ab 987 654 ( 3 )", "AB987654(3)", "AB987•••(•)"},
		{"Ａ１２３４５６（３）", "A123456(3)", "A123•••(•)"},
	} {
		n, err := hkic.Parse(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.masked, err)
			continue
		}
		if n.Secret() != c.secret || n.String() != c.masked {
			t.Errorf("got %s %s, want %s %s", n.Secret(), n, c.secret, c.masked)
		}
		if s := fmt.Sprintf("%v %+v %#v %s", n, n, n, n); strings.Contains(s, c.secret[len(c.secret)-6:]) {
			t.Errorf("printing tells the number: %s", s)
		}
	}
}

// A123456(A) is the sample that circulates, and is wrong.
func TestNumbersRefused(t *testing.T) {
	for _, s := range []string{
		"", "A123456(A)", "A123456(4)", "A123456", "A123456()", "A123456(33)", "A123456(3", "A123456)3", "ABC123456(3)", "1123456(3)",
		"A12345(3)", "A1234567(3)", "A12345B(3)", "É123456(3)", strings.Repeat("A", 100), "AA123456(B)",
	} {
		n, err := hkic.Parse(s)
		if !errors.Is(err, hkic.ErrNumber) || !n.IsZero() {
			t.Errorf("%q: %v, want ErrNumber", s, err)
		} else if s != "" && strings.Contains(err.Error(), s) {
			t.Errorf("the error quotes the number: %v", err)
		}
	}
}

// Every number has one check digit, and a wrong digit or two neighbours swapped are found.
func TestCheckDigit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.StringMatching(`[A-Z]{1,2}`).Draw(t, "letters")
		digits := []byte(rapid.StringMatching(`[0-9]{6}`).Draw(t, "digits"))
		check := hkic.CheckDigit(letters, string(digits))
		if _, err := hkic.Parse(letters + string(digits) + string(check)); err != nil {
			t.Fatal(err)
		}
		i := rapid.IntRange(0, 4).Draw(t, "i")
		other := append([]byte{}, digits...)
		other[i], other[i+1] = other[i+1], other[i]
		if digits[i] != digits[i+1] && hkic.CheckDigit(letters, string(other)) == check {
			t.Fatalf("swapping %d goes unnoticed", i)
		}
		other = append([]byte{}, digits...)
		other[i] = '0' + (other[i]-'0'+byte(rapid.IntRange(1, 9).Draw(t, "by")))%10
		if hkic.CheckDigit(letters, string(other)) == check {
			t.Fatalf("changing %d goes unnoticed", i)
		}
	})
}

func card(t testing.TB) hkic.Card {
	return hkic.Card{
		Number: number(t, "A123456(3)"), Surname: "CHAN", GivenNames: "Tai Man", ChineseName: "陳大文", CommercialCodes: "7115 1129 2429",
		Birth: hkic.Date{Year: 1990, Month: 5, Day: 17}, Gender: "M", Issued: hkic.Date{Year: 2019, Month: 3, Day: 4}, FirstIssued: "06-01", Symbols: "***AZ",
	}
}

func TestCard(t *testing.T) {
	for name, change := range map[string]func(*hkic.Card){
		"as it is":                 func(*hkic.Card) {},
		"no Chinese name":          func(c *hkic.Card) { c.ChineseName, c.CommercialCodes = "", "" },
		"beyond the BMP":           func(c *hkic.Card) { c.ChineseName, c.CommercialCodes = "𨋢𠝹𠺢", "" },
		"six characters":           func(c *hkic.Card) { c.ChineseName, c.CommercialCodes = "歐陽𨋢大文明", "" },
		"no given name":            func(c *hkic.Card) { c.GivenNames = "" },
		"no gender":                func(c *hkic.Card) { c.Gender = "" },
		"year of birth alone":      func(c *hkic.Card) { c.Birth = hkic.Date{Year: 1957} },
		"birth without a day":      func(c *hkic.Card) { c.Birth = hkic.Date{Year: 1957, Month: 2} },
		"blanks":                   func(c *hkic.Card) { c.GivenNames = "  Tai   Man " },
		"a name of eighty letters": func(c *hkic.Card) { c.Surname, c.GivenNames = strings.Repeat("A", 40), strings.Repeat("B", 40) },
		"symbols in small letters": func(c *hkic.Card) { c.Symbols = "***az" },
	} {
		c := card(t)
		change(&c)
		got, err := c.Check(noon)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if again, err := got.Check(noon); err != nil || again != got {
			t.Errorf("%s: checked twice it is %+v (%v), once %+v", name, again, err, got)
		}
		if len(got.CommonName()) > 64 || strings.HasSuffix(got.CommonName(), ",") {
			t.Errorf("%s: common name %q", name, got.CommonName())
		}
	}
	for name, change := range map[string]func(*hkic.Card){
		"no number":              func(c *hkic.Card) { c.Number = hkic.Number{} },
		"no surname":             func(c *hkic.Card) { c.Surname = "" },
		"surname in Chinese":     func(c *hkic.Card) { c.Surname = "陳" },
		"long surname":           func(c *hkic.Card) { c.Surname = strings.Repeat("A", 41) },
		"seven characters":       func(c *hkic.Card) { c.ChineseName, c.CommercialCodes = "歐陽大文明華生", "" },
		"Chinese name in Latin":  func(c *hkic.Card) { c.ChineseName = "Chan" },
		"private use character":  func(c *hkic.Card) { c.ChineseName = "\ue000" },
		"codes for two of three": func(c *hkic.Card) { c.CommercialCodes = "7115 1129" },
		"gender":                 func(c *hkic.Card) { c.Gender = "male" },
		"born tomorrow":          func(c *hkic.Card) { c.Birth = hkic.Date{Year: 2026, Month: 11, Day: 24} },
		"born in 1700":           func(c *hkic.Card) { c.Birth = hkic.Date{Year: 1700} },
		"no birth":               func(c *hkic.Card) { c.Birth = hkic.Date{} },
		"issued before birth":    func(c *hkic.Card) { c.Issued = hkic.Date{Year: 1980, Month: 1, Day: 1} },
		"issued tomorrow":        func(c *hkic.Card) { c.Issued = hkic.Date{Year: 2026, Month: 11, Day: 24} },
		"partial date of issue":  func(c *hkic.Card) { c.Issued = hkic.Date{Year: 2019} },
		"unknown symbol":         func(c *hkic.Card) { c.Symbols = "***Q" },
		"not UTF-8":              func(c *hkic.Card) { c.GivenNames = "T\xff" },
	} {
		c := card(t)
		change(&c)
		if _, err := c.Check(noon); !errors.Is(err, hkic.ErrCard) {
			t.Errorf("%s: %v, want ErrCard", name, err)
		}
	}
}

// The age is what is certainly reached, by the calendar of Hong Kong.
func TestAge(t *testing.T) {
	for _, c := range []struct {
		birth, now string
		want       int
	}{
		{"2015-11-23", "2026-11-23T00:00:00+08:00", 11},
		{"2015-11-23", "2026-11-22T23:59:59+08:00", 10},
		{"2015-11-23", "2026-11-22T16:00:00Z", 11}, // the day has begun in Hong Kong
		{"2015-11-24", "2026-11-23T12:00:00+08:00", 10},
		{"2015-00-00", "2026-12-30T12:00:00+08:00", 10},
		{"2015-00-00", "2026-12-31T12:00:00+08:00", 11},
		{"2015-11-00", "2026-11-29T12:00:00+08:00", 10},
		{"2015-11-00", "2026-11-30T12:00:00+08:00", 11},
		{"2016-02-29", "2027-02-28T12:00:00+08:00", 10},
		{"2016-02-29", "2027-03-01T12:00:00+08:00", 11},
		{"1957-00-00", "2026-11-23T12:00:00+08:00", 68},
	} {
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		d, err := hkic.ParseDate(c.birth)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.AgeAt(now); got != c.want {
			t.Errorf("born %s, at %s: %d, want %d", c.birth, c.now, got, c.want)
		}
	}
}

func TestParseIssue(t *testing.T) {
	for in, want := range map[string]string{"04-03-19": "2019-03-04", "23-11-26": "2026-11-23", "24-11-26": "1926-11-24", "01-07-99": "1999-07-01"} {
		if d, err := hkic.ParseIssue(in, noon); err != nil || d.String() != want {
			t.Errorf("%s: %v %v, want %s", in, d, err, want)
		}
	}
	for _, in := range []string{"", "4-3-19", "00-03-19", "31-02-19", "2019-03-04", "aa-bb-cc"} {
		if d, err := hkic.ParseIssue(in, noon); !errors.Is(err, hkic.ErrCard) {
			t.Errorf("%s: %v %v, want ErrCard", in, d, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"A123456(3)", "ab987654(3)", "Ａ１２３４５６（３）", "A123456(A)", ")", "("} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := hkic.Parse(s)
		if err != nil {
			return
		}
		if again, err := hkic.Parse(n.Secret()); err != nil || again != n {
			t.Fatalf("%q: %s reads as %s (%v)", s, n.Secret(), again.Secret(), err)
		}
	})
}

func FuzzDates(f *testing.F) {
	for _, s := range []string{"1990-05-17", "1957-00-00", "04-03-19", "29-02-00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := hkic.ParseDate(s); err == nil {
			if again, err := hkic.ParseDate(d.String()); err != nil || again != d {
				t.Fatalf("%q: %v reads as %v (%v)", s, d, again, err)
			}
			d.AgeAt(noon)
		}
		if d, err := hkic.ParseIssue(s, noon); err == nil && hkic.Today(noon).Before(d) {
			t.Fatalf("%q is %v, after today", s, d)
		}
	})
}

func FuzzCard(f *testing.F) {
	f.Add("CHAN", "Tai Man", "陳大文", "7115 1129 2429", "***AZ")
	f.Add("O'BRIEN", "", "𨋢", "", "L1")
	f.Fuzz(func(t *testing.T, surname, given, chinese, codes, symbols string) {
		c := hkic.Card{
			Number: number(t, "A123456(3)"), Surname: surname, GivenNames: given, ChineseName: chinese, CommercialCodes: codes, Symbols: symbols,
			Birth: hkic.Date{Year: 1990}, Issued: hkic.Date{Year: 2019, Month: 3, Day: 4},
		}
		got, err := c.Check(noon)
		if err != nil {
			return
		}
		if again, err := got.Check(noon); err != nil || again != got {
			t.Fatalf("checked twice it is %+v (%v), once %+v", again, err, got)
		}
		if n := got.CommonName(); n == "" || len(n) > 64 {
			t.Fatalf("common name %q", n)
		}
	})
}
