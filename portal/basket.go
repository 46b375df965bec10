package portal

import (
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"chop/portal/forms"
	"chop/registration"
	"chop/signer"
)

// toSign lists what is to be signed together, says who asks and why, and warns of what
// the law excludes.
func (p *Portal) toSign(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.toSignForm(w, r, v, "", "")
}

func (p *Portal) toSignForm(w http.ResponseWriter, r *http.Request, v *visit, wrongField, bad string) error {
	items, err := p.items(r, v.Account.ID)
	if err != nil {
		return err
	}
	kind, mixed := excludedKind(items)
	d := map[string]any{
		"Items": items, "Full": v.Account.Kind == registration.Full, "Mixed": mixed, "Kind": "", "Most": maxDocuments,
		"Service": p.service(items, v.Lang).Name, "Own": own(items),
	}
	questions := []question{}
	if own(items) {
		questions = append(questions, question{Name: "reason", Kind: "input", Label: p.words.in(v.Lang)("to-sign.reason"),
			Hint: p.words.in(v.Lang)("to-sign.reason.hint"), Value: v.kept.Get("reason"), Type: "text", Max: 100, Optional: true})
	}
	if kind != "" && !mixed {
		e, err := p.cfg.Policies.Excluded(kind)
		if err != nil {
			return err
		}
		d["Kind"] = excludedName(e.Names, v.Lang)
		q := question{Name: "know", Kind: "checkbox", Label: p.words.in(v.Lang)("to-sign.know")}
		if v.kept.Get("know") == "yes" {
			q.Value = "yes"
		}
		questions = append(questions, q)
	}
	for i := range questions {
		if questions[i].Name == wrongField {
			questions[i].Wrong = bad
		}
	}
	d["Questions"] = questions
	problems, status := summary(questions), http.StatusOK
	if wrongField == "documents" {
		problems = append(problems, wrong{ID: "documents", Text: bad})
	}
	if len(problems) > 0 {
		status = http.StatusUnprocessableEntity
	}
	return p.show(w, r, v, status, "to-sign", view{Form: len(items) > 0, Wrong: problems, D: d})
}

// own reports whether a person asks themselves: a document among them is no form.
func own(items []item) bool {
	for _, it := range items {
		if it.Form == "" {
			return true
		}
	}
	return false
}

// excludedKind is the one kind of excluded document among them; mixed, if there are two:
// an approval is asked with one warning.
func excludedKind(items []item) (kind string, mixed bool) {
	for i, it := range items {
		if i > 0 && it.Kind != items[0].Kind {
			mixed = true
		}
		if it.Kind != "" {
			kind = it.Kind
		}
	}
	return kind, mixed && kind != ""
}

// service is who asks: the department whose forms they all are, else the person.
func (p *Portal) service(items []item, t *tongue) signer.ResidentService {
	var department *forms.Department
	for _, it := range items {
		f, err := p.cfg.Forms.Form(it.Form)
		if err != nil || department != nil && department.ID != f.DepartmentID {
			return signer.ResidentService{ID: "portal", Name: p.words.in(t)("to-sign.own")}
		}
		department = f.Department
	}
	if department == nil {
		return signer.ResidentService{ID: "portal", Name: p.words.in(t)("to-sign.own")}
	}
	return signer.ResidentService{ID: department.ID, Name: department.Name.In(t.Tag)}
}

// draftDocument shows a document before it is signed.
func (p *Portal) draftDocument(w http.ResponseWriter, r *http.Request, v *visit) error {
	it, file, err := p.openDraft(r, v.Account.ID, r.PathValue("draft"))
	if err != nil {
		return err
	}
	if it == nil {
		return refuse(http.StatusNotFound, "error.missing")
	}
	content, err := p.pdf(it, file)
	if err != nil {
		return err
	}
	return sendPDF(w, "inline", it.Name, content)
}

// sendPDF answers with a PDF under a name.
func sendPDF(w http.ResponseWriter, how, name string, content []byte) error {
	if !strings.HasSuffix(strings.ToLower(name), ".pdf") {
		name += ".pdf"
	}
	h := w.Header()
	h.Set("Content-Type", "application/pdf")
	h.Set("Content-Length", fmt.Sprint(len(content)))
	h.Set("Content-Disposition", mime.FormatMediaType(how, map[string]string{"filename": name}))
	_, _ = w.Write(content) // the client has gone: nobody is left to tell
	return nil
}

// takeToSign removes a document, or asks for the approval.
func (p *Portal) takeToSign(w http.ResponseWriter, r *http.Request, v *visit) error {
	if id := r.PostForm.Get("remove"); id != "" {
		parsed, err := uuid.Parse(id)
		if err != nil {
			return refuse(http.StatusBadRequest, "error.request")
		}
		if err := p.store.dropDrafts(r.Context(), v.Account.ID, []uuid.UUID{parsed}); err != nil {
			return err
		}
		return redirect(w, r, "/to-sign")
	}
	v.kept = r.PostForm
	items, err := p.items(r, v.Account.ID)
	if err != nil {
		return err
	}
	say := p.words.in(v.Lang)
	kind, mixed := excludedKind(items)
	switch {
	case len(items) == 0:
		return redirect(w, r, "/to-sign")
	case mixed:
		return p.toSignForm(w, r, v, "documents", say("to-sign.mixed"))
	case kind != "" && r.PostForm.Get("know") != "yes":
		return p.toSignForm(w, r, v, "know", say("to-sign.know.wrong"))
	case len([]rune(r.PostForm.Get("reason"))) > 100:
		return p.toSignForm(w, r, v, "reason", say("to-sign.reason.wrong"))
	}
	request, err := p.request(r, v, items, kind)
	if err != nil {
		return err
	}
	signing, err := p.cfg.Signings.Prepare(r.Context(), p.caller(r, v), *request)
	if err != nil {
		if key := refusedDocument(err); key != "" {
			return p.toSignForm(w, r, v, "documents", say(key))
		}
		return err
	}
	// From here on the signing has the documents.
	ids := make([]uuid.UUID, len(items))
	for i, it := range items {
		ids[i] = it.ID
	}
	if err := p.store.dropDrafts(r.Context(), v.Account.ID, ids); err != nil {
		return err
	}
	p.sessions.Put(r.Context(), keySigning, signing.ID)
	if r.PostForm.Get("with") == "here" && !v.Linked && signing.Tx != "" {
		return redirect(w, r, p.approveAddress(signing))
	}
	return redirect(w, r, "/signings/"+signing.ID)
}

// request is the question to the signer.
func (p *Portal) request(r *http.Request, v *visit, items []item, kind string) (*signer.ResidentRequest, error) {
	q := &signer.ResidentRequest{
		Service: p.service(items, v.Lang), Reason: strings.TrimSpace(r.PostForm.Get("reason")),
		DocumentKind: kind, KindAcknowledged: r.PostForm.Get("know") == "yes",
		Return: strings.TrimRight(p.cfg.PublicURL, "/") + "/signed",
	}
	if q.Reason == "" && len(items) == 1 {
		q.Reason = items[0].Name
	}
	for _, it := range items {
		found, file, err := p.openDraft(r, v.Account.ID, it.ID.String())
		if err != nil {
			return nil, err
		}
		if found == nil {
			return nil, refuse(http.StatusConflict, "error.moved")
		}
		content, err := p.pdf(found, file)
		if err != nil {
			return nil, fmt.Errorf("draw document: %w", err)
		}
		doc := signer.ResidentDocument{Name: it.Name, PDF: content}
		if it.Form != "" {
			doc.Field = forms.SignatureField
		}
		if !strings.HasSuffix(strings.ToLower(doc.Name), ".pdf") {
			doc.Name += ".pdf"
		}
		q.Documents = append(q.Documents, doc)
	}
	return q, nil
}

// caller is the person as the signer knows them: by account, and by browser in words.
func (p *Portal) caller(r *http.Request, v *visit) signer.Caller {
	browser, system := agent(r.UserAgent())
	return signer.Caller{Account: v.Account.ID, Place: "portal: " + deviceName(browser, system)}
}
