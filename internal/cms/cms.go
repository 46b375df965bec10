// Package cms reads and makes CMS SignedData (RFC 5652) and the messages of the Time-Stamp Protocol (RFC 3161)
// that are built on it. It is a format and nothing else: it holds no key, trusts no certificate, opens no socket.
//
// What is signed is kept as the bytes that were signed: signed attributes are verified as received, and Marshal
// changes unsigned attributes without touching anything else. Certificates, CRLs and OCSP responses are handed over as
// raw bytes, so that a strange certificate does not stop a signature from being read.
//
// Reading is strict DER; BER with indefinite lengths, which older signers emit, is normalised first and reported in
// SignedData.BER. The depth, the size and the number of elements are limited (see limits). Refused: trailing bytes,
// and, when verifying, a signed attribute that occurs twice, a message-digest or content-type without exactly one
// value, an ESS reference that does not parse, and a hash for the signature other than that of the message digest.
//
// Algorithms are reported and never judged: SHA-1 and MD5 verify here, and the caller's algorithm suite says whether
// that counts. Making signatures is limited to SHA-256, SHA-384 and SHA-512.
package cms

import (
	"crypto"
	"encoding/asn1"
	"errors"
	"math/big"
)

var (
	// ErrMalformed: the bytes are not the structure that they should be.
	ErrMalformed = errors.New("malformed")
	// ErrLimit: the message is deeper, larger or has more parts than this package reads.
	ErrLimit = errors.New("over a size limit")
	// ErrDigest: the content is not the content that was signed (message-digest or imprint differ).
	ErrDigest = errors.New("digest differs from that of the content")
	// ErrSignature: the signature value does not verify under the given key.
	ErrSignature = errors.New("signature value does not verify")
	// ErrAttributes: the signed attributes are incomplete, ambiguous, or contradict the message or the certificate.
	ErrAttributes = errors.New("signed attributes not acceptable")
	// ErrProtection goes with ErrAttributes where the signed algorithm protection (RFC 6211) names other algorithms than
	// the message: a verification has to fail then.
	ErrProtection = errors.New("algorithm protection contradicts the message")
	// ErrAlgorithm: the algorithm is unknown here, or does not fit the key.
	ErrAlgorithm = errors.New("algorithm not supported")
	// ErrPadding: what follows the message in a PDF's Contents is not zeros.
	ErrPadding = errors.New("bytes after the message are not padding")
	// ErrHashMismatch: all else verifies, but the signature uses another hash than the message digest does, which
	// RFC 4056 (section 3) and RFC 5754 (section 3) exclude. A caller may report it apart from a wrong signature.
	ErrHashMismatch = errors.New("signature hash differs from the digest algorithm")
)

// Limits on what Parse reads. They are far above what signers write, and low enough that a hostile message costs
// no more than reading a long honest one.
const (
	maxSize       = 256 << 20 // bytes of a message, attached content included
	maxDepth      = 64        // nested elements
	maxElements   = 1 << 22   // elements outside certificates and CRLs
	maxSigners    = 256
	maxCerts      = 4096 // certificates, and separately CRLs and OCSP responses
	maxAttributes = 256  // attributes of one set, and values of one attribute
)

// SignedData is one parsed message. The slices share memory with the bytes given to Parse.
type SignedData struct {
	Version          int
	DigestAlgorithms []AlgorithmIdentifier
	ContentType      asn1.ObjectIdentifier // eContentType
	Content          []byte                // eContent; nil if detached
	Certificates     [][]byte              // X.509 certificates, DER as received
	CRLs             [][]byte              // CertificateList
	OCSPs            [][]byte              // OCSPResponse; a bare BasicOCSPResponse is wrapped in a successful one
	SignerInfos      []*SignerInfo
	Raw              []byte // the message as given
	BER              bool   // Raw is not DER: it was normalised for reading

	head          []byte   // version to crls, verbatim
	certElements  [][]byte // CertificateChoices, of every kind
	otherElements [][]byte // RevocationInfoChoices, of every kind
}

// SignerInfo is one signature of a message, RFC 5652, 5.3.
type SignerInfo struct {
	Version            int
	Issuer             []byte // RDNSequence of the issuer, DER; nil if the SID is a key identifier
	Serial             *big.Int
	SKI                []byte      // subject key identifier; nil if the SID is issuer and serial number
	Digest             crypto.Hash // 0 if the algorithm is not one of ours
	DigestAlgorithm    AlgorithmIdentifier
	SignatureAlgorithm SignatureAlgorithm
	Signature          []byte
	SignedAttrs        []Attribute
	UnsignedAttrs      []Attribute

	contentType asn1.ObjectIdentifier // of the message
	counter     bool                  // it is a counter-signature, which signs no content
	serial      []byte                // content octets of Serial
	head        []byte                // version to signature, verbatim
	signedAttrs []byte                // content octets of signedAttrs; nil if absent
}

// Attribute is a signed or unsigned attribute. Values are whole DER elements. An attribute whose type has arcs
// beyond 31 bits has a nil Type and is kept, but can only be carried along.
type Attribute struct {
	Type   asn1.ObjectIdentifier
	Values [][]byte

	oid []byte // content octets of a Type that asn1.ObjectIdentifier cannot hold
}
