package xades

import (
	"crypto"
	"encoding/asn1"
	"mime"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"chop/signer/pades"
)

// A Request is one signature to be made.
type Request struct {
	// In is what is signed.
	In []byte
	// Name is the name of In, relative to the signature, for Detached.
	Name      string
	Packaging Packaging
	// More are further files for Detached, each signed by a reference of its own.
	More []File
	// Container puts a Detached signature into the root element that EN 319 162-1, A.5, has
	// for those of a container.
	Container bool
	// Beside is that root with the signatures that are in it, to which one is added.
	Beside []byte
	// C14N is Inclusive if empty, and Exclusive for Detached, where no XML but the signature's
	// own is brought into it.
	C14N C14N

	// Identity is who signs, and with which hash.
	Identity *Identity
	// Level is what the signature shall be. From B-T on a Timestamper is needed, from
	// B-LT on an EvidenceSource.
	Level       Level
	Timestamper Timestamper
	Evidence    EvidenceSource

	// Time is the claimed time of signing; the signature does not prove it.
	Time time.Time
	// MimeType of In; empty: text/xml for XML, else application/octet-stream.
	MimeType string
	// Policy, Commitment, Roles and Place are optional.
	Policy     *Policy
	Commitment Commitment
	Roles      []string
	Place      Place
}

// A File is one that a detached signature covers beside the first.
type File struct {
	Name     string
	Data     []byte
	MimeType string // as in Request
}

// A Policy is the signature policy that a signature declares (EN 319 132-1, 5.2.9).
type Policy struct {
	OID asn1.ObjectIdentifier
	// Hash and Digest are of the policy's document.
	Hash   crypto.Hash
	Digest []byte
	// URL is where it can be read; optional.
	URL string
}

// A Commitment is what the signer commits to (5.2.3), one of the URIs of EN 319 122-1,
// 5.2.3, or of the signer's own.
type Commitment string

// Commitments of the standard.
const (
	ProofOfOrigin   Commitment = "http://uri.etsi.org/01903/v1.2.2#ProofOfOrigin"
	ProofOfApproval Commitment = "http://uri.etsi.org/01903/v1.2.2#ProofOfApproval"
	ProofOfCreation Commitment = "http://uri.etsi.org/01903/v1.2.2#ProofOfCreation"
)

// A Place is where it is signed (5.2.5).
type Place struct{ City, Street, State, PostalCode, Country string }

func (r *Request) check() error {
	if r.C14N == "" {
		if r.C14N = Inclusive; r.Packaging == Detached {
			r.C14N = Exclusive
		}
	}
	switch {
	case r.Identity == nil:
		return bad("no identity")
	case r.Packaging != Enveloped && r.Packaging != Enveloping && r.Packaging != Detached:
		return bad("no packaging %q, there are enveloped, enveloping, detached", r.Packaging)
	case r.C14N != Exclusive && r.C14N != Inclusive:
		return bad("no canonicalisation %q, there are exclusive, inclusive", r.C14N)
	case !r.Level.AtLeast(pades.LevelB):
		return bad("no level %q", r.Level)
	case r.Level.AtLeast(pades.LevelT) && r.Timestamper == nil:
		return bad("level %s needs a timestamper", r.Level)
	case r.Level.AtLeast(pades.LevelLT) && r.Evidence == nil:
		return bad("level %s needs a source of evidence", r.Level)
	case r.Time.IsZero():
		return bad("no claimed time of signing")
	case r.Packaging != Detached && (len(r.More) > 0 || r.Container) || r.Beside != nil && !r.Container:
		return bad("only a detached signature is over several files, or in a container")
	case slices.ContainsFunc(r.More, func(f File) bool { return f.Name == "" || f.Name == r.Name }):
		return bad("each file needs a name of its own")
	case r.Packaging == Detached && r.Name == "":
		return bad("a detached signature needs the name of the file")
	case r.Policy != nil && (len(r.Policy.OID) < 2 || !r.Policy.Hash.Available() || len(r.Policy.Digest) != r.Policy.Hash.Size()):
		return bad("a policy needs an OID and the digest of its document")
	}
	for _, f := range append([]File{{MimeType: r.MimeType}}, r.More...) {
		if _, _, err := mime.ParseMediaType(f.MimeType); f.MimeType != "" && err != nil {
			return bad("MIME type %q", f.MimeType)
		}
	}
	texts := append([]string{r.Name, r.MimeType, string(r.Commitment), r.Place.City, r.Place.Street, r.Place.State,
		r.Place.PostalCode, r.Place.Country}, r.Roles...)
	for _, f := range r.More {
		texts = append(texts, f.Name)
	}
	if r.Policy != nil {
		texts = append(texts, r.Policy.URL)
	}
	for _, s := range texts {
		if !utf8.ValidString(s) || strings.ContainsFunc(s, notXML) || len(s) > 4096 {
			return bad("text %.80q", s)
		}
	}
	return nil
}

// notXML reports characters that XML cannot have, or that a person would not see.
func notXML(r rune) bool {
	return r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0xd800 && r <= 0xdfff || r == 0xfffe || r == 0xffff || r == utf8.RuneError
}
