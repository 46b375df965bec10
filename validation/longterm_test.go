package validation_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"
	"time"

	"chop/policies"
	signasic "chop/signer/asic"
	"chop/signer/cades"
	"chop/signer/jades"
	"chop/signer/pades"
	"chop/signer/xades"
	"chop/validation"
)

// A file that our own signer makes: how it is signed at B-LT, and extended.
type ageing struct {
	name   string
	sign   func(w *world, by *person) []byte
	extend func(w *world, doc []byte, h crypto.Hash, unit *person, at time.Time) []byte
}

var allAgeing = []ageing{
	{"PAdES", func(w *world, by *person) []byte {
		return w.signPDF(by, w.identity(by, "", crypto.SHA256), pades.LevelLT)
	}, (*world).extendPDF},
	{"XAdES", func(w *world, by *person) []byte { return w.signXML(by, xades.Request{Level: pades.LevelLT}) }, (*world).extendXML},
	{"CAdES", func(w *world, by *person) []byte { return w.signCMS(by, cades.Request{Level: pades.LevelLT}) }, (*world).extendCMS},
	{"JAdES", func(w *world, by *person) []byte { return w.signJSON(by, jades.Request{Level: pades.LevelLT}) }, (*world).extendJSON},
	{"ASiC-S, XAdES", signedContainer(0), (*world).extendASiC},
	{"ASiC-S, CAdES", signedContainer(1), (*world).extendASiC},
	{"ASiC-E, XAdES", signedContainer(2), (*world).extendASiC},
	{"ASiC-E, CAdES", signedContainer(3), (*world).extendASiC},
}

func signedContainer(form int) func(*world, *person) []byte {
	return func(w *world, by *person) []byte {
		f := asicForms[form]
		return w.signASiC(by, signasic.Request{Kind: f.kind, Form: f.form, Level: pades.LevelLT})
	}
}

// With all CAs, time-stamping units and responders gone but the last unit's, each format holds as long as its proof
// does: a B-LT until the end of its unit's certificate, a B-LTA beyond it, a renewed one beyond SHA-256.
func TestAgeing(t *testing.T) {
	t.Parallel()
	const unproven = "INDETERMINATE/OUT_OF_BOUNDS_NO_POE"
	// An archive time-stamp of a weak algorithm proves nothing: what is left is a signer whose certificate has ended.
	end := years(22) // of SHA-256
	ends := &policies.Suite{Name: "SHA-256 ends", Algorithms: map[string]policies.Until{
		"sha256": {Time: end}, "sha384": {}, "sha512": {}, "ecdsa-p256": {},
	}}
	for _, f := range allAgeing {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t) // its first unit's certificate ends in the fifteenth year
			newer, newest := w.strongUnit("Harbour TSU 2", years(10), years(28)), w.strongUnit("Harbour TSU 3", years(18), years(35))
			lt := f.sign(w, w.signer("Chan Tai Man"))
			lta := f.extend(w, lt, crypto.SHA256, newer, years(12))
			renewed := f.extend(w, lta, crypto.SHA512, newest, years(20))
			late := f.extend(w, lta, crypto.SHA512, newest, end.AddDate(0, 1, 0))
			for _, c := range []struct {
				name    string
				doc     []byte
				at      time.Time
				suite   *policies.Suite
				verdict string
				level   string // where it is asked
			}{
				{"B-LT after ten years", lt, years(10), nil, passed, "B-LT"},
				{"B-LT after its unit's end", lt, years(16), nil, unproven, "B-B"},
				{"B-LTA after the first unit's end", lta, years(16), nil, passed, ""},
				{"B-LTA after both units' ends", lta, years(29), nil, unproven, ""},
				{"renewed after both units' ends", renewed, years(29), nil, passed, ""},
				{"B-LTA before the end of SHA-256", lta, end.AddDate(0, 0, -1), ends, passed, ""},
				{"B-LTA after it", lta, end.AddDate(0, 0, 1), ends, unproven, ""},
				{"renewed with SHA-512 before it, after it", renewed, end.AddDate(0, 0, 1), ends, passed, ""},
				{"renewed too late", late, end.AddDate(0, 2, 0), ends, unproven, ""},
			} {
				var o validation.Options
				if c.at.After(years(15)) { // the newest unit is still at work, and its CA tells of it
					recent := c.at.Add(-time.Hour)
					o.CRLs = [][]byte{w.crl(w.root, recent, list{alg: x509.ECDSAWithSHA384}), w.crl(w.ca, recent, list{alg: x509.ECDSAWithSHA384})}
				}
				r := w.validateUnder(c.suite, c.doc, c.at, o)
				if s := signatureRow(t, r); verdict(s) != c.verdict || (c.verdict == passed) != r.Passed() || c.level != "" && s.Level != c.level {
					t.Errorf("%s: want %s %s\n%s", c.name, c.verdict, c.level, tell(r))
				}
			}
		})
	}
}

// Revoked before its time-stamp, a signature is in doubt; revoked after it, it holds: in each format.
func TestRevokedAround(t *testing.T) {
	t.Parallel()
	for name, sign := range map[string]func(w *world, by *person) []byte{
		"PAdES": func(w *world, by *person) []byte {
			return w.signPDF(by, w.identity(by, "", crypto.SHA256), pades.LevelT)
		},
		"XAdES": func(w *world, by *person) []byte { return w.signXML(by, xades.Request{Level: pades.LevelT}) },
		"CAdES": func(w *world, by *person) []byte { return w.signCMS(by, cades.Request{Level: pades.LevelT}) },
		"JAdES": func(w *world, by *person) []byte { return w.signJSON(by, jades.Request{Level: pades.LevelT}) },
		"ASiC": func(w *world, by *person) []byte {
			return w.signASiC(by, signasic.Request{Kind: signasic.Extended, Form: signasic.CAdES, Level: pades.LevelT})
		},
	} {
		w := newWorld(t)
		by := w.signer("Chan Tai Man")
		doc := sign(w, by)
		for _, c := range []struct {
			when    string
			revoked time.Time
			want    string
		}{
			{"before the time-stamp", day.Add(-time.Hour), "INDETERMINATE/REVOKED_NO_POE"},
			{"after it", day.Add(time.Hour), passed},
		} {
			o := validation.Options{At: day.Add(48 * time.Hour), Revocation: validation.RevocationRequired}
			o.OCSPs = [][]byte{w.ocsp(by.cert, day.Add(24*time.Hour), answer{revoked: c.revoked, reason: 1}), w.ocsp(w.tsu.cert, day.Add(47*time.Hour), answer{})}
			o.CRLs = [][]byte{w.arl(day)}
			if r, err := w.tryValidate(t, doc, o); err != nil || verdict(r.Signatures[0]) != c.want {
				t.Errorf("%s, %s, want %s: %v\n%s", name, c.when, c.want, err, told(r))
			}
		}
	}
}

// signatureRow is the row of the one signature, which a PDF has beside its time-stamps'.
func signatureRow(t testing.TB, r *validation.Report) validation.Signature {
	t.Helper()
	for _, s := range r.Signatures {
		if s.Format != validation.FormatTimestamp {
			return s
		}
	}
	t.Fatal("no signature")
	return validation.Signature{}
}

// strongUnit has a certificate that does not depend on SHA-256.
func (w *world) strongUnit(name string, from, to time.Time) *person {
	return w.issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: to, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtraExtensions:    []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: ekuTimeStamping}},
		SignatureAlgorithm: x509.ECDSAWithSHA384,
	}, w.ca)
}

// signPDF signs with our own signer.
func (w *world) signPDF(by *person, id *pades.Identity, level pades.Level) []byte {
	w.t.Helper()
	in, out, n := blank(0), pades.NewBuffer(nil), notary{w, w.tsu, day}
	d, err := pades.Prepare(context.Background(), pades.Request{
		In: bytes.NewReader(in), Size: int64(len(in)), Out: out, Identity: id, Level: level, Timestamper: n, Evidence: n, Time: day,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	_, dtbsr := d.DTBSR()
	value, err := by.key.Sign(rand.Reader, dtbsr, id.SignerOpts())
	if err == nil {
		err = d.Finish(context.Background(), value)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return out.Bytes()
}

func (w *world) extendPDF(doc []byte, h crypto.Hash, unit *person, at time.Time) []byte {
	w.t.Helper()
	out, n := pades.NewBuffer(nil), notary{w, unit, at}
	err := pades.Extend(context.Background(), pades.ExtendRequest{
		In: bytes.NewReader(doc), Size: int64(len(doc)), Out: out, Level: pades.LevelLTA, Hash: h, Timestamper: n, Evidence: n,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.Bytes()
}
