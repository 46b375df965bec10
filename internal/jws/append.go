package jws

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Append returns the text with elements added to etsiU of one signature, each a JSON object
// with one member, in base64url. Every byte that is there stays; a compact serialisation,
// which has no place for them, becomes a flattened one.
func (s *Signature) Append(elements ...[]byte) ([]byte, error) {
	if s.Err != nil {
		return nil, s.Err
	}
	for _, u := range s.Unsigned {
		if u.Encoded == "" {
			return nil, errorf(ErrUndecided, "etsiU holds plain JSON, whose canonical form is not known here")
		}
	}
	if s.etsiU != nil && s.etsiU.kind != '[' {
		return nil, malformed("etsiU is not an array")
	}
	quoted := make([]string, len(elements))
	for i, e := range elements {
		quoted[i] = `"` + Encode(e) + `"`
	}
	list := strings.Join(quoted, ",")
	if s.doc.Serialization == Compact {
		payload := ""
		if s.doc.Payload != "" {
			text, err := json.Marshal(s.doc.Payload)
			if err != nil {
				return nil, malformed("payload: %v", err)
			}
			payload = `"payload":` + string(text) + ","
		}
		return []byte(`{` + payload + `"protected":"` + s.Protected + `","header":{"etsiU":[` + list + `]},"signature":"` + s.Encoded + `"}`), nil
	}
	in, filled := s.object, true
	switch {
	case s.etsiU != nil:
		in, filled = s.etsiU, len(s.etsiU.items) > 0
	case s.header != nil:
		in, filled, list = s.header, len(s.header.members) > 0, `"etsiU":[`+list+`]`
	default:
		list = `"header":{"etsiU":[` + list + `]}`
	}
	if filled {
		list = "," + list
	}
	at := in.end - 1
	return []byte(string(s.doc.text[:at]) + list + string(s.doc.text[at:])), nil
}

// Add returns the document in the general serialisation with one signature more, a JSON
// object. What is written of the others stays as it is; only their order within a flattened
// serialisation changes.
func (d *Document) Add(object []byte) ([]byte, error) {
	switch {
	case d.Serialization == Compact:
		s := d.Signatures[0]
		payload, err := json.Marshal(d.Payload)
		if err != nil || s.Err != nil {
			return nil, malformed("payload: %v", errors.Join(err, s.Err))
		}
		return fmt.Appendf(nil, `{"payload":%s,"signatures":[{"protected":"%s","signature":"%s"},%s]}`, payload, s.Protected, s.Encoded, object), nil
	case len(d.Signatures) == 0:
		return nil, malformed("no signature beside which to add one")
	case d.Serialization == General:
		at := d.top.get("signatures").end - 1
		return []byte(string(d.text[:at]) + "," + string(object) + string(d.text[at:])), nil
	}
	var outer, inner []string
	for _, m := range d.top.members {
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, malformed("a member's name: %v", err)
		}
		one := string(name) + ":" + string(d.text[m.value.start:m.value.end])
		if slices.Contains([]string{"protected", "header", "signature"}, m.name) {
			inner = append(inner, one)
		} else {
			outer = append(outer, one)
		}
	}
	outer = append(outer, `"signatures":[{`+strings.Join(inner, ",")+"},"+string(object)+"]")
	return []byte("{" + strings.Join(outer, ",") + "}"), nil
}
