// Package xmldsig reads and verifies XML signatures: W3C XML Signature 1.1, Canonical
// XML 1.0 and 1.1 and Exclusive Canonical XML 1.0, and the qualifying properties of XAdES
// (EN 319 132-1). It is a leaf: bytes in, verdicts on digests and signature values out. It knows no trust, no clock and no network.
//
// What a reference signs is resolved once, to nodes of the parsed document, and those
// very nodes are digested and handed on (Reference.Signed): so a wrapped copy cannot be
// checked while another is shown.
//
// It refuses documents with entities or an external DTD, references to an id that
// occurs twice, references to anything outside the document that the caller did not
// give, transforms that leave nothing to digest, XSLT, and any XPath but those that it knows to mean "all but the signature" or
// "this one element": the latter are ErrUndecided, never verified.
package xmldsig

import "errors"

// Namespaces.
const (
	NS    = "http://www.w3.org/2000/09/xmldsig#"
	NS11  = "http://www.w3.org/2009/xmldsig11#"
	nsXML = "http://www.w3.org/XML/1998/namespace"
	nsWSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
)

var (
	// ErrMalformed says that the input is no well-formed XML, or no XML signature as the
	// schema of XML Signature 1.1 has it.
	ErrMalformed = errors.New("malformed XML")
	// ErrLimit says that reading would take more than an honest document needs.
	ErrLimit = errors.New("XML beyond the limits")
	// ErrDTD says that the document has entities or an external DTD, so that what it says
	// depends on its reader.
	ErrDTD = errors.New("document type with entities or an external part")
	// ErrUndecided says that an algorithm or transform is not supported here, so that the
	// signature can neither be confirmed nor refuted.
	ErrUndecided = errors.New("cannot be decided")
	// ErrNotFound says that a reference leads to nothing: to no element of the document, or
	// to a file that was not given.
	ErrNotFound = errors.New("signed data not found")
	// ErrAmbiguous says that the id that a reference names occurs more than once.
	ErrAmbiguous = errors.New("id occurs more than once")
	// ErrRefused says that a transform is one that no safe verifier applies.
	ErrRefused = errors.New("refused")
	// ErrDigest says that the digest of what is referenced is not the signed one.
	ErrDigest = errors.New("digest differs")
	// ErrSignature says that the signature value does not verify with the key.
	ErrSignature = errors.New("signature value does not verify")
	// ErrKey says that the key does not fit the signature algorithm.
	ErrKey = errors.New("key does not fit the signature algorithm")
)
