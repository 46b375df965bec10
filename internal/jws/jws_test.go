package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"math/big"
	"strings"
	"testing"
)

// made signs a header and a payload, as they stand, with any key.
func made(t testing.TB, header, payload string, key any) string {
	t.Helper()
	protected := Encode([]byte(header))
	input := []byte(protected + "." + payload)
	var value []byte
	var err error
	switch k := key.(type) {
	case *ecdsa.PrivateKey:
		n := (k.Curve.Params().N.BitLen() + 7) / 8
		var r, s *big.Int
		if r, s, err = ecdsa.Sign(rand.Reader, k, sum(map[int]crypto.Hash{32: crypto.SHA256, 48: crypto.SHA384, 66: crypto.SHA512}[n], input)); err == nil {
			value = append(r.FillBytes(make([]byte, n)), s.FillBytes(make([]byte, n))...)
		}
	case *rsa.PrivateKey:
		if strings.Contains(header, "PS256") {
			value, err = rsa.SignPSS(rand.Reader, k, crypto.SHA256, sum(crypto.SHA256, input), &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		} else {
			value, err = rsa.SignPKCS1v15(rand.Reader, k, crypto.SHA256, sum(crypto.SHA256, input))
		}
	case ed25519.PrivateKey:
		value = ed25519.Sign(k, input)
	case Secret:
		mac := hmac.New(crypto.SHA256.New, k)
		mac.Write(input)
		value = mac.Sum(nil)
	default:
		value = []byte("x")
	}
	if err != nil {
		t.Fatal(err)
	}
	return Encode(value)
}

func compact(t testing.TB, header, payload string, key any) string {
	return Encode([]byte(header)) + "." + payload + "." + made(t, header, payload, key)
}

func ecKey(t testing.TB, c elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestAlgorithms(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	edPublic, edKey, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	p256, p384, p521 := ecKey(t, elliptic.P256()), ecKey(t, elliptic.P384()), ecKey(t, elliptic.P521())
	secret := Secret(strings.Repeat("k", 32))
	keys := map[string]any{"P-256": &p256.PublicKey, "P-384": &p384.PublicKey, "P-521": &p521.PublicKey, "RSA": &rsaKey.PublicKey, "Ed25519": edPublic, "secret": secret}
	for _, c := range []struct {
		alg  string
		key  any
		fits string
	}{
		{"ES256", p256, "P-256"}, {"ES384", p384, "P-384"}, {"ES512", p521, "P-521"}, {"RS256", rsaKey, "RSA"},
		{"PS256", rsaKey, "RSA"}, {"EdDSA", edKey, "Ed25519"}, {"Ed25519", edKey, "Ed25519"}, {"HS256", secret, "secret"},
	} {
		d, err := Open([]byte(compact(t, `{"alg":"`+c.alg+`"}`, Encode([]byte("hello")), c.key)), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		s := d.Signatures[0]
		for name, key := range keys {
			err := s.Verify(key, Sources{})
			switch {
			case name == c.fits && err != nil:
				t.Errorf("%s: %v", c.alg, err)
			case name != c.fits && c.alg == "HS256" && !errors.Is(err, ErrUndecided), name != c.fits && c.alg != "HS256" && !errors.Is(err, ErrKey):
				t.Errorf("%s with a key for %s: %v", c.alg, name, err)
			}
		}
		s.Value[0] ^= 1
		if err := s.Verify(keys[c.fits], Sources{}); !errors.Is(err, ErrSignature) {
			t.Errorf("%s changed: %v", c.alg, err)
		}
	}
	d, _ := Open([]byte(compact(t, `{"alg":"HS256"}`, "", Secret("short"))), Limits{})
	if err := d.Signatures[0].Verify(Secret("short"), Sources{File: func(string) ([]byte, bool) { return nil, true }}); !errors.Is(err, ErrSignature) {
		t.Errorf("a short secret: %v", err)
	}
}

// What is no JWS, or no signature in one.
func TestRefuses(t *testing.T) {
	t.Parallel()
	key := ecKey(t, elliptic.P256())
	const es256 = `{"alg":"ES256"}`
	payload := Encode([]byte("hello"))
	value := made(t, es256, payload, key)
	member := func(text string) string {
		return strings.NewReplacer("HEADER", Encode([]byte(es256)), "PAYLOAD", payload, "VALUE", value).Replace(text)
	}
	for name, c := range map[string]struct {
		text string
		want error // of Open or, if that gave none, of the signature
	}{
		"sound":                       {member(`{"payload":"PAYLOAD","protected":"HEADER","signature":"VALUE"}`), nil},
		"two parts":                   {"eyJ9.AAAA", ErrMalformed},
		"four parts":                  {compact(t, es256, payload, key) + ".AAAA", ErrMalformed},
		"padding":                     {compact(t, es256, payload, key) + "=", ErrMalformed},
		"stray bits":                  {compact(t, es256, "aGVsbG9", key), ErrMalformed},
		"a line end in the payload":   {compact(t, es256, "aGVs\nbG8", key), ErrMalformed},
		"a line end in a JSON member": {`{"payload":"aGVs\nbG8","protected":"` + Encode([]byte(es256)) + `","signature":"` + value + `"}`, ErrMalformed},
		"base64 alphabet":             {compact(t, es256, "aGVs+/8", key), ErrMalformed},
		"a name twice":                {member(`{"payload":"PAYLOAD","payload":"PAYLOAD","protected":"HEADER","signature":"VALUE"}`), ErrMalformed},
		"a name twice by an escape":   {member(`{"payload":"PAYLOAD","p\u0061yload":"PAYLOAD","protected":"HEADER","signature":"VALUE"}`), ErrMalformed},
		"a header name twice":         {compact(t, `{"alg":"ES256","alg":"ES256"}`, payload, key), ErrMalformed},
		"names in another case":       {member(`{"Payload":"AAAA","payload":"PAYLOAD","protected":"HEADER","signature":"VALUE"}`), nil}, // and foreign
		"both forms":                  {member(`{"payload":"PAYLOAD","signature":"VALUE","signatures":[{"protected":"HEADER","signature":"VALUE"}]}`), ErrMalformed},
		"no signatures":               {member(`{"payload":"PAYLOAD","signatures":[]}`), ErrMalformed},
		"a name in both headers":      {member(`{"payload":"PAYLOAD","protected":"HEADER","header":{"alg":"ES256"},"signature":"VALUE"}`), ErrMalformed},
		"no protected header":         {member(`{"payload":"PAYLOAD","header":{"alg":"ES256"},"signature":"VALUE"}`), ErrMalformed},
		"two values":                  {member(`{"payload":"PAYLOAD","protected":"HEADER","signature":"VALUE"}{}`), ErrMalformed},
		"a comma too many":            {member(`{"payload":"PAYLOAD","protected":"HEADER","signature":"VALUE",}`), ErrMalformed},
		"half a surrogate":            {member(`{"payload":"PAYLOAD","protected":"HEADER","signature":"VALUE","x":"\ud800"}`), ErrMalformed},
		"not UTF-8":                   {member("{\"payload\":\"PAYLOAD\",\"protected\":\"HEADER\",\"signature\":\"VALUE\",\"x\":\"\xff\"}"), ErrMalformed},
		"deep":                        {member(`{"payload":"PAYLOAD","protected":"HEADER","signature":"VALUE","x":` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + `}`), ErrLimit},
		"many values":                 {`{"signatures":[` + strings.Repeat(`0,`, 100_000) + `0]}`, ErrLimit},
		"many signatures":             {member(`{"payload":"PAYLOAD","signatures":[` + strings.Repeat(`{},`, 64) + `{}]}`), ErrLimit},
		"none":                        {compact(t, `{"alg":"none"}`, payload, nil), ErrRefused},
		"None":                        {compact(t, `{"alg":"nOnE"}`, payload, nil), ErrRefused},
		"no value":                    {Encode([]byte(es256)) + "." + payload + ".", ErrMalformed},
		"no algorithm":                {compact(t, `{}`, payload, key), ErrMalformed},
		"an algorithm not known":      {compact(t, `{"alg":"ES256K"}`, payload, key), ErrUndecided},
		"a curve":                     {compact(t, `{"alg":"1.2.840.10045.3.1.7"}`, payload, key), ErrMalformed},
		"x5c is a string":             {compact(t, `{"alg":"ES256","x5c":"AAAA"}`, payload, key), ErrMalformed},
		"x5c is base64url":            {compact(t, `{"alg":"ES256","x5c":["_-8"]}`, payload, key), ErrMalformed},
		"crit is empty":               {compact(t, `{"alg":"ES256","crit":[]}`, payload, key), ErrCritical},
		"crit is not understood":      {compact(t, `{"alg":"ES256","crit":["x"],"x":1}`, payload, key), ErrCritical},
		"crit names what lacks":       {compact(t, `{"alg":"ES256","crit":["sigT"]}`, payload, key), ErrCritical},
		"crit names alg":              {compact(t, `{"alg":"ES256","crit":["alg"]}`, payload, key), ErrCritical},
		"crit twice":                  {compact(t, `{"alg":"ES256","crit":["sigT","sigT"],"sigT":"2026-01-01T00:00:00Z"}`, payload, key), ErrCritical},
		"crit":                        {compact(t, `{"alg":"ES256","crit":["sigT"],"sigT":"2026-01-01T00:00:00Z"}`, payload, key), nil},
		"b64 false, not in crit":      {compact(t, `{"alg":"ES256","b64":false}`, "hello", key), ErrCritical},
		"b64 false":                   {compact(t, `{"alg":"ES256","b64":false,"crit":["b64"]}`, "hello, world!", key), nil},
		"b64 is a string":             {compact(t, `{"alg":"ES256","b64":"false","crit":["b64"]}`, payload, key), ErrMalformed},
		"hashV in padded base64":      {compact(t, `{"alg":"ES256","b64":false,"crit":["b64"],"sigD":{"mId":"`+ObjectIDByURIHash+`","pars":["a"],"hashM":"S256","hashV":["AAAA="]}}`, "", key), ErrNotFound},
		"sigD and a payload":          {compact(t, `{"alg":"ES256","sigD":{"mId":"`+ObjectIDByURI+`","pars":["a"]}}`, payload, key), ErrMalformed},
		"sigD without files":          {compact(t, `{"alg":"ES256","sigD":{"mId":"`+ObjectIDByURI+`","pars":[]}}`, "", key), ErrMalformed},
		"HTTP headers":                {compact(t, `{"alg":"ES256","sigD":{"mId":"`+HTTPHeaders+`","pars":["(request-target)"]}}`, "", key), ErrNotFound},
		"another mechanism":           {compact(t, `{"alg":"ES256","sigD":{"mId":"urn:x","pars":["a"]}}`, "", key), ErrUndecided},
		"a file that is not given":    {compact(t, `{"alg":"ES256","sigD":{"mId":"`+ObjectIDByURI+`","pars":["a"]}}`, "", key), ErrNotFound},
		"detached":                    {compact(t, es256, "", key), ErrNotFound},
	} {
		d, err := Open([]byte(c.text), Limits{})
		if err == nil && len(d.Signatures) > 0 {
			err = d.Signatures[0].Verify(&key.PublicKey, Sources{})
		}
		if !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v, want %v\n%.300s", name, err, c.want, c.text)
		}
	}
	d, err := Open([]byte(member(`{"Payload":"AAAA","payload":"PAYLOAD","protected":"HEADER","header":{"kid":"x"},"signature":"VALUE"}`)), Limits{})
	if err != nil || len(d.Foreign) != 1 || d.Foreign[0] != "Payload" || len(d.Signatures[0].Foreign) != 1 {
		t.Errorf("%+v, %v", d, err)
	}
	two := member(`{"payload":"PAYLOAD","signatures":[{"protected":"HEADER","signature":"VALUE"},{"protected":"`) +
		Encode([]byte(`{"alg":"ES256","b64":false,"crit":["b64"]}`)) + `","signature":"AAAA"}]}`
	if d, err := Open([]byte(two), Limits{}); err != nil || !errors.Is(d.Signatures[1].Err, ErrMalformed) {
		t.Errorf("two readings of one payload: %v", err)
	}
	if _, err := Open([]byte(two), Limits{Size: 100}); !errors.Is(err, ErrLimit) {
		t.Errorf("size: %v", err)
	}
}

// Files that sigD refers to, by both mechanisms and both readings.
func TestFiles(t *testing.T) {
	t.Parallel()
	key := ecKey(t, elliptic.P256())
	files := map[string]string{"a": "first", "b%20c": "second"}
	src := Sources{File: func(name string) ([]byte, bool) { s, ok := files[name]; return []byte(s), ok }}
	encoded := Encode([]byte("first")) + Encode([]byte("second"))
	hashed := func(form func(string) string) string {
		return `"hashM":"S256","hashV":["` + Encode(sum(crypto.SHA256, []byte(form("first")))) + `","` + Encode(sum(crypto.SHA256, []byte(form("second")))) + `"],`
	}
	plain := func(s string) string { return s }
	inBase64 := func(s string) string { return Encode([]byte(s)) }
	for name, c := range map[string]struct{ header, input string }{
		"by URI":                  {`{"alg":"ES256","sigD":{"mId":"` + ObjectIDByURI + `","pars":["a","b%20c"]},"crit":["sigD"]}`, encoded},
		"by URI, unencoded":       {`{"alg":"ES256","b64":false,"sigD":{"mId":"` + ObjectIDByURI + `","pars":["a","b%20c"]},"crit":["b64","sigD"]}`, "firstsecond"},
		"by digest":               {`{"alg":"ES256","sigD":{` + hashed(inBase64) + `"mId":"` + ObjectIDByURIHash + `","pars":["a","b%20c"]},"crit":["sigD"]}`, ""},
		"by digest, of the bytes": {`{"alg":"ES256","b64":false,"sigD":{` + hashed(plain) + `"mId":"` + ObjectIDByURIHash + `","pars":["a","b%20c"]},"crit":["b64","sigD"]}`, ""},
	} {
		d, err := Open([]byte(Encode([]byte(c.header))+".."+made(t, c.header, c.input, key)), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		s := d.Signatures[0]
		if err := s.Verify(&key.PublicKey, src); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		files["b%20c"] = "seconds"
		if err := s.Verify(&key.PublicKey, src); !errors.Is(err, ErrDigest) && !errors.Is(err, ErrSignature) {
			t.Errorf("%s, another file: %v", name, err)
		}
		files["b%20c"] = "second"
		if err := s.Verify(&key.PublicKey, Sources{}); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s, no file: %v", name, err)
		}
	}
}

// A digest that cannot be read is not one that differs.
func TestUnreadableDigests(t *testing.T) {
	t.Parallel()
	key := ecKey(t, elliptic.P256())
	d, err := Open([]byte(compact(t, `{"alg":"ES256","x5t#S256":"AAAA=","sigD":{"mId":"`+ObjectIDByURIHash+`","pars":["a"],"hashM":"S256","hashV":["AAAA="]},"crit":["sigD"]}`, "", key)), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	s := d.Signatures[0]
	if err := s.Verify(&key.PublicKey, Sources{File: func(string) ([]byte, bool) { return nil, true }}); !errors.Is(err, ErrUndecided) {
		t.Errorf("%v", err)
	}
	if len(s.Breaches) != 1 || len(s.Header.Names) != 1 || s.Header.Names[0].Matches(nil) {
		t.Errorf("%+v", s)
	}
}

// What is appended stands at the end of etsiU, and every byte that was there is there.
func TestAppend(t *testing.T) {
	t.Parallel()
	key := ecKey(t, elliptic.P256())
	header, payload := `{"alg":"ES256"}`, Encode([]byte("hello"))
	body := ` "protected" : "` + Encode([]byte(header)) + `", "signature":"` + made(t, header, payload, key) + `"`
	for _, text := range []string{
		compact(t, header, payload, key), `{"payload":"` + payload + `",` + body + "\n}", `{"payload":"` + payload + `","header":{ },` + body + "}",
		`{"payload":"` + payload + `","header":{"kid":"]}"},` + body + "}", `{"payload":"` + payload + `","header":{"etsiU":[ ]},` + body + "}",
		`{"signatures":[{` + body + `,"header":{"etsiU":["eyJhIjoxfQ" ]}}],"payload":"` + payload + `"}`,
	} {
		data := []byte(text)
		for _, name := range []string{"one", "two"} {
			d, err := Open(data, Limits{})
			if err != nil {
				t.Fatalf("%v\n%s", err, data)
			}
			next, err := d.Signatures[0].Append([]byte(`{"`+name+`":1}`), []byte(`{"x`+name+`":1}`))
			if err != nil {
				t.Fatalf("%v\n%s", err, data)
			}
			data = next
		}
		d, err := Open(data, Limits{})
		if err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		names := ""
		for _, u := range d.Signatures[0].Unsigned {
			names += u.Name + " "
		}
		if err := d.Signatures[0].Verify(&key.PublicKey, Sources{}); err != nil || strings.TrimPrefix(names, "a ") != "one xone two xtwo " {
			t.Errorf("%q, %v\n%s", names, err, data)
		}
	}
	d, _ := Open([]byte(`{"payload":"`+payload+`","header":{"etsiU":[{"a":1}]},`+body+"}"), Limits{})
	if _, err := d.Signatures[0].Append([]byte(`{"a":1}`)); !errors.Is(err, ErrUndecided) {
		t.Errorf("plain elements: %v", err)
	}
}
