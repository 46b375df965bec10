package pdf

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// DecodeText decodes a text string (7.9.2.2): UTF-16 with a byte order mark of either
// order, UTF-8 with one (ISO 32000-2), else PDFDocEncoding. What is not a character
// becomes U+FFFD; language escapes are dropped.
func DecodeText(s String) string {
	switch {
	case len(s) >= 2 && s[0] == 0xFE && s[1] == 0xFF:
		return dropLanguage(decodeUTF16(s[2:], 0, 1))
	case len(s) >= 2 && s[0] == 0xFF && s[1] == 0xFE:
		return dropLanguage(decodeUTF16(s[2:], 1, 0))
	case len(s) >= 3 && s[0] == 0xEF && s[1] == 0xBB && s[2] == 0xBF:
		return dropLanguage(strings.ToValidUTF8(string(s[3:]), string(utf8.RuneError)))
	}
	var b strings.Builder
	for _, c := range s {
		b.WriteRune(pdfDoc(c))
	}
	return b.String()
}

// decodeUTF16 decodes pairs whose high and low bytes are at hi and lo.
func decodeUTF16(s String, hi, lo int) string {
	u := make([]uint16, 0, len(s)/2)
	for ; len(s) >= 2; s = s[2:] {
		u = append(u, uint16(s[hi])<<8|uint16(s[lo]))
	}
	out := string(utf16.Decode(u))
	if len(s) > 0 {
		out += string(utf8.RuneError)
	}
	return out
}

// dropLanguage removes the language codes between two escape characters.
func dropLanguage(s string) string {
	if !strings.ContainsRune(s, 0x1B) {
		return s
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, "\x1b")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		code, after, found := strings.Cut(rest, "\x1b")
		if !found || len(code) > 8 {
			s = rest // no language code after all
			continue
		}
		s = after
	}
}

// EncodeText encodes a text string: ASCII as it is, which every reader shows alike,
// anything else in UTF-16BE with its byte order mark. Invalid UTF-8 becomes U+FFFD.
func EncodeText(s string) String {
	ascii := true
	for i := range len(s) {
		c := s[i]
		if c >= 0x7F || c < 0x20 && c != '\n' && c != '\r' && c != '\t' {
			ascii = false
			break
		}
	}
	if ascii {
		return String(s)
	}
	out := String{0xFE, 0xFF}
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u>>8), byte(u))
	}
	return out
}

// pdfDoc decodes one byte of PDFDocEncoding (annex D.3).
func pdfDoc(c byte) rune {
	switch {
	case c >= 0x18 && c <= 0x1F:
		return pdfDoc18[c-0x18]
	case c >= 0x80 && c <= 0xA0:
		return pdfDoc80[c-0x80]
	case c == 0x7F || c == 0xAD:
		return utf8.RuneError
	}
	return rune(c)
}

var (
	pdfDoc18 = [8]rune{'˘', 'ˇ', 'ˆ', '˙', '˝', '˛', '˚', '˜'}
	pdfDoc80 = [33]rune{
		'•', '†', '‡', '…', '—', '–', 'ƒ', '⁄', '‹', '›', '−', '‰', '„', '“', '”', '‘',
		'’', '‚', '™', 'ﬁ', 'ﬂ', 'Ł', 'Œ', 'Š', 'Ÿ', 'Ž', 'ı', 'ł', 'œ', 'š', 'ž', utf8.RuneError,
		'€',
	}
)
