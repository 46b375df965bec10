package portal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// Limits of what is to be signed together.
const (
	maxUpload    = 20 << 20 // bytes of one PDF
	maxDocuments = 20       // in one approval
	maxTogether  = 60 << 20 // bytes of all of them
	slack        = 64 << 10 // of a form around a file
	draftLife    = 7 * 24 * time.Hour
)

const draftCookie = "chop-drafts"

var errSealed = errors.New("draft was sealed by another browser")

// about is what a draft says, sealed. A form is kept as its answers, and drawn when it is needed.
type about struct {
	Name   string            `json:"name"`
	Form   string            `json:"form,omitempty"`
	Lang   string            `json:"lang,omitempty"`
	Values map[string]string `json:"values,omitempty"`
	// Kind is one that the law excludes, with a warning; empty for the others.
	Kind string `json:"kind,omitempty"`
	// At is when a form was filled in: it is drawn with this time, and the same each time.
	At time.Time `json:"at"`
}

// item is a draft that was opened.
type item struct {
	ID    uuid.UUID
	Size  int64
	Until time.Time
	about
}

// draftKey is the key of this browser for an account. The cookie has 32 random bytes,
// which no table holds: who has the database, or a backup, opens no draft, and neither
// does another browser of the same person.
func (p *Portal) draftKey(w http.ResponseWriter, r *http.Request, account string) (cipher.AEAD, error) {
	secret, err := base64.RawURLEncoding.DecodeString(p.cookieValue(r, draftCookie))
	if err != nil || len(secret) != 32 {
		if w == nil {
			return nil, errSealed
		}
		secret = make([]byte, 32)
		_, _ = rand.Read(secret) // never fails
	}
	if w != nil { // a week from the newest draft
		http.SetCookie(w, p.cookie(draftCookie, base64.RawURLEncoding.EncodeToString(secret), draftLife))
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "chop/portal/draft/v1\x00"+account, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// place binds a sealed column to its row: none can be put in the place of another.
func place(column string, id uuid.UUID, account string) []byte {
	return []byte(column + "\x00" + id.String() + "\x00" + account)
}

// addDraft seals and keeps a document.
func (p *Portal) addDraft(w http.ResponseWriter, r *http.Request, account string, a about, file []byte) error {
	key, err := p.draftKey(w, r, account)
	if err != nil {
		return err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	owner, err := uuid.Parse(account)
	if err != nil {
		return fmt.Errorf("account's id: %w", err)
	}
	said, err := json.Marshal(a)
	if err != nil {
		return err
	}
	now := p.cfg.Now()
	d := draft{ID: id, AccountID: owner, Size: int64(len(file)), CreatedAt: now, ExpiresAt: now.Add(draftLife)}
	d.About = key.Seal(nil, nil, said, place("about", id, account))
	if file != nil {
		d.File = key.Seal(nil, nil, file, place("file", id, account))
	}
	kept, err := p.store.addDraft(r.Context(), d, maxDocuments, maxTogether)
	if err != nil {
		return err
	}
	if !kept {
		return refuse(http.StatusConflict, "error.full")
	}
	return nil
}

// replaceForm seals new answers for a form that is there already. It reports false when there is none.
func (p *Portal) replaceForm(w http.ResponseWriter, r *http.Request, account, draftID string, a about) (bool, error) {
	found, _, err := p.openDraft(r, account, draftID)
	if err != nil || found == nil || found.Form != a.Form {
		return false, err
	}
	key, err := p.draftKey(w, r, account)
	if err != nil {
		return false, err
	}
	said, err := json.Marshal(a)
	if err != nil {
		return false, err
	}
	return true, p.store.changeDraft(r.Context(), account, found.ID, key.Seal(nil, nil, said, place("about", found.ID, account)))
}

// items opens the account's drafts that this browser made.
func (p *Portal) items(r *http.Request, account string) ([]item, error) {
	list, err := p.store.drafts(r.Context(), account, p.cfg.Now())
	if err != nil || len(list) == 0 {
		return nil, err
	}
	key, err := p.draftKey(nil, r, account)
	if errors.Is(err, errSealed) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var opened []item
	for _, d := range list {
		if it, err := open(key, account, &d); err == nil {
			opened = append(opened, *it)
		}
	}
	return opened, nil
}

// openDraft opens one with its file, or returns nil if this browser has none of that id.
func (p *Portal) openDraft(r *http.Request, account, id string) (*item, []byte, error) {
	parsed, err := uuid.Parse(id)
	if err != nil {
		return nil, nil, nil
	}
	d, err := p.store.draft(r.Context(), account, parsed, p.cfg.Now())
	if err != nil || d == nil {
		return nil, nil, err
	}
	key, err := p.draftKey(nil, r, account)
	if errors.Is(err, errSealed) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	it, err := open(key, account, d)
	if err != nil {
		return nil, nil, nil // of another browser
	}
	if d.File == nil {
		return it, nil, nil
	}
	file, err := key.Open(nil, nil, d.File, place("file", d.ID, account))
	if err != nil {
		return nil, nil, fmt.Errorf("open draft's file: %w", err)
	}
	return it, file, nil
}

func open(key cipher.AEAD, account string, d *draft) (*item, error) {
	said, err := key.Open(nil, nil, d.About, place("about", d.ID, account))
	if err != nil {
		return nil, errSealed
	}
	it := &item{ID: d.ID, Size: d.Size, Until: d.ExpiresAt}
	if err := json.Unmarshal(said, &it.about); err != nil {
		return nil, fmt.Errorf("read draft: %w", err)
	}
	return it, nil
}

// pdf is the document itself.
func (p *Portal) pdf(it *item, file []byte) ([]byte, error) {
	if it.Form == "" {
		return file, nil
	}
	form, err := p.cfg.Forms.Form(it.Form)
	if err != nil {
		return nil, err
	}
	return form.Fill(it.Values, it.Lang, it.At)
}
