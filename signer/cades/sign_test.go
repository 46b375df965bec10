package cades

import (
	"bytes"
	"context"
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"chop/internal/cms"
	"chop/signer/pades"
	"chop/signer/signertest"
)

const letter = "關於閣下的申請\r\nYour application\x00\xff\n"

// credential is a key and the identity that it signs as.
type credential struct {
	name string
	key  crypto.Signer
	id   *Identity
}

func credentials(t testing.TB, w *signertest.World) []credential {
	t.Helper()
	var list []credential
	for _, c := range []struct {
		name   string
		key    crypto.Signer
		scheme cms.Scheme
		hash   crypto.Hash
	}{
		{"P-256", signertest.ECKey(t, elliptic.P256()), cms.ECDSA, crypto.SHA256},
		{"P-384", signertest.ECKey(t, elliptic.P384()), cms.ECDSA, crypto.SHA384},
		{"RSA-2048", signertest.RSAKey(t, 2048), cms.PKCS1, crypto.SHA256},
		{"RSA-PSS", signertest.RSAKey(t, 2048), cms.PSS, crypto.SHA512},
	} {
		cert := w.Signer("陳大文 "+c.name, c.key.Public())
		id, err := pades.NewIdentity(cert, []*x509.Certificate{w.Issuer, w.Root}, c.scheme, c.hash)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, credential{c.name, c.key, id})
	}
	return list
}

func request(w *signertest.World, c credential) Request {
	return Request{In: []byte(letter), Identity: c.id, Level: pades.LevelLTA, Timestamper: w, Evidence: w, Time: time.Now()}
}

func finish(t testing.TB, c credential, d *Document, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	_, dtbsr := d.DTBSR()
	signature, err := c.key.Sign(rand.Reader, dtbsr, c.id.SignerOpts())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Finish(context.Background(), signature); err != nil {
		t.Fatal(err)
	}
	return d.Bytes()
}

func sign(t testing.TB, c credential, r Request) []byte {
	t.Helper()
	d, err := Prepare(r)
	return finish(t, c, d, err)
}

func parse(t testing.TB, der []byte) *cms.SignedData {
	t.Helper()
	m, err := cms.Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func write(t testing.TB, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func openssl(t testing.TB, args ...string) {
	t.Helper()
	if out, err := exec.Command("openssl", args...).CombinedOutput(); err != nil {
		t.Errorf("openssl %v: %v\n%s", args, err, out)
	}
}

// judged lets openssl judge the message as CAdES, and each timestamp.
func judged(t testing.TB, w *signertest.World, der, content []byte) {
	t.Helper()
	root := w.RootFile(t)
	args := []string{"cms", "-verify", "-cades", "-binary", "-purpose", "any", "-inform", "DER", "-in", write(t, "message.p7s", der),
		"-CAfile", root, "-out", filepath.Join(t.TempDir(), "content")}
	m := parse(t, der)
	if m.Content == nil {
		args = append(args, "-content", write(t, "content", content))
	}
	openssl(t, args...)
	chain := write(t, "chain.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.Issuer.Raw}))
	for _, si := range m.SignerInfos {
		for _, der := range si.SignatureTimestamps() {
			openssl(t, "ts", "-verify", "-token_in", "-in", write(t, "token", der), "-data", write(t, "value", si.Signature), "-CAfile", root, "-untrusted", chain)
		}
		for _, der := range si.ArchiveTimestamps() {
			octets := archived(t, m, si, der, content)
			openssl(t, "ts", "-verify", "-token_in", "-in", write(t, "token", der), "-data", write(t, "octets", octets), "-CAfile", root, "-untrusted", chain)
		}
	}
}

// archived gives what an archive timestamp is over; whether strangers make it so too, the
// corpus of package validation says.
func archived(t testing.TB, m *cms.SignedData, si *cms.SignerInfo, der, content []byte) []byte {
	t.Helper()
	token, err := cms.ParseTimestampToken(der)
	if err != nil {
		t.Fatal(err)
	}
	index, err := token.HashIndex()
	if err != nil {
		t.Fatal(err)
	}
	if err := index.Check(m, si); err != nil {
		t.Error(err)
	}
	octets, err := m.ArchiveImprint(si, sum(token.Info.HashAlgorithm, content), index.Raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := token.Covers(octets); err != nil {
		t.Error(err)
	}
	return octets
}

func kinds(si *cms.SignerInfo) (list []string) {
	for _, a := range si.UnsignedAttrs {
		list = append(list, a.Type.String())
	}
	return list
}

var levels = []Level{pades.LevelB, pades.LevelT, pades.LevelLT, pades.LevelLTA}

// One key use a signature, and as many timestamps as the level needs.
func TestEveryForm(t *testing.T) {
	t.Parallel()
	w := signertest.New(t)
	for _, c := range credentials(t, w) {
		for i, level := range levels {
			for _, detached := range []bool{false, true} {
				r := request(w, c)
				r.Level, r.Detached = level, detached
				before := w.Timestamps
				der := sign(t, c, r)
				name := fmt.Sprintf("%s %s detached %v", c.name, level, detached)
				if got, want := w.Timestamps-before, max(0, min(i, 1))+i/3; got != want {
					t.Errorf("%s: %d timestamps, want %d", name, got, want)
				}
				m := parse(t, der)
				if (m.Content == nil) != detached || !detached && string(m.Content) != letter {
					t.Errorf("%s: content %q", name, m.Content)
				}
				if (len(m.OCSPs) > 0) != level.AtLeast(pades.LevelLT) || (len(m.CRLs) > 0) != level.AtLeast(pades.LevelLT) {
					t.Errorf("%s: %d OCSP responses, %d CRLs", name, len(m.OCSPs), len(m.CRLs))
				}
				want := [][]string{nil, {cms.OIDSignatureTimestamp.String()}, {cms.OIDSignatureTimestamp.String()},
					{cms.OIDSignatureTimestamp.String(), cms.OIDArchiveTimestampV3.String()}}[i]
				if got := kinds(m.SignerInfos[0]); !slices.Equal(got, want) {
					t.Errorf("%s: unsigned attributes %v, want %v", name, got, want)
				}
				judged(t, w, der, r.In)
			}
		}
	}
}

func TestAttributes(t *testing.T) {
	t.Parallel()
	w := signertest.New(t)
	c := credentials(t, w)[0]
	r := request(w, c)
	r.Level = pades.LevelB
	r.Policy = &Policy{OID: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 5}, Hash: crypto.SHA256, Digest: make([]byte, 32)}
	r.Commitment, r.Roles, r.Place, r.MIMEType = ProofOfApproval, []string{"署長", "Director"}, Place{City: "Hong Kong", Country: "HK"}, "text/plain"
	der := sign(t, c, r)
	judged(t, w, der, nil)
	si := parse(t, der).SignerInfos[0]
	policy, err := si.SignaturePolicy()
	if err != nil || policy == nil || !policy.OID.Equal(r.Policy.OID) {
		t.Errorf("policy %+v, %v", policy, err)
	}
	place, err := si.SignerLocation()
	if err != nil || place == nil || place.Locality != "Hong Kong" || place.Country != "HK" {
		t.Errorf("place %+v, %v", place, err)
	}
	if got, err := si.CommitmentTypes(); err != nil || len(got) != 1 || !got[0].Equal(commitments[ProofOfApproval]) {
		t.Errorf("commitments %v, %v", got, err)
	}
	if got, err := si.ClaimedRoles(); err != nil || !slices.Equal(got, r.Roles) {
		t.Errorf("roles %q, %v", got, err)
	}
	if at, err := si.SigningTime(); err != nil || at.Sub(r.Time).Abs() > time.Second {
		t.Errorf("signing time %v, %v", at, err)
	}
	if err := si.BindsCertificate(c.id.Certificate().Raw); err != nil {
		t.Error(err)
	}
}

// Signatures stand side by side, and what an archive timestamp covers is not touched.
func TestBeside(t *testing.T) {
	t.Parallel()
	w := signertest.New(t)
	list := credentials(t, w)
	for _, detached := range []bool{false, true} {
		r := request(w, list[0])
		r.Detached = detached
		first := sign(t, list[0], r)
		second := request(w, list[3])
		second.Beside = pem.EncodeToMemory(&pem.Block{Type: "CMS", Bytes: first})
		both := sign(t, list[3], second)
		m := parse(t, both)
		if len(m.SignerInfos) != 2 || (m.Content == nil) != detached {
			t.Fatalf("%d signers, content %v", len(m.SignerInfos), m.Content != nil)
		}
		judged(t, w, both, r.In)

		second.In = []byte("something else")
		if _, err := Prepare(second); !errors.Is(err, ErrMessage) {
			t.Errorf("over another file: %v", err)
		}
	}
}

func TestCounterSignature(t *testing.T) {
	t.Parallel()
	w := signertest.New(t)
	list := credentials(t, w)
	der := sign(t, list[0], request(w, list[0]))
	for i, level := range levels[:3] {
		c := list[i+1]
		r := request(w, c)
		r.In, r.Level, r.Beside = nil, level, der
		before := w.Timestamps
		d, err := PrepareCounter(r, "signer 1")
		der = finish(t, c, d, err)
		if got := w.Timestamps - before; got != min(i, 1) {
			t.Errorf("%s: %d timestamps", level, got)
		}
		if want := fmt.Sprintf("signer 1, counter-signature %d", i+1); d.Field() != want {
			t.Errorf("field %q, want %q", d.Field(), want)
		}
		judged(t, w, der, []byte(letter)) // the archive timestamp holds as it did
		si := parse(t, der).SignerInfos[0]
		counters, err := si.CounterSignatures()
		if err != nil || len(counters) != i+1 {
			t.Fatalf("%d counter-signatures, %v", len(counters), err)
		}
		if err := counters[i].Verify(c.key.Public(), sum(c.id.Hash(), si.Signature)); err != nil {
			t.Error(err)
		}
		if err := counters[i].BindsCertificate(c.id.Certificate().Raw); err != nil {
			t.Error(err)
		}
	}
	r := request(w, list[0])
	r.In, r.Beside, r.Level = nil, der, pades.LevelB
	for _, target := range []string{"", "signer 0", "signer 2", "x"} {
		if _, err := PrepareCounter(r, target); !errors.Is(err, pades.ErrRequest) {
			t.Errorf("%q: %v", target, err)
		}
	}
	if r.Level = pades.LevelLTA; true {
		if _, err := PrepareCounter(r, "signer 1"); !errors.Is(err, pades.ErrRequest) {
			t.Errorf("B-LTA: %v", err)
		}
	}
}

func TestExtend(t *testing.T) {
	t.Parallel()
	w := signertest.New(t)
	c := credentials(t, w)[2]
	for _, detached := range []bool{false, true} {
		r := request(w, c)
		r.Level, r.Detached = pades.LevelB, detached
		der := sign(t, c, r)
		extend := ExtendRequest{Timestamper: w, Evidence: w}
		if detached {
			extend.In, extend.Level = der, pades.LevelLTA
			if _, _, err := Extend(context.Background(), extend); !errors.Is(err, pades.ErrRequest) {
				t.Errorf("archived without its file: %v", err)
			}
			extend.Content = []byte("something else")
			if _, _, err := Extend(context.Background(), extend); !errors.Is(err, ErrMessage) {
				t.Errorf("with another file: %v", err)
			}
			extend.Content = r.In
		}
		for i, level := range []Level{pades.LevelT, pades.LevelLT, pades.LevelLTA, pades.LevelLTA, pades.LevelLTA} {
			extend.In, extend.Level = der, level
			if level == pades.LevelLTA && i == 4 {
				extend.Hash = crypto.SHA512
			}
			out, field, err := Extend(context.Background(), extend)
			if err != nil || field != "signer 1" {
				t.Fatalf("%s: %q, %v", level, field, err)
			}
			der = out
			judged(t, w, der, r.In)
			extend.In = der
			if level == pades.LevelLTA {
				continue
			}
			if _, _, err := Extend(context.Background(), extend); !errors.Is(err, pades.ErrAtLevel) {
				t.Errorf("%s again: %v", level, err)
			}
		}
		m := parse(t, der)
		if got := len(m.SignerInfos[0].ArchiveTimestamps()); got != 3 {
			t.Errorf("%d archive timestamps", got)
		}
	}
}

func TestExtendSkips(t *testing.T) {
	t.Parallel()
	w, strangers := signertest.New(t), signertest.New(t)
	theirs, ours := credentials(t, strangers)[0], credentials(t, w)[1]
	r := request(strangers, theirs)
	r.Level = pades.LevelB
	der := sign(t, theirs, r)
	r = request(w, ours)
	r.Level, r.Beside = pades.LevelB, der
	der = sign(t, ours, r)
	var skipped []string
	out, field, err := Extend(context.Background(), ExtendRequest{
		In: der, Level: pades.LevelLT, Timestamper: w, Evidence: w, OnSkip: func(field string, _ error) { skipped = append(skipped, field) },
	})
	if err != nil || field != "signer 2" || !slices.Equal(skipped, []string{"signer 1"}) {
		t.Errorf("%q, skipped %q, %v", field, skipped, err)
	}
	m := parse(t, out)
	if len(m.SignerInfos[0].UnsignedAttrs) != 0 || len(m.SignerInfos[1].UnsignedAttrs) != 1 {
		t.Errorf("unsigned attributes %v, %v", kinds(m.SignerInfos[0]), kinds(m.SignerInfos[1]))
	}
	if _, _, err := Extend(context.Background(), ExtendRequest{In: der, Level: pades.LevelLT, Timestamper: w, Evidence: w}); !errors.Is(err, pades.ErrEvidence) {
		t.Errorf("without OnSkip: %v", err)
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	w := signertest.New(t)
	c := credentials(t, w)[0]
	old := parse(t, sign(t, c, request(w, c)))
	old.SignerInfos[0].AddUnsigned(cms.OIDArchiveTimestampV2, []byte{0x30, 0})
	older, err := old.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]struct {
		change func(*Request)
		want   error
	}{
		"no identity":    {func(r *Request) { r.Identity = nil }, pades.ErrRequest},
		"no level":       {func(r *Request) { r.Level = "" }, pades.ErrRequest},
		"no timestamper": {func(r *Request) { r.Timestamper = nil }, pades.ErrRequest},
		"no evidence":    {func(r *Request) { r.Evidence = nil }, pades.ErrRequest},
		"no time":        {func(r *Request) { r.Time = time.Time{} }, pades.ErrRequest},
		"commitment":     {func(r *Request) { r.Commitment = "x" }, pades.ErrRequest},
		"a control":      {func(r *Request) { r.Roles = []string{"a\x00b"} }, pades.ErrRequest},
		"MIME type":      {func(r *Request) { r.MIMEType = "/" }, pades.ErrRequest},
		"no message":     {func(r *Request) { r.Beside = []byte("hello") }, ErrMessage},
		"a token":        {func(r *Request) { r.Beside, _ = w.Timestamp(context.Background(), crypto.SHA256, make([]byte, 32)) }, ErrMessage},
		"older archive":  {func(r *Request) { r.Beside = older }, ErrMessage},
	} {
		r := request(w, c)
		x.change(&r)
		if _, err := Prepare(r); !errors.Is(err, x.want) {
			t.Errorf("%s: %v, want %v", name, err, x.want)
		}
	}
}

func TestFinishIsUsedUp(t *testing.T) {
	t.Parallel()
	w := signertest.New(t)
	c := credentials(t, w)[0]
	d, err := Prepare(request(w, c))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Finish(context.Background(), []byte("no signature")); !errors.Is(err, pades.ErrSignature) {
		t.Errorf("%v", err)
	}
	if err := d.Finish(context.Background(), nil); !errors.Is(err, pades.ErrFinished) {
		t.Errorf("%v", err)
	}
}

// An index that names what is not there any more does not hold.
func TestHashIndexMissesWhatIsGone(t *testing.T) {
	t.Parallel()
	w := signertest.New(t)
	c := credentials(t, w)[0]
	m := parse(t, sign(t, c, request(w, c)))
	si := m.SignerInfos[0]
	token, err := cms.ParseTimestampToken(si.ArchiveTimestamps()[0])
	if err != nil {
		t.Fatal(err)
	}
	index, err := token.HashIndex()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range m.Elements() {
		if !index.CoversElement(e) {
			t.Errorf("%x is not covered", e.Raw[:20])
		}
		e.Raw = bytes.Clone(e.Raw)
		if e.Raw[len(e.Raw)-1]++; index.CoversElement(e) {
			t.Error("something else is covered")
		}
	}
	si.RemoveUnsigned(cms.OIDSignatureTimestamp)
	if err := index.Check(m, si); !errors.Is(err, cms.ErrDigest) {
		t.Errorf("%v, want ErrDigest", err)
	}
}
