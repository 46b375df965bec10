package verify

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"time"
)

// An upload is one request's document, in memory only.
type upload struct {
	document file
	detached []file
	kind     string
}

type file struct {
	name    string
	content []byte
}

// chunk is in what steps memory is asked for. Who sends slowly holds only what was sent, so that announcing much costs nobody else anything.
const chunk = 1 << 20

// receive reads a form's files into memory, and nowhere else. done gives the memory back.
func (s *Site) receive(r *http.Request) (u *upload, done func(), err error) {
	var taken []func()
	release := func() {
		for _, give := range taken {
			give()
		}
	}
	defer func() {
		if err != nil {
			release()
		}
	}()
	form, err := r.MultipartReader()
	if err != nil {
		return nil, nil, &refusal{http.StatusUnsupportedMediaType, "request", err}
	}
	u, left := &upload{}, s.most
	for parts := 0; ; parts++ {
		p, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, readProblem(err)
		}
		if parts > 2*maxFiles {
			return nil, nil, &refusal{http.StatusUnprocessableEntity, "files", nil}
		}
		switch p.FormName() {
		case "document", "detached":
			content, err := s.content(p, &left, &taken)
			if err != nil {
				return nil, nil, err
			}
			if p.FileName() == "" && len(content) == 0 {
				continue // a field in which nothing was chosen
			}
			f := file{strings.ToValidUTF8(p.FileName(), "\uFFFD"), content}
			if p.FormName() == "document" {
				u.document = f
			} else if u.detached = append(u.detached, f); len(u.detached) > maxFiles {
				return nil, nil, &refusal{http.StatusUnprocessableEntity, "files", nil}
			}
		case "kind":
			b, err := io.ReadAll(io.LimitReader(p, 100))
			if err != nil {
				return nil, nil, readProblem(err)
			}
			u.kind = string(b)
		}
	}
	if u.document.content == nil {
		return nil, nil, &refusal{http.StatusUnprocessableEntity, "none", nil}
	}
	return u, release, nil
}

// content reads one file as far as there is room for it.
func (s *Site) content(p *multipart.Part, left *int64, taken *[]func()) ([]byte, error) {
	content := []byte{}
	for {
		give, err := s.c.Judge.Reserve(min(chunk, s.most))
		if err != nil {
			return nil, refused(err)
		}
		*taken = append(*taken, give)
		before := int64(len(content))
		next, err := io.ReadAll(io.LimitReader(p, chunk))
		if err != nil {
			return nil, readProblem(err)
		}
		content = append(content, next...)
		if *left -= int64(len(content)) - before; *left < 0 {
			// What comes is read to its limit and dropped: a browser that is cut off shows no page.
			if _, err := io.Copy(io.Discard, p); err != nil {
				return nil, readProblem(err)
			}
			return nil, &refusal{http.StatusRequestEntityTooLarge, "large", nil}
		}
		if len(next) < chunk {
			return content, nil
		}
	}
}

// readProblem is what a person is told of a body that could not be read.
func readProblem(err error) error {
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return &refusal{http.StatusRequestEntityTooLarge, "large", err}
	}
	return &refusal{http.StatusBadRequest, "request", err}
}

// newResult begins a result about an upload.
func newResult(u *upload, at time.Time) *Result {
	r := &Result{File: u.document.name, Size: int64(len(u.document.content)), At: at.UTC().Truncate(time.Second), Kind: u.kind}
	for _, f := range u.detached {
		r.Detached = append(r.Detached, f.name)
	}
	return r
}
