package portal

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"path"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"chop/internal/pdf"
	"chop/signer/pades"
)

// uploadPage asks for a PDF of the person's own, and what kind of document it is.
func (p *Portal) uploadPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.uploadForm(w, r, v, v.kept.Get("kind"), "", "")
}

func (p *Portal) uploadForm(w http.ResponseWriter, r *http.Request, v *visit, kind, wrongField, bad string) error {
	say := p.words.in(v.Lang)
	questions := []question{
		{Name: "file", Kind: "file", Label: say("upload.file"), Hint: say("upload.file.hint")},
		{Name: "kind", Kind: "select", Label: say("upload.kind"), Hint: say("upload.kind.hint"), Value: kind,
			Options: []choice{{Key: "", Label: say("upload.kind.choose")}, {Key: "none", Label: say("upload.kind.none")}}},
	}
	for _, e := range p.cfg.Policies.AllExcluded() {
		questions[1].Options = append(questions[1].Options, choice{Key: e.Name, Label: excludedName(e.Names, v.Lang)})
	}
	for i := range questions {
		if questions[i].Name == wrongField {
			questions[i].Wrong = bad
		}
	}
	status := http.StatusOK
	if wrongField != "" {
		status = http.StatusUnprocessableEntity
	}
	return p.show(w, r, v, status, "upload", view{Form: true, Wrong: summary(questions), D: map[string]any{"Questions": questions}})
}

// excludedName is a name of a kind of document; the policies name languages by script only.
func excludedName(names map[string]string, t *tongue) string {
	if t.Tag == "zh-Hant-HK" {
		return names["zh-Hant"]
	}
	return names[t.Tag]
}

// takeUpload looks at the file as the signer will, so that a person hears at once what
// cannot be signed, and why.
func (p *Portal) takeUpload(w http.ResponseWriter, r *http.Request, v *visit) error {
	say, kind := p.words.in(v.Lang), r.PostForm.Get("kind")
	again := func(field, key string, args ...any) error {
		return p.uploadForm(w, r, v, kind, field, say(key, args...))
	}
	file, head, err := r.FormFile("file")
	if errors.Is(err, http.ErrMissingFile) || errors.Is(err, http.ErrNotMultipart) {
		return again("file", "upload.file.none")
	}
	if err != nil {
		return err
	}
	defer file.Close()
	if head.Size > maxUpload {
		return again("file", "upload.file.large")
	}
	content, err := io.ReadAll(io.LimitReader(file, maxUpload+1))
	if err != nil {
		return err
	}
	if key := uploadProblem(content); key != "" {
		return again("file", key)
	}
	switch kind {
	case "":
		return again("kind", "upload.kind.none-chosen")
	case "none":
		kind = ""
	default:
		e, err := p.cfg.Policies.Excluded(kind)
		if err != nil {
			kind = ""
			return again("kind", "upload.kind.none-chosen")
		}
		if e.Blocked() {
			return again("kind", "upload.kind.blocked", "Kind", excludedName(e.Names, v.Lang))
		}
	}
	a := about{Name: fileName(head.Filename, say("upload.unnamed")), Kind: kind, At: p.cfg.Now()}
	if err := p.addDraft(w, r, v.Account.ID, a, content); err != nil {
		return err
	}
	return redirect(w, r, "/to-sign")
}

// uploadProblem names the text for a file that cannot be signed; empty for one that can.
func uploadProblem(content []byte) string {
	if len(content) == 0 {
		return "upload.file.empty"
	}
	f, err := pdf.Open(bytes.NewReader(content), int64(len(content)), pdf.Limits{})
	if err == nil {
		err = pades.MaySign(f)
	}
	return documentProblem(err)
}

// documentProblem names the text for an error of the signer about a document.
func documentProblem(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, pades.ErrNotPDF):
		return "upload.file.notpdf"
	case errors.Is(err, pades.ErrEncrypted):
		return "upload.file.encrypted"
	case errors.Is(err, pades.ErrForbidden), errors.Is(err, pades.ErrNotFirst), errors.Is(err, pades.ErrFieldSigned), errors.Is(err, pades.ErrSeedValue):
		return "upload.file.forbidden"
	case errors.Is(err, pades.ErrLimit), errors.Is(err, pades.ErrTooLarge):
		return "upload.file.complex"
	}
	return "upload.file.damaged"
}

// fileName is what is left of a name that a browser sent: no path, no control or
// direction characters (which make a name look like another), NFC, 100 characters.
func fileName(sent, otherwise string) string {
	sent = norm.NFC.String(path.Base(strings.ReplaceAll(sent, `\`, "/")))
	name := strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || unicode.Is(unicode.Cf, c) || c == unicode.ReplacementChar {
			return -1
		}
		return c
	}, strings.ToValidUTF8(sent, ""))
	if runes := []rune(name); len(runes) > 100 {
		name = string(runes[:96]) + ".pdf"
	}
	if name = strings.TrimSpace(name); name == "" || name == "." || name == "/" {
		return otherwise
	}
	return name
}
