package portal

import (
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// What browsers send in names, addresses and dates never leads out of where it belongs.
func FuzzTyped(f *testing.F) {
	for _, s := range []string{"form.pdf", `C:\docs\a.pdf`, "../../etc/passwd", "a\u202efdp.exe", "//evil.example/", "/account", "/\\evil", "2026", "\xff\x00", strings.Repeat("長", 200)} {
		f.Add(s, "1", "31")
	}
	f.Fuzz(func(t *testing.T, text, month, day string) {
		name := fileName(text, "unnamed")
		if name == "" || !utf8.ValidString(name) || len([]rune(name)) > 100 || strings.ContainsAny(name, "/\\\x00\r\n\u202e") {
			t.Fatalf("%q became the name %q", text, name)
		}
		if local(text) {
			base := url.URL{Scheme: "https", Host: "portal.example.hk"}
			to, err := base.Parse(text)
			if err == nil && (to.Host != base.Host || to.Scheme != base.Scheme) {
				t.Fatalf("%q leads to %v", text, to)
			}
		}
		switch date := composeDate(text, month, day); date {
		case "", "?":
		default:
			if _, err := time.Parse(time.DateOnly, date); err == nil && len(date) != len("2006-01-02") {
				t.Fatalf("%q is a date", date)
			}
		}
	})
}
