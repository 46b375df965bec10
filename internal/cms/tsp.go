package cms

import (
	"crypto"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// TimestampRequest is TimeStampReq, RFC 3161, 2.4.1.
type TimestampRequest struct {
	Version       int         // as sent; only 1 exists, and the authority says so
	HashAlgorithm crypto.Hash // 0 if not one of ours
	HashOID       asn1.ObjectIdentifier
	Imprint       []byte
	Policy        asn1.ObjectIdentifier // nil: any
	Nonce         *big.Int              // nil: absent
	CertReq       bool
	Extensions    [][]byte // DER
}

// maxRequest is far above any request: a SHA-512 imprint, a nonce and a policy take some 150 bytes.
const maxRequest = 64 << 10

// ParseTimestampRequest reads a request, DER. It checks the form, not what is asked for.
func ParseTimestampRequest(der []byte) (*TimestampRequest, error) {
	if len(der) > maxRequest {
		return nil, fmt.Errorf("parse timestamp request: %w: %d bytes", ErrLimit, len(der))
	}
	r := new(TimestampRequest)
	in := cryptobyte.String(der)
	var s cryptobyte.String
	if !in.ReadASN1(&s, cbasn1.SEQUENCE) || !in.Empty() || !s.ReadASN1Integer(&r.Version) {
		return nil, fmt.Errorf("parse timestamp request: %w: version", ErrMalformed)
	}
	i, ok := readImprint(&s)
	if !ok {
		return nil, fmt.Errorf("parse timestamp request: %w: messageImprint", ErrMalformed)
	}
	r.HashAlgorithm, r.HashOID, r.Imprint = i.hash, i.oid, i.digest
	if s.PeekASN1Tag(cbasn1.OBJECT_IDENTIFIER) {
		if r.Policy, _, ok = readOID(&s); !ok {
			return nil, fmt.Errorf("parse timestamp request: %w: reqPolicy", ErrMalformed)
		}
		if r.Policy == nil {
			r.Policy = asn1.ObjectIdentifier{} // asked for, and none that anyone could have
		}
	}
	if r.Nonce, ok = readNonce(&s); !ok {
		return nil, fmt.Errorf("parse timestamp request: %w: nonce", ErrMalformed)
	}
	// An explicit FALSE is not DER, but harmless and written by some clients.
	if s.PeekASN1Tag(cbasn1.BOOLEAN) && !s.ReadASN1Boolean(&r.CertReq) {
		return nil, fmt.Errorf("parse timestamp request: %w: certReq", ErrMalformed)
	}
	if r.Extensions, ok = readExtensions(&s, tagConstructed0); !ok || !s.Empty() {
		return nil, fmt.Errorf("parse timestamp request: %w: extensions", ErrMalformed)
	}
	return r, nil
}

// Marshal encodes a request of version 1 without extensions.
func (r *TimestampRequest) Marshal() ([]byte, error) {
	if OIDOfHash(r.HashAlgorithm) == nil {
		return nil, fmt.Errorf("marshal timestamp request: %w: %v", ErrAlgorithm, r.HashAlgorithm)
	}
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		addImprint(b, r.HashAlgorithm, r.Imprint)
		if r.Policy != nil {
			b.AddASN1ObjectIdentifier(r.Policy)
		}
		if r.Nonce != nil {
			b.AddASN1BigInt(r.Nonce)
		}
		if r.CertReq {
			b.AddASN1Boolean(true)
		}
	})
	der, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("marshal timestamp request: %w", err)
	}
	return der, nil
}

// PKIStatus, RFC 3161, 2.4.2.
const (
	StatusGranted         = 0
	StatusGrantedWithMods = 1
	StatusRejection       = 2
)

// FailureInfo is a bit number of PKIFailureInfo, RFC 3161, 2.4.2.
type FailureInfo int

const (
	BadAlg              FailureInfo = 0
	BadRequest          FailureInfo = 2
	BadDataFormat       FailureInfo = 5
	TimeNotAvailable    FailureInfo = 14
	UnacceptedPolicy    FailureInfo = 15
	UnacceptedExtension FailureInfo = 16
	AddInfoNotAvailable FailureInfo = 17
	SystemFailure       FailureInfo = 25
)

func (f FailureInfo) String() string {
	names := map[FailureInfo]string{BadAlg: "badAlg", BadRequest: "badRequest", BadDataFormat: "badDataFormat",
		TimeNotAvailable: "timeNotAvailable", UnacceptedPolicy: "unacceptedPolicy", UnacceptedExtension: "unacceptedExtension",
		AddInfoNotAvailable: "addInfoNotAvailable", SystemFailure: "systemFailure"}
	if name, ok := names[f]; ok {
		return name
	}
	return fmt.Sprintf("failure %d", int(f))
}

// TimestampResponse is TimeStampResp, RFC 3161, 2.4.2.
type TimestampResponse struct {
	Status   int
	Text     []string
	Failures []FailureInfo
	Token    []byte // ContentInfo, DER or BER as received; nil: none
}

// maxResponse bounds a response: a token with a chain takes some thousand bytes.
const maxResponse = 1 << 20

// ParseTimestampResponse reads a response. The token in it is cut out, not parsed: see ParseTimestampToken.
func ParseTimestampResponse(b []byte) (*TimestampResponse, error) {
	if len(b) > maxResponse {
		return nil, fmt.Errorf("parse timestamp response: %w: %d bytes", ErrLimit, len(b))
	}
	der, _, err := normalise(b, -1) // the token lies one level deeper
	if err != nil {
		return nil, fmt.Errorf("parse timestamp response: %w", err)
	}
	r := new(TimestampResponse)
	in := cryptobyte.String(der)
	var s, status cryptobyte.String
	if !in.ReadASN1(&s, cbasn1.SEQUENCE) || !in.Empty() || !s.ReadASN1(&status, cbasn1.SEQUENCE) ||
		!status.ReadASN1Integer(&r.Status) || !r.readStatusText(&status) || !r.readFailures(&status) || !status.Empty() {
		return nil, fmt.Errorf("parse timestamp response: %w: status", ErrMalformed)
	}
	if !s.Empty() {
		var token cryptobyte.String
		if !s.ReadASN1Element(&token, cbasn1.SEQUENCE) || !s.Empty() {
			return nil, fmt.Errorf("parse timestamp response: %w: token", ErrMalformed)
		}
		r.Token = token
	}
	if granted := r.Status == StatusGranted || r.Status == StatusGrantedWithMods; granted != (r.Token != nil) {
		return nil, errors.New("parse timestamp response: status and token contradict each other")
	}
	return r, nil
}

func (r *TimestampResponse) readStatusText(s *cryptobyte.String) bool {
	var texts cryptobyte.String
	var present bool
	if !s.ReadOptionalASN1(&texts, &present, cbasn1.SEQUENCE) {
		return false
	}
	for !texts.Empty() {
		var text []byte
		if !texts.ReadASN1Bytes(&text, cbasn1.UTF8String) || len(r.Text) == maxAttributes {
			return false
		}
		r.Text = append(r.Text, string(text))
	}
	return true
}

func (r *TimestampResponse) readFailures(s *cryptobyte.String) bool {
	if s.Empty() {
		return true
	}
	var bits asn1.BitString
	if !s.ReadASN1BitString(&bits) || bits.BitLength > 64 {
		return false
	}
	for i := range bits.BitLength {
		if bits.At(i) == 1 {
			r.Failures = append(r.Failures, FailureInfo(i))
		}
	}
	return true
}

// Marshal encodes r.
func (r *TimestampResponse) Marshal() ([]byte, error) {
	b := cryptobyte.NewBuilder(make([]byte, 0, len(r.Token)+64))
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(int64(r.Status))
			if len(r.Text) > 0 {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					for _, text := range r.Text {
						b.AddASN1(cbasn1.UTF8String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(text)) })
					}
				})
			}
			addFailures(b, r.Failures)
		})
		b.AddBytes(r.Token)
	})
	der, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("marshal timestamp response: %w", err)
	}
	return der, nil
}

// addFailures writes a named-bit BIT STRING: DER cuts the zero bits at its end (X.690, 11.2.2).
func addFailures(b *cryptobyte.Builder, failures []FailureInfo) {
	if len(failures) == 0 {
		return
	}
	var bits [8]byte
	last := 0
	for _, f := range failures {
		if f < 0 || f > 63 {
			b.SetError(fmt.Errorf("failure bit %d", int(f)))
			return
		}
		bits[f/8] |= 0x80 >> (f % 8)
		last = max(last, int(f))
	}
	b.AddASN1(cbasn1.BIT_STRING, func(b *cryptobyte.Builder) {
		b.AddUint8(uint8(7 - last%8))
		b.AddBytes(bits[:last/8+1])
	})
}
