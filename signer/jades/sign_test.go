package jades

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chop/internal/cms"
	"chop/internal/jws"
	"chop/signer/pades"
	"chop/signer/signertest"
)

const letter = "{\"to\": \"陳大文\", \"text\": \"關於閣下的申請 <&>\"}\n"

// credential is a key and the identity that it signs as; alg is what comes of it.
type credential struct {
	name, alg string
	key       crypto.Signer
	id        *Identity
}

func credentials(t testing.TB, w *signertest.World) []credential {
	t.Helper()
	var list []credential
	for _, c := range []struct {
		name, alg string
		key       crypto.Signer
		scheme    cms.Scheme
	}{
		{"P-256", "ES256", signertest.ECKey(t, elliptic.P256()), cms.ECDSA},
		{"P-384", "ES384", signertest.ECKey(t, elliptic.P384()), cms.ECDSA},
		{"RSA-2048", "RS256", signertest.RSAKey(t, 2048), cms.PKCS1},
		{"RSA-PSS", "PS256", signertest.RSAKey(t, 2048), cms.PSS},
	} {
		cert := w.Signer("陳大文 "+c.name, c.key.Public())
		id, err := pades.NewIdentity(cert, []*x509.Certificate{w.Issuer, w.Root}, c.scheme, Hash(c.key.Public(), crypto.SHA256))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, credential{c.name, c.alg, c.key, id})
	}
	return list
}

func request(w *signertest.World, c credential, form jws.Serialization, detached bool) Request {
	return Request{
		In: []byte(letter), Name: "信 letter.json", Serialization: form, Detached: detached, Identity: c.id, Level: pades.LevelLTA,
		Timestamper: w, Evidence: w, Time: time.Now(),
	}
}

// counted is a key that counts its uses.
type counted struct {
	crypto.Signer
	uses int
}

func (c *counted) Sign(r interface{ Read([]byte) (int, error) }, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	c.uses++
	return c.Signer.Sign(r, digest, o)
}

func sign(t testing.TB, c credential, r Request) []byte {
	t.Helper()
	d, err := Prepare(r)
	if err != nil {
		t.Fatal(err)
	}
	_, dtbsr := d.DTBSR()
	key := &counted{Signer: c.key}
	signature, err := key.Sign(rand.Reader, dtbsr, c.id.SignerOpts())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Finish(context.Background(), signature); err != nil {
		t.Fatal(err)
	}
	if key.uses != 1 {
		t.Errorf("the key was used %d times", key.uses)
	}
	return d.Bytes()
}

// files are what a detached signature of a letter covers, by the name in sigD.
var files = jws.Sources{File: func(name string) ([]byte, bool) { return []byte(letter), name == "%E4%BF%A1%20letter.json" }}

func verified(t testing.TB, c credential, doc []byte) *jws.Signature {
	t.Helper()
	d, err := jws.Open(doc, jws.Limits{})
	if err != nil || len(d.Signatures) != 1 || len(d.Foreign) > 0 {
		t.Fatalf("%+v, %v\n%s", d, err, doc)
	}
	s := d.Signatures[0]
	if err := s.Verify(c.key.Public(), files); err != nil {
		t.Errorf("%v\n%s", err, doc)
	}
	if len(s.Breaches) > 0 || len(s.Foreign) > 0 || s.Header.Algorithm.Name != c.alg || len(s.Header.Names) != 1 || !s.Header.Names[0].Matches(c.id.Certificate().Raw) {
		t.Errorf("%+v, %+v", s, s.Header)
	}
	return s
}

// openssl is a stranger that must accept the value over the signing input.
func openssl(t testing.TB, c credential, s *jws.Signature) {
	t.Helper()
	input, err := s.SigningInput(files)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKIXPublicKey(c.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	value := s.Value
	if _, ok := c.key.Public().(*ecdsa.PublicKey); ok { // openssl wants DER
		n := len(value) / 2
		if value, err = asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(value[:n]), new(big.Int).SetBytes(value[n:])}); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	for name, b := range map[string][]byte{"key": key, "value": value, "input": input} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"dgst", "-sha" + c.alg[2:], "-keyform", "DER", "-verify", "key", "-signature", "value"}
	if c.id.Scheme() == cms.PSS {
		args = append(args, "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest")
	}
	cmd := exec.Command("openssl", append(args, "input")...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("openssl: %v\n%s", err, out)
	}
}

// jwk writes a public key as RFC 7517 has it.
func jwk(t testing.TB, key crypto.PublicKey) []byte {
	t.Helper()
	var m map[string]string
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		point, err := k.Bytes() // 04, x, y
		if err != nil {
			t.Fatal(err)
		}
		n := (len(point) - 1) / 2
		m = map[string]string{"kty": "EC", "crv": k.Curve.Params().Name, "x": jws.Encode(point[1 : 1+n]), "y": jws.Encode(point[1+n:])}
	case *rsa.PublicKey:
		m = map[string]string{"kty": "RSA", "n": jws.Encode(k.N.Bytes()), "e": jws.Encode(big.NewInt(int64(k.E)).Bytes())}
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// jose is the stranger for the whole of it: Debian's tool reads the serialisation and hands
// out the payload. It knows no b64, so what is detached is not for it.
func jose(t testing.TB, c credential, doc []byte) {
	t.Helper()
	joseReads(t, c, doc, letter)
}

func joseReads(t testing.TB, c credential, doc []byte, content string) {
	t.Helper()
	dir := t.TempDir()
	for name, b := range map[string][]byte{"doc": doc, "key": jwk(t, c.key.Public())} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("jose", "jws", "ver", "-i", "doc", "-k", "key", "-O", "-")
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if out, err := cmd.Output(); err != nil || string(out) != content {
		t.Errorf("jose: %v\n%s\n%q\n%s", err, &stderr, out, doc)
	}
	other := bytes.Replace(doc, []byte(jws.Encode([]byte(content))), []byte(jws.Encode([]byte(content[1:]))), 1)
	if err := os.WriteFile(filepath.Join(dir, "doc"), other, 0o600); err != nil {
		t.Fatal(err)
	}
	again := exec.Command("jose", "jws", "ver", "-i", "doc", "-k", "key")
	if again.Dir = dir; again.Run() == nil {
		t.Errorf("jose accepts another payload\n%s", other)
	}
}

func TestEveryForm(t *testing.T) {
	t.Parallel()
	world := signertest.New(t)
	for _, c := range credentials(t, world) {
		for _, form := range []jws.Serialization{Compact, Flattened, General} {
			for i, level := range []Level{pades.LevelB, pades.LevelT, pades.LevelLT, pades.LevelLTA} {
				for _, detached := range []bool{false, true} {
					if form == Compact && level != pades.LevelB {
						continue
					}
					t.Run(fmt.Sprintf("%s %s %s %v", c.name, form, level, detached), func(t *testing.T) {
						r := request(world, c, form, detached)
						r.Level = level
						before := world.Timestamps
						out := sign(t, c, r)
						if got, want := world.Timestamps-before, []int{0, 1, 1, 2}[i]; got != want {
							t.Errorf("%d timestamps, want %d", got, want)
						}
						s := verified(t, c, out)
						names := ""
						for _, u := range s.Unsigned {
							names += u.Name + " "
						}
						want := map[Level]string{
							pades.LevelB: "", pades.LevelT: "sigTst ", pades.LevelLT: "sigTst xVals rVals tstVD ",
							pades.LevelLTA: "sigTst xVals rVals tstVD arcTst ",
						}[level]
						if names != want {
							t.Errorf("unsigned parameters %q, want %q", names, want)
						}
						imprints(t, s)
						openssl(t, c, s)
						if !detached {
							jose(t, c, out)
						}
					})
				}
			}
		}
	}
}

// imprints recomputes what each timestamp is over.
func imprints(t testing.TB, s *jws.Signature) {
	t.Helper()
	for i, u := range s.Unsigned {
		octets := s.SignatureImprint()
		switch u.Name {
		case "sigTst":
		case "arcTst":
			var err error
			if octets, err = s.ArchiveImprint(i, files); err != nil {
				t.Fatal(err)
			}
		default:
			continue
		}
		tokens, err := u.Tokens()
		if err != nil || len(tokens) != 1 {
			t.Fatalf("%s: %d tokens, %v", u.Name, len(tokens), err)
		}
		token, err := cms.ParseTimestampToken(tokens[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := token.Covers(octets); err != nil {
			t.Errorf("%s: %v", u.Name, err)
		}
	}
}

func TestHeader(t *testing.T) {
	t.Parallel()
	w := signertest.New(t)
	c := credentials(t, w)[0]
	r := request(w, c, Flattened, false)
	r.Level, r.Time = pades.LevelB, time.Unix(1_790_000_000, 5)
	r.Policy = &Policy{OID: []int{1, 3, 6, 1, 4, 1, 99999, 5}, Hash: crypto.SHA256, Digest: make([]byte, 32), URL: "https://example.org/p?a&b"}
	r.Commitment, r.Roles, r.Place = "http://uri.etsi.org/01903/v1.2.2#ProofOfApproval", []string{"署長 <&>"}, Place{City: "Hong Kong", Country: "HK"}
	read := func() string {
		t.Helper()
		s := verified(t, c, sign(t, c, r))
		var b []byte
		if s.Header.SigningTime != r.Time.Truncate(time.Second).UTC() {
			t.Errorf("signed at %v", s.Header.SigningTime)
		}
		b, err := base64URL(s.Protected)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	got := read()
	for _, want := range []string{
		`"alg":"ES256","typ":"jose+json","cty":"json","x5t#S256":"`, `"iat":1790000000`, `"srCms":[{"commId":{"id":"http://uri.etsi.org/01903/v1.2.2#ProofOfApproval"}}]`,
		`"sigPl":{"addressCountry":"HK","addressLocality":"Hong Kong"}`, `"srAts":{"claimed":[{"mediaType":"text/plain","encoding":"binary","qVals":["署長 <&>"]}]}`,
		`"sigPId":{"id":{"id":"urn:oid:1.3.6.1.4.1.99999.5"},"digAlg":"S256","digVal":"`, `"sigPQuals":[{"spURI":"https://example.org/p?a&b"}]`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in\n%s", want, got)
		}
	}
	if strings.Contains(got, "crit") || strings.Contains(got, "sigT\"") {
		t.Errorf("%s", got)
	}
	r.Detached, r.In = true, []byte("%PDF-1.7\x00\xff not JSON")
	d, err := Prepare(r)
	if err != nil {
		t.Fatal(err)
	}
	b, err := base64URL(d.protected)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"ctys":["octet-stream"]`, `"pars":["%E4%BF%A1%20letter.json"]`, `"b64":false,"crit":["b64","sigD"]`, `"hashV":["` + jws.Encode(sum(crypto.SHA256, r.In)) + `"]`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s is not in\n%s", want, b)
		}
	}
	if strings.Contains(string(b), `"cty"`) {
		t.Errorf("%s", b)
	}
	p384 := credentials(t, w)[1]
	r = request(w, p384, Compact, false)
	r.Level = pades.LevelB
	s := verified(t, p384, sign(t, p384, r))
	if b, _ := base64URL(s.Protected); !strings.Contains(string(b), `"x5t#o":{"digAlg":"S384",`) || !strings.Contains(string(b), `"typ":"jose"`) {
		t.Errorf("%s", b)
	}
}

func base64URL(s string) ([]byte, error) {
	// A compact JWS with that text for its payload gives it back decoded.
	d, err := jws.Open([]byte("e30."+s+".AA"), jws.Limits{})
	if err != nil {
		return nil, err
	}
	return d.Signatures[0].Content(), nil
}

// Signatures stand side by side, in whatever form the first is, and each is whole.
func TestBeside(t *testing.T) {
	t.Parallel()
	w := signertest.New(t)
	list := credentials(t, w)
	bare := `{"alg":"ES256","sigD":{"mId":"` + jws.ObjectIDByURIHash + `","pars":["x"],"hashM":"S256","hashV":["` +
		jws.Encode(sum(crypto.SHA256, []byte(jws.Encode([]byte(letter))))) + `"]},"crit":["sigD"]}`
	for name, c := range map[string]struct {
		form     Serialization
		detached bool
		level    Level
		text     string // in place of one of ours
	}{
		"compact": {Compact, false, pades.LevelB, ""}, "compact, detached": {Compact, true, pades.LevelB, ""},
		"flattened": {Flattened, false, pades.LevelLTA, ""}, "flattened, detached": {Flattened, true, pades.LevelLTA, ""},
		"general": {General, false, pades.LevelLTA, ""}, "another's reading": {"", true, "", jws.Encode([]byte(bare)) + "..AAAA"},
		"with a member more": {"", false, "", ` { "x" : [1, "]"] , "payload":"` + jws.Encode([]byte(letter)) + `","protected" : "` + jws.Encode([]byte(`{"alg":"ES256"}`)) + `", "signature":"AAAA"}`},
	} {
		first := []byte(c.text)
		if c.text == "" {
			r := request(w, list[0], c.form, c.detached)
			r.Level = c.level
			first = sign(t, list[0], r)
		}
		r := request(w, list[1], "", false)
		r.Beside = first
		second := sign(t, list[1], r)
		r = request(w, list[2], General, false)
		r.Beside = second
		d, err := jws.Open(sign(t, list[2], r), jws.Limits{})
		if err != nil || d.Serialization != General || len(d.Signatures) != 3 {
			t.Fatalf("%s: %+v, %v", name, d, err)
		}
		old, err := jws.Open(first, jws.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range d.Signatures {
			if i == 0 && c.text != "" {
				continue
			}
			if err := s.Verify(list[i].key.Public(), files); err != nil {
				t.Errorf("%s: signature %d: %v", name, i+1, err)
			}
			imprints(t, s)
		}
		before, after := old.Signatures[0], d.Signatures[0]
		if before.Protected != after.Protected || before.Encoded != after.Encoded || len(before.Unsigned) != len(after.Unsigned) || len(old.Foreign) != len(d.Foreign) {
			t.Errorf("%s: the first signature changed", name)
		}
	}
	first := sign(t, list[0], request(w, list[0], General, false))
	for name, change := range map[string]func(*Request){
		"another content": func(r *Request) { r.In = []byte("another") }, "no JWS": func(r *Request) { r.Beside = []byte("{") },
		"nothing signed": func(r *Request) { r.Beside = []byte(letter) },
	} {
		r := request(w, list[1], "", false)
		r.Beside = first
		change(&r)
		if _, err := Prepare(r); !errors.Is(err, ErrDocument) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r := request(w, list[1], Compact, false)
	r.Beside, r.Level = first, pades.LevelB
	if _, err := Prepare(r); !errors.Is(err, pades.ErrRequest) {
		t.Errorf("compact: %v", err)
	}
}

func TestPrepareRefuses(t *testing.T) {
	t.Parallel()
	w := signertest.New(t)
	c := credentials(t, w)[0]
	for name, x := range map[string]struct {
		change func(*Request)
		want   error
	}{
		"compact with a timestamp": {func(r *Request) { r.Serialization = Compact }, pades.ErrRequest},
		"serialisation":            {func(r *Request) { r.Serialization = "x" }, pades.ErrRequest},
		"no name":                  {func(r *Request) { r.Detached, r.Name = true, "" }, pades.ErrRequest},
		"nothing to sign":          {func(r *Request) { r.In = nil }, pades.ErrRequest},
		"no timestamper":           {func(r *Request) { r.Timestamper = nil }, pades.ErrRequest},
		"no evidence":              {func(r *Request) { r.Evidence = nil }, pades.ErrRequest},
		"no time":                  {func(r *Request) { r.Time = time.Time{} }, pades.ErrRequest},
		"no identity":              {func(r *Request) { r.Identity = nil }, pades.ErrRequest},
		"a control":                {func(r *Request) { r.Roles = []string{"a\x00b"} }, pades.ErrRequest},
		"too large":                {func(r *Request) { r.In = make([]byte, 96<<20) }, ErrDocument},
		"a hash of another curve": {func(r *Request) {
			r.Identity, _ = pades.NewIdentity(c.id.Certificate(), nil, cms.ECDSA, crypto.SHA512)
		}, pades.ErrRequest},
	} {
		r := request(w, c, Flattened, false)
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
	d, err := Prepare(request(w, c, Flattened, false))
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

// What is extended keeps every byte, step by step from a compact B-B to a renewed B-LTA.
func TestExtend(t *testing.T) {
	t.Parallel()
	w := signertest.New(t)
	c := credentials(t, w)[0]
	for _, detached := range []bool{false, true} {
		r := request(w, c, Compact, detached)
		r.Level = pades.LevelB
		doc := sign(t, c, r)
		extend := func(level Level) ([]byte, string, error) {
			return Extend(context.Background(), ExtendRequest{In: doc, Level: level, Timestamper: w, Evidence: w, File: files.File})
		}
		for _, level := range []Level{pades.LevelT, pades.LevelLT, pades.LevelLTA, pades.LevelLTA, pades.LevelLTA} {
			old := verified(t, c, doc)
			out, field, err := extend(level)
			if err != nil || field != "Signature 1" {
				t.Fatalf("%s: %q, %v", level, field, err)
			}
			doc = out
			s := verified(t, c, doc)
			imprints(t, s)
			if s.Protected != old.Protected || s.Encoded != old.Encoded || len(s.Unsigned) <= len(old.Unsigned) {
				t.Errorf("%s changed the signature", level)
			}
			for i, u := range old.Unsigned {
				if s.Unsigned[i].Encoded != u.Encoded {
					t.Errorf("%s changed element %d", level, i)
				}
			}
			if level == pades.LevelLTA {
				continue
			}
			if _, _, err := extend(level); !errors.Is(err, pades.ErrAtLevel) {
				t.Errorf("%s again: %v", level, err)
			}
		}
		names := map[string]int{}
		for _, u := range verified(t, c, doc).Unsigned {
			names[u.Name]++
		}
		if names["arcTst"] != 3 || names["tstVD"] != 3 || names["sigTst"] != 1 || names["rVals"] != 1 {
			t.Errorf("%v", names)
		}
		if !detached {
			jose(t, c, doc)
		}
	}
}

func TestExtendRefuses(t *testing.T) {
	t.Parallel()
	w := signertest.New(t)
	c := credentials(t, w)[0]
	r := request(w, c, Flattened, true)
	r.Level = pades.LevelT
	doc := sign(t, c, r)
	for name, x := range map[string]struct {
		in   []byte
		file string
		want error
	}{
		"unsigned":             {[]byte(letter), letter, pades.ErrUnsigned},
		"no JSON":              {[]byte("{"), letter, ErrDocument},
		"another file":         {doc, "other", ErrDocument},
		"no file":              {doc, "", ErrDocument},
		"a value of another":   {bytes.Replace(doc, []byte(`"signature":"`), []byte(`"signature":"AAAA`), 1), letter, ErrDocument},
		"etsiU is a string":    {bytes.Replace(doc, []byte(`"etsiU":[`), []byte(`"etsiU":"x","x":[`), 1), letter, ErrDocument},
		"a plain JWS":          {[]byte(`{"payload":"AAAA","protected":"` + jws.Encode([]byte(`{"alg":"ES256"}`)) + `","signature":"AAAA"}`), letter, ErrDocument},
		"no token in a sigTst": {[]byte(`{"payload":"AAAA","protected":"` + jws.Encode([]byte(`{"alg":"ES256","iat":1}`)) + `","header":{"etsiU":["` + jws.Encode([]byte(`{"sigTst":{}}`)) + `"]},"signature":"AAAA"}`), letter, ErrDocument},
	} {
		asked := w.Timestamps
		_, _, err := Extend(context.Background(), ExtendRequest{In: x.in, Level: pades.LevelLTA, Timestamper: w, Evidence: w,
			File: func(string) ([]byte, bool) { return []byte(x.file), x.file != "" }})
		if !errors.Is(err, x.want) {
			t.Errorf("%s: %v, want %v", name, err, x.want)
		}
		if w.Timestamps != asked {
			t.Errorf("%s: a timestamp was asked for", name)
		}
	}
}
