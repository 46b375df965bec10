package validation_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"testing"

	"chop/validation"
)

// FuzzValidate patches a signed document at an offset and appends to it. Nothing
// makes the validator panic or hang, and what was patched does not pass, unless only
// bytes in a Contents differ, which no signature covers. The input is the patch and
// not the document, so that the fuzzer spends its time on what matters.
func FuzzValidate(f *testing.F) {
	w := newWorld(f)
	by := w.signer("Chan Tai Man")
	doc := w.sign(blank(0), draft{by: by, field: "S"})
	doc = w.sign(doc, draft{by: by, field: "T", mdp: 2, stamp: day})
	doc = addEvidence(f, doc, [][]byte{by.cert.Raw}, [][]byte{w.ocsp(by.cert, day, answer{})}, [][]byte{w.arl(day)})
	doc = w.stampDocument(doc, w.tsu, crypto.SHA256, day)
	at := func(s string) uint32 { return uint32(bytes.LastIndex(doc, []byte(s))) }
	f.Add(uint32(0), []byte("%PDF-1.4"), []byte(nil))
	f.Add(at("/ByteRange ["), []byte("/ByteRange [0 9"), []byte(nil))
	f.Add(at("/Contents <")+20, []byte("00"), []byte(nil))
	f.Add(at("/Fields"), []byte("/Kids  "), []byte(nil))
	f.Add(at("/Prev"), []byte("/Prev 0 "), []byte(nil))
	f.Add(at("startxref"), []byte("startxref\n9"), []byte(nil))
	f.Add(uint32(len(doc)), []byte(nil), []byte("\n4 0 obj\n<<>>\nendobj\nxref\n4 1\n0000000000 00000 n \ntrailer\n<</Size 99/Root 1 0 R>>\nstartxref\n9\n%%EOF"))
	v := newValidator(f, validation.Config{Trust: []*x509.Certificate{w.root.cert}})
	o := validation.Options{At: day, Revocation: validation.RevocationSoft}
	if r, err := v.Validate(context.Background(), bytes.NewReader(doc), int64(len(doc)), o); err != nil || !r.Passed() {
		f.Fatalf("the document itself: %+v, %v", r, err)
	}
	f.Fuzz(func(t *testing.T, offset uint32, patch, tail []byte) {
		if int(offset) > len(doc) || len(patch) > 256 || len(tail) > 4096 {
			return
		}
		forged := bytes.Clone(doc)
		copy(forged[offset:], patch)
		outside := !sameOutsideContents(forged, doc)
		forged = append(forged, tail...)
		r, err := v.Validate(context.Background(), bytes.NewReader(forged), int64(len(forged)), o)
		if err == nil && r.Passed() && outside {
			t.Errorf("a forgery passed: %+v", r.Signatures)
		}
	})
}

// sameOutsideContents compares two documents but for hexadecimal strings.
func sameOutsideContents(a, b []byte) bool {
	inside := false
	for i := range a {
		if b[i] == '<' || b[i] == '>' {
			inside = b[i] == '<'
		}
		if a[i] != b[i] && !inside {
			return false
		}
	}
	return true
}
