// Package jws reads and verifies JSON Web Signatures, RFC 7515, in all their serialisations,
// with the header parameters of JAdES, ETSI TS 119 182-1. What JAdES means for a verdict is
// for others to say: here is what was signed, with what, and whether it verifies.
//
// What it guarantees: a text is read in one way only. Member names that occur twice, in one
// object or in both headers, base64url with padding or stray bits, and JSON that is not
// UTF-8 are refused; names are compared as they are written. Everything read is limited.
//
// What it refuses: the algorithm none, HMAC without a key that the caller gives, keys that
// the signature itself brings (jwk, jku, x5u), and to fetch anything: what a detached
// signature covers the caller gives.
package jws

import (
	"errors"
	"fmt"
)

// What callers branch on.
var (
	// ErrMalformed means that the text, or one signature in it, is not what RFC 7515 or
	// TS 119 182-1 describe.
	ErrMalformed = errors.New("malformed JWS")
	// ErrLimit means that it is larger, deeper or more numerous than Limits allow.
	ErrLimit = errors.New("JWS beyond the limits")
	// ErrRefused means that it is understood and not accepted, whatever the key.
	ErrRefused = errors.New("refused")
	// ErrUndecided means an algorithm or a mechanism that is not known here.
	ErrUndecided = errors.New("cannot be decided")
	// ErrNotFound means that the caller has not given what a detached signature covers.
	ErrNotFound = errors.New("the signed data is not there")
	// ErrCritical means that crit names what is not understood, or breaks its own rules
	// (RFC 7515, 4.1.11).
	ErrCritical = errors.New("critical header parameters")
	// ErrDigest means that a file does not have the digest that sigD gives.
	ErrDigest = errors.New("digest differs")
	// ErrSignature means that the value does not verify.
	ErrSignature = errors.New("signature value does not verify")
	// ErrKey means that the key is of another kind than the algorithm's.
	ErrKey = errors.New("key does not fit the signature algorithm")
)

// Limits bound what is read; zero fields have defaults.
type Limits struct {
	// Size in bytes; default 128 MiB.
	Size int
	// Depth of nested objects and arrays; default 32.
	Depth int
	// Values is how many JSON values there may be; default 100,000.
	Values int
	// Signatures in one document; default 64.
	Signatures int
}

// MaxSize is the default of Limits.Size, in bytes.
const MaxSize = 128 << 20

// Limits that need no setting: of a protected header in bytes, of certificates in x5c, of
// unsigned parameters in etsiU, of time-stamp tokens in one of them, of files in sigD.
const (
	maxHeader       = 1 << 20
	maxCertificates = 64
	maxUnsigned     = 256
	maxTokens       = 16
	maxFiles        = 1024
)

func (l Limits) withDefaults() Limits {
	for _, f := range []struct {
		field *int
		value int
	}{{&l.Size, MaxSize}, {&l.Depth, 32}, {&l.Values, 100_000}, {&l.Signatures, 64}} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	return l
}

// A Serialization is the form in which a JWS is written (RFC 7515, 7).
type Serialization string

// Serialisations.
const (
	Compact   Serialization = "compact"
	Flattened Serialization = "flattened"
	General   Serialization = "general"
)

// A Document is a JWS: a payload and the signatures on it.
type Document struct {
	Serialization Serialization
	// Payload is as it is written: in base64url unless the header says b64: false. It is
	// empty if detached.
	Payload    string
	Signatures []*Signature
	// Foreign are members of the JSON that RFC 7515 does not know: not signed.
	Foreign []string

	text []byte
	top  *value // nil: compact
}

// A Signature is one signature of a JWS.
type Signature struct {
	// Protected and Encoded are the protected header and the signature value as they are
	// written, in base64url: these are the octets that values and time-stamps are over.
	Protected, Encoded string
	Value              []byte
	Header             *Header
	// Unsigned are the elements of etsiU, in their order.
	Unsigned []*Unsigned
	// Foreign are the members of the unprotected header but for etsiU: not signed.
	Foreign []string
	// Err says why nothing can be verified; the fields above are then not all there.
	Err error
	// Critical says what is wrong with crit, as ErrCritical. VerifyValue does not mind, so
	// that a report can say both; Verify does.
	Critical error
	// Breaches are departures from TS 119 182-1 that leave the signature verifiable.
	Breaches []string

	doc            *Document
	object, header *value // where it stands in the text; nil: compact, or no header
	etsiU          *value
}

// Verify verifies the signature with a key and says whether it may be relied upon: all that
// is critical is understood, the value verifies, and what is detached is what was signed.
func (s *Signature) Verify(key any, src Sources) error {
	if err := s.VerifyValue(key, src); err != nil {
		return err
	}
	if s.Critical != nil {
		return s.Critical
	}
	return s.CheckFiles(src)
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

func limit(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrLimit, fmt.Sprintf(format, args...))
}
