package jades

import (
	"fmt"
	"strconv"
	"strings"

	"chop/internal/jws"
	"chop/signer/pades"
)

// A counter is the signature that another one countersigns.
type counter struct {
	of    *jws.Signature
	field string // of the counter-signature
}

// PrepareCounter prepares a counter-signature (TS 119 182-1, 5.3.2): a JWS on the value of the
// signature that target names, "Signature 1", in the document r.Beside, put into its etsiU. It
// reaches B-LT; an archive timestamp of the signature that it is on covers it (Extend).
func PrepareCounter(r Request, target string) (*Document, error) {
	if len(r.In) > 0 || r.Detached || r.Name != "" || r.ContentType != "" {
		return nil, bad("a counter-signature signs no file")
	}
	if r.Level.AtLeast(pades.LevelLTA) {
		return nil, bad("a counter-signature reaches B-LT; extend the signature that it is on to B-LTA")
	}
	beside := r.Beside
	if r.Beside = nil; r.Serialization == General {
		return nil, bad("a counter-signature is flattened or compact")
	}
	doc, err := jws.Open(beside, jws.Limits{})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	n, err := strconv.Atoi(strings.TrimPrefix(target, "Signature "))
	if err != nil || n < 1 || n > len(doc.Signatures) {
		return nil, bad("no signature %q, there are Signature 1 to Signature %d", target, len(doc.Signatures))
	}
	of := doc.Signatures[n-1]
	if err := firstOf(of.Err, of.Critical); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	c := &counter{of: of}
	others := 1
	for _, u := range of.Unsigned {
		if u.Name == "cSig" {
			others++
		}
	}
	c.field = fmt.Sprintf("%s, counter-signature %d", fieldName(n-1), others)
	// What cannot be added to is refused before the key is used.
	if _, err := c.put([]byte("{}")); err != nil {
		return nil, err
	}
	r.In = of.Value
	if err := r.check(); err != nil {
		return nil, err
	}
	d := &Document{req: r, hash: r.Identity.Hash(), beside: doc, counter: c}
	return d.prepare()
}

// put returns the document with a counter-signature in it; its payload is left out, for it is
// the value that stands beside it.
func (c *counter) put(signature []byte) ([]byte, error) {
	if signature[0] != '{' {
		signature = []byte(`"` + string(signature) + `"`)
	}
	b, err := c.of.Append([]byte(`{"cSig":` + string(signature) + "}"))
	if err == nil && len(b) > jws.MaxSize {
		err = fmt.Errorf("%w: %d bytes", jws.ErrLimit, len(b))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	return b, nil
}
