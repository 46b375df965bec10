package jades

import (
	"crypto"
	"encoding/asn1"
	"mime"
	"strings"
	"time"
	"unicode/utf8"

	"chop/internal/cms"
	"chop/internal/jws"
	"chop/signer/pades"
)

// A Request is one signature to be made.
type Request struct {
	// In is what is signed.
	In []byte
	// Serialization is Flattened if empty. Compact is for B-B alone.
	Serialization Serialization
	// Beside is a JSON web signature over the same content to which the signature is added;
	// what comes of it is General, and Detached as that is.
	Beside []byte
	// Detached leaves In out; Name is its name, relative to the signature.
	Detached bool
	Name     string

	// Identity is who signs, and with which hash: for ECDSA that which alg couples with the
	// curve (Hash).
	Identity *Identity
	// Level is what the signature shall be. From B-T on a Timestamper is needed, from
	// B-LT on an EvidenceSource.
	Level       Level
	Timestamper Timestamper
	Evidence    EvidenceSource

	// Time is the claimed time of signing; the signature does not prove it.
	Time time.Time
	// ContentType of In; empty: application/json for JSON, else application/octet-stream.
	ContentType string
	// Policy, Commitment, Roles and Place are optional.
	Policy     *Policy
	Commitment Commitment
	Roles      []string
	Place      Place
}

// A Policy is the signature policy that a signature declares (TS 119 182-1, 5.2.7).
type Policy struct {
	OID asn1.ObjectIdentifier
	// Hash and Digest are of the policy's document.
	Hash   crypto.Hash
	Digest []byte
	// URL is where it can be read; optional.
	URL string
}

// A Commitment is what the signer commits to (5.2.3): a URI of the kind that XAdES has, or
// the signer's own.
type Commitment string

// A Place is where it is signed (5.2.4).
type Place struct{ City, Street, State, PostalCode, Country string }

// Hash returns the hash that an algorithm of RFC 7518 couples with the key, where there is
// only one: ES384 is P-384 with SHA-384. Any other key takes h.
func Hash(key crypto.PublicKey, h crypto.Hash) crypto.Hash {
	for _, coupled := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		if _, ok := jws.AlgorithmFor(key, jws.ECDSA, coupled); ok {
			return coupled
		}
	}
	return h
}

// families name how values are made.
var families = map[cms.Scheme]jws.Family{cms.ECDSA: jws.ECDSA, cms.PKCS1: jws.RSAPKCS1, cms.PSS: jws.RSAPSS}

func (r *Request) check() error {
	switch {
	case r.Beside != nil && (r.Serialization == "" || r.Serialization == General):
		r.Serialization = General
	case r.Beside != nil:
		return bad("signatures side by side are in the general serialisation")
	case r.Serialization == "":
		r.Serialization = Flattened
	}
	switch {
	case r.Identity == nil:
		return bad("no identity")
	case r.Serialization != Compact && r.Serialization != Flattened && r.Serialization != General:
		return bad("no serialisation %q, there are compact, flattened, general", r.Serialization)
	case !r.Level.AtLeast(pades.LevelB):
		return bad("no level %q", r.Level)
	case r.Serialization == Compact && r.Level.AtLeast(pades.LevelT):
		return bad("a compact serialisation has no place for a timestamp: it is B-B, or not compact")
	case r.Level.AtLeast(pades.LevelT) && r.Timestamper == nil:
		return bad("level %s needs a timestamper", r.Level)
	case r.Level.AtLeast(pades.LevelLT) && r.Evidence == nil:
		return bad("level %s needs a source of evidence", r.Level)
	case r.Time.IsZero():
		return bad("no claimed time of signing")
	case r.Detached && r.Name == "":
		return bad("a detached signature needs the name of the file")
	case len(r.In) == 0 && !r.Detached:
		return bad("an empty file can only be signed detached")
	case r.Policy != nil && (len(r.Policy.OID) < 2 || jws.HashName(r.Policy.Hash) == "" || len(r.Policy.Digest) != r.Policy.Hash.Size()):
		return bad("a policy needs an OID and the digest of its document")
	}
	if _, _, err := mime.ParseMediaType(r.ContentType); r.ContentType != "" && err != nil {
		return bad("content type %q", r.ContentType)
	}
	texts := append([]string{r.Name, r.ContentType, string(r.Commitment), r.Place.City, r.Place.Street, r.Place.State,
		r.Place.PostalCode, r.Place.Country}, r.Roles...)
	if r.Policy != nil {
		texts = append(texts, r.Policy.URL)
	}
	for _, s := range texts {
		if !utf8.ValidString(s) || strings.ContainsFunc(s, unseen) || len(s) > 4096 {
			return bad("text %.80q", s)
		}
	}
	return nil
}

// unseen reports characters that a person would not see.
func unseen(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError }
