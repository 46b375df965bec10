package validation_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"chop/internal/cms"
	"chop/internal/pdf"
	"chop/validation"
)

// An attack takes a document that passes and makes one that must not.
type attack struct {
	name   string
	change func(t *testing.T, w *world, doc []byte) []byte
	want   string // verdict of the first signature; "" for a document that cannot be judged
}

var soft = validation.Options{Revocation: validation.RevocationSoft}

// replace substitutes bytes of the same length, which must be there.
func replace(t *testing.T, doc []byte, old, new string) []byte {
	t.Helper()
	if len(old) != len(new) || !bytes.Contains(doc, []byte(old)) {
		t.Fatalf("cannot replace %q by %q", old, new)
	}
	return bytes.Replace(doc, []byte(old), []byte(new), 1)
}

var byteRange = regexp.MustCompile(`/ByteRange \[0 (\d+) (\d+) (\d+)\] *`)

// setRange overwrites the last ByteRange of the document.
func setRange(t *testing.T, doc []byte, format func(a, b, c int) string) []byte {
	t.Helper()
	all := byteRange.FindAllSubmatchIndex(doc, -1)
	at := all[len(all)-1]
	var n [3]int
	for i := range n {
		fmt.Sscan(string(doc[at[2*i+2]:at[2*i+3]]), &n[i])
	}
	text := "/ByteRange " + format(n[0], n[1], n[2])
	width := at[1] - at[0]
	if len(text) > width {
		t.Fatalf("%q is longer than %d bytes", text, width)
	}
	out := bytes.Clone(doc)
	copy(out[at[0]:], text+strings.Repeat(" ", width-len(text)))
	return out
}

const (
	formatFailure = "TOTAL-FAILED/FORMAT_FAILURE"
	hashFailure   = "TOTAL-FAILED/HASH_FAILURE"
	constraints   = "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"
)

// Attacks on the bytes: each is made on a document that passes before.
var byteAttacks = []attack{
	{"one byte of the text changed", func(t *testing.T, _ *world, doc []byte) []byte {
		return replace(t, doc, "Pay 100 dollars", "Pay 900 dollars")
	}, hashFailure},
	{"signature dictionary changed outside Contents", func(t *testing.T, _ *world, doc []byte) []byte {
		return replace(t, doc, "/Filter /Adobe.PPKLite", "/Filter /Adobe.PPKMSxx"[:22])
	}, hashFailure},
	{"zeroed Contents", func(t *testing.T, _ *world, doc []byte) []byte {
		at := bytes.LastIndex(doc, []byte("/Contents <")) + len("/Contents <")
		out := bytes.Clone(doc)
		for i := at; out[i] != '>'; i++ {
			out[i] = '0'
		}
		return out
	}, formatFailure},
	{"ByteRange does not start at 0", func(t *testing.T, _ *world, doc []byte) []byte {
		return setRange(t, doc, func(a, b, c int) string { return fmt.Sprintf("[9 %d %d %d]", a-9, b, c) })
	}, formatFailure},
	{"gap larger than Contents", func(t *testing.T, _ *world, doc []byte) []byte {
		return setRange(t, doc, func(a, b, c int) string { return fmt.Sprintf("[0 %d %d %d]", a, b+4, c-4) })
	}, formatFailure},
	{"gap smaller than Contents", func(t *testing.T, _ *world, doc []byte) []byte {
		return setRange(t, doc, func(a, b, c int) string { return fmt.Sprintf("[0 %d %d %d]", a+2, b, c) })
	}, formatFailure},
	{"end not covered", func(t *testing.T, _ *world, doc []byte) []byte {
		return setRange(t, doc, func(a, b, c int) string { return fmt.Sprintf("[0 %d %d %d]", a, b, c-20) })
	}, formatFailure},
	{"five numbers", func(t *testing.T, _ *world, doc []byte) []byte {
		return setRange(t, doc, func(a, b, c int) string { return fmt.Sprintf("[0 %d %d %d 0]", a, b, c) })
	}, formatFailure},
	{"universal forgery: negative range", func(t *testing.T, _ *world, doc []byte) []byte {
		return setRange(t, doc, func(a, b, c int) string { return fmt.Sprintf("[0 %d -%d %d]", a, b, c) })
	}, formatFailure},
	{"universal forgery: ByteRange null", func(t *testing.T, _ *world, doc []byte) []byte {
		return setRange(t, doc, func(int, int, int) string { return "null" })
	}, formatFailure},
	{"universal forgery: no ByteRange", func(t *testing.T, _ *world, doc []byte) []byte {
		return bytes.Replace(doc, []byte("/ByteRange"), []byte("/ByteGorge"), 1)
	}, formatFailure},
	{"universal forgery: no Contents", func(t *testing.T, _ *world, doc []byte) []byte {
		at := bytes.LastIndex(doc, []byte("/Contents <"))
		out := bytes.Clone(doc)
		copy(out[at:], "/Cuntents")
		return out
	}, formatFailure},
	{"garbage after the last revision", func(t *testing.T, _ *world, doc []byte) []byte {
		return append(bytes.Clone(doc), "4 0 obj\n<< /Length 3 >>\nstream\nBT \nendstream\nendobj\n"...)
	}, constraints},
	{"incremental saving: objects appended without a cross-reference section", func(t *testing.T, _ *world, doc []byte) []byte {
		return append(bytes.Clone(doc), "\n4 0 obj\n<< /Length 3 >>\nstream\nBT \nendstream\nendobj\nstartxref\n9\n%%EOF\n"...)
	}, ""},
}

func TestByteAttacks(t *testing.T) {
	w := newWorld(t)
	doc := w.sign(blank(0), draft{by: w.signer("Chan Tai Man"), field: "Signature1"})
	want(t, w.validate(doc, day, soft), passed)
	runAttacks(t, w, doc, byteAttacks)
}

func runAttacks(t *testing.T, w *world, doc []byte, list []attack) {
	v := newValidator(t, validation.Config{Trust: []*x509.Certificate{w.root.cert}})
	for _, a := range list {
		t.Run(a.name, func(t *testing.T) {
			bad := a.change(t, w, bytes.Clone(doc))
			if bytes.Equal(bad, doc) {
				t.Fatal("nothing was changed")
			}
			o := soft
			o.At = day
			r, err := v.Validate(context.Background(), bytes.NewReader(bad), int64(len(bad)), o)
			if err != nil {
				if a.want != "" {
					t.Fatalf("no verdict: %v", err)
				}
				return
			}
			if r.Passed() {
				t.Error("passed")
			}
			if a.want != "" && (len(r.Signatures) == 0 || verdict(r.Signatures[0]) != a.want) {
				t.Errorf("got %+v, want %s", r.Signatures, a.want)
			}
		})
	}
}

// Attacks on the message: the certificate, the signed bytes, what stands around them.
func TestMessageAttacks(t *testing.T) {
	w := newWorld(t)
	by, victim := w.signer("Mallory"), w.signer("Chan Tai Man")

	t.Run("foreign certificate placed first", func(t *testing.T) {
		doc := w.sign(blank(0), draft{by: by, field: "Signature1", certs: [][]byte{victim.cert.Raw, by.cert.Raw, w.ca.cert.Raw}})
		r := w.validate(doc, day, soft)
		want(t, r, passed)
		if got := r.Signatures[0].Signer; got != "CN=Mallory" {
			t.Errorf("signer %q", got)
		}
	})
	t.Run("foreign certificate with the signer's issuer and serial number", func(t *testing.T) {
		namesake := w.issue(&x509.Certificate{Subject: w.ca.cert.Subject, IsCA: true, BasicConstraintsValid: true}, nil)
		forged := w.issue(&x509.Certificate{
			Subject: pkix.Name{CommonName: "Mallory"}, SerialNumber: victim.cert.SerialNumber, KeyUsage: x509.KeyUsageContentCommitment,
		}, namesake)
		doc := w.sign(blank(0), draft{by: forged, field: "Signature1", certs: [][]byte{victim.cert.Raw, forged.cert.Raw, w.ca.cert.Raw}})
		want(t, w.validate(doc, day, soft), "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND")
	})
	t.Run("only the foreign certificate", func(t *testing.T) {
		doc := w.sign(blank(0), draft{by: by, field: "Signature1", certs: [][]byte{victim.cert.Raw, w.ca.cert.Raw}})
		want(t, w.validate(doc, day, soft), "INDETERMINATE/NO_SIGNING_CERTIFICATE_FOUND")
	})
	t.Run("self-signed", func(t *testing.T) {
		self := w.issue(&x509.Certificate{Subject: victim.cert.Subject, KeyUsage: x509.KeyUsageContentCommitment}, nil)
		doc := w.sign(blank(0), draft{by: self, field: "Signature1", certs: [][]byte{victim.cert.Raw, self.cert.Raw, w.ca.cert.Raw}})
		want(t, w.validate(doc, day, soft), "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND")
	})
	t.Run("signed by a time-stamping unit", func(t *testing.T) {
		doc := w.sign(blank(0), draft{by: w.tsu, field: "Signature1"})
		want(t, w.validate(doc, day, soft), "INDETERMINATE/CHAIN_CONSTRAINTS_FAILURE")
	})
	t.Run("signed with an authentication certificate", func(t *testing.T) {
		card := w.issue(&x509.Certificate{Subject: victim.cert.Subject, KeyUsage: x509.KeyUsageDigitalSignature}, w.ca)
		doc := w.sign(blank(0), draft{by: card, field: "Signature1"})
		want(t, w.validate(doc, day, soft), "INDETERMINATE/CHAIN_CONSTRAINTS_FAILURE")
	})
	t.Run("issued by somebody who is no CA", func(t *testing.T) {
		below := w.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "Below"}, KeyUsage: x509.KeyUsageContentCommitment}, victim)
		doc := w.sign(blank(0), draft{by: below, field: "Signature1", certs: [][]byte{below.cert.Raw, victim.cert.Raw, w.ca.cert.Raw}})
		want(t, w.validate(doc, day, soft), "INDETERMINATE/CERTIFICATE_CHAIN_GENERAL_FAILURE")
	})
	t.Run("bytes after the message", func(t *testing.T) {
		doc := w.sign(blank(0), draft{by: by, field: "Signature1", contents: func(b []byte) []byte { return append(b, "hidden"...) }})
		want(t, w.validate(doc, day, soft), constraints)
	})
	t.Run("transplanted into another file", func(t *testing.T) {
		doc := w.sign(blank(0), draft{by: by, field: "Signature1"})
		other := replace(t, w.sign(blank(0), draft{by: by, field: "Signature1"}), "Pay 100", "Pay 900")
		at := bytes.LastIndex(doc, []byte("/Contents <"))
		copy(other[at:at+16000], doc[at:at+16000])
		want(t, w.validate(other, day, soft), hashFailure)
	})
	t.Run("signed bytes carried behind another document", func(t *testing.T) {
		doc := w.sign(blank(0), draft{by: by, field: "Signature1"})
		evil := append([]byte("%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n"), doc...)
		r, err := newValidator(t, validation.Config{Trust: []*x509.Certificate{w.root.cert}}).
			Validate(context.Background(), bytes.NewReader(evil), int64(len(evil)), soft)
		if err == nil && r.Passed() {
			t.Error("passed")
		}
	})
	t.Run("unknown SubFilter", func(t *testing.T) {
		doc := w.sign(blank(0), draft{by: by, field: "Signature1", subFilter: "Acme.detached"})
		want(t, w.validate(doc, day, soft), constraints)
	})
	t.Run("document time-stamp that calls itself a signature", func(t *testing.T) {
		doc := w.place(blank(0), draft{field: "S", subFilter: validation.FormatTimestamp}, "Sig", func(b []byte) []byte {
			return w.token(w.tsu, crypto.SHA256, sha(b), day)
		})
		want(t, w.validate(doc, day, soft), constraints)
	})
	t.Run("time-stamp of another signature", func(t *testing.T) {
		doc := w.sign(blank(0), draft{by: by, field: "Signature1", unsigned: func(si *cms.SignerInfo) {
			si.AddUnsigned(cms.OIDSignatureTimestamp, w.token(w.tsu, crypto.SHA256, sha([]byte("other")), day.AddDate(-1, 0, 0)))
		}})
		want(t, w.validate(doc, day, soft), constraints)
	})
	t.Run("time-stamp by a unit that nobody trusts", func(t *testing.T) {
		alien := newWorld(t)
		doc := w.sign(blank(0), draft{by: by, field: "Signature1", stamp: day, unit: alien.tsu})
		want(t, w.validate(doc, day, soft), "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND")
	})
	t.Run("time-stamp by the signer", func(t *testing.T) {
		doc := w.sign(blank(0), draft{by: by, field: "Signature1", stamp: day, unit: by})
		want(t, w.validate(doc, day, soft), "INDETERMINATE/CHAIN_CONSTRAINTS_FAILURE")
	})
}

// A document that is not signed, or whose signature cannot be read, never passes.
func TestNothingToPass(t *testing.T) {
	w := newWorld(t)
	if r := w.validate(blank(0), day, soft); r.Passed() || len(r.Signatures) != 0 {
		t.Errorf("unsigned: %+v", r)
	}
	empty := update(t, blank(0), func(u *pdf.Update, v *pdf.View) {
		addField(t, v.File(), u, pdf.Dict{"Type": pdf.Name("Annot"), "Subtype": pdf.Name("Widget"), "FT": pdf.Name("Sig"), "T": pdf.EncodeText("Empty")})
	})
	if r := w.validate(empty, day, soft); r.Passed() || len(r.Signatures) != 0 {
		t.Errorf("empty field: %+v", r)
	}
	for name, value := range map[string]pdf.Object{
		"empty dictionary": pdf.Dict{}, "no SubFilter": pdf.Dict{"Type": pdf.Name("Sig"), "ByteRange": pdf.Array{int64(0), int64(1), int64(2), int64(3)}},
		"SubFilter of another type": pdf.Dict{"SubFilter": int64(1)}, "a string": pdf.String("signed"),
	} {
		doc := update(t, blank(0), func(u *pdf.Update, v *pdf.View) {
			addField(t, v.File(), u, pdf.Dict{"Type": pdf.Name("Annot"), "Subtype": pdf.Name("Widget"), "FT": pdf.Name("Sig"), "T": pdf.EncodeText("Bad"), "V": value})
		})
		if r := w.validate(doc, day, soft); r.Passed() {
			t.Errorf("%s: passed", name)
		}
	}
}
