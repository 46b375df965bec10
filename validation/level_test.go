package validation_test

import (
	"crypto"
	"testing"
	"time"

	"chop/signer/cades"
	"chop/signer/pades"
	"chop/signer/xades"
	"chop/validation"
)

// Newer evidence, whoever brings it, takes nothing from the level of a document that preserves its own.
func TestLevelBesideNewerEvidence(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	by := w.signer("Chan Tai Man")
	newer := [][]byte{w.ocsp(by.cert, day.Add(time.Hour), answer{by: w.ca}), w.ocsp(w.tsu.cert, day.Add(time.Hour), answer{by: w.ca})}
	lists := [][]byte{w.arl(day.Add(time.Hour))}
	later := day.Add(2 * time.Hour)
	o := validation.Options{At: later, Revocation: validation.RevocationRequired, OCSPs: newer, CRLs: lists}
	level := func(name string, doc []byte, o validation.Options) {
		t.Helper()
		r, err := w.tryValidate(t, doc, o)
		if err != nil || !r.Passed() || r.Signatures[0].Level != validation.LevelLTA {
			t.Errorf("%s: %v, %s", name, err, tell(r))
		}
	}
	message := w.signCMS(by, cades.Request{Level: pades.LevelLTA})
	level("CMS", message, validation.Options{At: later, Revocation: validation.RevocationRequired})
	level("CMS, the caller has newer evidence", message, o)
	level("XML, the caller has newer evidence", w.signXML(by, xades.Request{Level: pades.LevelLTA}), o)

	doc := w.signPDF(by, w.identity(by, "", crypto.SHA256), pades.LevelLTA)
	level("PDF, the caller has newer evidence", doc, o)
}
