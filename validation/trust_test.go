package validation_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"strings"
	"testing"
	"time"

	"chop/signer/pades"
	"chop/signer/xades"
	"chop/validation"
	"chop/validation/trustlist"
)

// listOf is a list of a CA, newest status first.
func listOf(cert *x509.Certificate, kind string, statuses ...trustlist.Status) *trustlist.List {
	return &trustlist.List{
		Version: 5, Sequence: 1, Territory: "HK", Operator: "Commissioner", Scheme: "Recognised CAs", Type: "http://uri.etsi.org/TrstSvc/TrustedList/TSLType/HKlist",
		Issued: years(-1), NextUpdate: years(1),
		Services: []trustlist.Service{{Provider: "Harbour", Name: "Harbour Issuing", Type: kind, Certificates: []*x509.Certificate{cert}, Statuses: statuses}},
	}
}

func granted(at time.Time) trustlist.Status {
	return trustlist.Status{URI: trustlist.StatusGranted, From: at}
}
func withdrawn(at time.Time) trustlist.Status {
	return trustlist.Status{URI: trustlist.StatusWithdrawn, From: at}
}

// Was the CA approved when the signature was made? A time-stamp proves when that was.
func TestTrustedList(t *testing.T) {
	w := newWorld(t)
	by := w.signer("Chan Tai Man")
	stamped := w.sign(blank(0), draft{by: by, field: "S", stamp: day, certs: [][]byte{by.cert.Raw, w.ca.cert.Raw}})
	plain := w.sign(blank(0), draft{by: by, field: "S", certs: [][]byte{by.cert.Raw, w.ca.cert.Raw}})
	const none = "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND"
	before, after := day.AddDate(0, -1, 0), day.AddDate(0, 1, 0)
	for name, c := range map[string]struct {
		list *trustlist.List
		doc  []byte
		want string
	}{
		"approved":                                 {listOf(w.ca.cert, trustlist.TypeCAPKC, granted(before)), stamped, passed},
		"withdrawn before":                         {listOf(w.ca.cert, trustlist.TypeCAPKC, withdrawn(before), granted(years(-1))), stamped, none},
		"withdrawn since, proven older":            {listOf(w.ca.cert, trustlist.TypeCAPKC, withdrawn(after), granted(before)), stamped, passed},
		"withdrawn since, not proven":              {listOf(w.ca.cert, trustlist.TypeCAPKC, withdrawn(after), granted(before)), plain, none},
		"approved only later":                      {listOf(w.ca.cert, trustlist.TypeCAPKC, granted(after)), stamped, none},
		"a service of time-stamps signs no letter": {listOf(w.ca.cert, trustlist.TypeTSA, granted(before)), stamped, none},
		"another CA":                               {listOf(newWorld(t).ca.cert, trustlist.TypeCAPKC, granted(before)), stamped, none},
	} {
		t.Run(name, func(t *testing.T) {
			v := newValidator(t, validation.Config{})
			o := validation.Options{At: day.AddDate(0, 2, 0), Revocation: validation.RevocationSoft, Lists: []*trustlist.List{c.list}}
			r, err := v.Validate(context.Background(), bytes.NewReader(c.doc), int64(len(c.doc)), o)
			if err != nil {
				t.Fatal(err)
			}
			want(t, r, c.want)
			if a := r.Signatures[0].Anchor; c.want == passed && (a == nil || a.List == nil || a.List.Status != "granted" || a.List.Service != "Harbour Issuing") {
				t.Errorf("anchor %+v", a)
			}
		})
	}
	t.Run("a list that should have been replaced", func(t *testing.T) {
		stale := listOf(w.ca.cert, trustlist.TypeCAPKC, granted(before))
		stale.NextUpdate = day.AddDate(0, 0, -1)
		v := newValidator(t, validation.Config{})
		o := validation.Options{At: day.AddDate(0, 2, 0), Revocation: validation.RevocationSoft, Lists: []*trustlist.List{stale}}
		r, err := v.Validate(context.Background(), bytes.NewReader(stamped), int64(len(stamped)), o)
		if err != nil {
			t.Fatal(err)
		}
		want(t, r, passed)
		if !r.Signatures[0].Anchor.List.Stale || !strings.Contains(explain(r.Signatures[0]), "next update") {
			t.Errorf("it is not told:\n%s", explain(r.Signatures[0]))
		}
	})
	t.Run("trusted by itself", func(t *testing.T) {
		o := validation.Options{Revocation: validation.RevocationSoft, Lists: []*trustlist.List{listOf(w.ca.cert, trustlist.TypeCAPKC, withdrawn(before))}}
		want(t, w.validate(stamped, day.AddDate(0, 2, 0), o), passed) // through the root, which needs no list
	})
}

// A list counts only as its operator signed it.
func TestReadTrustList(t *testing.T) {
	w := newWorld(t)
	operator := w.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "Commissioner"}, KeyUsage: x509.KeyUsageContentCommitment}, w.ca)
	data, err := trustlist.Marshal(listOf(w.ca.cert, trustlist.TypeCAPKC, withdrawn(day), granted(years(-1))), trustlist.Scheme{Country: "HK"})
	if err != nil {
		t.Fatal(err)
	}
	signed := w.signXML(operator, xades.Request{In: data, Level: pades.LevelB})
	cfg := validation.Config{Suite: suite(t, "default"), Now: func() time.Time { return day.Add(time.Minute) }}
	read := func(data []byte, anchors ...*x509.Certificate) (*trustlist.List, error) {
		return validation.ReadTrustList(context.Background(), cfg, data, anchors)
	}
	for name, anchor := range map[string]*x509.Certificate{"the operator's certificate": operator.cert, "the root above": w.root.cert} {
		l, err := read(signed, anchor)
		if err != nil || len(l.Services) != 1 || !l.Services[0].GrantedAt(day.AddDate(0, 0, -1)) || l.Services[0].GrantedAt(day) {
			t.Errorf("%s: %v, %+v", name, err, l)
		}
	}
	altered := bytes.Replace(signed, []byte("withdrawn"), []byte("granted"), 1)
	for name, c := range map[string]struct {
		data   []byte
		anchor *x509.Certificate
	}{
		"not signed":        {data, operator.cert},
		"altered":           {altered, operator.cert},
		"another operator":  {signed, newWorld(t).root.cert},
		"signed in a part ": {bytes.Replace(signed, []byte("</TrustServiceStatusList>"), []byte("<x/></TrustServiceStatusList>"), 1), operator.cert},
	} {
		if _, err := read(c.data, c.anchor); !errors.Is(err, validation.ErrTrustList) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	cfg.Trust = []*x509.Certificate{w.root.cert} // whom one trusts for letters plays no part
	if _, err := read(signed, newWorld(t).root.cert); !errors.Is(err, validation.ErrTrustList) {
		t.Errorf("under the caller's other anchors: %v", err)
	}
}
