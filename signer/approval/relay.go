package approval

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"sync"
	"time"

	"chop/internal/web"
)

const (
	// maxAnswer of the activation process: an offer with the signed attributes of
	// 20 documents.
	maxAnswer = 1 << 20
	// MaxDocument is the largest document that the page shows, in bytes.
	MaxDocument = 64 << 20
	// maxDocuments of a transaction.
	maxDocuments = 20
)

// errTooLong: a process behind us sent more than is taken from it.
var errTooLong = errors.New("the answer is too long")

// get forwards a question to the activation process.
func (o *Origin) get(before, after string) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		id, err := pathID(r)
		if err != nil {
			return err
		}
		return o.forward(w, r, http.MethodGet, before+id+after, nil)
	}
}

// post forwards what the page says, if it is that and nothing else.
func (o *Origin) post(before, after string, keys ...string) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		id, err := pathID(r)
		if err != nil {
			return err
		}
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
			return web.Error(http.StatusUnsupportedMediaType, "Only JSON is taken here.", nil)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return fmt.Errorf("read the page's request: %w", err)
		}
		if err := inspect(body, keys...); err != nil {
			if errors.Is(err, errSecret) || namesSecret(body) {
				o.alarm(r.Context(), before+"*"+after)
				err = errSecret
			}
			return refuse(err)
		}
		return o.forward(w, r, http.MethodPost, before+id+after, body)
	}
}

// namesSecret looks for a secretKey in a body that is broken JSON.
func namesSecret(body []byte) bool {
	body = bytes.ToLower(body)
	for _, key := range secretKeys {
		if bytes.Contains(body, []byte(`"`+key+`"`)) {
			return true
		}
	}
	return false
}

// alarm tells the activation process, which audits it, that somebody's page sent
// a secret. What the body held is not told to anybody.
func (o *Origin) alarm(ctx context.Context, where string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	resp, err := ask(ctx, o.activation, http.MethodPost, "/v1/alarm", []byte(`{"what":"prf"}`))
	if err == nil {
		resp.Body.Close()
		if resp.StatusCode >= 300 {
			err = fmt.Errorf("status %d", resp.StatusCode)
		}
	}
	if err != nil {
		web.Log(ctx).Error("alarm the activation process", "err", err)
	}
	web.Log(ctx).Warn("a request carried a passkey's extension results; it was not forwarded", "where", where)
}

// pathID takes the id of a transaction or an enrolment: 16 bytes in base64url.
func pathID(r *http.Request) (string, error) {
	id := r.PathValue("id")
	if b, err := base64.RawURLEncoding.Strict().DecodeString(id); err != nil || len(b) != 16 || len(id) != 22 {
		return "", web.Error(http.StatusNotFound, "There is nothing at this address.", nil)
	}
	return id, nil
}

// ask asks a process behind a socket. The host's name is not looked at there.
func ask(ctx context.Context, client *http.Client, method, path string, body []byte) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://socket"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	return client.Do(r)
}

// forward carries one request to the activation process and its answer back:
// status, kind and body, no other header.
func (o *Origin) forward(w http.ResponseWriter, r *http.Request, method, path string, body []byte) error {
	resp, err := ask(r.Context(), o.activation, method, path, body)
	if err != nil {
		return errUnavailable(fmt.Errorf("ask the activation process: %w", err))
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(answer) > maxAnswer {
		err = errTooLong
	}
	if err != nil {
		return errUnavailable(fmt.Errorf("read the activation process's answer: %w", err))
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	known := kind == "application/json" && resp.StatusCode == http.StatusOK || kind == "application/problem+json" && resp.StatusCode >= 400
	if !known || !json.Valid(answer) {
		return errUnavailable(fmt.Errorf("the activation process answered %d, %q", resp.StatusCode, kind))
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(resp.StatusCode)
	w.Write(answer)
	return nil
}

// getDocument streams a prepared document. The page hashes what it gets, so this
// needs no trust; a document is no page of this origin, and is served as none.
func (o *Origin) getDocument(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	text := r.PathValue("n")
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n >= maxDocuments || strconv.Itoa(n) != text {
		return notFound(w, r)
	}
	resp, err := ask(r.Context(), o.documents, http.MethodGet, "/v1/transactions/"+id+"/documents/"+text, nil)
	if err != nil {
		return errUnavailable(fmt.Errorf("ask for a document: %w", err))
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone:
		return notFound(w, r)
	case resp.StatusCode != http.StatusOK:
		return errUnavailable(fmt.Errorf("ask for a document: status %d", resp.StatusCode))
	case resp.ContentLength > MaxDocument:
		return web.Error(http.StatusBadGateway, "The document is larger than this page can show.", nil)
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", "attachment")
	if resp.ContentLength >= 0 {
		w.Header().Set("Content-Length", strconv.FormatInt(resp.ContentLength, 10))
	}
	copied, err := io.Copy(w, io.LimitReader(resp.Body, MaxDocument+1))
	if err == nil && copied > MaxDocument {
		err = errTooLong
	}
	if err != nil {
		// Cut off: the page must not take it for whole.
		return fmt.Errorf("carry a document: %w", err)
	}
	return nil
}

// identity is the activation process's public key, once it was asked.
type identity struct {
	mu  sync.Mutex
	key string
}

func (i *identity) get(ctx context.Context, client *http.Client) (string, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.key != "" {
		return i.key, nil
	}
	resp, err := ask(ctx, client, http.MethodGet, "/v1/identity", nil)
	if err != nil {
		return "", fmt.Errorf("ask for the identity key: %w", err)
	}
	defer resp.Body.Close()
	var answer struct {
		Key string `json:"key"`
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("ask for the identity key: status %d", resp.StatusCode)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 4<<10)).Decode(&answer); err != nil {
		return "", fmt.Errorf("ask for the identity key: %w", err)
	}
	if b, err := base64.RawURLEncoding.Strict().DecodeString(answer.Key); err != nil || len(b) == 0 {
		return "", errors.New("ask for the identity key: it is not in base64url")
	}
	i.key = answer.Key
	return i.key, nil
}
