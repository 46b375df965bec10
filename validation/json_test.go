package validation_test

import (
	"bytes"
	"context"
	"crypto"
	crand "crypto/rand"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"chop/internal/jws"
	"chop/signer/jades"
	"chop/signer/pades"
	"chop/validation"
)

// rawECDSA is a value as JSON has it, r‖s of P-256.
func rawECDSA(t testing.TB, der []byte) []byte {
	t.Helper()
	var rs struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &rs); err != nil {
		t.Fatal(err)
	}
	return append(rs.R.FillBytes(make([]byte, 32)), rs.S.FillBytes(make([]byte, 32))...)
}

// A detached signature wants its file, and no other, whatever the serialisation and level.
func TestJSONDetached(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	by := w.signer("Chan Tai Man")
	for _, form := range []jws.Serialization{jades.Compact, jades.Flattened, jades.General} {
		for _, level := range allLevels {
			if form == jades.Compact && level != pades.LevelB {
				continue
			}
			doc := w.signJSON(by, jades.Request{Level: level, Serialization: form, Detached: true})
			receiptFile := validation.File{Name: "receipt.json", Content: []byte(receipt)}
			for _, c := range []struct {
				files          []validation.File
				want, unsigned string
			}{
				{nil, "INDETERMINATE/SIGNED_DATA_NOT_FOUND", ""},
				{[]validation.File{{Name: "receipt.json", Content: []byte(receipt + " ")}}, "TOTAL-FAILED/HASH_FAILURE", "file receipt.json"},
				{[]validation.File{{Name: "other.json"}, receiptFile}, passed, "file other.json"},
				{[]validation.File{receiptFile}, passed, ""},
			} {
				o := w.given(by, level)
				o.Detached = c.files
				r := w.validateJSON(t, string(doc), o)
				if verdict(r.Signatures[0]) != c.want || strings.Join(r.Document.Unsigned, ";") != c.unsigned || r.Passed() != (c.want == passed && c.unsigned == "") {
					t.Errorf("%s %s, want %s, unsigned %q: %s", form, level, c.want, c.unsigned, tell(r))
				}
			}
		}
	}
}

// isSigned says which signed part of a JWS a byte lies in: the signature's own, or what an
// archive time-stamp covers.
func isSigned(t testing.TB, doc []byte, i int) string {
	t.Helper()
	d, err := jws.Open(doc, jws.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if d.Serialization == jws.Compact {
		return "a compact serialisation"
	}
	s := d.Signatures[0]
	parts := map[string]string{"the payload": d.Payload, "the protected header": s.Protected, "the value": s.Encoded}
	last := 0
	for j, u := range s.Unsigned {
		if u.Name == "arcTst" {
			last = j
		}
	}
	for j, u := range s.Unsigned {
		if j < last {
			parts[u.Name] = u.Encoded
		}
	}
	for name, text := range parts {
		if at := bytes.Index(doc, []byte(text)); text != "" && i >= at && i < at+len(text) {
			return "in " + name
		}
	}
	return ""
}

// What others make, and what attackers make of it.
func TestJSONForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	by, other := w.signer("Chan Tai Man"), w.signer("Mallory")
	payload := jws.Encode([]byte(receipt))
	const full = `{"alg":"ES256","iat":1790000000,CHAIN,THUMBPRINT`
	sound := w.bare(by, full+`}`, payload)
	parts := strings.Split(sound, ".")
	flat := `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"`
	const constraints, format = "INDETERMINATE/SIG_CONSTRAINTS_FAILURE", "TOTAL-FAILED/FORMAT_FAILURE"
	hs256 := strings.Replace(full, "ES256", "HS256", 1) + "}"
	for _, c := range []struct {
		name, doc, verdict, format, unsigned string
	}{
		{"compact", sound, passed, validation.FormatJAdES, ""},
		{"a line end behind it", sound + "\r\n", passed, validation.FormatJAdES, ""},
		{"flattened", flat + "}", passed, validation.FormatJAdES, ""},
		{"whitespace", "\n " + flat + "\t}\n", passed, validation.FormatJAdES, ""},
		{"plain JWS", w.bare(by, `{"alg":"ES256",CHAIN}`, payload), passed, validation.FormatJWS, ""},
		{"no certificate", w.bare(by, `{"alg":"ES256"}`, payload), "INDETERMINATE/NO_SIGNING_CERTIFICATE_FOUND", validation.FormatJWS, ""},
		{"JAdES without a name of the certificate", w.bare(by, `{"alg":"ES256","sigT":"2026-09-21T14:13:20Z",CHAIN}`, payload), constraints, validation.FormatJAdES, ""},
		{"JAdES without a time", w.bare(by, `{"alg":"ES256","sigPl":{"addressCountry":"HK"},CHAIN,THUMBPRINT}`, payload), constraints, validation.FormatJAdES, ""},
		{"two times", w.bare(by, full+`,"sigT":"2026-09-21T14:13:20Z"}`, payload), constraints, validation.FormatJAdES, ""},
		{"a key in jwk", w.bare(by, `{"alg":"ES256","jwk":{"kty":"EC"}}`, payload), "INDETERMINATE/NO_SIGNING_CERTIFICATE_FOUND", validation.FormatJWS, ""},
		{"signed by another than is named", w.bare(other, `{"alg":"ES256","x5c":["`+encode(by.cert.Raw)+`"]}`, payload), "TOTAL-FAILED/SIG_CRYPTO_FAILURE", validation.FormatJWS, ""},
		{"alg none", jws.Encode([]byte(`{"alg":"none"}`)) + "." + payload + ".AA", format, validation.FormatJWS, ""},
		{"alg none and no value", jws.Encode([]byte(`{"alg":"none"}`)) + "." + payload + ".", format, validation.FormatJWS, ""},
		{"HMAC with the certificate for a secret", w.bare(by, hs256, payload), "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE", validation.FormatJAdES, ""},
		{"another curve's algorithm", w.bare(by, `{"alg":"ES384",CHAIN}`, payload), "TOTAL-FAILED/SIG_CRYPTO_FAILURE", validation.FormatJWS, ""},
		{"an algorithm not known", w.bare(by, `{"alg":"ES256K",CHAIN}`, payload), "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE", validation.FormatJWS, ""},
		{"crit not understood", w.bare(by, full+`,"crit":["http://example.org/mustRead"],"http://example.org/mustRead":1}`, payload), constraints, validation.FormatJAdES, ""},
		{"b64 false, not in crit", w.bare(by, full+`,"b64":false}`, "hello"), constraints, validation.FormatJAdES, ""},
		{"b64 false", w.bare(by, full+`,"b64":false,"crit":["b64"]}`, "hello"), passed, validation.FormatJAdES, ""},
		{"payload not base64url", w.bare(by, full+`}`, "hello world"), format, validation.FormatJAdES, ""},
		{"HTTP headers", w.bare(by, full+`,"sigD":{"mId":"http://uri.etsi.org/19182/HttpHeaders","pars":["digest"]},"crit":["sigD"]}`, ""), "INDETERMINATE/SIGNED_DATA_NOT_FOUND", validation.FormatJAdES, ""},
		{"an unsigned header parameter", flat + `,"header":{"kid":"the Government"}}`, passed, validation.FormatJAdES, `header parameter "kid" of Signature 1`},
		{"an unsigned member", flat + `,"Payload":"eyJhbW91bnQiOjkwMDB9"}`, passed, validation.FormatJAdES, `member "Payload"`},
		{"a counter-signature", flat + `,"header":{"etsiU":["` + jws.Encode([]byte(`{"cSig":"no JWS"}`)) + `"]}}`, passed, validation.FormatJAdES, "Signature 1, counter-signature 1"},
		{"etsiU is a string", flat + `,"header":{"etsiU":"x"}}`, constraints, validation.FormatJAdES, ""},
		{"an empty time-stamp", flat + `,"header":{"etsiU":["` + jws.Encode([]byte(`{"sigTst":{"tstTokens":[]}}`)) + `"]}}`, constraints, validation.FormatJAdES, ""},
		{"an archive time-stamp that is none", flat + `,"header":{"etsiU":["` + jws.Encode([]byte(`{"arcTst":{"tstTokens":[{"val":"AAAA"}]}}`)) + `"]}}`, constraints, validation.FormatJAdES, ""},
	} {
		r := w.validateJSON(t, c.doc, validation.Options{})
		s := r.Signatures[0]
		if verdict(s) != c.verdict || s.Format != c.format || strings.Join(r.Document.Unsigned, ";") != c.unsigned || r.Passed() != (c.verdict == passed && c.unsigned == "") {
			t.Errorf("%s: want %s %s %q, got %s %q\n%s", c.name, c.verdict, c.format, c.unsigned, s.Format, r.Document.Unsigned, tell(r))
		}
	}
}

// Two signatures on one payload are two rows, and one that fails fails the document.
func TestJSONGeneral(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	payload := jws.Encode([]byte(receipt))
	var list []string
	for _, who := range []string{"Chan Tai Man", "Wong Siu Ming"} {
		p := strings.Split(w.bare(w.signer(who), `{"alg":"ES256","iat":1790000000,CHAIN,THUMBPRINT}`, payload), ".")
		list = append(list, `{"protected":"`+p[0]+`","signature":"`+p[2]+`"}`)
	}
	doc := `{"payload":"` + payload + `","signatures":[` + strings.Join(list, ",") + `]}`
	if r := w.validateJSON(t, doc, validation.Options{}); len(r.Signatures) != 2 || !r.Passed() {
		t.Errorf("%s", tell(r))
	}
	swapped := strings.Replace(doc, payload, jws.Encode([]byte(`{"to": "Mallory", "amount": 9000}`)), 1)
	r := w.validateJSON(t, swapped, validation.Options{})
	want(t, r, "TOTAL-FAILED/SIG_CRYPTO_FAILURE", "TOTAL-FAILED/SIG_CRYPTO_FAILURE")
	for _, s := range r.Signatures {
		if len(s.Signed) > 0 {
			t.Errorf("what is not signed is said to be: %v", s.Signed)
		}
	}
	// A header moved to the other's value.
	mixed := strings.Replace(doc, list[1], strings.Replace(list[1], list[1][:len(list[1])-90], list[0][:len(list[0])-90], 1), 1)
	if r := w.validateJSON(t, mixed, validation.Options{}); r.Passed() {
		t.Errorf("%s", tell(r))
	}
}

// A counter-signature is a row of its own, on the value of the signature that holds it: one
// on another value, as an attacker moves it, fails, and so does the document.
func TestJSONCounterSignature(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const header = `{"alg":"ES256","iat":1790000000,CHAIN,THUMBPRINT}`
	by, over := w.signer("Chan Tai Man"), w.signer("Wong Siu Ming")
	p := strings.Split(w.bare(by, header, jws.Encode([]byte(receipt))), ".")
	flat := func(s []string, unsigned ...string) string {
		for i := range unsigned {
			unsigned[i] = `"` + jws.Encode([]byte(unsigned[i])) + `"`
		}
		payload := ""
		if s[1] != "" {
			payload = `"payload":"` + s[1] + `",`
		}
		return "{" + payload + `"protected":"` + s[0] + `","header":{"etsiU":[` + strings.Join(unsigned, ",") + `]},"signature":"` + s[2] + `"}`
	}
	counter := w.bare(over, header, p[2])
	c := strings.Split(counter, ".")
	c[1] = ""
	detached := strings.Join(c, ".")
	elsewhere := w.bare(over, header, jws.Encode([]byte("another value")))
	third := w.bare(w.signer("Lee Ka Yan"), header, c[2])
	for _, x := range []struct {
		name, element, verdict, unsigned string
		more                             []string
	}{
		{"compact", `{"cSig":"` + counter + `"}`, passed, "", nil},
		{"detached", `{"cSig":"` + detached + `"}`, passed, "", nil},
		{"flattened", `{"cSig" : ` + flat(c) + ` }`, passed, "", nil},
		{"countersigned again", `{"cSig":` + flat(c, `{"cSig":"`+third+`"}`) + `}`, passed, "", []string{passed}},
		{"on another signature", `{"cSig":"` + elsewhere + `"}`, "TOTAL-FAILED/HASH_FAILURE", "", nil},
		{"of another payload", `{"cSig":"` + strings.Replace(elsewhere, jws.Encode([]byte("another value")), p[2], 1) + `"}`, "TOTAL-FAILED/SIG_CRYPTO_FAILURE", "", nil},
		{"unreadable", `{"cSig":"e30"}`, "", "Signature 1, counter-signature 1", nil},
	} {
		r := w.validateJSON(t, flat(p, x.element), validation.Options{})
		verdicts := append([]string{passed, x.verdict}, x.more...)
		if x.verdict == "" {
			verdicts = verdicts[:1]
		}
		t.Log(x.name)
		want(t, r, verdicts...)
		if strings.Join(r.Document.Unsigned, ";") != x.unsigned || r.Passed() != (x.verdict == passed) {
			t.Errorf("%s", tell(r))
		}
		if x.verdict == passed && r.Signatures[1].Signed[0] != "the value of Signature 1" {
			t.Errorf("%s", tell(r))
		}
	}
}

// What our own signer puts into etsiU passes at its level.
func TestJSONCounterSigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two := w.signer("Chan Tai Man"), w.signer("Wong Siu Ming")
	o := validation.Options{Revocation: validation.RevocationRequired, CRLs: [][]byte{w.arl(day.AddDate(0, 0, -3))},
		OCSPs: [][]byte{w.ocsp(two.cert, day.Add(time.Second), answer{}), w.ocsp(w.tsu.cert, day.Add(time.Second), answer{})}}
	for _, level := range []pades.Level{pades.LevelB, pades.LevelT, pades.LevelLT} {
		n := notary{w, w.tsu, day}
		id := w.identity(two, "", crypto.SHA256)
		d, err := jades.PrepareCounter(jades.Request{
			Beside: w.signJSON(one, jades.Request{Level: pades.LevelLT}), Level: level, Identity: id, Timestamper: n, Evidence: n, Time: day,
		}, "Signature 1")
		if err != nil {
			t.Fatal(err)
		}
		_, dtbsr := d.DTBSR()
		value, err := two.key.Sign(crand.Reader, dtbsr, id.SignerOpts())
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Finish(context.Background(), value); err != nil {
			t.Fatal(err)
		}
		for _, doc := range [][]byte{d.Bytes(), w.extendJSON(d.Bytes(), crypto.SHA256, w.tsu, day)} {
			r := w.validateJSON(t, string(doc), o)
			want(t, r, passed, passed)
			if s := r.Signatures[1]; !r.Passed() || s.Field != d.Field() || s.Level != string(level) || s.Signed[0] != "the value of Signature 1" {
				t.Errorf("%s: %s", level, tell(r))
			}
		}
	}
}

// A file that is given beside a document that does not sign it is told of; two names and one
// file leave the other name without one.
func TestJSONFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	by := w.signer("Chan Tai Man")
	const head = `{"alg":"ES256","iat":1790000000,CHAIN,THUMBPRINT`
	attached := w.bare(by, head+`}`, jws.Encode([]byte(receipt)))
	two := w.bare(by, head+`,"b64":false,"sigD":{"mId":"`+jws.ObjectIDByURIHash+`","pars":["a/one.json","two.json"],"hashM":"S256","hashV":["`+
		jws.Encode(sha([]byte("1")))+`","`+jws.Encode(sha([]byte("2")))+`"]},"crit":["b64","sigD"]}`, "")
	input := strings.Split(w.bare(by, head+`}`, jws.Encode([]byte("1"))), ".")
	leftOut := input[0] + ".." + input[2]
	one := validation.File{Name: "one.json", Content: []byte("1")}
	other := validation.File{Name: "two.json", Content: []byte("2")}
	for _, c := range []struct {
		name, doc, verdict, unsigned, signs string
		files                               []validation.File
	}{
		{"attached", attached, passed, "file one.json", fmt.Sprintf("the payload, %d bytes", len(receipt)), []validation.File{one}},
		{"both", two, passed, "", "file a/one.json;file two.json", []validation.File{other, one}},
		{"one of two", two, "INDETERMINATE/SIGNED_DATA_NOT_FOUND", "file one.json", "file a/one.json", []validation.File{one}},
		{"left out", leftOut, passed, "", "the file that was given", []validation.File{one}},
		{"left out, and two", leftOut, "INDETERMINATE/SIGNED_DATA_NOT_FOUND", "file one.json;file two.json", "", []validation.File{one, other}},
		{"left out, another", leftOut, "TOTAL-FAILED/SIG_CRYPTO_FAILURE", "file two.json", "", []validation.File{other}},
	} {
		r := w.validateJSON(t, c.doc, validation.Options{Detached: c.files})
		if s := r.Signatures[0]; verdict(s) != c.verdict || strings.Join(r.Document.Unsigned, ";") != c.unsigned || strings.Join(s.Signed, ";") != c.signs {
			t.Errorf("%s: %s", c.name, tell(r))
		}
	}
	v := newValidator(t, validation.Config{})
	_, err := v.Validate(context.Background(), strings.NewReader(two), int64(len(two)), validation.Options{Detached: []validation.File{one, {Name: "x/one.json"}}})
	if !errors.Is(err, validation.ErrOptions) {
		t.Errorf("two files of one name: %v", err)
	}
}

func TestJSONErrors(t *testing.T) {
	t.Parallel()
	v := newValidator(t, validation.Config{})
	for name, doc := range map[string]string{
		"not JSON": "{", "a name twice": `{"a":1,"a":2}`, "two parts": "eyJhbGciOiJub25lIn0.AAAA", "signatures is no array": `{"payload":"","signatures":{}}`,
	} {
		if _, err := v.Validate(context.Background(), strings.NewReader(doc), int64(len(doc)), validation.Options{}); !errors.Is(err, validation.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r, err := v.Validate(context.Background(), strings.NewReader(receipt), int64(len(receipt)), validation.Options{})
	if err != nil || len(r.Signatures) != 0 || r.Passed() {
		t.Errorf("an unsigned document: %+v, %v", r, err)
	}
}

// FuzzJSON feeds anything; what passes says what was signed, and that is what we signed.
func FuzzJSON(f *testing.F) {
	w := newWorld(f)
	by := w.signer("Chan Tai Man")
	doc := w.signJSON(by, jades.Request{Level: pades.LevelLTA})
	f.Add(doc)
	f.Add(w.signJSON(by, jades.Request{Level: pades.LevelB, Serialization: jades.Compact}))
	f.Add(w.signJSON(by, jades.Request{Level: pades.LevelT, Serialization: jades.General}))
	f.Add([]byte(receipt))
	v := newValidator(f, validation.Config{})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 || len(data) > 1<<20 || bytes.HasPrefix(bytes.TrimSpace(data), []byte("<")) || bytes.Contains(data, []byte("%PDF")) {
			return
		}
		r, err := v.Validate(context.Background(), bytes.NewReader(data), int64(len(data)), validation.Options{Trust: trustOf(w), At: day.Add(time.Minute), Revocation: validation.RevocationNone})
		if err != nil || !r.Passed() {
			return
		}
		d, err := jws.Open(data, jws.Limits{})
		if err != nil || string(d.Signatures[0].Content()) != receipt {
			t.Fatalf("passes, and says\n%q", data)
		}
	})
}
