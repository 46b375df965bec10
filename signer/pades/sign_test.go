package pades

import (
	"bytes"
	"context"
	"crypto"
	"crypto/elliptic"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chop/internal/cms"
	"chop/internal/pdf"
	"chop/signer/signertest"
)

// tempOutput is the kind of output that the service uses.
func tempOutput(t testing.TB) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "out.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func contentOf(t testing.TB, f *os.File) []byte {
	t.Helper()
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var claimed = time.Date(2026, 11, 23, 14, 5, 0, 0, time.FixedZone("", 8*3600))

func (w *world) request(in []byte, out Output, s *signer, level Level) Request {
	return Request{
		In: bytes.NewReader(in), Size: int64(len(in)), Out: out, Identity: s.Identity, Level: level,
		Timestamper: w, Evidence: w, Time: claimed,
	}
}

// trySign signs in with whatever change makes of the request.
func (w *world) trySign(t testing.TB, in []byte, s *signer, level Level, change func(*Request)) ([]byte, error) {
	t.Helper()
	out := tempOutput(t)
	req := w.request(in, out, s, level)
	if change != nil {
		change(&req)
	}
	ctx := context.Background()
	doc, err := Prepare(ctx, req)
	if err != nil {
		return nil, err
	}
	_, dtbsr := doc.DTBSR()
	sig, err := s.sign(dtbsr)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Finish(ctx, sig); err != nil {
		return nil, err
	}
	b := contentOf(t, out)
	if doc.Size() != int64(len(b)) {
		t.Errorf("Size says %d, the file has %d bytes", doc.Size(), len(b))
	}
	return b, nil
}

func (w *world) sign(t testing.TB, in []byte, s *signer, level Level, change func(*Request)) []byte {
	t.Helper()
	b, err := w.trySign(t, in, s, level, change)
	if err != nil {
		t.Fatalf("sign at %s: %v", level, err)
	}
	if !bytes.HasPrefix(b, in) {
		t.Fatal("the original's bytes were changed")
	}
	return b
}

// shapes are the same document in each form of cross-reference.
func shapes(t testing.TB) map[string][]byte {
	plain := plainFile("", "")
	return map[string][]byte{
		"table":             plain,
		"stream":            byQPDF(t, plain, "--object-streams=generate"),
		"linearized":        byQPDF(t, plain, "--linearize"),
		"linearized stream": byQPDF(t, plain, "--linearize", "--object-streams=generate"),
		"no final newline":  bytes.TrimRight(plain, "\n"),
		"junk after EOF":    append(append([]byte(nil), plain...), "\r\n\r\n  \n"...),
	}
}

func TestLevelsAreAcceptedByStrangers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, in := range shapes(t) {
		for _, level := range []Level{LevelB, LevelT, LevelLT, LevelLTA} {
			t.Run(name+"/"+string(level), func(t *testing.T) {
				s := w.ecSigner("Chan Tai Man 陳大文")
				out := w.sign(t, in, s, level, func(r *Request) { r.Reason, r.Location = "I agree (同意)", "Hong Kong 香港" })
				w.accept(t, out, 1)
				if s.uses != 1 {
					t.Errorf("the key was used %d times", s.uses)
				}
			})
		}
	}
}

func TestSchemesAndHashes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rsa2048 := signertest.RSAKey(t, 2048)
	for _, c := range []struct {
		name   string
		key    crypto.Signer
		scheme cms.Scheme
		hash   crypto.Hash
	}{
		{"p256 sha256", signertest.ECKey(t, elliptic.P256()), cms.ECDSA, crypto.SHA256},
		{"p384 sha384", signertest.ECKey(t, elliptic.P384()), "", crypto.SHA384},
		{"p521 sha512", signertest.ECKey(t, elliptic.P521()), "", crypto.SHA512},
		{"rsa pkcs1", rsa2048, "", crypto.SHA256},
		{"rsa pss", rsa2048, cms.PSS, crypto.SHA256},
		{"rsa pss sha512", rsa2048, cms.PSS, crypto.SHA512},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := w.signer("Department of Tests", c.key, c.scheme, c.hash)
			w.openssl(t, w.sign(t, plainFile("", ""), s, LevelLTA, nil))
		})
	}
}

// The figures that the TSA's and the HSM's bills are made of.
func TestKeyAndTimestampsAreCounted(t *testing.T) {
	t.Parallel()
	for level, want := range map[Level]int{LevelB: 0, LevelT: 1, LevelLT: 1, LevelLTA: 2} {
		w := newWorld(t)
		s := w.ecSigner("Counted")
		w.sign(t, plainFile("", ""), s, level, nil)
		if s.uses != 1 || w.Timestamps != want {
			t.Errorf("%s: key used %d times, want 1; %d timestamps, want %d", level, s.uses, w.Timestamps, want)
		}
	}
}

func TestEvidenceIsAskedForAfterTheTimestamp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	at := time.Date(2026, 11, 23, 6, 5, 0, 250e6, time.UTC)
	w.Now = func() time.Time { return at }
	w.sign(t, plainFile("", ""), w.ecSigner("Timed"), LevelLT, nil)
	if len(w.Asked) != 2 {
		t.Fatalf("evidence was asked for %d certificates, want signer and TSU", len(w.Asked))
	}
	for _, after := range w.Asked {
		if !after.Equal(at) {
			t.Errorf("evidence after %v, want genTime %v", after, at)
		}
	}
}

func TestSignatureDictionaryIsPAdES(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	out := w.sign(t, plainFile("", ""), w.ecSigner("Wong"), LevelB, func(r *Request) {
		r.Name, r.Reason, r.Location, r.Contact = "黃小明 (Siu)", `a\b)c(`, "Тест", "2810 0000"
	})
	p := signatures(t, out)[0]
	text := func(key pdf.Name) string {
		s, _ := p.value[key].(pdf.String)
		return pdf.DecodeText(s)
	}
	for key, want := range map[pdf.Name]string{"Name": "黃小明 (Siu)", "Reason": `a\b)c(`, "Location": "Тест", "ContactInfo": "2810 0000", "M": "D:20261123140500+08'00'"} {
		if got := text(key); got != want {
			t.Errorf("/%s is %q, want %q", key, got, want)
		}
	}
	if p.value["Filter"] != pdf.Name("Adobe.PPKLite") || p.value["SubFilter"] != pdf.Name("ETSI.CAdES.detached") {
		t.Errorf("Filter %v, SubFilter %v", p.value["Filter"], p.value["SubFilter"])
	}
	sd, err := cms.Parse(p.cms)
	if err != nil {
		t.Fatal(err)
	}
	si := sd.SignerInfos[0]
	if at, err := si.SigningTime(); err != nil || !at.IsZero() {
		t.Errorf("a signing-time attribute of %v, %v; PAdES forbids it", at, err)
	}
	if ess, err := si.SigningCertificate(); err != nil || ess == nil || ess.Version != 2 {
		t.Errorf("signing-certificate %+v, %v; want version 2", ess, err)
	}
	if p.end != int64(len(out)) {
		t.Errorf("ByteRange ends at %d, the file at %d", p.end, len(out))
	}
}

// A document without pages can be signed; the field is then on none.
func TestNoPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := newMaker()
	m.add("<< /Type /Catalog /Pages 2 0 R >>")
	m.add("<< /Type /Pages /Kids [] /Count 0 >>")
	w.openssl(t, w.sign(t, m.finish(""), w.ecSigner("Empty"), LevelLTA, nil))
}

// Of a page nothing changes but its annotations: what it inherits is not written into it.
func TestPageChangesOnlyByItsAnnotations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := plainFile("", "/Rotate 90 /Custom (kept)")
	_, before := opened(t, in)
	_, after := opened(t, w.sign(t, in, w.ecSigner("Page"), LevelLT, nil))
	old, err := before.Get(pdf.Ref{Num: 3})
	if err != nil {
		t.Fatal(err)
	}
	now, err := after.Get(pdf.Ref{Num: 3})
	if err != nil {
		t.Fatal(err)
	}
	page := pdf.Clone(now).(pdf.Dict)
	delete(page, "Annots")
	if got, want := text(t, page), text(t, old); got != want {
		t.Errorf("the page is\n%s, was\n%s", got, want)
	}
}

func TestFinishRefusesForeignSignatures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, other := w.ecSigner("Right"), w.ecSigner("Wrong")
	ctx := context.Background()
	doc, err := Prepare(ctx, w.request(plainFile("", ""), tempOutput(t), s, LevelT))
	if err != nil {
		t.Fatal(err)
	}
	_, dtbsr := doc.DTBSR()
	sig, err := other.sign(dtbsr)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Finish(ctx, sig); !errors.Is(err, ErrSignature) {
		t.Errorf("another's signature: %v, want ErrSignature", err)
	}
	if w.Timestamps != 0 {
		t.Error("a wrong signature was timestamped")
	}
	if sig, err = s.sign(dtbsr); err != nil {
		t.Fatal(err)
	}
	if err := doc.Finish(ctx, sig); !errors.Is(err, ErrFinished) {
		t.Errorf("a second Finish: %v, want ErrFinished", err)
	}
}

func TestTimestampsAreChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.ecSigner("Stamped")
	other, err := w.Timestamp(context.Background(), crypto.SHA256, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	for name, lie := range map[string]func([]byte) []byte{
		"over something else": func([]byte) []byte { return other },
		"broken signature":    func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
		"no token":            func([]byte) []byte { return []byte{0x30, 0} },
	} {
		w.Lie = lie
		if _, err := w.trySign(t, plainFile("", ""), s, LevelT, nil); !errors.Is(err, ErrTimestamp) {
			t.Errorf("%s: %v, want ErrTimestamp", name, err)
		}
	}
	w.Lie = nil
	if _, err := w.trySign(t, plainFile("", ""), s, LevelT, func(r *Request) { r.TokenSize = 100 }); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a token larger than its room: %v, want ErrTooLarge", err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.ecSigner("Refused")
	plain := plainFile("", "")
	for _, c := range []struct {
		name   string
		in     []byte
		change func(*Request)
		want   error
	}{
		{"no PDF", []byte("<html>"), nil, ErrNotPDF},
		{"empty", nil, nil, ErrNotPDF},
		{"encrypted", byQPDF(t, plain, "--encrypt", "u", "o", "256", "--"), nil, ErrEncrypted},
		{"cut", plain[:len(plain)*2/3], nil, ErrMalformed},
		{"no level", plain, func(r *Request) { r.Level = "B-X" }, ErrRequest},
		{"no timestamper", plain, func(r *Request) { r.Level, r.Timestamper = LevelT, nil }, ErrRequest},
		{"no evidence", plain, func(r *Request) { r.Level, r.Evidence = LevelLT, nil }, ErrRequest},
		{"no such field", plain, func(r *Request) { r.Field = "Nowhere" }, ErrFieldNotFound},
		{"permission", plain, func(r *Request) { r.Certify = 4 }, ErrRequest},
		{"visible without font", plain, func(r *Request) { r.Visible = &Place{1, 0, 0, 100, 50} }, ErrFont},
	} {
		if _, err := w.trySign(t, c.in, s, LevelB, c.change); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if s.uses != 0 {
		t.Errorf("the key was used %d times for refused requests", s.uses)
	}
	if _, err := ParseLevel("B-Q"); err == nil || !strings.Contains(err.Error(), "B-LTA") {
		t.Errorf("ParseLevel: %v", err)
	}
}
