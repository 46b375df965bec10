package main_test

import (
	"errors"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"chop/signer/approval/device"
)

var (
	listed   = regexp.MustCompile(`(?s)<a class="govuk-link" href="/signings/([0-9a-f-]{36})">([^<]*)</a>`)
	inBasket = regexp.MustCompile(`(?s)<h2 class="row__name">([^<]*)</h2>.*?name="remove" value="([0-9a-f-]{36})"`)
	stateOf  = regexp.MustCompile(`data-state="([a-z]+)"`)
	question = regexp.MustCompile(`href="[^"]*/#sign/([A-Za-z0-9_-]{22})"`)
)

// sign has a document signed, whatever happens meanwhile: whenever something went wrong the person looks at what the
// pages say and goes on from there. It returns the signed file.
func (p *person) sign(t *testing.T, name string, pdf []byte) (file []byte, signing string) {
	t.Helper()
	eventually(t, name+" is signed", func() bool {
		list := p.get(t, "/signings")
		switch {
		case !list.ok():
		case list.status == http.StatusSeeOther: // to the page for signing in
			p.signIn(t)
		default:
			signing = ""
			for _, m := range listed.FindAllStringSubmatch(list.body, -1) { // the newest first
				if html.UnescapeString(m[2]) == name {
					signing = m[1]
					break
				}
			}
			if signing == "" {
				p.begin(t, name, pdf)
			} else {
				file = p.goOn(t, name, pdf, signing)
			}
		}
		return file != nil
	})
	return file, signing
}

// begin puts the document into the basket, unless it is there, and asks for the approval.
func (p *person) begin(t *testing.T, name string, pdf []byte) {
	t.Helper()
	basket := p.get(t, "/to-sign")
	if !basket.ok() || basket.status != http.StatusOK {
		return
	}
	there := inBasket.FindAllStringSubmatch(basket.body, -1)
	for i, m := range there {
		if html.UnescapeString(m[1]) != name || i > 0 { // of the one before, or put in twice
			p.post(t, "/to-sign", "remove", m[2])
			return
		}
	}
	if len(there) == 0 && !p.upload(t, name, pdf).ok() {
		return
	}
	p.post(t, "/to-sign", "with", "here")
}

// goOn does what the signing's page offers, and returns the file if there is one.
func (p *person) goOn(t *testing.T, name string, pdf []byte, signing string) []byte {
	t.Helper()
	page := p.get(t, "/signings/"+signing)
	if !page.ok() || page.status != http.StatusOK {
		return nil
	}
	if m := question.FindStringSubmatch(page.body); m != nil {
		p.approve(t, m[1])
		return nil
	}
	switch {
	case stateOf.MatchString(page.body):
		time.Sleep(300 * time.Millisecond) // it goes on by itself; the portal lets one address ask ten times a second
	case strings.Contains(page.body, "/documents/0\""):
		if signed := p.get(t, "/signings/"+signing+"/documents/0"); signed.ok() {
			return []byte(signed.body)
		}
	case strings.Contains(page.body, `value="again"`):
		p.post(t, "/signings/"+signing, "act", "again")
	default: // over, and cannot be asked again: begun anew
		t.Logf("%s: signing %s ended without a signature", name, signing)
		p.begin(t, name, pdf)
	}
	return nil
}

// approve looks at the approval page on the phone, and approves. A refusal has a word that the page knows.
func (p *person) approve(t *testing.T, tx string) {
	t.Helper()
	err := p.page.Sign(t.Context(), tx)
	var refused *device.Refusal
	if errors.As(err, &refused) && refused.Code == "" {
		p.unclear = append(p.unclear, "the approval page: "+err.Error())
	}
	if err != nil {
		t.Logf("approving: %v", err)
	}
}
