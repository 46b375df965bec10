package evidence

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"chop/internal/solecontrol"
)

// An export is JSON lines: a head, then certificates, credentials, events and signatures
// in any order. Each line has a kind.

// Version is that of the format.
const Version = "chop/approvals/v1"

// Head is the first line.
type Head struct {
	Kind    string    `json:"kind"` // "head"
	Version string    `json:"version"`
	At      time.Time `json:"at"`
	// Identity is the activation process's key, a SubjectPublicKeyInfo. Who checks has a
	// copy from elsewhere, and compares.
	Identity solecontrol.Bytes `json:"identity,omitempty"`
	// LogBatch and LogHash are the log's head; `chop audit verify` proves it.
	LogBatch int64  `json:"log_batch"`
	LogHash  string `json:"log_hash"`
}

// Certificate is one certificate under a profile of residents.
type Certificate struct {
	Kind       string            `json:"kind"` // "certificate"
	Serial     string            `json:"serial"`
	Profile    string            `json:"profile"`
	Credential string            `json:"credential"`
	DER        solecontrol.Bytes `json:"der"`
	Statement  solecontrol.Bytes `json:"statement,omitempty"` // the envelope, as it was recorded
}

// Credential is one resident's credential with the ticket on which it was enrolled.
type Credential struct {
	Kind    string            `json:"kind"` // "credential"
	ID      string            `json:"id"`
	Account string            `json:"account"`
	Ticket  solecontrol.Bytes `json:"ticket"` // T
}

// Event is one entry of the audit log.
type Event struct {
	Kind    string          `json:"kind"` // "event"
	ID      string          `json:"id"`
	At      time.Time       `json:"at"`
	Actor   string          `json:"actor"`
	Action  string          `json:"action"`
	Subject string          `json:"subject"`
	Detail  json.RawMessage `json:"detail"`
}

// Signature is one signing with its evidence.
type Signature struct {
	Kind        string            `json:"kind"` // "signature"
	Signing     string            `json:"signing"`
	Account     string            `json:"account"`
	Credential  string            `json:"credential"`
	State       string            `json:"state"`
	Certificate solecontrol.Bytes `json:"certificate"`        // SHA-256
	Approval    *Approval         `json:"approval,omitempty"` // absent: there is none
	Documents   []Document        `json:"documents"`
}

// Document is one document of a signing.
type Document struct {
	Digest     solecontrol.Bytes `json:"digest"`
	Attributes solecontrol.Bytes `json:"attributes"` // DER SET OF
	Signature  solecontrol.Bytes `json:"signature"`  // DER
}

// maxLine bounds a line: twenty documents with their attributes take less.
const maxLine = 4 << 20

// Write writes one line.
func Write(w io.Writer, line any) error {
	b, err := solecontrol.Encode(line)
	if err != nil {
		return fmt.Errorf("encode line: %w", err)
	}
	if _, err := w.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("write line: %w", err)
	}
	return nil
}

// ErrExport: the file is no export, or was cut.
var ErrExport = errors.New("not an export of approvals")

// Read reads an export and hands each line, parsed, to visit.
func Read(r io.Reader, visit func(any) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	n := 0
	for lines.Scan() {
		n++
		line, err := parseLine(lines.Bytes())
		if err != nil {
			return fmt.Errorf("%w: line %d: %w", ErrExport, n, err)
		}
		if _, isHead := line.(*Head); isHead != (n == 1) {
			return fmt.Errorf("%w: line %d: the head is the first line, and no other", ErrExport, n)
		}
		if err := visit(line); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%w: line %d: %w", ErrExport, n+1, err)
	}
	if n == 0 {
		return fmt.Errorf("%w: it is empty", ErrExport)
	}
	return nil
}

func parseLine(b []byte) (any, error) {
	var kind struct {
		Kind string `json:"kind"`
	}
	if err := json.Unmarshal(b, &kind); err != nil {
		return nil, err
	}
	var line any
	switch kind.Kind {
	case "head":
		line = new(Head)
	case "certificate":
		line = new(Certificate)
	case "credential":
		line = new(Credential)
	case "event":
		line = new(Event)
	case "signature":
		line = new(Signature)
	default:
		return nil, fmt.Errorf("kind %q", kind.Kind)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(line); err != nil {
		return nil, err
	}
	if h, ok := line.(*Head); ok && h.Version != Version {
		return nil, fmt.Errorf("version %q", h.Version)
	}
	return line, nil
}
