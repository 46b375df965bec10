package ocsp

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"slices"
	"testing"
	"time"

	xocsp "golang.org/x/crypto/ocsp"
)

// pair is an issuer and a responder that it delegated to.
type pair struct {
	issuer, responder *x509.Certificate
	key               crypto.Signer
}

func newPair(t testing.TB, key crypto.Signer) pair {
	t.Helper()
	root, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(serial int64, cn string, parent *x509.Certificate, pub crypto.PublicKey, usage []x509.ExtKeyUsage) *x509.Certificate {
		tmpl := &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: cn}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			ExtKeyUsage: usage, IsCA: usage == nil, BasicConstraintsValid: true,
		}
		if parent == nil {
			parent = tmpl
		}
		der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, pub, root)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	issuer := sign(1, "Issuer", nil, root.Public(), nil)
	return pair{issuer, sign(2, "Responder", issuer, key.Public(), []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}), key}
}

func ecKey(t testing.TB, c elliptic.Curve) crypto.Signer {
	t.Helper()
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func mustID(t testing.TB, h crypto.Hash, issuer *x509.Certificate, serial int64) CertID {
	t.Helper()
	id, err := NewCertID(h, issuer, big.NewInt(serial))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestRequestRoundTrip(t *testing.T) {
	t.Parallel()
	p := newPair(t, ecKey(t, elliptic.P256()))
	want := &Request{
		CertIDs: []CertID{mustID(t, crypto.SHA1, p.issuer, 5), mustID(t, crypto.SHA256, p.issuer, 6), mustID(t, crypto.SHA512, p.issuer, 1<<62)},
		Nonce:   []byte{1, 2, 3},
	}
	der, err := want.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseRequest(der)
	if err != nil || len(got.CertIDs) != 3 || !bytes.Equal(got.Nonce, want.Nonce) {
		t.Fatalf("%+v, %v", got, err)
	}
	for i, id := range got.CertIDs {
		if !bytes.Equal(id.Raw, want.CertIDs[i].Raw) || id.Serial.Cmp(want.CertIDs[i].Serial) != 0 || !id.Names(p.issuer) || id.Names(p.responder) {
			t.Errorf("CertID %d: %+v", i, id)
		}
	}
}

// Requests that the common library makes are read, and the other way round.
func TestRequestCrossCheck(t *testing.T) {
	t.Parallel()
	p := newPair(t, ecKey(t, elliptic.P256()))
	for _, h := range []crypto.Hash{crypto.SHA1, crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		theirs, err := xocsp.CreateRequest(p.responder, p.issuer, &xocsp.RequestOptions{Hash: h})
		if err != nil {
			t.Fatal(err)
		}
		r, err := ParseRequest(theirs)
		if err != nil || len(r.CertIDs) != 1 || r.CertIDs[0].HashAlgorithm != h || !r.CertIDs[0].Names(p.issuer) {
			t.Fatalf("%v: %+v, %v", h, r, err)
		}
		if ours, err := r.Marshal(); err != nil || !bytes.Equal(ours, theirs) {
			t.Errorf("%v: %x, want %x (%v)", h, ours, theirs, err)
		}
	}
}

func TestParseRequestRefuses(t *testing.T) {
	t.Parallel()
	p := newPair(t, ecKey(t, elliptic.P256()))
	one := mustID(t, crypto.SHA1, p.issuer, 5)
	make := func(r Request) []byte {
		der, err := r.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	good := make(Request{CertIDs: []CertID{one}})
	short := one
	short.Raw = bytes.Replace(one.Raw, append([]byte{0x04, 20}, one.IssuerKeyHash...), append([]byte{0x04, 19}, one.IssuerKeyHash[1:]...), 1)
	short.Raw[1]--
	for name, der := range map[string][]byte{
		"nothing":             nil,
		"no certificate":      make(Request{}),
		"65 certificates":     make(Request{CertIDs: slices.Repeat([]CertID{one}, 65)}),
		"empty nonce":         make(Request{CertIDs: []CertID{one}, Nonce: []byte{}}),
		"nonce of 129 octets": make(Request{CertIDs: []CertID{one}, Nonce: bytes.Repeat([]byte{1}, 129)}),
		"short hash":          make(Request{CertIDs: []CertID{short}}),
		"trailing":            append(bytes.Clone(good), 0),
		"cut":                 good[:len(good)-1],
		"long":                bytes.Repeat([]byte{0x30, 0x80}, MaxRequestSize),
		"indefinite length":   append([]byte{0x30, 0x80}, append(bytes.Clone(good[2:]), 0, 0)...),
	} {
		if r, err := ParseRequest(der); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	for _, n := range []int{1, 16, 32, 128} {
		if _, err := ParseRequest(make(Request{CertIDs: []CertID{one}, Nonce: bytes.Repeat([]byte{1}, n)})); err != nil {
			t.Errorf("nonce of %d octets: %v", n, err)
		}
	}
	if _, err := ParseRequest(make(Request{CertIDs: slices.Repeat([]CertID{one}, 64)})); err != nil {
		t.Errorf("64 certificates: %v", err)
	}
}

func TestExtensions(t *testing.T) {
	t.Parallel()
	unknown := func(critical string) []byte { // one extension 1.2.3, criticality as given
		return []byte("\x30" + string(rune(8+len(critical))) + "\x30" + string(rune(6+len(critical))) + "\x06\x02\x2a\x03" + critical + "\x04\x00")
	}
	if err := readExtensions(unknown(""), nil); err != nil {
		t.Errorf("unknown and not critical: %v", err)
	}
	if err := readExtensions(unknown("\x01\x01\x00"), nil); err != nil {
		t.Errorf("unknown and explicitly not critical: %v", err)
	}
	if err := readExtensions(unknown("\x01\x01\xff"), nil); !errors.Is(err, ErrMalformed) {
		t.Errorf("unknown and critical: %v", err)
	}
	twice := append([]byte{0x30, 16}, bytes.Repeat(unknown("")[2:], 2)...)
	if err := readExtensions(twice, nil); !errors.Is(err, ErrMalformed) {
		t.Errorf("twice: %v", err)
	}
}

func TestResponseRoundTrip(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]crypto.Signer{"P-256": ecKey(t, elliptic.P256()), "P-384": ecKey(t, elliptic.P384()), "RSA": rsaKey} {
		p := newPair(t, key)
		now := time.Now().UTC().Truncate(time.Second)
		want := Template{ProducedAt: now, Nonce: bytes.Repeat([]byte{9}, 32), Singles: []Single{
			{CertID: mustID(t, crypto.SHA1, p.issuer, 5), Status: Good, Reason: ReasonAbsent, ThisUpdate: now, NextUpdate: now.Add(time.Hour), ArchiveCutoff: now.AddDate(-1, 0, 0)},
			{CertID: mustID(t, crypto.SHA256, p.issuer, 6), Status: Revoked, Reason: 6, RevokedAt: now.AddDate(0, -1, 0), ThisUpdate: now},
			{CertID: mustID(t, crypto.SHA1, p.issuer, 7), Status: Revoked, Reason: ReasonAbsent, RevokedAt: now, ThisUpdate: now},
			{CertID: mustID(t, crypto.SHA1, p.issuer, 8), Status: Unknown, Reason: ReasonAbsent, ThisUpdate: now},
		}}
		der, err := Sign(want, p.responder, p.key)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := ParseResponse(der)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := got.CheckSignature(p.responder.PublicKey); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := got.CheckSignature(p.issuer.PublicKey); err == nil {
			t.Errorf("%s: verifies with another key", name)
		}
		if !got.ResponderID.Matches(p.responder) || got.ResponderID.Matches(p.issuer) || !got.ProducedAt.Equal(now) || !bytes.Equal(got.Nonce, want.Nonce) {
			t.Errorf("%s: %+v", name, got)
		}
		for i, s := range got.Singles {
			w := want.Singles[i]
			if s.Status != w.Status || s.Reason != w.Reason || !s.RevokedAt.Equal(w.RevokedAt) || !s.ThisUpdate.Equal(w.ThisUpdate) ||
				!s.NextUpdate.Equal(w.NextUpdate) || !s.ArchiveCutoff.Equal(w.ArchiveCutoff) || !bytes.Equal(s.CertID.Raw, w.CertID.Raw) {
				t.Errorf("%s: answer %d is %+v, want %+v", name, i, s, w)
			}
		}
		if wrapped, err := Wrap(got.BasicRaw); err != nil || !bytes.Equal(wrapped, der) {
			t.Errorf("%s: wrapped differs: %v", name, err)
		}
		// One bit of the signed part changed.
		broken := bytes.Clone(der)
		broken[bytes.Index(broken, want.Nonce)] ^= 1
		if r, err := ParseResponse(broken); err != nil || !errors.Is(r.CheckSignature(p.responder.PublicKey), ErrSignature) {
			t.Errorf("%s: a changed response verifies", name)
		}
	}
}

// What we sign the common library accepts, and what it signs we accept.
func TestResponseCrossCheck(t *testing.T) {
	t.Parallel()
	p := newPair(t, ecKey(t, elliptic.P256()))
	now := time.Now().UTC().Truncate(time.Second)
	der, err := Sign(Template{ProducedAt: now, Singles: []Single{{
		CertID: mustID(t, crypto.SHA256, p.issuer, 2), Status: Revoked, Reason: 1, RevokedAt: now, ThisUpdate: now, NextUpdate: now.Add(time.Hour),
	}}}, p.responder, p.key)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := xocsp.ParseResponseForCert(der, p.responder, p.issuer)
	if err != nil || theirs.Status != xocsp.Revoked || theirs.RevocationReason != 1 || !theirs.ProducedAt.Equal(now) || theirs.IssuerHash != crypto.SHA256 {
		t.Errorf("theirs of ours: %+v, %v", theirs, err)
	}
	der, err = xocsp.CreateResponse(p.issuer, p.responder, xocsp.Response{
		Status: xocsp.Good, SerialNumber: big.NewInt(9), ThisUpdate: now, NextUpdate: now.Add(time.Hour), Certificate: p.responder,
	}, p.key)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := ParseResponse(der)
	if err != nil || len(ours.Singles) != 1 || ours.Singles[0].Status != Good || len(ours.Certificates) != 1 {
		t.Fatalf("ours of theirs: %+v, %v", ours, err)
	}
	if err := ours.CheckSignature(p.responder.PublicKey); err != nil || ours.Hash != crypto.SHA256 {
		t.Error(err)
	}
}

// A key that signs something else gives an error and no response.
func TestSignChecksItself(t *testing.T) {
	t.Parallel()
	p := newPair(t, ecKey(t, elliptic.P256()))
	if der, err := Sign(Template{ProducedAt: time.Now()}, p.responder, ecKey(t, elliptic.P256())); !errors.Is(err, ErrSignature) || der != nil {
		t.Errorf("got %x, %v", der, err)
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for _, s := range []ResponseStatus{MalformedRequest, InternalError, TryLater, SigRequired, Unauthorized} {
		r, err := ParseResponse(Failure(s))
		if err != nil || r.Status != s {
			t.Errorf("%d: %+v, %v", s, r, err)
		}
		if _, err := xocsp.ParseResponse(Failure(s), nil); !errors.As(err, new(xocsp.ResponseError)) {
			t.Errorf("%d: %v", s, err)
		}
		if err := r.CheckSignature(ecKey(t, elliptic.P256()).Public()); err == nil {
			t.Errorf("%d: a failure verifies", s)
		}
	}
	for _, s := range []ResponseStatus{Successful, 4, 7} {
		if r, err := ParseResponse(Failure(s)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%d: %+v, %v", s, r, err)
		}
	}
}

func FuzzParseRequest(f *testing.F) {
	p := newPair(f, ecKey(f, elliptic.P256()))
	for _, r := range []Request{
		{CertIDs: []CertID{mustID(f, crypto.SHA1, p.issuer, 5)}},
		{CertIDs: []CertID{mustID(f, crypto.SHA256, p.issuer, 5), mustID(f, crypto.SHA384, p.issuer, 6)}, Nonce: []byte{1, 2}},
	} {
		der, err := r.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(der)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		r, err := ParseRequest(der)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("%v is not %v", err, ErrMalformed)
			}
			return
		}
		if len(r.CertIDs) == 0 || len(r.CertIDs) > MaxRequests || len(r.Nonce) > MaxNonce {
			t.Errorf("over the limits: %+v", r)
		}
		// What was understood can be said again, and is understood the same.
		again, err := r.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		r2, err := ParseRequest(again)
		if err != nil || len(r2.CertIDs) != len(r.CertIDs) || !bytes.Equal(r2.Nonce, r.Nonce) {
			t.Errorf("%x became %x: %v", der, again, err)
		}
	})
}

func FuzzParseResponse(f *testing.F) {
	p := newPair(f, ecKey(f, elliptic.P256()))
	now := time.Now()
	for _, status := range []CertStatus{Good, Revoked, Unknown} {
		der, err := Sign(Template{ProducedAt: now, Nonce: []byte{1}, Singles: []Single{{
			CertID: mustID(f, crypto.SHA1, p.issuer, 5), Status: status, Reason: 1, RevokedAt: now, ThisUpdate: now, NextUpdate: now, ArchiveCutoff: now,
		}}}, p.responder, p.key)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(der)
	}
	f.Add(Failure(TryLater))
	f.Fuzz(func(t *testing.T, der []byte) {
		r, err := ParseResponse(der)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("%v is not %v", err, ErrMalformed)
			}
			return
		}
		if len(r.Singles) > MaxSingles || len(r.Nonce) > MaxNonce {
			t.Error("over the limits")
		}
		_ = r.CheckSignature(p.responder.PublicKey)
		r.Find(p.issuer, p.responder)
		r.ResponderID.Matches(p.responder)
	})
}
