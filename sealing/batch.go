package sealing

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// States of a batch.
const (
	Draft     = "draft"     // documents are being brought
	Asked     = "asked"     // a sealer asks; another operator is to say yes or no
	Approved  = "approved"  // it is being sealed
	Declined  = "declined"  // the other said no
	Done      = "done"      // each document is sealed, or refused with a reason
	Withdrawn = "withdrawn" // by a sealer, before it was approved
	Expired   = "expired"   // nobody went on in time
)

// States of a document.
const (
	Waiting  = "waiting"
	AtWork   = "sealing"
	Sealed   = "sealed"
	Refusing = "refused"
)

// Formats of a seal on a document.
var Formats = []string{"PDF", "XML", "JSON", "CMS", "ASiC"}

// FormatOf is what a document of that name is sealed in, if nobody says otherwise.
func FormatOf(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".pdf":
		return "PDF"
	case ".xml":
		return "XML"
	case ".json":
		return "JSON"
	}
	return "ASiC"
}

// Batch is documents that are sealed on one word.
type Batch struct {
	ID, Department string
	Seal           string // the credential's id
	Level          string // B-B to B-LTA
	Reason         string
	State          string
	MadeBy         string // operator
	MadeAt         time.Time
	ChangedAt      time.Time
	nonce          []byte

	// Counts of its documents.
	Documents, Sealed, Refused int
	Bytes                      int64
	// AskedBy and ApprovedBy are operators; empty: nobody has.
	AskedBy, ApprovedBy string
}

// Open reports whether something is still to come.
func (b *Batch) Open() bool { return b.State == Draft || b.State == Asked || b.State == Approved }

// Document is one of a batch, without its bytes.
type Document struct {
	Number       int
	Name, Format string
	SHA256       []byte
	Size         int64
	State        string
	Reason       string // of a refusal
	ResultSHA256 []byte
	ResultSize   *int64
	Kept         bool // the original's bytes are there
	ResultKept   bool
}

// Result is the sealed file's name. Of two documents of a batch none has the same: what gets another name keeps its own
// within it.
func (d *Document) Result() string {
	switch d.Format {
	case "JSON":
		return d.Name + ".jws"
	case "CMS":
		return d.Name + ".p7m"
	case "ASiC":
		return d.Name + ".asics"
	}
	return d.Name
}

// NewBatch begins one.
type NewBatch struct {
	Seal, Level, Reason string
}

// Begin makes a batch of a sealer's department. Whether the seal is the department's is for the caller to have looked
// up, and for Authorized to refuse.
func (b *Book) Begin(ctx context.Context, o *Operator, n NewBatch) (string, error) {
	if !o.Has(Sealer) {
		return "", fmt.Errorf("%w: only a sealer brings letters", ErrForbidden)
	}
	n.Reason = strings.TrimSpace(n.Reason)
	if uuid.Validate(n.Seal) != nil || n.Reason == "" || len(n.Reason) > maxReason || !printable(n.Reason) {
		return "", fmt.Errorf("%w: a seal and a reason are wanted", ErrInvalid)
	}
	switch n.Level {
	case "B-B", "B-T", "B-LT", "B-LTA":
	default:
		return "", fmt.Errorf("%w: no level %q", ErrInvalid, n.Level)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return "", err
	}
	nonce := make([]byte, 32)
	if _, err := rand.Read(nonce); err != nil {
		return "", err
	}
	at := b.c.Now()
	batch := &Batch{ID: id.String(), Department: o.Department, Seal: n.Seal, Level: n.Level, Reason: n.Reason, State: Draft, MadeBy: o.ID, MadeAt: at, nonce: nonce}
	return batch.ID, insertBatch(ctx, b.c.DB, batch, b.event("operator:"+o.ID, "begin", "batch:"+batch.ID, n.Reason, map[string]any{
		"department": o.Department, "seal": n.Seal, "level": n.Level,
	}))
}

// Add brings one document; the same one again changes nothing, so that a browser may send it again when it heard no answer.
func (b *Book) Add(ctx context.Context, o *Operator, batch, name, format string, content []byte) error {
	if !o.Has(Sealer) {
		return fmt.Errorf("%w: only a sealer brings letters", ErrForbidden)
	}
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	if format == "" {
		format = FormatOf(name)
	}
	switch {
	case name == "." || name == "/" || name == ".." || len(name) > maxName || !printable(name) || strings.HasPrefix(name, "."):
		return fmt.Errorf("%w: a file's name has 1 to %d bytes, no control characters, and does not begin with a dot", ErrInvalid, maxName)
	case !known(format):
		return fmt.Errorf("%w: no format %q", ErrInvalid, format)
	case len(content) == 0:
		return fmt.Errorf("%w: the file is empty", ErrInvalid)
	case len(content) > MaxBytes:
		return fmt.Errorf("%w: a file has %d bytes at most", ErrLimit, MaxBytes)
	case format == "PDF" && !bytes.Contains(content[:min(len(content), 1024)], []byte("%PDF-")): // ISO 32000-1, annex H.3.4.1
		return fmt.Errorf("%w: the file is not a PDF", ErrInvalid)
	}
	sum := sha256.Sum256(content)
	return insertDocument(ctx, b.c.DB, o.Department, batch, &Document{Name: name, Format: format, SHA256: sum[:], Size: int64(len(content))}, content, b.c.Now())
}

func known(format string) bool {
	for _, f := range Formats {
		if f == format {
			return true
		}
	}
	return false
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 })
}

// Batch returns one of a department's. ErrUnknown.
func (b *Book) Batch(ctx context.Context, department, id string) (*Batch, error) {
	return selectBatch(ctx, b.c.DB, department, id)
}

// Batches lists a department's, newest first; n at most.
func (b *Book) Batches(ctx context.Context, department string, n int) ([]*Batch, error) {
	return selectBatches(ctx, b.c.DB, department, n)
}

// Documents lists a batch's, in order. The caller has the batch of their department.
func (b *Book) Documents(ctx context.Context, batch string) ([]*Document, error) {
	return selectDocuments(ctx, b.c.DB, batch)
}

// Content returns the bytes of a document, or those of its sealed file. ErrUnknown, ErrGone.
func (b *Book) Content(ctx context.Context, batch string, number int, sealed bool) ([]byte, error) {
	return selectContent(ctx, b.c.DB, batch, number, sealed)
}
