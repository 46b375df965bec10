package approval

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

var (
	// errSecret: the body names the passkey's PRF results, by which the secret s
	// would leave the device. docs/sole-control.md, 4.3.
	errSecret = errors.New("the request carries a passkey's extension results")
	errBody   = errors.New("the request is not what the approval page sends")
)

// maxNesting of a body; the deepest that the page sends is 2.
const maxNesting = 8

// secretKeys may not be a key anywhere in a body, in any case of letters.
var secretKeys = []string{"prf", "clientextensionresults", "hmac-secret", "hmacgetsecret"}

// inspect reads one JSON object: its keys at the top level are among allowed,
// none comes twice in its object, nothing follows, and no key at any depth is a
// secretKey, nor inside the JSON that the member "request" carries in base64url.
func inspect(body []byte, allowed ...string) error {
	if !utf8.Valid(body) {
		return fmt.Errorf("%w: not UTF-8", errBody)
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	first, err := dec.Token()
	if err != nil || first != json.Delim('{') {
		return fmt.Errorf("%w: not a JSON object", errBody)
	}
	// The whole is read before an unknown key is refused: the alarm counts more.
	seen, err := readObject(dec, 1)
	if err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return fmt.Errorf("%w: something follows the JSON", errBody)
	}
	for key := range seen {
		if !slices.Contains(allowed, key) {
			return fmt.Errorf("%w: unknown key", errBody)
		}
	}
	if text, ok := seen["request"].(string); ok {
		return inspectInner(text)
	}
	return nil
}

func inspectInner(text string) error {
	inner, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return fmt.Errorf("%w: request is not base64url", errBody)
	}
	dec := json.NewDecoder(bytes.NewReader(inner))
	dec.UseNumber()
	if first, err := dec.Token(); err != nil || first != json.Delim('{') {
		return fmt.Errorf("%w: request is not a JSON object", errBody)
	}
	_, err = readObject(dec, 1)
	return err
}

// readObject reads to the end of an object whose { was read, and returns the
// members that are texts with their values, the others with nil.
func readObject(dec *json.Decoder, depth int) (map[string]any, error) {
	members := make(map[string]any)
	for dec.More() {
		tok, err := dec.Token()
		key, ok := tok.(string)
		if err != nil || !ok {
			return nil, fmt.Errorf("%w: not JSON", errBody)
		}
		if slices.Contains(secretKeys, strings.ToLower(key)) {
			return nil, errSecret
		}
		if _, twice := members[key]; twice {
			return nil, fmt.Errorf("%w: a key comes twice", errBody)
		}
		if members[key], err = readValue(dec, depth); err != nil {
			return nil, err
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, fmt.Errorf("%w: not JSON", errBody)
	}
	return members, nil
}

func readValue(dec *json.Decoder, depth int) (any, error) {
	tok, err := dec.Token()
	if err != nil {
		return nil, fmt.Errorf("%w: not JSON", errBody)
	}
	if depth >= maxNesting {
		return nil, fmt.Errorf("%w: nested too deep", errBody)
	}
	switch tok {
	case json.Delim('{'):
		_, err := readObject(dec, depth+1)
		return nil, err
	case json.Delim('['):
		for dec.More() {
			if _, err := readValue(dec, depth+1); err != nil {
				return nil, err
			}
		}
		if _, err := dec.Token(); err != nil {
			return nil, fmt.Errorf("%w: not JSON", errBody)
		}
		return nil, nil
	}
	if text, ok := tok.(string); ok {
		return text, nil
	}
	return nil, nil
}
