package validation_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"

	"chop/internal/cms"
	"chop/validation"
)

const (
	revokedNoPOE = "INDETERMINATE/REVOKED_NO_POE"
	tryLater     = "INDETERMINATE/TRY_LATER"
)

func entry(cert *x509.Certificate, at time.Time, reason int) x509.RevocationListEntry {
	return x509.RevocationListEntry{SerialNumber: cert.SerialNumber, RevocationTime: at, ReasonCode: reason}
}

// distributionPoint is an IssuingDistributionPoint with the name and flags given.
func distributionPoint(t testing.TB, uri string, flags ...int) pkix.Extension {
	t.Helper()
	var content []asn1.RawValue
	if uri != "" {
		name, err := asn1.Marshal(asn1.RawValue{Class: 2, Tag: 6, Bytes: []byte(uri)})
		if err != nil {
			t.Fatal(err)
		}
		full, err := asn1.Marshal(asn1.RawValue{Class: 2, Tag: 0, IsCompound: true, Bytes: name})
		if err != nil {
			t.Fatal(err)
		}
		content = append(content, asn1.RawValue{Class: 2, Tag: 0, IsCompound: true, Bytes: full})
	}
	for _, f := range flags {
		content = append(content, asn1.RawValue{Class: 2, Tag: f, Bytes: []byte{0xff}})
	}
	der, err := asn1.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 28}, Critical: true, Value: der}
}

func integerExtension(t testing.TB, critical bool, n int64, oid ...int) pkix.Extension {
	der, err := asn1.Marshal(big.NewInt(n))
	if err != nil {
		t.Fatal(err)
	}
	return pkix.Extension{Id: oid, Critical: critical, Value: der}
}

// What counts as revocation information for a signer's certificate, and what does
// not: each case gives one B-B signature its evidence and nothing else.
func TestRevocationInformation(t *testing.T) {
	w := newWorld(t)
	const shard, other = "http://crl.example.test/7.crl", "http://crl.example.test/8.crl"
	by := w.issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "Chan Tai Man"}, KeyUsage: x509.KeyUsageContentCommitment, CRLDistributionPoints: []string{shard},
	}, w.ca)
	doc := w.sign(blank(0), draft{by: by, field: "S"})
	yesterday, now := day.AddDate(0, 0, -1), day
	const keyCompromise, hold, removeFromCRL = 1, 6, 8
	bad := []x509.RevocationListEntry{entry(by.cert, yesterday, keyCompromise)}
	held := []x509.RevocationListEntry{entry(by.cert, yesterday, hold)}
	removed := []x509.RevocationListEntry{entry(by.cert, now, removeFromCRL)}
	delta := func(base, number int64, entries []x509.RevocationListEntry) []byte {
		return w.crl(w.ca, now, list{number: number, entries: entries, extra: []pkix.Extension{integerExtension(t, true, base+1, 2, 5, 29, 27)}})
	}
	alien := newWorld(t)
	namesake := w.issue(&x509.Certificate{Subject: w.ca.cert.Subject, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCRLSign}, nil)
	noEKU := w.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "no responder"}, KeyUsage: x509.KeyUsageDigitalSignature}, w.ca)
	stale := w.issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "old responder"}, NotBefore: years(-1), NotAfter: day.AddDate(0, 0, -5),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 5}, Value: []byte{5, 0}}},
	}, w.ca)
	checked := w.issue(&x509.Certificate{
		Subject:  pkix.Name{CommonName: "responder without nocheck"},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning},
	}, w.ca)
	for _, c := range []struct {
		name        string
		crls, ocsps [][]byte
		want        string
	}{
		{"none", nil, nil, tryLater},
		{"CRL, good", [][]byte{w.crl(w.ca, now, list{})}, nil, passed},
		{"CRL, revoked", [][]byte{w.crl(w.ca, now, list{entries: bad})}, nil, revokedNoPOE},
		{"CRL, on hold", [][]byte{w.crl(w.ca, now, list{entries: held})}, nil, tryLater},
		{"CRL, out of date", [][]byte{w.crl(w.ca, now.AddDate(0, -2, 0), list{})}, nil, tryLater},
		{"CRL of the future", [][]byte{w.crl(w.ca, now.AddDate(0, 0, 1), list{})}, nil, tryLater},
		{"CRL by somebody of the CA's name", [][]byte{w.crl(namesake, now, list{})}, nil, tryLater},
		{"CRL of the root", [][]byte{w.crl(w.root, now, list{})}, nil, tryLater},
		{"CRL of its shard", [][]byte{w.crl(w.ca, now, list{extra: []pkix.Extension{distributionPoint(t, shard)}})}, nil, passed},
		{"CRL of another shard", [][]byte{w.crl(w.ca, now, list{extra: []pkix.Extension{distributionPoint(t, other)}})}, nil, tryLater},
		{"CRL for users", [][]byte{w.crl(w.ca, now, list{extra: []pkix.Extension{distributionPoint(t, "", 1)}})}, nil, passed},
		{"CRL for CAs", [][]byte{w.crl(w.ca, now, list{extra: []pkix.Extension{distributionPoint(t, "", 2)}})}, nil, tryLater},
		{"CRL for attribute certificates", [][]byte{w.crl(w.ca, now, list{extra: []pkix.Extension{distributionPoint(t, "", 5)}})}, nil, tryLater},
		{"indirect CRL of the CA itself", [][]byte{w.crl(w.ca, now, list{extra: []pkix.Extension{distributionPoint(t, "", 4)}})}, nil, passed},
		{"indirect CRL, revoked", [][]byte{w.crl(w.ca, now, list{entries: bad, extra: []pkix.Extension{distributionPoint(t, "", 4)}})}, nil, revokedNoPOE},
		{"indirect CRL of somebody whom the certificate does not name", [][]byte{w.crl(w.root, now, list{extra: []pkix.Extension{distributionPoint(t, "", 4)}})}, nil, tryLater},
		{"CRL with an unknown critical extension", [][]byte{w.crl(w.ca, now, list{extra: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}}})}, nil, tryLater},
		{"delta CRL alone", [][]byte{delta(1, 2, nil)}, nil, tryLater},
		{"delta CRL revokes", [][]byte{w.crl(w.ca, yesterday, list{number: 1}), delta(1, 2, bad)}, nil, revokedNoPOE},
		{"delta CRL resumes", [][]byte{w.crl(w.ca, yesterday, list{number: 1, entries: held}), delta(1, 2, removed)}, nil, passed},
		{"delta CRL resumes what is revoked for good", [][]byte{w.crl(w.ca, yesterday, list{number: 1, entries: bad}), delta(1, 2, removed)}, nil, revokedNoPOE},
		{"delta CRL on a later base", [][]byte{w.crl(w.ca, now.AddDate(0, -2, 0), list{number: 1}), delta(2, 3, nil)}, nil, tryLater},
		{"OCSP, good", nil, [][]byte{w.ocsp(by.cert, now, answer{})}, passed},
		{"OCSP by the CA", nil, [][]byte{w.ocsp(by.cert, now, answer{by: w.ca})}, passed},
		{"OCSP, revoked", nil, [][]byte{w.ocsp(by.cert, now, answer{revoked: yesterday, reason: keyCompromise})}, revokedNoPOE},
		{"OCSP, out of date", nil, [][]byte{w.ocsp(by.cert, now.AddDate(0, 0, -9), answer{by: w.ca})}, tryLater},
		{"OCSP about somebody else", nil, [][]byte{w.ocsp(w.tsu.cert, now, answer{})}, tryLater},
		{"OCSP by a certificate that is no responder's", nil, [][]byte{w.ocsp(by.cert, now, answer{by: noEKU})}, tryLater},
		{"OCSP by the signer", nil, [][]byte{w.ocsp(by.cert, now, answer{by: by})}, tryLater},
		{"OCSP by another CA's responder", nil, [][]byte{w.ocsp(by.cert, now, answer{by: alien.responder})}, tryLater},
		{"OCSP by a responder that had expired", nil, [][]byte{w.ocsp(by.cert, now, answer{by: stale})}, tryLater},
		{"OCSP by a responder of unknown status", nil, [][]byte{w.ocsp(by.cert, now, answer{by: checked})}, tryLater},
		{"OCSP by a responder that was revoked", [][]byte{w.crl(w.ca, now, list{entries: []x509.RevocationListEntry{entry(checked.cert, yesterday, keyCompromise)}, extra: []pkix.Extension{distributionPoint(t, "", 2)}}),
			w.crl(w.ca, yesterday.AddDate(0, -2, 0), list{entries: []x509.RevocationListEntry{entry(checked.cert, yesterday, keyCompromise)}})},
			[][]byte{w.ocsp(by.cert, now, answer{by: checked})}, tryLater},
		{"OCSP good, CRL revoked", [][]byte{w.crl(w.ca, yesterday, list{entries: bad})}, [][]byte{w.ocsp(by.cert, now, answer{})}, revokedNoPOE},
		{"OCSP good after a hold", [][]byte{w.crl(w.ca, yesterday, list{entries: held})}, [][]byte{w.ocsp(by.cert, now, answer{})}, passed},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := validation.Options{OCSPs: c.ocsps, CRLs: append(c.crls, w.arl(now))}
			want(t, w.validate(doc, now, o), c.want)
		})
	}
}

// A good answer from after a certificate's end proves nothing, unless the issuer
// keeps expired certificates on its list.
func TestAnswerAfterExpiry(t *testing.T) {
	w := newWorld(t)
	by := w.signer("Chan Tai Man") // until years(2)
	doc := w.sign(blank(0), draft{by: by, field: "S", stamp: day})
	for cutoff, expected := range map[time.Time]string{{}: "INDETERMINATE/TRY_LATER", years(-1): passed, years(2).AddDate(0, 0, 1): "INDETERMINATE/TRY_LATER"} {
		o := validation.Options{
			OCSPs: [][]byte{w.ocsp(by.cert, years(3), answer{by: w.ca, cutoff: cutoff}), w.ocsp(w.tsu.cert, years(3), answer{by: w.ca})},
			CRLs:  [][]byte{w.arl(years(3))},
		}
		want(t, w.validate(doc, years(3), o), expected)
	}
}

// A revoked CA taints what it signs afterwards, and proves nothing about before only
// where an archive time-stamp shows that it was before.
func TestRevokedCA(t *testing.T) {
	d := newLongTerm(t)
	news := validation.Options{CRLs: [][]byte{d.crl(d.root, day.AddDate(0, 1, 0), list{
		number: 9, entries: []x509.RevocationListEntry{entry(d.ca.cert, day.Add(time.Hour), 2)},
	})}}
	at := day.AddDate(0, 1, 0)
	want(t, d.validate(d.b, at, news), "INDETERMINATE/REVOKED_CA_NO_POE")
	want(t, d.validate(d.lt, at, news), "INDETERMINATE/REVOKED_CA_NO_POE")

	independent := newWorld(t)
	lta := independent.stampDocument(d.lt, independent.tsu, 5, day.Add(2*time.Second))
	news.Trust = []*x509.Certificate{independent.root.cert}
	news.OCSPs = [][]byte{independent.ocsp(independent.tsu.cert, day.Add(3*time.Second), answer{})}
	news.CRLs = append(news.CRLs, independent.arl(day))
	want(t, d.validate(lta, at, news), passed, passed)
}

// Proofs of time: what a time-stamp and what only the caller's clock says.
func TestTimes(t *testing.T) {
	w := newWorld(t)
	by := w.signer("Chan Tai Man") // from years(-1) to years(2)
	good := validation.Options{OCSPs: [][]byte{w.ocsp(by.cert, day, answer{}), w.ocsp(w.tsu.cert, day, answer{})}, CRLs: [][]byte{w.arl(day)}}
	early := w.signer("Lee Ka Yan")
	w.certify(early, &x509.Certificate{Subject: early.cert.Subject, NotBefore: day.Add(time.Hour), NotAfter: years(2), KeyUsage: x509.KeyUsageContentCommitment}, w.ca)

	t.Run("the caller's clock before the certificate", func(t *testing.T) {
		want(t, w.validate(w.sign(blank(0), draft{by: early, field: "S"}), day, soft), "INDETERMINATE/OUT_OF_BOUNDS_NO_POE")
	})
	t.Run("a time-stamp before the certificate", func(t *testing.T) {
		doc := w.sign(blank(0), draft{by: early, field: "S", stamp: day})
		want(t, w.validate(doc, day.Add(2*time.Hour), soft), "TOTAL-FAILED/NOT_YET_VALID")
	})
	t.Run("expired", func(t *testing.T) {
		want(t, w.validate(w.sign(blank(0), draft{by: by, field: "S"}), years(3), soft), "INDETERMINATE/OUT_OF_BOUNDS_NO_POE")
	})
	t.Run("a content time-stamp after the expiry", func(t *testing.T) {
		doc := w.sign(blank(0), draft{by: by, field: "S", content: years(3)})
		want(t, w.validate(doc, years(3).Add(time.Hour), soft), "TOTAL-FAILED/EXPIRED")
	})
	revoked := validation.Options{OCSPs: [][]byte{w.ocsp(by.cert, day.Add(time.Hour), answer{revoked: day.Add(-time.Hour), reason: 1}), w.ocsp(w.tsu.cert, day, answer{})}, CRLs: [][]byte{w.arl(day)}}
	t.Run("a content time-stamp after the revocation", func(t *testing.T) {
		doc := w.sign(blank(0), draft{by: by, field: "S", content: day})
		want(t, w.validate(doc, day.Add(2*time.Hour), revoked), "TOTAL-FAILED/REVOKED")
	})
	t.Run("a content time-stamp before the revocation", func(t *testing.T) {
		doc := w.sign(blank(0), draft{by: by, field: "S", content: day.Add(-2 * time.Hour)})
		want(t, w.validate(doc, day.Add(2*time.Hour), revoked), revokedNoPOE)
	})
	t.Run("a content time-stamp later than the signature's own", func(t *testing.T) {
		doc := w.sign(blank(0), draft{by: by, field: "S", content: day.Add(time.Hour), stamp: day})
		want(t, w.validate(doc, day.Add(2*time.Hour), soft), "INDETERMINATE/TIMESTAMP_ORDER_FAILURE")
	})
	t.Run("a content time-stamp of something else", func(t *testing.T) {
		doc := w.place(blank(0), draft{field: "S", subFilter: validation.FormatCAdES}, "Sig", func(covered []byte) []byte {
			extra := []cms.Attribute{{Type: cms.OIDContentTimestamp, Values: [][]byte{w.token(w.tsu, 5, sha([]byte("x")), day)}}}
			return w.message(by, 5, cms.OIDData, nil, sha(covered), [][]byte{by.cert.Raw, w.ca.cert.Raw}, extra)
		})
		want(t, w.validate(doc, day, soft), constraints)
	})
	t.Run("a time-stamp of the future", func(t *testing.T) {
		doc := w.sign(blank(0), draft{by: by, field: "S", stamp: day.Add(time.Hour)})
		want(t, w.validate(doc, day, good), "INDETERMINATE/TIMESTAMP_ORDER_FAILURE")
	})
	t.Run("two time-stamps, one valid", func(t *testing.T) {
		alien := newWorld(t)
		doc := w.sign(blank(0), draft{by: by, field: "S", stamp: day, unsigned: func(si *cms.SignerInfo) {
			si.AddUnsigned(cms.OIDSignatureTimestamp, alien.token(alien.tsu, 5, sha(si.Signature), day.Add(-time.Hour)))
		}})
		r := w.validate(doc, day, good)
		want(t, r, passed)
		if at := r.Signatures[0].BestSignatureTime; at == nil || !at.Equal(day) {
			t.Errorf("best-signature-time %v", at)
		}
	})
	t.Run("outside the period of the unit's key", func(t *testing.T) {
		period, err := asn1.Marshal([]asn1.RawValue{
			{Class: 2, Tag: 0, Bytes: []byte("20240101000000Z")}, {Class: 2, Tag: 1, Bytes: []byte("20250101000000Z")},
		})
		if err != nil {
			t.Fatal(err)
		}
		unit := w.issue(&x509.Certificate{
			Subject: pkix.Name{CommonName: "retired unit"}, KeyUsage: x509.KeyUsageDigitalSignature,
			ExtraExtensions: []pkix.Extension{
				{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: ekuTimeStamping},
				{Id: asn1.ObjectIdentifier{2, 5, 29, 16}, Value: period},
			},
		}, w.ca)
		want(t, w.validate(w.sign(blank(0), draft{by: by, field: "S", stamp: day, unit: unit}), day, soft), "INDETERMINATE/CHAIN_CONSTRAINTS_FAILURE")
	})
}
