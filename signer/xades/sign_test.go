package xades

import (
	"bytes"
	"context"
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chop/internal/cms"
	"chop/internal/xmldsig"
	"chop/signer/pades"
	"chop/signer/signertest"
)

const letter = `<?xml version="1.0" encoding="UTF-8"?>
<!-- a letter --><letter xmlns="urn:example:letter" xml:lang="zh-Hant-HK" id="l1">
  <to>陳大文</to><text kind='a "b"'>關於閣下的申請 &amp; 其他 &#13;</text><empty/>
</letter>
`

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

func request(w *signertest.World, c credential, p Packaging) Request {
	return Request{
		In: []byte(letter), Name: "信 letter.xml", Packaging: p, Identity: c.id, Level: pades.LevelLTA, Timestamper: w, Evidence: w,
		Time: time.Now(),
	}
}

func sign(t testing.TB, c credential, r Request) []byte {
	t.Helper()
	out, err := trySign(t.Context(), c, r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func trySign(ctx context.Context, c credential, r Request) ([]byte, error) {
	d, err := Prepare(ctx, r)
	if err != nil {
		return nil, err
	}
	_, dtbsr := d.DTBSR()
	signature, err := c.key.Sign(rand.Reader, dtbsr, c.id.SignerOpts())
	if err != nil {
		return nil, err
	}
	if err := d.Finish(context.Background(), signature); err != nil {
		return nil, err
	}
	return d.Bytes(), nil
}

// verified verifies with our own leaf, and says what each reference signed.
func verified(t testing.TB, doc []byte, files xmldsig.Sources) []xmldsig.Result {
	t.Helper()
	results, err := xmldsig.Verify(t.Context(), doc, xmldsig.Options{Sources: files})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Err != nil {
			t.Errorf("%v\n%s", r.Err, doc)
		}
	}
	return results
}

// xmlsec1 is a stranger that must accept what is made.
func xmlsec1(t testing.TB, w *signertest.World, doc []byte, beside map[string][]byte) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "signed.xml")
	for name, b := range beside {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, doc, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("xmlsec1", "--verify", "--trusted-pem", w.RootFile(t), "--enabled-key-data", "x509",
		"--id-attr:Id", xmldsig.XAdES+":SignedProperties", "--id-attr:Id", xmldsig.NS+":Object", path)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("xmlsec1: %v\n%s\n%s", err, out, doc)
	}
}

// opensslPSS judges a value of RSA-PSS, which Debian's xmlsec1 does not know; what it is over
// has the same form as with the other keys.
func opensslPSS(t testing.TB, c credential, s *xmldsig.Signature) {
	t.Helper()
	signed, err := s.SignedOctets()
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKIXPublicKey(c.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, b := range map[string][]byte{"key": key, "value": s.Value, "signed": signed} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("openssl", "dgst", "-sha512", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest",
		"-keyform", "DER", "-verify", "key", "-signature", "value", "signed")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("openssl: %v\n%s", err, out)
	}
}

func TestEveryForm(t *testing.T) {
	t.Parallel()
	w := signertest.New(t)
	for _, c := range credentials(t, w) {
		for _, p := range []Packaging{Enveloped, Enveloping, Detached} {
			for _, m := range []C14N{Exclusive, Inclusive} {
				for _, level := range []Level{pades.LevelB, pades.LevelT, pades.LevelLT, pades.LevelLTA} {
					t.Run(fmt.Sprintf("%s %s %s %s", c.name, p, m, level), func(t *testing.T) {
						t.Parallel()
						r := request(w, c, p)
						r.C14N, r.Level = m, level
						out := sign(t, c, r)
						files := xmldsig.Sources{}
						beside := map[string][]byte{}
						if p == Detached {
							beside[r.Name] = r.In
							files.File = func(uri string) ([]byte, bool) { return r.In, uri == "%E4%BF%A1%20letter.xml" }
						}
						results := verified(t, out, files)
						if len(results) != 1 {
							t.Fatalf("%d signatures", len(results))
						}
						props, err := results[0].Signature.ReadProperties()
						if err != nil || props == nil || props.Reference == nil || !props.Names(c.id.Certificate().Raw) {
							t.Errorf("properties %+v, %v", props, err)
						}
						names := ""
						for _, e := range props.Unsigned {
							names += e.LocalName() + " "
						}
						want := map[Level]string{
							pades.LevelB: "", pades.LevelT: "SignatureTimeStamp ",
							pades.LevelLT:  "SignatureTimeStamp CertificateValues RevocationValues TimeStampValidationData ",
							pades.LevelLTA: "SignatureTimeStamp CertificateValues RevocationValues TimeStampValidationData ArchiveTimeStamp ",
						}[level]
						if names != want {
							t.Errorf("unsigned properties %q, want %q", names, want)
						}
						imprints(t, results[0].Signature, props, files)
						if p == Enveloped {
							restored(t, out)
						}
						if c.id.Scheme() == cms.PSS {
							opensslPSS(t, c, results[0].Signature)
						} else {
							xmlsec1(t, w, out, beside)
						}
					})
				}
			}
		}
	}
}

// restored wants the original's bytes around the signature.
func restored(t testing.TB, out []byte) {
	t.Helper()
	start, end := bytes.Index(out, []byte("<ds:Signature ")), bytes.LastIndex(out, []byte("</ds:Signature>"))
	if got := string(out[:start]) + string(out[end+len("</ds:Signature>"):]); got != letter {
		t.Errorf("the original became\n%s", got)
	}
}

// imprints recomputes what each timestamp is over.
func imprints(t testing.TB, s *xmldsig.Signature, p *xmldsig.Properties, files xmldsig.Sources) {
	t.Helper()
	for _, e := range p.Unsigned {
		if !strings.HasSuffix(e.LocalName(), "TimeStamp") {
			continue
		}
		stamp, err := xmldsig.ReadStamp(e)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if e.LocalName() == "SignatureTimeStamp" {
			err = s.SignatureImprint(&b, stamp.C14N)
		} else {
			err = s.ArchiveImprint(&b, p, e, stamp.C14N, files)
		}
		if err != nil {
			t.Fatal(err)
		}
		token, err := cms.ParseTimestampToken(stamp.Tokens[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := token.Covers(b.Bytes()); err != nil {
			t.Errorf("%s: %v", e.LocalName(), err)
		}
	}
}

func TestProperties(t *testing.T) {
	t.Parallel()
	w := signertest.New(t)
	c := credentials(t, w)[0]
	r := request(w, c, Enveloped)
	r.Level = pades.LevelB
	r.Policy = &Policy{OID: []int{1, 3, 6, 1, 4, 1, 99999, 5}, Hash: crypto.SHA256, Digest: make([]byte, 32), URL: "https://example.org/p?a&b"}
	r.Commitment, r.Roles, r.Place = ProofOfApproval, []string{"署長 <&>"}, Place{City: "Hong Kong", Country: "HK"}
	out := sign(t, c, r)
	results := verified(t, out, xmldsig.Sources{})
	p, err := results[0].Signature.ReadProperties()
	if err != nil {
		t.Fatal(err)
	}
	if p.Policy != "urn:oid:1.3.6.1.4.1.99999.5" || p.Version != 2 || p.SigningTime.Sub(r.Time).Abs() > time.Second {
		t.Errorf("%+v", p)
	}
	for _, want := range []string{"署長 &lt;&amp;&gt;", "<xades:City>Hong Kong</xades:City>", string(ProofOfApproval), "<xades:MimeType>text/xml</xades:MimeType>"} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("%q is not there", want)
		}
	}
	xmlsec1(t, w, out, nil)
}

// What is not XML is enveloped in base64; an empty root gets a content; prologs stay.
func TestOtherDocuments(t *testing.T) {
	t.Parallel()
	w := signertest.New(t)
	c := credentials(t, w)[0]
	for name, in := range map[string]string{
		"empty root": `<a/>`, "empty root with attributes": `<p:a xmlns:p="urn:u" b="/>" />` + "\n<!-- after -->",
		"deep": `<a><b xmlns="urn:u"><a/></b><![CDATA[</a>]]></a>`,
	} {
		r := request(w, c, Enveloped)
		r.In = []byte(in)
		xmlsec1(t, w, sign(t, c, r), nil)
		r.Packaging = Enveloping
		xmlsec1(t, w, sign(t, c, r), nil)
		_ = name
	}
	r := request(w, c, Enveloping)
	r.In = []byte("%PDF-1.7\x00\xff not XML")
	out := sign(t, c, r)
	xmlsec1(t, w, out, nil)
	ref := verified(t, out, xmldsig.Sources{})[0].Signature.References[0]
	if !bytes.Equal(ref.Octets, r.In) {
		t.Errorf("signed are %q", ref.Octets)
	}
}

// Signatures stand side by side, and the second leaves the first as it was.
func TestParallel(t *testing.T) {
	t.Parallel()
	w := signertest.New(t)
	list := credentials(t, w)
	r := request(w, list[0], Enveloped)
	first := sign(t, list[0], r)
	again := request(w, list[1], Enveloped)
	again.In = first
	second := sign(t, list[1], again)
	if got := verified(t, second, xmldsig.Sources{}); len(got) != 2 {
		t.Fatalf("%d signatures", len(got))
	}
	// One whose signature covers all but itself cannot stand a second.
	old := strings.Replace(letter, "</letter>", coveringAll(t)+"</letter>", 1)
	r.In = []byte(old)
	if _, err := Prepare(t.Context(), r); err != nil {
		t.Fatalf("a signature template that never held stands in the way: %v", err)
	}
}

// coveringAll is a signature over all but itself, which does not hold.
func coveringAll(t testing.TB) string {
	t.Helper()
	return `<ds:Signature xmlns:ds="` + xmldsig.NS + `"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="` + xmldsig.Exclusive + `"/>` +
		`<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/><ds:Reference URI=""><ds:Transforms>` +
		transform(xmldsig.EnvelopedSignature) + `</ds:Transforms>` + digest(xmldsig.DigestURI(crypto.SHA256), make([]byte, 32)) +
		`</ds:Reference></ds:SignedInfo><ds:SignatureValue>AAAA</ds:SignatureValue></ds:Signature>`
}

func TestBreaksNoEarlierSignature(t *testing.T) {
	t.Parallel()
	w := signertest.New(t)
	c := credentials(t, w)[0]
	r := request(w, c, Enveloped)
	fixed := covering(t, letter)
	r.In = []byte(strings.Replace(letter, "</letter>", fixed+"</letter>", 1))
	if _, err := Prepare(t.Context(), r); !errors.Is(err, ErrBreaks) {
		t.Errorf("%v, want ErrBreaks", err)
	}
	// Nor does an extension: what is added to our signature is covered by theirs.
	r = request(w, c, Enveloped)
	r.Level = pades.LevelB
	ours := string(sign(t, c, r))
	both := strings.Replace(ours, "<ds:Signature ", covering(t, ours)+"<ds:Signature ", 1)
	skipped := 0
	_, _, err := Extend(context.Background(), ExtendRequest{
		In: []byte(both), Level: pades.LevelT, Timestamper: w, OnSkip: func(string, error) { skipped++ },
	})
	if !errors.Is(err, ErrBreaks) || skipped != 1 {
		t.Errorf("%v, want ErrBreaks; %d skipped", err, skipped)
	}
}

// covering is a signature over a document that stands in it, and all but itself; it holds
// until something is added.
func covering(t testing.TB, doc string) string {
	t.Helper()
	d, err := xmldsig.Open(t.Context(), []byte(doc), xmldsig.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	// URI="" has no comments, and the letters here nothing else outside the root.
	if err := d.Canonical(&b, d.Root(), parseC14N(xmldsig.C14N10)); err != nil {
		t.Fatal(err)
	}
	return strings.Replace(coveringAll(t), digest(xmldsig.DigestURI(crypto.SHA256), make([]byte, 32)),
		digest(xmldsig.DigestURI(crypto.SHA256), sum(crypto.SHA256, b.Bytes())), 1)
}

func TestPrepareRefuses(t *testing.T) {
	t.Parallel()
	w := signertest.New(t)
	c := credentials(t, w)[0]
	for name, x := range map[string]struct {
		change func(*Request)
		want   error
	}{
		"no XML":             {func(r *Request) { r.In = []byte("hello") }, ErrDocument},
		"document type":      {func(r *Request) { r.In = []byte("<!DOCTYPE a [<!ATTLIST a b ID #IMPLIED>]><a/>") }, ErrDocument},
		"entities":           {func(r *Request) { r.In = []byte("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>") }, ErrDocument},
		"relative namespace": {func(r *Request) { r.In = []byte("<a xmlns='b'/>") }, ErrDocument},
		"UTF-16":             {func(r *Request) { r.In = []byte("\xfe\xff\x00<\x00a\x00/\x00>") }, ErrDocument},
		"packaging":          {func(r *Request) { r.Packaging = "x" }, pades.ErrRequest},
		"canonical form":     {func(r *Request) { r.C14N = "x" }, pades.ErrRequest},
		"no name":            {func(r *Request) { r.Packaging, r.Name = Detached, "" }, pades.ErrRequest},
		"no timestamper":     {func(r *Request) { r.Timestamper = nil }, pades.ErrRequest},
		"no time":            {func(r *Request) { r.Time = time.Time{} }, pades.ErrRequest},
		"a control":          {func(r *Request) { r.Roles = []string{"a\x00b"} }, pades.ErrRequest},
	} {
		r := request(w, c, Enveloped)
		x.change(&r)
		if _, err := Prepare(t.Context(), r); !errors.Is(err, x.want) {
			t.Errorf("%s: %v, want %v", name, err, x.want)
		}
	}
}

func TestFinishIsUsedUp(t *testing.T) {
	t.Parallel()
	w := signertest.New(t)
	c := credentials(t, w)[0]
	d, err := Prepare(t.Context(), request(w, c, Enveloped))
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

func TestExtend(t *testing.T) {
	t.Parallel()
	w := signertest.New(t)
	c := credentials(t, w)[0]
	r := request(w, c, Enveloped)
	r.Level = pades.LevelB
	doc := sign(t, c, r)
	raise := func(level Level) {
		t.Helper()
		out, _, err := Extend(context.Background(), ExtendRequest{In: doc, Level: level, Timestamper: w, Evidence: w})
		if err != nil {
			t.Fatalf("%s: %v", level, err)
		}
		doc = out
		results := verified(t, doc, xmldsig.Sources{})
		p, err := results[0].Signature.ReadProperties()
		if err != nil {
			t.Fatal(err)
		}
		imprints(t, results[0].Signature, p, xmldsig.Sources{})
		xmlsec1(t, w, doc, nil)
	}
	for _, level := range []Level{pades.LevelT, pades.LevelLT, pades.LevelLTA, pades.LevelLTA, pades.LevelLTA} {
		raise(level)
		if level == pades.LevelLTA {
			continue
		}
		if _, _, err := Extend(context.Background(), ExtendRequest{In: doc, Level: level, Timestamper: w, Evidence: w}); !errors.Is(err, pades.ErrAtLevel) {
			t.Errorf("%s again: %v", level, err)
		}
	}
	if got := bytes.Count(doc, []byte("<xades141:ArchiveTimeStamp")); got != 3 {
		t.Errorf("%d archive timestamps", got)
	}
	if got := bytes.Count(doc, []byte("<xades141:TimeStampValidationData")); got != 3 {
		t.Errorf("%d validation data of timestamps", got)
	}
	if _, _, err := Extend(context.Background(), ExtendRequest{In: []byte(letter), Level: pades.LevelT, Timestamper: w}); !errors.Is(err, pades.ErrUnsigned) {
		t.Errorf("unsigned: %v", err)
	}
}
