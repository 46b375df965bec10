package service

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"chop/validation"
)

// errRequest says that a request is not in its form.
var errRequest = errors.New("request not in its form")

const (
	// maxJSON is the most of a request in JSON: a signature and a digest, no document. Its base64 is held twice.
	maxJSON = 4 << 20
	// maxField is the most of a field that is no file, in bytes.
	maxField = 200
)

// readForm reads multipart/form-data (RFC 7578) part by part, in memory: net/http's own reader would write what is
// large into temporary files.
func (s *Service) readForm(r *http.Request, parameters map[string]string) (q Request, err error) {
	boundary := parameters["boundary"]
	if boundary == "" {
		return q, errRequest
	}
	parts := multipart.NewReader(r.Body, boundary)
	seen := map[string]bool{}
	for range s.cfg.Limits.Files + s.cfg.Limits.Evidence + 3 {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return q, nil
		}
		if err != nil {
			return q, malformed(err)
		}
		if err := q.take(part, seen); err != nil {
			return q, err
		}
	}
	if _, err := parts.NextPart(); errors.Is(err, io.EOF) {
		return q, nil
	}
	return q, ErrCount
}

// malformed is err as that of a request in no form, unless it is that of one that is too large or of a client that left.
func malformed(err error) error {
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return ErrSize
	}
	return errRequest
}

// take reads one part. Fields, and the document, stand once.
func (q *Request) take(part *multipart.Part, seen map[string]bool) error {
	name := part.FormName()
	switch name {
	case "document", "kind", "amount":
		if seen[name] {
			return errRequest
		}
		seen[name] = true
	case "detached", "certificate", "crl", "ocsp":
	default:
		return errRequest
	}
	var from io.Reader = part
	if name == "kind" || name == "amount" {
		from = io.LimitReader(part, maxField+1)
	}
	b, err := io.ReadAll(from)
	if err != nil {
		return malformed(err)
	}
	switch name {
	case "document":
		q.Document = b
	case "detached":
		file := path.Base(strings.ReplaceAll(part.FileName(), `\`, "/"))
		if !utf8.ValidString(file) || part.FileName() == "" || len(file) > maxField {
			return errRequest
		}
		q.Detached = append(q.Detached, validation.File{Name: file, Content: b})
	case "certificate":
		q.Certificates = append(q.Certificates, b)
	case "crl":
		q.CRLs = append(q.CRLs, b)
	case "ocsp":
		q.OCSPs = append(q.OCSPs, b)
	case "kind":
		q.Kind = string(b)
	case "amount":
		if q.Amount, err = strconv.ParseInt(string(b), 10, 64); err != nil || q.Amount < 0 {
			return errRequest
		}
	}
	return nil
}

// message is a request in JSON: a detached CMS signature, and the digest of what it covers.
type message struct {
	Signature    []byte   `json:"signature"`
	Hash         sum      `json:"hash"`
	Name         string   `json:"name"`
	Certificates [][]byte `json:"certificates"`
	CRLs         [][]byte `json:"crls"`
	OCSPs        [][]byte `json:"ocsps"`
	Kind         string   `json:"kind"`
	Amount       int64    `json:"amount"`
}

type sum struct {
	Algorithm string `json:"algorithm"`
	Value     []byte `json:"value"`
}

// hashes are the algorithms that a digest may be under, as the IANA registry of hash names writes them.
var hashes = map[string]crypto.Hash{
	"sha-256": crypto.SHA256, "sha-384": crypto.SHA384, "sha-512": crypto.SHA512,
	"sha3-256": crypto.SHA3_256, "sha3-384": crypto.SHA3_384, "sha3-512": crypto.SHA3_512,
}

func (s *Service) readJSON(r *http.Request, _ map[string]string) (q Request, err error) {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	var m message
	if err := d.Decode(&m); err != nil {
		return q, malformed(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return q, malformed(err)
	}
	h, known := hashes[m.Hash.Algorithm]
	if !known || len(m.Hash.Value) != h.Size() || len(m.Name) > maxField || m.Amount < 0 {
		return q, fmt.Errorf("%w: hash, name or amount", errRequest)
	}
	if m.Name == "" {
		m.Name = "unnamed"
	}
	return Request{
		Document: m.Signature, Detached: []validation.File{{Name: m.Name, Digests: map[crypto.Hash][]byte{h: m.Hash.Value}}},
		Certificates: m.Certificates, CRLs: m.CRLs, OCSPs: m.OCSPs, Kind: m.Kind, Amount: m.Amount,
	}, nil
}
