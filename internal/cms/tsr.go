package cms

import (
	"encoding/asn1"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

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
