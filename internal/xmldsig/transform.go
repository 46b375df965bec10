package xmldsig

import "fmt"

// Transforms (XML Signature 1.1, 6.6; XML-Signature XPath Filter 2.0).
const (
	EnvelopedSignature = NS + "enveloped-signature"
	Base64             = NS + "base64"

	xpathTransform   = "http://www.w3.org/TR/1999/REC-xpath-19991116"
	filter2Transform = "http://www.w3.org/2002/06/xmldsig-filter2"
	xsltTransform    = "http://www.w3.org/TR/1999/REC-xslt-19991116"
)

// transform applies one transform that is no canonicalisation.
func (s *Signature) transform(uri string, t *Element, c content) (content, error) {
	switch uri {
	case Base64:
		text := string(c.octets)
		if c.nodes != nil {
			var err error
			if text, err = c.nodes.text(); err != nil {
				return c, err
			}
		}
		b, err := decodeBase64(text)
		if err != nil {
			return c, fmt.Errorf("%w: no base64 to decode", ErrMalformed)
		}
		if err := s.doc.budget.spend(len(text)); err != nil {
			return c, err
		}
		return content{octets: b}, nil
	case EnvelopedSignature:
		n, err := s.own(c)
		if err != nil {
			return c, err
		}
		return content{nodes: ptr(n.without(s.Element))}, nil
	case xpathTransform:
		n, err := s.own(c)
		if err != nil {
			return c, err
		}
		return s.xpath(t, n)
	case filter2Transform:
		n, err := s.own(c)
		if err != nil {
			return c, err
		}
		return s.filter2(t, n)
	case xsltTransform:
		return c, fmt.Errorf("%w: XSLT", ErrRefused)
	}
	return c, fmt.Errorf("%w: transform %q", ErrUndecided, clip(uri))
}

// own wants nodes of the document that the signature stands in.
func (s *Signature) own(c content) (Nodes, error) {
	if c.nodes == nil || c.nodes.doc != s.doc {
		return Nodes{}, fmt.Errorf("%w: a transform of this document's nodes was given something else", ErrUndecided)
	}
	return *c.nodes, nil
}

func ptr[T any](v T) *T { return &v }
