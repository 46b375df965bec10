package adobe

import (
	"fmt"
	"strings"
	"unicode/utf16"
)

// checkText refuses what pdfsign writes wrongly: it puts UTF-16 into a literal string
// without escaping, so that a byte that means something there (a parenthesis, a reverse
// solidus, a carriage return) ends or alters the string. "Шевченко" has one.
func checkText(text string) error {
	ascii := true
	for _, r := range text {
		if r < ' ' || r == 0x7f {
			return fmt.Errorf("%w: a control character in %q", ErrUnsupported, text)
		}
		ascii = ascii && r < 0x80
	}
	if ascii {
		return nil
	}
	for _, u := range utf16.Encode([]rune(text)) {
		for _, b := range []byte{byte(u >> 8), byte(u)} {
			if strings.IndexByte("()\\\r", b) >= 0 {
				return fmt.Errorf("%w: the text %q", ErrUnsupported, text)
			}
		}
	}
	return nil
}
