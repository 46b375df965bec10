package cms

import (
	"bytes"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// header is the identifier and length octets of one element.
type header struct {
	tag        byte
	size       int // octets of the header itself
	length     int // octets of the content, if not indefinite
	indefinite bool
	minimal    bool // the length is encoded as DER demands
}

func (h header) constructed() bool { return h.tag&0x20 != 0 }

const tagOctetStringConstructed = byte(cbasn1.OCTET_STRING) | 0x20

func readHeader(b []byte) (header, error) {
	if len(b) < 2 {
		return header{}, fmt.Errorf("%w: element cut off", ErrMalformed)
	}
	h := header{tag: b[0], size: 2, minimal: true}
	if h.tag&0x1f == 0x1f {
		return h, fmt.Errorf("%w: tag number above 30", ErrMalformed)
	}
	switch n := b[1]; {
	case n < 0x80:
		h.length = int(n)
	case n == 0x80:
		if !h.constructed() {
			return h, fmt.Errorf("%w: primitive element of indefinite length", ErrMalformed)
		}
		h.indefinite, h.minimal = true, false
		return h, nil
	default:
		n &= 0x7f
		if int(n) > len(b)-2 {
			return h, fmt.Errorf("%w: length cut off", ErrMalformed)
		}
		for _, c := range b[2 : 2+n] {
			if h.length >= maxSize {
				return h, fmt.Errorf("%w: element of more than %d bytes", ErrLimit, maxSize)
			}
			h.length = h.length<<8 | int(c)
		}
		h.size += int(n)
		h.minimal = h.length >= 0x80 && b[2] != 0
	}
	if h.length > len(b)-h.size {
		return h, fmt.Errorf("%w: element of %d bytes with %d left", ErrMalformed, h.length, len(b)-h.size)
	}
	return h, nil
}

// normaliser turns BER into DER as far as lengths and constructed OCTET STRINGs go; values are left alone. The
// certificates and CRLs of the outer SignedData are copied as they are, because their signatures cover their bytes.
type normaliser struct {
	elements int
	ber      bool // something was not DER
}

// normalise returns the one element that b holds, as DER; it is b itself where b was DER already. depth is that of b,
// counted from the ContentInfo: 0, or -1 for an element that wraps one.
func normalise(b []byte, depth int) (der []byte, ber bool, err error) {
	if len(b) > maxSize {
		return nil, false, fmt.Errorf("%w: message of %d bytes", ErrLimit, len(b))
	}
	var probe normaliser
	n, err := probe.walk(b, depth, false)
	if err != nil {
		return nil, false, err
	}
	if n != len(b) {
		return nil, false, fmt.Errorf("%w: %d bytes after the message", ErrMalformed, len(b)-n)
	}
	if !probe.ber {
		return b, false, nil
	}
	out := cryptobyte.NewBuilder(make([]byte, 0, len(b)))
	copyElement(out, b, depth, false)
	der, err = out.Bytes()
	if err != nil {
		return nil, true, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return der, true, nil
}

// walk checks the element at the start of b and gives its whole length, end-of-contents octets included.
// exact: the element belongs to the certificates or CRLs.
func (n *normaliser) walk(b []byte, depth int, exact bool) (int, error) {
	if n.elements++; n.elements > maxElements {
		return 0, fmt.Errorf("%w: more than %d elements", ErrLimit, maxElements)
	}
	if depth > maxDepth {
		return 0, fmt.Errorf("%w: nested deeper than %d", ErrLimit, maxDepth)
	}
	h, err := readHeader(b)
	if err != nil {
		return 0, err
	}
	if !h.minimal || h.tag == tagOctetStringConstructed {
		n.ber = true
	}
	if !h.constructed() || exact && !h.indefinite {
		return h.size + h.length, nil
	}
	octets := h.tag == tagOctetStringConstructed
	pos, end := h.size, h.size+h.length
	for h.indefinite || pos < end {
		rest := b[pos:]
		if !h.indefinite {
			rest = b[pos:end]
		} else if len(rest) >= 2 && rest[0] == 0 && rest[1] == 0 {
			return pos + 2, nil
		}
		if octets && len(rest) > 0 && rest[0]&^0x20 != byte(cbasn1.OCTET_STRING) {
			return 0, fmt.Errorf("%w: constructed OCTET STRING with another type inside", ErrMalformed)
		}
		size, err := n.walk(rest, depth+1, isExact(h.tag, depth))
		if err != nil {
			return 0, err
		}
		pos += size
	}
	return pos, nil
}

// isExact: the children of an element with this tag at this depth are certificates or CRLs of the SignedData
// (ContentInfo 0, explicit tag 1, SignedData 2, its fields 3).
func isExact(tag byte, depth int) bool {
	return depth == 3 && (tag == byte(tagConstructed0) || tag == byte(tagConstructed1))
}

// copyElement writes the element at the start of b, which walk has accepted, as DER and gives its length in b.
func copyElement(out *cryptobyte.Builder, b []byte, depth int, exact bool) int {
	h, err := readHeader(b)
	if err != nil {
		out.SetError(err)
		return len(b)
	}
	if exact && !h.indefinite {
		out.AddBytes(b[:h.size+h.length])
		return h.size + h.length
	}
	if !h.constructed() {
		out.AddASN1(cbasn1.Tag(h.tag), func(c *cryptobyte.Builder) { c.AddBytes(b[h.size : h.size+h.length]) })
		return h.size + h.length
	}
	if h.tag == tagOctetStringConstructed {
		var consumed int
		out.AddASN1(cbasn1.OCTET_STRING, func(c *cryptobyte.Builder) { consumed = copySegments(c, b) })
		return consumed
	}
	var consumed int
	out.AddASN1(cbasn1.Tag(h.tag), func(c *cryptobyte.Builder) {
		consumed = eachChild(b, h, func(child []byte) int {
			return copyElement(c, child, depth+1, isExact(h.tag, depth))
		})
	})
	return consumed
}

// copySegments joins the segments of an OCTET STRING, however deep, and gives its length in b.
func copySegments(out *cryptobyte.Builder, b []byte) int {
	h, err := readHeader(b)
	if err != nil {
		out.SetError(err)
		return len(b)
	}
	if !h.constructed() {
		out.AddBytes(b[h.size : h.size+h.length])
		return h.size + h.length
	}
	return eachChild(b, h, func(child []byte) int { return copySegments(out, child) })
}

// eachChild calls visit, which gives the length it used, for each child of b and gives the length of b's element.
func eachChild(b []byte, h header, visit func([]byte) int) int {
	pos := h.size
	for {
		if h.indefinite && pos+2 <= len(b) && b[pos] == 0 && b[pos+1] == 0 {
			return pos + 2
		}
		if pos >= len(b) || !h.indefinite && pos >= h.size+h.length {
			return pos
		}
		pos += visit(b[pos:])
	}
}

// TrimContents cuts the zero padding that follows the message in a PDF signature dictionary's Contents. If other bytes
// follow, which no signature covers, it returns the message together with ErrPadding, and the caller decides.
func TrimContents(b []byte) ([]byte, error) {
	if len(b) > maxSize {
		return nil, fmt.Errorf("%w: contents of %d bytes", ErrLimit, len(b))
	}
	var n normaliser
	size, err := n.walk(b, 0, false)
	if err != nil {
		return nil, fmt.Errorf("trim contents: %w", err)
	}
	if len(bytes.TrimLeft(b[size:], "\x00")) > 0 {
		return b[:size], fmt.Errorf("trim contents: %w: %d bytes", ErrPadding, len(b)-size)
	}
	return b[:size], nil
}
