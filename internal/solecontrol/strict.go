package solecontrol

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"
)

// Limits of any JSON that is read here.
const (
	MaxJSON  = 1 << 20
	maxDepth = 8
)

// Decode reads one JSON value into the struct that v points to, so that two
// readers of the same bytes cannot see two things in it: every key is there
// unless its tag says omitempty, none is unknown, none comes twice or in another
// case, nothing is null, nothing follows, and every text is plain (CheckText).
func Decode(data []byte, v any) error {
	if len(data) > MaxJSON {
		return fmt.Errorf("%w: JSON of %d bytes", ErrFormat, len(data))
	}
	if !utf8.Valid(data) {
		return fmt.Errorf("%w: JSON is not UTF-8", ErrFormat)
	}
	t := reflect.TypeOf(v)
	if t == nil || t.Kind() != reflect.Pointer {
		return fmt.Errorf("decode into %T: not a pointer", v)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	w := walker{dec}
	if err := w.value(t.Elem(), 0); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return fmt.Errorf("%w: something follows the JSON", ErrFormat)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return nil
}

// walker compares the tokens with the type that they are for.
type walker struct{ dec *json.Decoder }

func (w walker) token() (json.Token, error) {
	t, err := w.dec.Token()
	if err != nil {
		return nil, fmt.Errorf("%w: not JSON", ErrFormat)
	}
	if s, ok := t.(string); ok {
		if err := CheckText(s); err != nil {
			return nil, err
		}
	}
	return t, nil
}

var textType = reflect.TypeFor[encoding.TextUnmarshaler]()

// value reads one value. A number goes into a number only, and so on: what
// encoding/json refuses itself is left to it.
func (w walker) value(t reflect.Type, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%w: JSON nested over %d deep", ErrFormat, maxDepth)
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	tok, err := w.token()
	if err != nil {
		return err
	}
	isText := reflect.PointerTo(t).Implements(textType)
	switch tok {
	case json.Delim('{'):
		if t.Kind() != reflect.Struct || isText {
			return fmt.Errorf("%w: an object where none belongs", ErrFormat)
		}
		return w.object(t, depth)
	case json.Delim('['):
		if (t.Kind() != reflect.Slice && t.Kind() != reflect.Array) || isText {
			return fmt.Errorf("%w: an array where none belongs", ErrFormat)
		}
		n := 0
		for ; w.dec.More(); n++ {
			if err := w.value(t.Elem(), depth+1); err != nil {
				return err
			}
		}
		if t.Kind() == reflect.Array && n != t.Len() {
			return fmt.Errorf("%w: an array of %d, not %d", ErrFormat, n, t.Len())
		}
		_, err := w.token()
		return err
	case nil:
		return fmt.Errorf("%w: null", ErrFormat)
	}
	return nil
}

func (w walker) object(t reflect.Type, depth int) error {
	fields := jsonFields(t)
	seen := make(map[string]bool, len(fields))
	for w.dec.More() {
		tok, err := w.token()
		if err != nil {
			return err
		}
		key, _ := tok.(string)
		f, ok := fields[key]
		if !ok {
			return fmt.Errorf("%w: unknown key", ErrFormat) // not named: it is a stranger's text
		}
		if seen[key] {
			return fmt.Errorf("%w: key %q comes twice", ErrFormat, key)
		}
		seen[key] = true
		if err := w.value(f.t, depth+1); err != nil {
			return err
		}
	}
	if _, err := w.token(); err != nil {
		return err
	}
	for key, f := range fields {
		if !f.optional && !seen[key] {
			return fmt.Errorf("%w: key %q is missing", ErrFormat, key)
		}
	}
	return nil
}

type jsonField struct {
	t        reflect.Type
	optional bool
}

func jsonFields(t reflect.Type) map[string]jsonField {
	fields := make(map[string]jsonField, t.NumField())
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		fields[name] = jsonField{f.Type, strings.Contains(options, "omitempty")}
	}
	return fields
}
