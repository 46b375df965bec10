package forms

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var day = time.Date(2026, 11, 23, 14, 5, 0, 0, hongKong)

// sample answers every field of a form as a person would.
func sample(f *Form) map[string]string {
	given := map[string]string{
		"enName": "CHAN, Tai Man", "zhName": "陳大文", "hkid": "A123456(3)", "phone": "91234567", "email": "taiman.chan@example.hk",
		"childEnName": "CHAN, Siu Kit Jessica", "childZhName": "𠝹𨋢潔", "registrationMark": "ZZ 1234", "count": "3", "net": "34",
		"callSign": "VR2XYZ", "accountNumber": "01234567890", "helperName": "SANTOS, Maria Clara", "helperPhone": "+639171234567",
	}
	values := map[string]string{}
	for _, field := range f.Fields() {
		v, ok := given[field.ID]
		switch {
		case ok:
		case field.Kind == KindChoice:
			v = field.Options[1].Key
		case field.Kind == KindCheckbox:
			v = "true"
		case field.Kind == KindDate:
			v = map[string]string{"past": "1990-02-28", "future": "2027-03-01", "": "2026-12-01"}[field.When]
		case field.Kind == KindAmount:
			v = "5100"
		case field.Kind == KindHKID:
			v = "A123456(3)"
		case field.Kind == KindMultiline:
			v = "九龍油麻地彌敦道123號吉祥大廈𠝹座12樓A室\nFlat A, 12/F, Block K, Lucky Mansion, 123 Nathan Road, Yau Ma Tei, Kowloon（𨋢口右轉）"
		case field.pattern.re != nil:
			v = "AB1234"
			if utf8.RuneCountInString(v) > field.Max {
				v = v[:field.Max]
			}
		default:
			v = "香港示範有限公司 Sample Company (Hong Kong) Limited"
			if r := []rune(v); len(r) > field.Max {
				v = strings.TrimSpace(string(r[:field.Max]))
			}
		}
		values[field.ID] = v
	}
	return values
}

// longest answers every field with as much, and as wide, as it takes.
func longest(f *Form) map[string]string {
	values := sample(f)
	for _, field := range f.Fields() {
		switch field.Kind {
		case KindText:
			wide := "龘"
			if field.pattern.re != nil {
				wide = "W"
			}
			for _, try := range []string{strings.Repeat(wide, field.Max), strings.Repeat("9", field.Max)} {
				if field.pattern.match(try) {
					values[field.ID] = try
					break
				}
			}
		case KindMultiline:
			values[field.ID] = strings.Repeat("鬱\n", field.MaxLines()-1) + strings.Repeat("龘", field.Max-2*(field.MaxLines()-1))
		case KindChineseName:
			values[field.ID] = strings.Repeat("𨋢", field.Max)
		case KindEmail:
			values[field.ID] = strings.Repeat("w", 64) + "@" + strings.Repeat("m", 25) + ".example"
		}
	}
	return values
}

func receipt(n int) ReceiptData {
	d := ReceiptData{
		ID: "0197a3c2-5b1e-7c40-9d2f-3e8a61b7c0d4", Service: "Transport Department 運輸署", Signer: "CHAN, Tai Man 陳大文",
		At: day, Serial: "4f1d09a7c35be2881a60d7f2934bc51e", Issuer: "Chop Sample Issuing CA", CheckURL: "http://localhost:8080/check",
	}
	for i := range n {
		d.Documents = append(d.Documents, ReceiptDocument{Name: fmt.Sprintf("TD 9001 車輛牌照續期申請表 (%d).pdf", i+1), SHA256: sha256.Sum256([]byte{byte(i)}), Size: 91_289})
	}
	return d
}

// longReceipt has as much of everything as a receipt takes.
func longReceipt() ReceiptData {
	long := strings.Repeat("龘", maxReceiptText/3)
	d := receipt(maxReceiptDocuments)
	d.ID, d.Service, d.Signer, d.Serial, d.Issuer, d.CheckURL = long, long, long, strings.Repeat("f", maxReceiptText), long, long
	for i := range d.Documents {
		d.Documents[i].Name, d.Documents[i].Size = strings.Repeat("W😀", maxReceiptText/5), 1<<62
	}
	return d
}

// With CHOP_LOOK=DIR the test writes every form there, blank, filled and overfull, for
// the eye.
func TestLook(t *testing.T) {
	dir := os.Getenv("CHOP_LOOK")
	if dir == "" {
		dir = t.TempDir() // nobody looks, but all can be drawn
	}
	write := func(name string, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, name+".pdf"), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, lang := range Languages {
		for n, data := range map[string]ReceiptData{"one": receipt(1), "ten": longReceipt()} {
			b, err := catalogue(t).Receipt(data, lang)
			if err != nil {
				t.Fatal(err)
			}
			write("receipt-"+lang+"-"+n, b)
		}
	}
	for _, f := range catalogue(t).Forms() {
		for _, lang := range Languages {
			for name, values := range map[string]map[string]string{"blank": nil, "filled": sample(f), "longest": longest(f)} {
				draw := func() ([]byte, error) { return f.Fill(values, lang, day) }
				if values == nil {
					draw = func() ([]byte, error) { return f.Blank(lang, day) }
				}
				b, err := draw()
				if err != nil {
					t.Fatalf("%s %s %s: %v", f.ID, lang, name, err)
				}
				write(f.ID+"-"+lang+"-"+name, b)
			}
		}
	}
}
