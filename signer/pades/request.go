package pades

import (
	"fmt"
	"io"
	"time"
)

// A Permission is what a certification lets others change afterwards: the P of a
// DocMDP transform, ISO 32000-1, table 254.
type Permission int

// The permissions of a certification.
const (
	NotCertified     Permission = 0 // an approval signature
	NoChanges        Permission = 1
	FormsAndSigning  Permission = 2
	FormsAnnotations Permission = 3
)

// defaultTokenSize is the room for a timestamp, in bytes, when the caller knows no
// better: tokens with their chain take 2 to 6 KB.
const defaultTokenSize = 8192

// A Request is one signature to be made.
type Request struct {
	// In is the file to be signed and Size its length. It must not change meanwhile.
	In   io.ReaderAt
	Size int64
	// Out receives the signed file. Until Finish has returned nil it is not one.
	Out Output

	// Identity is who signs, and with which hash.
	Identity *Identity
	// Level is what the signature shall be. From B-T on a Timestamper is needed, from
	// B-LT on an EvidenceSource.
	Level       Level
	Timestamper Timestamper
	Evidence    EvidenceSource
	// TokenSize is the room for each timestamp token in bytes; 0 means 8192.
	TokenSize int

	// Time is the claimed time of signing (/M); the signature does not prove it.
	Time time.Time
	// Name, Reason, Location and Contact are optional texts in any script.
	Name, Reason, Location, Contact string

	// Field is the full name of an existing, empty signature field; empty means a
	// new one.
	Field string
	// Certify makes it a certification, if not NotCertified.
	Certify Permission
	// Visible places the appearance of a new field; nil means invisible. An existing
	// field has its own place, and is drawn there if it has an area.
	Visible *Place
	// Font is called when something is to be drawn. Without it nothing can be placed,
	// and an existing field stays as blank as it was.
	Font func() (*Font, error)
}

func (r *Request) check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrRequest, fmt.Sprintf(format, args...))
	}
	switch {
	case r.In == nil || r.Out == nil:
		return bad("no input or no output")
	case r.Identity == nil:
		return bad("no identity")
	case r.Level.rank() == 0:
		return bad("no level %q", r.Level)
	case r.Level.AtLeast(LevelT) && r.Timestamper == nil:
		return bad("level %s needs a timestamper", r.Level)
	case r.Level.AtLeast(LevelLT) && r.Evidence == nil:
		return bad("level %s needs a source of evidence", r.Level)
	case r.Certify < NotCertified || r.Certify > FormsAnnotations:
		return bad("certification permission %d, must be 1, 2 or 3", r.Certify)
	case r.Time.IsZero():
		return bad("no claimed time of signing")
	case r.TokenSize < 0 || r.TokenSize > 1<<20:
		return bad("token size %d", r.TokenSize)
	case r.Visible != nil && r.Field != "":
		return bad("field %q has its own place on its page; leave out the place of a new one", r.Field)
	case r.Visible != nil && r.Font == nil:
		return fmt.Errorf("%w: none is configured", ErrFont)
	}
	return nil
}

func tokenSize(n int) int {
	if n == 0 {
		return defaultTokenSize
	}
	return n
}
