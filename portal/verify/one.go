package verify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"chop/policies"
	"chop/validation/eto"
)

// ask is the form.
func (s *Site) ask(w http.ResponseWriter, r *http.Request, lang string) error {
	return s.show(w, r, lang, http.StatusOK, "ask", view{})
}

// answer judges what the form sent.
func (s *Site) answer(w http.ResponseWriter, r *http.Request, lang string) error {
	u, done, err := s.receive(r)
	if err != nil {
		return err
	}
	defer done()
	result, err := s.judge(r.Context(), u)
	if err != nil {
		return err
	}
	return s.showResult(w, r, lang, result)
}

func (s *Site) showResult(w http.ResponseWriter, r *http.Request, lang string, result *Result) error {
	sealed, err := s.seal(result)
	if err != nil {
		return err
	}
	return s.show(w, r, lang, http.StatusOK, "result", view{D: result, Sealed: sealed})
}

// again shows a result, which the page itself brought, in another language: the document is not here any more.
func (s *Site) again(w http.ResponseWriter, r *http.Request, lang string) error {
	if err := r.ParseForm(); err != nil {
		return readProblem(err)
	}
	if to := r.PostForm.Get("set-lang"); slices.Contains(languages, to) {
		s.keepLanguage(w, to)
		lang = to
	}
	result, ok := s.unseal(r.PostForm.Get("result"))
	if !ok {
		// This process did not make it, or has started anew since.
		return s.show(w, r, lang, http.StatusOK, "ask", view{})
	}
	return s.showResult(w, r, lang, result)
}

// maxSealed is how large a result may be to travel in its page; a larger one must be asked for anew.
const maxSealed = 1 << 20

// seal makes a result into text that only this process makes, so that nobody has us show one that is not ours.
func (s *Site) seal(result *Result) (string, error) {
	body, err := json.Marshal(result)
	if err != nil {
		return "", err
	}
	sealed := base64.StdEncoding.EncodeToString(append(s.mac(body), body...))
	if len(sealed) > maxSealed/2 { // a form may write a character as three
		return "", nil
	}
	return sealed, nil
}

func (s *Site) unseal(sealed string) (*Result, bool) {
	b, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil || len(b) < sha256.Size {
		return nil, false
	}
	body := b[sha256.Size:]
	if !hmac.Equal(b[:sha256.Size], s.mac(body)) {
		return nil, false
	}
	r := &Result{}
	return r, json.Unmarshal(body, r) == nil
}

func (s *Site) mac(body []byte) []byte {
	h := hmac.New(sha256.New, s.key)
	h.Write(body)
	return h.Sum(nil)
}

// kinds are those that Schedule 1 excludes.
func (s *Site) kinds() []*policies.Excluded { return s.c.Policies.AllExcluded() }

func etoPhraseIn(lang string) func(eto.Phrases) string {
	return func(p eto.Phrases) string { return etoPhrase(lang, p) }
}

// coverage says in words what the report says of a signature's coverage.
func (s *Site) coverage(lang, what string) string {
	name, isFile := strings.CutPrefix(what, "file ")
	if isFile {
		return s.texts.in(lang, "covers-file", plainName(name))
	}
	return plainName(what)
}
