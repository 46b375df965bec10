package asic

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// readName gives an entry's name. One that is not UTF-8 is of an old code page, of which the
// file does not say which: its bytes are shown, and nothing can refer to it.
func readName(raw []byte, flags uint16, extra []byte) (string, error) {
	name := string(raw)
	if !utf8.Valid(raw) {
		if flags&flagUTF8 != 0 {
			return "", malformed("a name that is not UTF-8")
		}
		name = strings.Map(func(r rune) rune {
			if r < ' ' || r >= 0x7f {
				return '\ufffd'
			}
			return r
		}, string(raw)) + fmt.Sprintf("\ufffd%x", raw)
	}
	for len(extra) >= 4 {
		id, n := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		if len(extra) < 4+n {
			return "", malformed("extra field of %q", name)
		}
		field := extra[4 : 4+n]
		extra = extra[4+n:]
		switch id {
		case 0x7075: // a second name, in UTF-8, for programs that know it
			if n < 5 || field[0] != 1 || binary.LittleEndian.Uint32(field[1:]) != crc32.ChecksumIEEE(raw) || !utf8.Valid(field[5:]) {
				return "", malformed("second name of %q", name)
			}
			if utf8.Valid(raw) && name != string(field[5:]) {
				return "", malformed("%q has a second name", name)
			}
			name = string(field[5:])
		case 0x0001:
			return "", malformed("ZIP64")
		}
	}
	return name, nil
}

// checkNames refuses names that lead elsewhere, and two that are one to a file system.
func checkNames(entries []*entry) error {
	seen := map[string]bool{}
	for _, e := range entries {
		if err := CheckName(strings.TrimSuffix(e.name, "/")); err != nil {
			return err
		}
		key := strings.ToLower(norm.NFKC.String(strings.TrimSuffix(e.name, "/")))
		if seen[key] {
			return malformed("the name %q occurs twice", e.name)
		}
		seen[key] = true
	}
	return nil
}

// CheckName refuses a name that is no plain relative path.
func CheckName(name string) error {
	if name == "" || len(name) > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, hidden) || strings.ContainsRune(name, '\\') {
		return malformed("name %.80q", name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." {
			return malformed("name %.80q leads elsewhere", name)
		}
	}
	if len(name) > 1 && name[1] == ':' {
		return malformed("name %.80q leads elsewhere", name)
	}
	return nil
}

// hidden reports characters that a person would not see, or that turn text around.
func hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}
