package forms

import (
	"errors"
	"io/fs"
	"os"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// Any bytes make a form that can be drawn with the longest answers, or an error.
func FuzzParseForm(f *testing.F) {
	names, err := fs.Glob(os.DirFS("catalogue"), "*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile("catalogue/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	s, err := loadShared(os.DirFS("catalogue"), faceOf(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		began := time.Now()
		defer func() {
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("took %v", took)
			}
		}()
		form, err := parseForm(b, s)
		if err != nil {
			if !errors.Is(err, ErrCatalogue) {
				t.Errorf("error %v, want %v", err, ErrCatalogue)
			}
			return
		}
		for _, values := range []map[string]string{nil, longest(form)} {
			kept := map[string]string{}
			for id, v := range values {
				if k, bad := form.Field(id).Check(v, English, day); bad == nil {
					kept[id] = k
				}
			}
			if _, err := form.draw(kept, English, day); err != nil {
				t.Errorf("draw: %v", err)
			}
		}
	})
}

// Whatever is typed, Fill draws it whole, or says which field is wrong.
func FuzzFill(f *testing.F) {
	f.Add("CHAN, Tai Man", "九龍油麻地\n彌敦道123號", "A123456(3)", "2026-11-23", "1234.5", uint8(0))
	f.Add("\u202e", "\xff", "A123456(A)", "0000-00-00", "1e9", uint8(9))
	f.Fuzz(func(t *testing.T, text, lines, id, date, amount string, n uint8) {
		forms := catalogue(t).Forms()
		form := forms[int(n)%len(forms)]
		lang := Languages[int(n)%len(Languages)]
		values := sample(form)
		for _, field := range form.Fields() {
			switch field.Kind {
			case KindText, KindChineseName, KindEmail, KindChoice:
				tryInto(values, field, text)
			case KindMultiline:
				tryInto(values, field, lines)
			case KindHKID, KindPhone:
				tryInto(values, field, id)
			case KindDate:
				tryInto(values, field, date)
			case KindAmount:
				tryInto(values, field, amount)
			}
		}
		b, err := form.Fill(values, lang, day)
		if err != nil {
			t.Fatalf("fill: %v", err)
		}
		checkFile(t, form, lang, values, b)
	})
}

// tryInto gives an answer if the field takes it, so that the fuzzer need not get all of
// them right at once; else it sees that there is a message.
func tryInto(values map[string]string, field *Field, v string) {
	if _, bad := field.Check(v, Simplified, day); bad == nil {
		values[field.ID] = v
	} else if bad.Message == "" || !utf8.ValidString(bad.Message) {
		panic("no message for " + bad.Key)
	}
}

func TestFillProperty(t *testing.T) {
	forms := catalogue(t).Forms()
	chars := []rune("aW -/.,()「」。香港𨋢𠝹鬱“”é1\n")
	rapid.Check(t, func(rt *rapid.T) {
		form := rapid.SampledFrom(forms).Draw(rt, "form")
		lang := rapid.SampledFrom(Languages[:]).Draw(rt, "lang")
		values := sample(form)
		for _, field := range form.Fields() {
			switch v := rapid.StringOfN(rapid.SampledFrom(chars), 0, field.Max, -1).Draw(rt, field.ID); {
			case !field.Required && rapid.Bool().Draw(rt, "empty "+field.ID):
				delete(values, field.ID)
			default:
				tryInto(values, field, v)
			}
		}
		b, err := form.Fill(values, lang, day)
		if err != nil {
			rt.Fatalf("fill: %v", err)
		}
		checkFile(t, form, lang, values, b)
	})
}
