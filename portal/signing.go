package portal

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"chop/portal/forms"
	"chop/signer"
	"chop/signer/pades"
)

// keySigning is the signing that this browser asked for last.
const keySigning = "signing"

// receiptDocuments is how many fit on the receipt's page; the data have all.
const receiptDocuments = 10

// askFor is how long the activation process waits for an approval, at most.
const askFor = 5 * time.Minute

// approveAddress is where a device approves. The transaction is in the fragment: no
// server, and no log, sees it.
func (p *Portal) approveAddress(s *signer.Signing) string {
	return strings.TrimRight(p.cfg.ApproveURL, "/") + "/#sign/" + s.Tx
}

// refusedDocument names the text for an error of Prepare that is about the documents.
func refusedDocument(err error) string {
	switch {
	case errors.Is(err, signer.ErrExcluded):
		return "to-sign.excluded"
	case errors.Is(err, signer.ErrAcknowledge):
		return "to-sign.know.wrong"
	case errors.Is(err, pades.ErrGlyph), errors.Is(err, pades.ErrAppearance):
		return "to-sign.glyph"
	}
	for _, about := range []error{
		pades.ErrNotPDF, pades.ErrEncrypted, pades.ErrMalformed, pades.ErrLimit, pades.ErrForbidden, pades.ErrNotFirst,
		pades.ErrFieldNotFound, pades.ErrFieldType, pades.ErrFieldSigned, pades.ErrSeedValue, pades.ErrTooLarge,
	} {
		if errors.Is(err, about) {
			return documentProblem(err)
		}
	}
	return ""
}

// history lists the signings, newest first: whatever was interrupted is found here.
func (p *Portal) history(w http.ResponseWriter, r *http.Request, v *visit) error {
	const most = 20
	before := r.URL.Query().Get("before")
	if len(before) > 36 {
		before = ""
	}
	list, err := p.cfg.Signings.List(r.Context(), p.caller(r, v), signer.Page{Before: before, Limit: most})
	if err != nil {
		return err
	}
	more := ""
	if len(list) == most {
		more = list[most-1].ID
	}
	return p.show(w, r, v, http.StatusOK, "signings", view{D: map[string]any{"List": list, "More": more, "Older": before != ""}})
}

// signing is one: a question that waits, or what became of it.
func (p *Portal) signing(w http.ResponseWriter, r *http.Request, v *visit) error {
	s, err := p.cfg.Signings.Signing(r.Context(), p.caller(r, v), r.PathValue("signing"))
	if err != nil {
		return err
	}
	d := map[string]any{"S": s, "Here": "", "QR": nil, "Left": 0, "Total": int(askFor.Seconds()), "Failure": ""}
	if s.State == signer.SigningWaiting && s.Tx != "" {
		d["Left"] = max(0, int(s.NotAfter.Sub(p.cfg.Now()).Seconds()))
		address := p.approveAddress(s)
		if !v.Linked {
			d["Here"] = address
		}
		if d["QR"], err = qrCode(address); err != nil {
			return err
		}
	}
	if s.Failure != "" {
		d["Failure"] = p.words.known(v.Lang, "failure", s.Failure)
	}
	return p.show(w, r, v, http.StatusOK, "signing", view{D: d})
}

// signingState is what the page asks every two seconds.
func (p *Portal) signingState(w http.ResponseWriter, r *http.Request, v *visit) error {
	s, err := p.cfg.Signings.Signing(r.Context(), p.caller(r, v), r.PathValue("signing"))
	if err != nil {
		return err
	}
	return writeJSON(w, map[string]string{"state": s.State})
}

// signingAct takes "try again" and "do not sign".
func (p *Portal) signingAct(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := parseForm(r); err != nil {
		return err
	}
	id, by := r.PathValue("signing"), p.caller(r, v)
	switch r.PostForm.Get("act") {
	case "again":
		s, err := p.cfg.Signings.Renew(r.Context(), by, id)
		if err != nil {
			return err
		}
		p.sessions.Put(r.Context(), keySigning, s.ID)
		return redirect(w, r, "/signings/"+s.ID)
	case "cancel":
		if _, err := p.cfg.Signings.Cancel(r.Context(), by, id); err != nil {
			return err
		}
		return redirect(w, r, "/signings/"+id)
	}
	return refuse(http.StatusBadRequest, "error.request")
}

// signed is where the approval page sends people back to: the browser that asked to its
// signing, a phone that only approved to a page that says so.
func (p *Portal) signed(w http.ResponseWriter, r *http.Request, v *visit) error {
	if id := p.sessions.GetString(r.Context(), keySigning); v.Account != nil && id != "" {
		return redirect(w, r, "/signings/"+id)
	}
	if v.Account != nil {
		return redirect(w, r, "/signings")
	}
	return p.show(w, r, v, http.StatusOK, "elsewhere", view{})
}

// signedDocument hands a signed file out.
func (p *Portal) signedDocument(w http.ResponseWriter, r *http.Request, v *visit) error {
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil {
		return refuse(http.StatusNotFound, "error.missing")
	}
	name, content, err := p.cfg.Signings.Document(r.Context(), p.caller(r, v), r.PathValue("signing"), n)
	if err != nil {
		return err
	}
	return sendPDF(w, "attachment", name, content)
}

// receipt is the proof of a signing, for people.
func (p *Portal) receipt(w http.ResponseWriter, r *http.Request, v *visit) error {
	s, err := p.cfg.Signings.Signing(r.Context(), p.caller(r, v), r.PathValue("signing"))
	if err != nil {
		return err
	}
	if s.State != signer.SigningSigned {
		return redirect(w, r, "/signings/"+s.ID)
	}
	return p.show(w, r, v, http.StatusOK, "receipt", view{D: map[string]any{"S": s}})
}

// receiptFile is the receipt for programs: with the passkey's evidence.
func (p *Portal) receiptFile(w http.ResponseWriter, r *http.Request, v *visit) error {
	id := r.PathValue("signing")
	found, err := p.cfg.Signings.Receipt(r.Context(), p.caller(r, v), id)
	if err != nil {
		return err
	}
	body, err := json.MarshalIndent(found, "", "  ")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", `attachment; filename="receipt.json"`)
	_, _ = w.Write(append(body, '\n')) // the client has gone: nobody is left to tell
	return nil
}

// receiptPDF is the receipt on one page, to print or to send on.
func (p *Portal) receiptPDF(w http.ResponseWriter, r *http.Request, v *visit) error {
	by := p.caller(r, v)
	s, err := p.cfg.Signings.Signing(r.Context(), by, r.PathValue("signing"))
	if err != nil {
		return err
	}
	if s.State != signer.SigningSigned || len(s.Documents) > receiptDocuments {
		return refuse(http.StatusNotFound, "error.missing")
	}
	proof, err := p.cfg.Signings.Receipt(r.Context(), by, s.ID)
	if err != nil {
		return err
	}
	data := forms.ReceiptData{
		ID: s.ID, Service: s.Service.Name, Signer: proof.Certificate.Subject, At: s.ClosedAt, Serial: s.Serial, Issuer: proof.Certificate.Issuer,
		CheckURL: strings.TrimRight(p.cfg.PublicURL, "/"),
	}
	for _, d := range s.Documents {
		line := forms.ReceiptDocument{Name: d.Name, Size: d.SignedSize}
		copy(line.SHA256[:], d.SignedSHA256)
		data.Documents = append(data.Documents, line)
	}
	content, err := p.cfg.Forms.Receipt(data, v.Lang.Tag)
	if err != nil {
		return err
	}
	return sendPDF(w, "attachment", p.words.in(v.Lang)("receipt.title"), content)
}
