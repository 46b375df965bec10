package xmldsig

import (
	"bytes"
	"fmt"
	"regexp"
)

// maxAttributes is how many attributes and declarations an element may have: the parser
// compares each with each.
const maxAttributes = 1024

// encodings are those that are read: in each a byte that is < or = or a quote is that
// character, or it is UTF-16.
var encodings = regexp.MustCompile(`(?i)^(utf-?8|utf-?16(le|be)?|iso-10646-ucs-2|us-ascii|ascii|iso[-_]8859-\d+|windows-125\d|big5(-hkscs)?|gbk|gb2312|gb18030|shift_jis|euc-(jp|kr)|koi8-[ru])$`)

// declaration is an XML declaration with an encoding (XML 1.0, 2.8).
var declaration = regexp.MustCompile(`^<\?xml\s+version\s*=\s*(?:"[^"]*"|'[^']*')\s+encoding\s*=\s*(?:"([^"]*)"|'([^']*)')`)

// encodingOf returns the encoding that the declaration of a document names, or "". Of
// UTF-16 it is asked after narrow.
func encodingOf(text []byte) string {
	text, _, _ = bytes.Cut(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), []byte("?>"))
	if !bytes.HasPrefix(text, []byte("<?xml")) || !bytes.Contains(text, []byte("encoding")) {
		return ""
	}
	if m := declaration.FindSubmatch(text); m != nil {
		return string(m[1]) + string(m[2])
	}
	return "unknown"
}

// isUTF16 are the names of UTF-16.
var isUTF16 = regexp.MustCompile(`(?i)^(utf-?16|iso-10646-ucs-2)`)

// checkCrowd counts before the parser makes a tree: the whole, each start tag, and the
// attributes that a document type adds to each element.
func checkCrowd(data []byte, l Limits) error {
	text, err := narrow(data)
	if err != nil {
		return err
	}
	wide := len(text) < len(data)
	if name := encodingOf(text); name != "" && (!encodings.MatchString(name) || isUTF16.MatchString(name) && !wide) {
		return fmt.Errorf("%w: the encoding %q is not read here", ErrMalformed, clip(name))
	}
	tags := bytes.Count(text, []byte{'<'})
	if tags > 3*l.Elements || bytes.Count(text, []byte{'='}) > 2*l.Attributes {
		return fmt.Errorf("%w: too many elements or attributes", ErrLimit)
	}
	defaults, again := 0, false
	for at := bytes.IndexByte(text, '<'); at >= 0; {
		rest := text[at:]
		end := 1
		switch {
		case bytes.HasPrefix(rest, []byte("<!--")):
			end = after(rest, 4, "-->")
		case bytes.HasPrefix(rest, []byte("<![CDATA[")):
			end = after(rest, 9, "]]>")
		case bytes.HasPrefix(rest, []byte("<?")):
			end = after(rest, 2, "?>")
		// What is refused anyway, and in whose strings markup could hide from this count.
		case bytes.HasPrefix(rest, []byte("<!ENTITY")), bytes.HasPrefix(rest, []byte("<!NOTATION")):
			return fmt.Errorf("%w: it declares entities or notations", ErrDTD)
		case bytes.HasPrefix(rest, []byte("<!DOCTYPE")):
			if again {
				return fmt.Errorf("%w: two document types", ErrMalformed)
			}
			again = true
			if i := bytes.IndexAny(rest, "[>\"'"); i >= 0 && (rest[i] == '"' || rest[i] == '\'') {
				return fmt.Errorf("%w: it names an external one", ErrDTD)
			}
		case bytes.HasPrefix(rest, []byte("<!ATTLIST")):
			if end = tagEnd(rest); end > 0 {
				defaults += (bytes.Count(rest[:end], []byte{'"'}) + bytes.Count(rest[:end], []byte{'\''})) / 2
			}
			if defaults > maxAttributes || defaults*tags > 2*l.Attributes {
				return fmt.Errorf("%w: too many attributes by default", ErrLimit)
			}
		case bytes.HasPrefix(rest, []byte("<!")):
		default:
			if end = tagEnd(rest); end > 0 && bytes.Count(rest[:end], []byte{'='}) > maxAttributes && crowded(rest[:end]) {
				return fmt.Errorf("%w: an element with more than %d attributes", ErrLimit, maxAttributes)
			}
		}
		if end <= 0 {
			return nil // not well-formed, as the parser finds out
		}
		next := bytes.IndexByte(rest[end:], '<')
		if next < 0 {
			return nil
		}
		at += end + next
	}
	return nil
}

// crowded counts the attributes in a start tag: = in a value is none.
func crowded(tag []byte) bool {
	quote, n := byte(0), 0
	for _, c := range tag {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '=':
			n++
		}
	}
	return n > maxAttributes
}

// narrow returns UTF-16 with one byte a unit, what is not ASCII as an x, and anything else
// as it is. Four bytes a character and EBCDIC are not read.
func narrow(data []byte) ([]byte, error) {
	high := -1 // where the high byte is
	switch {
	case bytes.HasPrefix(data, []byte("\x4c\x6f\xa7\x94")), bytes.HasPrefix(data, []byte("\xff\xfe\x00\x00")),
		bytes.HasPrefix(data, []byte("\x00\x00")), bytes.HasPrefix(data, []byte("<\x00\x00\x00")):
		return nil, fmt.Errorf("%w: neither UTF-8 nor UTF-16", ErrMalformed)
	case bytes.HasPrefix(data, []byte("\xfe\xff")), bytes.HasPrefix(data, []byte("\x00<")):
		high = 0
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("<\x00")):
		high = 1
	default:
		return data, nil
	}
	text := make([]byte, 0, len(data)/2)
	for i := 0; i+1 < len(data); i += 2 {
		c := data[i+1-high]
		if data[i+high] != 0 || c >= 0x80 {
			c = 'x'
		}
		text = append(text, c)
	}
	if len(text) > 0 && text[0] == 'x' { // the byte order mark
		text = text[1:]
	}
	return text, nil
}
