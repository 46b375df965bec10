package validation_test

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"
	"time"

	"chop/policies"
	"chop/validation"
)

const passed = "TOTAL-PASSED"

// A longTerm is a document of each level by one signer, as our own signer makes them:
// evidence gathered after the time-stamp that it speaks for.
type longTerm struct {
	*world
	by              *person
	b, t, lt, lta   []byte
	certs, arl      [][]byte
	signerOK, tsuOK []byte
}

func newLongTerm(t testing.TB) *longTerm {
	w := newWorld(t)
	d := &longTerm{world: w, by: w.signer("Chan Tai Man")}
	d.b = w.sign(blank(0), draft{by: d.by, field: "Signature1"})
	d.t = w.sign(blank(0), draft{by: d.by, field: "Signature1", stamp: day})
	d.certs = [][]byte{d.by.cert.Raw, w.ca.cert.Raw, w.tsu.cert.Raw}
	d.arl = [][]byte{w.arl(day.AddDate(0, 0, -3))}
	d.signerOK, d.tsuOK = w.ocsp(d.by.cert, day.Add(time.Second), answer{}), w.ocsp(w.tsu.cert, day.Add(time.Second), answer{})
	d.lt = addEvidence(t, d.t, d.certs, [][]byte{d.signerOK, d.tsuOK}, d.arl)
	d.lta = w.stampDocument(d.lt, w.tsu, crypto.SHA256, day.Add(2*time.Second))
	return d
}

func TestLevels(t *testing.T) {
	d := newLongTerm(t)
	evidence := validation.Options{OCSPs: [][]byte{d.signerOK, d.tsuOK}, CRLs: d.arl}
	at := day.Add(time.Minute)
	for _, c := range []struct {
		name  string
		doc   []byte
		o     validation.Options
		level string
		rows  []string
		mod   string
	}{
		{"B-B with evidence given", d.b, evidence, "B-B", []string{passed}, "none"},
		{"B-B without", d.b, validation.Options{}, "B-B", []string{"INDETERMINATE/TRY_LATER"}, "none"},
		{"B-B without, soft", d.b, validation.Options{Revocation: validation.RevocationSoft}, "B-B", []string{passed}, "none"},
		{"B-T with evidence given", d.t, evidence, "B-T", []string{passed}, "none"},
		{"B-LT", d.lt, validation.Options{}, "B-LT", []string{passed}, "allowed"},
		{"B-LTA", d.lta, validation.Options{}, "B-LTA", []string{passed, passed}, "allowed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := d.validate(c.doc, at, c.o)
			want(t, r, c.rows...)
			if got := r.Signatures[0].Level; got != c.level {
				t.Errorf("level %s, want %s\n%s", got, c.level, explain(r.Signatures[0]))
			}
			if got := string(r.Document.Modifications); got != c.mod {
				t.Errorf("modifications %s, want %s: %v", got, c.mod, r.Document.Changes)
			}
			if ok := c.rows[0] == passed; r.Passed() != ok {
				t.Errorf("Passed() = %v, want %v", r.Passed(), ok)
			}
		})
	}
}

// With all authorities gone, a B-LT file passes as long as its time-stamping unit's
// certificate lasts, and a B-LTA file does beyond that if it was renewed.
func TestLongTerm(t *testing.T) {
	d := newLongTerm(t)
	const unproven = "INDETERMINATE/OUT_OF_BOUNDS_NO_POE"
	want(t, d.validate(d.lt, years(10), validation.Options{}), passed)
	want(t, d.validate(d.lta, years(10), validation.Options{}), passed, passed)
	want(t, d.validate(d.lt, years(16), validation.Options{}), unproven)
	want(t, d.validate(d.lta, years(16), validation.Options{}), unproven, unproven)

	// Renewed in the fourteenth year by a unit that is new then.
	second := d.unit("Harbour TSU 2", years(13), years(28))
	renewed := d.lta
	d.responder = d.issue(&x509.Certificate{
		NotBefore: years(14).AddDate(0, 0, -1), NotAfter: years(14).AddDate(0, 1, 0), Subject: d.responder.cert.Subject,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning},
		ExtraExtensions: d.responder.cert.Extensions[len(d.responder.cert.Extensions)-1:],
	}, d.ca)
	renewed = addEvidence(t, renewed, nil, [][]byte{d.ocsp(d.tsu.cert, years(14), answer{})}, [][]byte{d.world.arl(years(14))})
	renewed = d.stampDocument(renewed, second, crypto.SHA384, years(14).Add(time.Second))
	renewed = addEvidence(t, renewed, [][]byte{second.cert.Raw}, [][]byte{d.ocsp(second.cert, years(14).Add(2*time.Second), answer{})}, nil)
	r := d.validate(renewed, years(16), validation.Options{})
	want(t, r, passed, passed, passed)
	if at := r.Signatures[0].BestSignatureTime; at == nil || !at.Equal(day) {
		t.Errorf("best-signature-time %v, want %v", at, day)
	}
	if got := r.Signatures[0].Level; got != "B-LTA" {
		t.Errorf("level %s, want B-LTA", got)
	}
}

func TestRevocation(t *testing.T) {
	d := newLongTerm(t)
	hour := time.Hour
	const hold, compromise = 6, 1
	for _, c := range []struct {
		name   string
		answer answer
		at     time.Time // of the answer
		want   string
	}{
		{"revoked before the time-stamp", answer{revoked: day.Add(-hour), reason: compromise}, day.Add(hour), "INDETERMINATE/REVOKED_NO_POE"},
		{"revoked in the second of the time-stamp", answer{revoked: day, reason: compromise}, day.Add(hour), "INDETERMINATE/REVOKED_NO_POE"},
		{"revoked after the time-stamp", answer{revoked: day.Add(hour), reason: compromise}, day.Add(hour), passed},
		{"on hold at the time-stamp", answer{revoked: day.Add(-hour), reason: hold}, day.Add(hour), "INDETERMINATE/TRY_LATER"},
		{"on hold after the time-stamp", answer{revoked: day.Add(hour), reason: hold}, day.Add(hour), passed},
		{"good, but as of long before", answer{}, day.AddDate(0, 0, -9), "INDETERMINATE/TRY_LATER"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.answer.by = d.ca // good at any time, unlike the delegated responder
			doc := addEvidence(t, d.t, d.certs, [][]byte{d.ocsp(d.by.cert, c.at, c.answer), d.tsuOK}, d.arl)
			want(t, d.validate(doc, day.Add(2*hour), validation.Options{}), c.want)
		})
	}
}

// After SHA-256 is declared weak, what existed before stays good as long as an
// archive time-stamp with another hash proves that it did.
func TestWeakAlgorithm(t *testing.T) {
	d := newLongTerm(t)
	end := years(5)
	weak := &policies.Suite{Name: "SHA-256 ends", Algorithms: map[string]policies.Until{
		"sha256": {Time: end}, "sha384": {}, "ecdsa-p256": {},
	}}
	const unproven = "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE_NO_POE"
	before, after := end.AddDate(0, 0, -1), end.AddDate(0, 0, 1)
	want(t, d.validateUnder(weak, d.lta, before, validation.Options{}), passed, passed)
	want(t, d.validateUnder(weak, d.lta, after, validation.Options{}), unproven, unproven)

	strong := d.issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "Harbour TSU 384"}, NotBefore: years(3), NotAfter: years(20), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtraExtensions:    []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: ekuTimeStamping}},
		SignatureAlgorithm: x509.ECDSAWithSHA384,
	}, d.ca)
	crl := d.crl(d.ca, years(4).Add(time.Hour), list{alg: x509.ECDSAWithSHA384})
	renewed := d.stampDocument(d.lta, strong, crypto.SHA384, years(4))
	renewed = addEvidence(t, renewed, [][]byte{strong.cert.Raw}, nil, [][]byte{crl, d.crl(d.root, years(4), list{alg: x509.ECDSAWithSHA384})})
	want(t, d.validateUnder(weak, renewed, after, validation.Options{}), passed, passed, passed)

	late := d.stampDocument(d.lta, strong, crypto.SHA384, after)
	late = addEvidence(t, late, [][]byte{strong.cert.Raw}, nil, [][]byte{d.crl(d.ca, after, list{alg: x509.ECDSAWithSHA384}), d.crl(d.root, after, list{alg: x509.ECDSAWithSHA384})})
	r := d.validateUnder(weak, late, after.Add(time.Hour), validation.Options{})
	if r.Signatures[0].Indication == validation.TotalPassed {
		t.Error("a renewal after the end saved the signature")
	}
}
