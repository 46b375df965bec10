package asic

import (
	"context"
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"chop/internal/asic"
	"chop/internal/cms"
	"chop/internal/xmldsig"
	"chop/signer/pades"
	"chop/signer/signertest"
)

var forms = []struct {
	kind Kind
	form Form
}{{Simple, XAdES}, {Simple, CAdES}, {Extended, XAdES}, {Extended, CAdES}}

type rig struct {
	*signertest.World
	key  crypto.Signer
	id   *Identity
	uses int
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{World: signertest.New(t)}
	r.use(t, signertest.ECKey(t, elliptic.P256()), cms.ECDSA, crypto.SHA256)
	return r
}

// use signs with another key from now on.
func (r *rig) use(t testing.TB, key crypto.Signer, scheme cms.Scheme, hash crypto.Hash) {
	t.Helper()
	id, err := pades.NewIdentity(r.Signer("陳大文", key.Public()), []*x509.Certificate{r.Issuer, r.Root}, scheme, hash)
	if err != nil {
		t.Fatal(err)
	}
	r.key, r.id = key, id
}

func (r *rig) request(kind Kind, form Form, level Level) Request {
	req := Request{
		Kind: kind, Form: form, Files: []File{{Name: "信 & letter.txt", Data: []byte("letter"), MIMEType: "text/plain"}},
		Identity: r.id, Level: level, Timestamper: r, Evidence: r, Time: time.Now(), Commitment: "approval", Roles: []string{"署長"}, City: "Hong Kong",
	}
	if kind == Extended {
		req.Files = append(req.Files, File{Name: "a/empty.xml"}, File{Name: "record.xml", Data: []byte("<a/>")})
	}
	return req
}

func (r *rig) sign(t testing.TB, req Request) ([]byte, string) {
	t.Helper()
	d, err := Prepare(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	_, dtbsr := d.DTBSR()
	r.uses++
	value, err := r.key.Sign(rand.Reader, dtbsr, r.id.SignerOpts())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Finish(context.Background(), value); err != nil {
		t.Fatal(err)
	}
	if err := d.Finish(context.Background(), value); !errors.Is(err, pades.ErrFinished) {
		t.Errorf("again: %v", err)
	}
	return d.Bytes(), d.Field()
}

// One key use a container, and as many timestamps as the level needs; strangers accept the
// signature over what stands in the container.
func TestEveryForm(t *testing.T) {
	t.Parallel()
	r := newRig(t)
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
		r.use(t, c.key, c.scheme, c.hash)
		for _, f := range forms {
			for i, level := range []Level{pades.LevelB, pades.LevelT, pades.LevelLT, pades.LevelLTA} {
				name := fmt.Sprintf("%s %s %s %s", c.name, f.kind, f.form, level)
				t.Run(name, func(t *testing.T) { r.everyLevel(t, name, r.request(f.kind, f.form, level), min(i, 1)+i/3) })
			}
		}
	}
}

func (r *rig) everyLevel(t *testing.T, name string, req Request, timestamps int) {
	t.Helper()
	before, uses := r.Timestamps, r.uses
	out, field := r.sign(t, req)
	if got := r.Timestamps - before; got != timestamps || r.uses != uses+1 {
		t.Errorf("%s: %d timestamps, want %d", name, got, timestamps)
	}
	if !strings.HasPrefix(field, "META-INF/signature") {
		t.Errorf("%s: field %q", name, field)
	}
	c, err := asic.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	if kind, _ := c.Kind(); kind != req.Kind || !c.Stored {
		t.Errorf("%s: it is %s, media type first %v", name, kind, c.Stored)
	}
	for _, file := range req.Files {
		if b, ok := c.File(file.Name); !ok || string(b) != string(file.Data) {
			t.Errorf("%s: %s is %q", name, file.Name, b)
		}
	}
	r.judge(t, name, out, c)
}

// judge unpacks the container with a stranger's program and has others verify what is there.
func (r *rig) judge(t testing.TB, name string, out []byte, c *asic.Container) {
	t.Helper()
	dir := t.TempDir()
	run := func(args ...string) {
		t.Helper()
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = dir
		if b, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %v\n%s", name, args, err, b)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "c.zip"), out, 0o600); err != nil {
		t.Fatal(err)
	}
	run("python3", "-m", "zipfile", "-e", "c.zip", ".")
	root := r.RootFile(t)
	issuer := filepath.Join(dir, "issuer.pem")
	if err := os.WriteFile(issuer, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Issuer.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, f := range c.Named(asic.CAdES) {
		covered := c.Named(asic.Data)[0].Name
		for _, m := range c.Named(asic.Manifest) {
			parsed, err := asic.ParseManifest(t.Context(), m.Data)
			if err != nil {
				t.Fatal(err)
			}
			if c.Resolve(parsed.Signature) == f.Name {
				covered = m.Name
			}
		}
		run("openssl", "cms", "-verify", "-cades", "-binary", "-inform", "DER", "-in", f.Name, "-content", covered, "-CAfile", root, "-purpose", "any", "-out", "content")
	}
	for _, f := range c.Named(asic.Timestamp) {
		token, err := cms.ParseTimestampToken(f.Data)
		if err != nil {
			t.Fatal(err)
		}
		if len(token.OCSPs) > 0 { // which openssl ts cannot read in a token, and openssl cms can
			run("openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", f.Name, "-CAfile", root, "-purpose", "timestampsign", "-out", "content")
			continue
		}
		number := strings.TrimSuffix(strings.TrimPrefix(f.Name, "META-INF/timestamp"), ".tst")
		run("openssl", "ts", "-verify", "-token_in", "-in", f.Name, "-data", "META-INF/ASiCArchiveManifest"+number+".xml", "-CAfile", root, "-untrusted", issuer)
	}
	for _, f := range c.Named(asic.XAdES) {
		if r.id.Scheme() == cms.PSS { // which Debian's xmlsec1 does not know: openssl judges the value, over the octets that we canonicalised
			value, signed, key := r.octets(t, f.Data)
			for name, b := range map[string][]byte{"value": value, "signed": signed, "key": key} {
				if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			run("openssl", "dgst", "-sha512", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest", "-keyform", "DER", "-verify", "key", "-signature", "value", "signed")
			continue
		}
		// xmlsec1 does not decode names, and is given them as they stand there.
		args := []string{"xmlsec1", "--verify", "--trusted-pem", root, "--enabled-key-data", "x509", "--id-attr:Id", "http://uri.etsi.org/01903/v1.3.2#:SignedProperties"}
		for _, d := range c.Named(asic.Data) {
			args = append(args, "--url-map:"+asic.URI(d.Name), d.Name)
		}
		if strings.Contains(string(f.Data), "&amp;") { // nor entities
			for _, d := range c.Named(asic.Data) {
				args = append(args, "--url-map:"+strings.ReplaceAll(asic.URI(d.Name), "&amp;", "&"), d.Name)
			}
		}
		run(append(args, f.Name)...)
	}
}

// octets are the value of the one signature in a file, what it is over, and the key, DER.
func (r *rig) octets(t testing.TB, file []byte) (value, signed, key []byte) {
	t.Helper()
	d, err := xmldsig.Open(t.Context(), file, xmldsig.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	elements, err := d.SignatureElements()
	if err != nil || len(elements) != 1 {
		t.Fatalf("%d signatures, %v", len(elements), err)
	}
	s, err := d.ReadSignature(elements[0])
	if err != nil {
		t.Fatal(err)
	}
	if signed, err = s.SignedOctets(); err != nil {
		t.Fatal(err)
	}
	if key, err = x509.MarshalPKIXPublicKey(r.key.Public()); err != nil {
		t.Fatal(err)
	}
	return s.Value, signed, key
}

func TestExtend(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, f := range forms {
		out, field := r.sign(t, r.request(f.kind, f.form, pades.LevelB))
		for i, level := range []Level{pades.LevelT, pades.LevelLT, pades.LevelLTA, pades.LevelLTA, pades.LevelLTA} {
			extend := ExtendRequest{In: out, Level: level, Timestamper: r, Evidence: r}
			if i == 4 {
				extend.Hash = crypto.SHA512
			}
			before := r.Timestamps
			extended, last, err := Extend(context.Background(), extend)
			if err != nil || last != field {
				t.Fatalf("%s %s %s: %q, want %q, %v", f.kind, f.form, level, last, field, err)
			}
			if got, want := r.Timestamps-before, []int{1, 0, 1, 1, 1}[i]; got != want {
				t.Errorf("%s %s %s: %d timestamps, want %d", f.kind, f.form, level, got, want)
			}
			out = extended
			c, err := asic.Open(out)
			if err != nil {
				t.Fatal(err)
			}
			r.judge(t, fmt.Sprintf("%s %s %s", f.kind, f.form, level), out, c)
			extend.In = out
			if level == pades.LevelLTA {
				continue
			}
			if _, _, err := Extend(context.Background(), extend); !errors.Is(err, pades.ErrAtLevel) {
				t.Errorf("%s %s %s again: %v", f.kind, f.form, level, err)
			}
		}
		extend := ExtendRequest{In: out, Level: pades.LevelT, Timestamper: r, Evidence: r}
		if _, _, err := Extend(context.Background(), extend); !errors.Is(err, pades.ErrAtLevel) {
			t.Errorf("%s %s down: %v", f.kind, f.form, err)
		}
	}
	unsigned, err := asic.Write(asic.MIMEExtended, []asic.File{{Name: "a"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string][]byte{"no container": []byte("PK"), "unsigned": unsigned} {
		if _, _, err := Extend(context.Background(), ExtendRequest{In: in, Level: pades.LevelT, Timestamper: r}); !errors.Is(err, ErrContainer) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPrepareRefuses(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for name, c := range map[string]struct {
		change func(*Request)
		want   error
	}{
		"two files in one":     {func(q *Request) { q.Kind = Simple }, pades.ErrRequest},
		"no file":              {func(q *Request) { q.Files = nil }, pades.ErrRequest},
		"no kind":              {func(q *Request) { q.Kind = "x" }, pades.ErrRequest},
		"no form":              {func(q *Request) { q.Form = "x" }, pades.ErrRequest},
		"no identity":          {func(q *Request) { q.Identity = nil }, pades.ErrRequest},
		"no timestamper":       {func(q *Request) { q.Timestamper = nil }, pades.ErrRequest},
		"no commitment":        {func(q *Request) { q.Commitment = "x" }, pades.ErrRequest},
		"the same name":        {func(q *Request) { q.Files[1].Name = q.Files[0].Name }, ErrContainer},
		"nearly the same":      {func(q *Request) { q.Files[1].Name = strings.ToUpper(q.Files[0].Name) }, ErrContainer},
		"the media type":       {func(q *Request) { q.Files[1].Name = "mimetype" }, ErrContainer},
		"in META-INF":          {func(q *Request) { q.Files[1].Name = "META-INF/a" }, ErrContainer},
		"a name that leads up": {func(q *Request) { q.Files[1].Name = "../a" }, ErrContainer},
	} {
		for _, form := range []Form{XAdES, CAdES} {
			q := r.request(Extended, form, pades.LevelLTA)
			q.Files = slices.Clone(q.Files)
			c.change(&q)
			if _, err := Prepare(context.Background(), q); !errors.Is(err, c.want) {
				t.Errorf("%s, %s: %v, want %v", form, name, err, c.want)
			}
		}
	}
}
