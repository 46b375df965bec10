package validation_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"chop/internal/cms"
	"chop/internal/corpus"
	"chop/signer/cades"
	"chop/signer/pades"
	"chop/validation"
)

var allLevels = []pades.Level{pades.LevelB, pades.LevelT, pades.LevelLT, pades.LevelLTA}

// given is the evidence for levels that carry none.
func (w *world) given(by *person, level pades.Level) validation.Options {
	o := validation.Options{Revocation: validation.RevocationRequired}
	if !level.AtLeast(pades.LevelLT) {
		o.OCSPs = [][]byte{w.ocsp(by.cert, day.Add(time.Second), answer{}), w.ocsp(w.tsu.cert, day.Add(time.Second), answer{})}
		o.CRLs = [][]byte{w.arl(day.AddDate(0, 0, -3))}
	}
	return o
}

// keys is one person for each kind of key.
func (w *world) keys() map[string]*signerKey {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), crand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	rsa2048, err := rsa.GenerateKey(crand.Reader, 2048)
	if err != nil {
		w.t.Fatal(err)
	}
	all := map[string]*signerKey{
		"P-256":    {person{key: key(w.t)}, cms.ECDSA, crypto.SHA256},
		"P-384":    {person{key: p384}, cms.ECDSA, crypto.SHA384},
		"RSA-2048": {person{key: rsa2048}, cms.PKCS1, crypto.SHA512},
		"RSA-PSS":  {person{key: rsa2048}, cms.PSS, crypto.SHA256},
	}
	for name, k := range all {
		w.certify(&k.person, &x509.Certificate{Subject: pkix.Name{CommonName: name}, KeyUsage: x509.KeyUsageContentCommitment}, w.ca)
	}
	return all
}

type signerKey struct {
	person
	scheme cms.Scheme
	hash   crypto.Hash
}

// A detached signature wants its file, and no other.
func TestCAdESDetached(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	by := w.signer("Chan Tai Man")
	for _, level := range allLevels {
		doc := w.signCMS(by, cades.Request{Level: level, Detached: true})
		for _, c := range []struct {
			files []validation.File
			want  string
		}{
			{nil, "INDETERMINATE/SIGNED_DATA_NOT_FOUND"}, {detached(note + " "), "TOTAL-FAILED/HASH_FAILURE"}, {detached(note), passed},
		} {
			o := w.given(by, level)
			o.Detached = c.files
			if r, err := w.tryValidate(t, doc, o); err != nil || verdict(r.Signatures[0]) != c.want {
				t.Errorf("%s, want %s: %v, %s", level, c.want, err, tell(r))
			}
		}
	}
}

// drawn is a source of chance whose seed is printed, and can be given.
func drawn(t testing.TB) (*rand.Rand, uint64) {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("CHOP_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("CHOP_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0)), seed
}

// What an archive time-stamp covers may not be gone or changed; what it does not cover it
// proves nothing of.
func TestCAdESArchiveCovers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	by := w.signer("Chan Tai Man")
	open := func(doc []byte) *cms.SignedData {
		m, err := cms.Parse(doc)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	m := open(w.signCMS(by, cades.Request{Level: pades.LevelLTA}))
	m.SignerInfos[0].RemoveUnsigned(cms.OIDSignatureTimestamp)
	without, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if r, err := w.tryValidate(t, without, validation.Options{}); err != nil || verdict(r.Signatures[0]) != "INDETERMINATE/SIG_CONSTRAINTS_FAILURE" {
		t.Errorf("without its signature time-stamp: %v, %s", err, tell(r))
	}
	// The archive time-stamp of another signature.
	other := open(w.signCMS(by, cades.Request{Level: pades.LevelLTA, In: []byte("other")}))
	m = open(w.signCMS(by, cades.Request{Level: pades.LevelLT}))
	m.SignerInfos[0].AddUnsigned(cms.OIDArchiveTimestampV3, other.SignerInfos[0].ArchiveTimestamps()[0])
	moved, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if r, err := w.tryValidate(t, moved, validation.Options{}); err != nil || verdict(r.Signatures[0]) != "INDETERMINATE/SIG_CONSTRAINTS_FAILURE" {
		t.Errorf("with another's archive time-stamp: %v, %s", err, tell(r))
	}
	// Evidence may be added after it.
	stamped := w.signCMS(by, cades.Request{Level: pades.LevelLTA})
	late := open(stamped)
	if err := late.AddEvidence(nil, [][]byte{w.arl(day.AddDate(0, 0, -1))}, nil); err != nil {
		t.Fatal(err)
	}
	if stamped, err = late.Marshal(); err != nil {
		t.Fatal(err)
	}
	r, err := w.tryValidate(t, stamped, validation.Options{Revocation: validation.RevocationRequired})
	if err != nil || !r.Passed() {
		t.Errorf("with evidence added: %v, %s", err, tell(r))
	}
}

// One of the second version is over all that is there: it proves that too, and nothing any
// more once something is added.
func TestCAdESOldArchive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	by := w.signer("Chan Tai Man")
	for _, apart := range []bool{false, true} {
		m, err := cms.Parse(w.signCMS(by, cades.Request{Level: pades.LevelLT, Detached: apart}))
		if err != nil {
			t.Fatal(err)
		}
		si := m.SignerInfos[0]
		var external []byte
		var files []validation.File
		if apart {
			external, files = []byte(note), detached(note)
		}
		octets, err := m.ArchiveImprintV2(si, external, func(cms.Attribute) bool { return false })
		if err != nil {
			t.Fatal(err)
		}
		newer := w.unit("Harbour TSU 2", years(10), years(25))
		si.AddUnsigned(cms.OIDArchiveTimestampV2, w.token(newer, crypto.SHA256, sha(octets), years(12)))
		doc, err := m.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		recent := years(16).Add(-time.Hour)
		o := validation.Options{At: years(16), Revocation: validation.RevocationRequired, Detached: files,
			CRLs: [][]byte{w.arl(recent)}, OCSPs: [][]byte{w.ocsp(newer.cert, recent, answer{by: w.ca})}}
		r, err := w.tryValidate(t, doc, o)
		if err != nil || !r.Passed() {
			t.Errorf("detached %v: %v\n%s", apart, err, tell(r))
		}
		if err := m.AddEvidence(nil, [][]byte{w.arl(day)}, nil); err != nil {
			t.Fatal(err)
		}
		if doc, err = m.Marshal(); err != nil {
			t.Fatal(err)
		}
		if r, err = w.tryValidate(t, doc, o); err != nil || verdict(r.Signatures[0]) != "INDETERMINATE/OUT_OF_BOUNDS_NO_POE" {
			t.Errorf("detached %v, with more beside it: %v\n%s", apart, err, tell(r))
		}
	}
}

// Those in other people's files are over what ours would be.
func TestCAdESOldArchivesOfOthers(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(corpus.Dir(t, "esig_dss"), "dss-cades/src/test/resources/validation")
	v, err := offline()
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"Signature-C-B-LTA-10.p7m": "", "dss-1670/signatureExtendedTwoLTA.p7s": "dss-1670/screenshot.png",
		"dss-1344/screenshot.png.signed_qes_detached.p7s":         "dss-1344/screenshot.png",
		"dss-916/test.txt.signed_Certipost-2048.detached.old.p7s": "dss-916/test.txt",
	} {
		doc, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		var o validation.Options
		if content != "" {
			b, err := os.ReadFile(filepath.Join(dir, content))
			if err != nil {
				t.Fatal(err)
			}
			o.Detached = []validation.File{{Name: "content", Content: b}}
		}
		r, err := v.Validate(context.Background(), bytes.NewReader(doc), int64(len(doc)), o)
		if err != nil || strings.Contains(tell(r), "second version") || !strings.Contains(tell(r), "archive time-stamp of ") {
			t.Errorf("%s: %v\n%s", name, err, tell(r))
		}
	}
}

func TestCAdESBesideAndOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two, three := w.signer("Chan Tai Man"), w.signer("Wong Siu Ming"), w.signer("Lee Ka Yan")
	doc := w.signCMS(one, cades.Request{Level: pades.LevelT})
	doc = w.signCMS(two, cades.Request{Level: pades.LevelB, Beside: doc})
	doc = w.counterSign(three, doc, "signer 1", pades.LevelT)
	r, err := w.tryValidate(t, doc, validation.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var fields []string
	for _, s := range r.Signatures {
		fields = append(fields, s.Field+" "+s.Level+" "+strings.Join(s.Signed, ","))
	}
	want := "signer 1 B-T the content of the message, 30 bytes|signer 1, counter-signature 1 B-T the signature of signer 1|signer 2 B-B the content of the message, 30 bytes"
	if got := strings.Join(fields, "|"); got != want || !r.Passed() {
		t.Errorf("got  %s\nwant %s\n%s", got, want, tell(r))
	}

	// A counter-signature on another signature is none on this one.
	other := w.counterSign(three, w.signCMS(one, cades.Request{In: []byte("other")}), "signer 1", pades.LevelB)
	from, err := cms.Parse(other)
	if err != nil {
		t.Fatal(err)
	}
	to, err := cms.Parse(w.signCMS(one, cades.Request{}))
	if err != nil {
		t.Fatal(err)
	}
	to.SignerInfos[0].UnsignedAttrs = from.SignerInfos[0].UnsignedAttrs
	if err := to.AddEvidence(from.Certificates, nil, nil); err != nil {
		t.Fatal(err)
	}
	moved, err := to.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	r, err = w.tryValidate(t, moved, validation.Options{})
	if err != nil || len(r.Signatures) != 2 || verdict(r.Signatures[0]) != passed || verdict(r.Signatures[1]) != "TOTAL-FAILED/HASH_FAILURE" || r.Passed() {
		t.Errorf("%v, %s", err, tell(r))
	}
}

// The forms in which a message comes, and what is refused.
func TestCMSForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	by := w.signer("Chan Tai Man")
	doc := w.signCMS(by, cades.Request{Level: pades.LevelT})
	block := pem.EncodeToMemory(&pem.Block{Type: "PKCS7", Bytes: doc})
	ber := append(append([]byte{0x30, 0x80}, doc[4:]...), 0, 0) // the outermost length indefinite
	for name, in := range map[string][]byte{"DER": doc, "PEM": block, "BER": ber, "PEM with white space": append([]byte("\n\n"), block...)} {
		if r, err := w.tryValidate(t, in, validation.Options{}); err != nil || !r.Passed() {
			t.Errorf("%s: %v", name, err)
		}
	}
	r, err := w.tryValidate(t, append(bytes.Clone(doc), "and more"...), validation.Options{})
	if err != nil || verdict(r.Signatures[0]) != "INDETERMINATE/SIG_CONSTRAINTS_FAILURE" {
		t.Errorf("bytes after the message: %v, %s", err, tell(r))
	}
	// A file that nothing signs is told: beside an attached signature, or another than the signed one.
	for name, x := range map[string]struct {
		doc   []byte
		files []validation.File
	}{
		"attached": {doc, detached(note)},
		"two":      {w.signCMS(by, cades.Request{Detached: true}), []validation.File{{Name: "signed.txt", Content: []byte(note)}, detached("other")[0]}},
	} {
		r, err := w.tryValidate(t, x.doc, validation.Options{Detached: x.files})
		if err != nil || verdict(r.Signatures[0]) != passed || r.Passed() || len(r.Document.Unsigned) != 1 || r.Document.Unsigned[0] != "file note.txt" {
			t.Errorf("%s: %v, %s", name, err, tell(r))
		}
	}
	apart := w.signCMS(by, cades.Request{Detached: true})
	if _, err := w.tryValidate(t, apart, validation.Options{Detached: append(detached(note), detached("other")...)}); !errors.Is(err, validation.ErrOptions) {
		t.Errorf("two files of one name, of which one is signed: %v", err)
	}
	for name, in := range map[string][]byte{"two blocks": append(bytes.Clone(block), block...), "cut off": doc[:len(doc)-10], "another PEM": pem.EncodeToMemory(&pem.Block{Type: "X", Bytes: doc})} {
		if _, err := w.tryValidate(t, in, validation.Options{}); !errors.Is(err, validation.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What openssl makes is read: with definite lengths and, streamed, in BER without; plain CMS
// and CAdES. Plain CMS names no certificate, and has no level.
func TestCMSOfOpenSSL(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	by := w.signer("Chan Tai Man")
	dir := t.TempDir()
	key, err := x509.MarshalPKCS8PrivateKey(by.key)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), "note.txt": []byte(note),
		"cert.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: by.cert.Raw}),
		"ca.pem":   pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.ca.cert.Raw}),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		flags  string
		format string
	}{
		{"-outform DER -nodetach", validation.FormatCMS}, {"-outform DER -nodetach -cades", validation.FormatCAdESFile},
		{"-outform DER -nodetach -cades -stream", validation.FormatCAdESFile}, {"-outform PEM -cades", validation.FormatCAdESFile},
		{"-outform DER -nodetach -noattr", ""},
	} {
		args := append(strings.Fields("cms -sign -binary -md sha256 -signer cert.pem -inkey key.pem -certfile ca.pem -in note.txt -out out"), strings.Fields(c.flags)...)
		cmd := exec.Command("openssl", args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		doc, err := os.ReadFile(filepath.Join(dir, "out"))
		if err != nil {
			t.Fatal(err)
		}
		var o validation.Options
		if !strings.Contains(c.flags, "-nodetach") {
			o.Detached = detached(note)
		}
		r, err := w.tryValidate(t, doc, o)
		if err != nil {
			t.Fatalf("%s: %v", c.flags, err)
		}
		s := r.Signatures[0]
		if c.format == "" { // without attributes, those of another signature could be the content
			if r.Passed() {
				t.Errorf("%s: %s", c.flags, tell(r))
			}
			continue
		}
		if !r.Passed() || s.Format != c.format || (s.Level == validation.LevelB) != (c.format == validation.FormatCAdESFile) {
			t.Errorf("%s: %s", c.flags, tell(r))
		}
	}
}

func FuzzValidateCMS(f *testing.F) {
	w := newWorld(f)
	by := w.signer("Chan Tai Man")
	doc := w.signCMS(by, cades.Request{Level: pades.LevelLTA})
	f.Add(doc)
	f.Add(w.signCMS(by, cades.Request{Level: pades.LevelB, Detached: true}))
	f.Add(w.counterSign(w.signer("Lee Ka Yan"), doc, "signer 1", pades.LevelT))
	f.Add(pem.EncodeToMemory(&pem.Block{Type: "CMS", Bytes: doc}))
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := w.tryValidate(t, in, validation.Options{})
		if err != nil || !r.Passed() {
			return
		}
		der, err := cms.FromPEM(in)
		if err != nil {
			t.Fatal(err)
		}
		now, err := cms.Parse(der)
		if err != nil {
			t.Fatal(err)
		}
		if string(now.Content) != note && now.Content != nil {
			t.Errorf("passes with the content %q", now.Content)
		}
	})
}
