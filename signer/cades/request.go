package cades

import (
	"crypto"
	"encoding/asn1"
	"mime"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"chop/internal/cms"
	"chop/signer/pades"
)

// A Request is one signature to be made.
type Request struct {
	// In is what is signed.
	In []byte
	// Detached leaves In out of the message.
	Detached bool
	// Beside is a signed message over the same content to which the signature is added;
	// nil: a new one. Whether the content is in it was decided when it was made.
	Beside []byte

	// Identity is who signs, and with which hash.
	Identity *Identity
	// Level is what the signature shall be. From B-T on a Timestamper is needed, from
	// B-LT on an EvidenceSource.
	Level       Level
	Timestamper Timestamper
	Evidence    EvidenceSource

	// Time is the claimed time of signing; the signature does not prove it.
	Time time.Time
	// MIMEType of In, Policy, Commitment, Roles and Place are optional.
	MIMEType   string
	Policy     *Policy
	Commitment Commitment
	Roles      []string
	Place      Place
}

// A Policy is the signature policy that a signature declares (EN 319 122-1, 5.2.9): Hash
// and Digest are of its document.
type Policy struct {
	OID    asn1.ObjectIdentifier
	Hash   crypto.Hash
	Digest []byte
}

// A Commitment is what the signer commits to (5.2.3): "origin", "approval" or "creation".
type Commitment string

// Commitments of the standard.
const (
	ProofOfOrigin   Commitment = "origin"
	ProofOfApproval Commitment = "approval"
	ProofOfCreation Commitment = "creation"
)

var commitments = map[Commitment]asn1.ObjectIdentifier{
	ProofOfOrigin:   {1, 2, 840, 113549, 1, 9, 16, 6, 1},
	ProofOfApproval: {1, 2, 840, 113549, 1, 9, 16, 6, 5},
	ProofOfCreation: {1, 2, 840, 113549, 1, 9, 16, 6, 6},
}

// A Place is where it is signed (5.2.5).
type Place struct{ City, Country string }

func (r *Request) check() error {
	switch {
	case r.Identity == nil:
		return bad("no identity")
	case !r.Level.AtLeast(pades.LevelB):
		return bad("no level %q", r.Level)
	case r.Level.AtLeast(pades.LevelT) && r.Timestamper == nil:
		return bad("level %s needs a timestamper", r.Level)
	case r.Level.AtLeast(pades.LevelLT) && r.Evidence == nil:
		return bad("level %s needs a source of evidence", r.Level)
	case r.Time.IsZero():
		return bad("no claimed time of signing")
	case len(r.In) > maxContent:
		return bad("a file of %d bytes, at most %d", len(r.In), maxContent)
	case r.Commitment != "" && commitments[r.Commitment] == nil:
		return bad("no commitment %q, there are origin, approval, creation", r.Commitment)
	case r.Policy != nil && (len(r.Policy.OID) < 2 || !r.Policy.Hash.Available() || len(r.Policy.Digest) != r.Policy.Hash.Size()):
		return bad("a policy needs an OID and the digest of its document")
	}
	if r.In == nil {
		r.In = []byte{} // an empty file is one
	}
	if _, _, err := mime.ParseMediaType(r.MIMEType); r.MIMEType != "" && err != nil {
		return bad("MIME type %q", r.MIMEType)
	}
	for _, s := range slices.Concat([]string{r.MIMEType, r.Place.City, r.Place.Country}, r.Roles) {
		if !utf8.ValidString(s) || strings.ContainsFunc(s, unseen) || len(s) > 4096 {
			return bad("text %.80q", s)
		}
	}
	return nil
}

// unseen reports characters that a person would not see.
func unseen(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError }

// attributes returns the signed attributes over a digest (EN 319 122-1, 6.3): content-type,
// message-digest, signing-time and signing-certificate-v2, and what the request asks for.
func (r *Request) attributes(kind asn1.ObjectIdentifier, digest []byte) ([]byte, error) {
	var extra []cms.Attribute
	var errs error
	add := func(a cms.Attribute, err error) {
		if extra = append(extra, a); errs == nil {
			errs = err
		}
	}
	if r.MIMEType != "" {
		add(cms.MIMETypeAttribute(r.MIMEType))
	}
	if r.Policy != nil {
		add(cms.SignaturePolicyAttribute(r.Policy.OID, r.Policy.Hash, r.Policy.Digest))
	}
	if r.Commitment != "" {
		add(cms.CommitmentTypeAttribute(commitments[r.Commitment]))
	}
	if r.Place != (Place{}) {
		add(cms.SignerLocation{Country: r.Place.Country, Locality: r.Place.City}.Attribute())
	}
	if len(r.Roles) > 0 {
		add(cms.SignerAttributesAttribute(r.Roles))
	}
	if errs != nil {
		return nil, errs
	}
	return cms.SignedAttributes{
		ContentType: kind, MessageDigest: digest, SigningTime: r.Time, Certificate: r.Identity.Certificate(),
		Hash: r.Identity.Hash(), Extra: extra,
	}.Marshal()
}
