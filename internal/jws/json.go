package jws

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"unicode/utf8"
)

// A value is one JSON value and where it stands in the text.
type value struct {
	kind    byte   // { [ " 0 (a number) or l (true, false, null)
	text    string // of a string, or of anything else that is no object or array, as written
	members []member
	items   []*value
	start   int // the offset of its first byte
	end     int // the offset behind its last
}

type member struct {
	name  string
	value *value
}

// A reader builds values, within limits. encoding/json decides what is JSON; what it would
// let pass is refused here: names that occur twice, octets and escapes that are no Unicode.
type reader struct {
	data   []byte
	dec    *json.Decoder
	limits Limits
	count  int
}

func parseJSON(data []byte, l Limits) (*value, error) {
	if len(data) > l.Size {
		return nil, limit("%d bytes", len(data))
	}
	if !utf8.Valid(data) {
		return nil, malformed("not UTF-8")
	}
	if !json.Valid(data) {
		return nil, malformed("not JSON")
	}
	r := &reader{data: data, dec: json.NewDecoder(bytes.NewReader(data)), limits: l}
	r.dec.UseNumber()
	v, err := r.read(0)
	if err != nil {
		return nil, err
	}
	if _, err := r.dec.Token(); err != io.EOF {
		return nil, malformed("more than one JSON value")
	}
	return v, nil
}

func (r *reader) read(depth int) (*value, error) {
	if r.count++; r.count > r.limits.Values {
		return nil, limit("more than %d values", r.limits.Values)
	}
	if depth > r.limits.Depth {
		return nil, limit("deeper than %d", r.limits.Depth)
	}
	before := r.dec.InputOffset()
	token, err := r.dec.Token()
	if err != nil {
		return nil, malformed("%v", err)
	}
	v := &value{start: int(before)}
	for bytes.IndexByte([]byte(" \t\r\n,:"), r.data[v.start]) >= 0 { // what may stand before a value
		v.start++
	}
	switch t := token.(type) {
	case json.Delim:
		v.kind = byte(t)
		if t == '{' {
			err = r.object(v, depth)
		} else {
			err = r.array(v, depth)
		}
		if err == nil {
			_, err = r.dec.Token() // the closing one
		}
	case string:
		v.kind, v.text = '"', t
		err = r.unicode(t, before)
	case json.Number:
		v.kind, v.text = '0', t.String()
	default:
		v.kind = 'l'
		v.text = map[any]string{true: "true", false: "false"}[token]
	}
	v.end = int(r.dec.InputOffset())
	return v, err
}

func (r *reader) object(v *value, depth int) error {
	seen := map[string]bool{}
	for r.dec.More() {
		before := r.dec.InputOffset()
		token, err := r.dec.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return malformed("a member without a name")
		}
		if err := r.unicode(name, before); err != nil {
			return err
		}
		if seen[name] {
			return malformed("member %.80q occurs more than once", name)
		}
		seen[name] = true
		child, err := r.read(depth + 1)
		if err != nil {
			return err
		}
		v.members = append(v.members, member{name, child})
	}
	return nil
}

func (r *reader) array(v *value, depth int) error {
	for r.dec.More() {
		child, err := r.read(depth + 1)
		if err != nil {
			return err
		}
		v.items = append(v.items, child)
	}
	return nil
}

// unicode refuses half of a surrogate pair, which the decoder replaces: two texts would
// say the same.
func (r *reader) unicode(s string, before int64) error {
	if strings.ContainsRune(s, utf8.RuneError) && bytes.Contains(r.data[before:r.dec.InputOffset()], []byte(`\u`)) {
		return malformed("a string with half of a surrogate pair")
	}
	return nil
}

// get returns the member of an object, or nil.
func (v *value) get(name string) *value {
	if v == nil {
		return nil
	}
	for _, m := range v.members {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// str returns the text of a string member: absent is "", anything but a string an error.
func (v *value) str(name string) (string, error) {
	m := v.get(name)
	if m == nil {
		return "", nil
	}
	if m.kind != '"' {
		return "", malformed("%s is not a string", name)
	}
	return m.text, nil
}

// list returns the items of an array member: absent is none, anything but an array with
// items of that kind an error.
func (v *value) list(name string, kind byte, most int) ([]*value, error) {
	m := v.get(name)
	if m == nil {
		return nil, nil
	}
	if m.kind != '[' {
		return nil, malformed("%s is not an array", name)
	}
	if len(m.items) > most {
		return nil, limit("%s has more than %d items", name, most)
	}
	for _, item := range m.items {
		if item.kind != kind {
			return nil, malformed("%s has an item of another type", name)
		}
	}
	return m.items, nil
}
