package solecontrol

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
)

const (
	testOrigin = "https://approve.example.hk"
	testRPID   = "approve.example.hk"
)

// answer is an assertion in the making.
type answer struct {
	id, rpID, clientData string
	flags                byte
	count                uint32
	behind               []byte // authenticator data
}

func usual(challenge Digest) answer {
	return answer{
		id: "passkey-1", rpID: testRPID, flags: flagUP | flagUV, count: 7,
		clientData: fmt.Sprintf(`{"type":"webauthn.get","challenge":"%s","origin":"%s","crossOrigin":false}`, Bytes(challenge[:]), testOrigin),
	}
}

func (a answer) sign(t testing.TB, key *ecdsa.PrivateKey) *Assertion {
	t.Helper()
	hash := sha256.Sum256([]byte(a.rpID))
	data := append(binary.BigEndian.AppendUint32(append(hash[:], a.flags), a.count), a.behind...)
	client := sha256.Sum256([]byte(a.clientData))
	digest := sha256.Sum256(append(bytes.Clone(data), client[:]...))
	sig, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return &Assertion{ID: Bytes(a.id), AuthenticatorData: data, ClientDataJSON: Bytes(a.clientData), Signature: sig}
}

// byGoWebauthn is a stranger's judgement of the same assertion.
func byGoWebauthn(a *Assertion, challenge Digest, cose []byte) error {
	id := Bytes(a.ID).String()
	body, err := json.Marshal(map[string]any{"id": id, "rawId": id, "type": "public-key", "response": map[string]string{
		"authenticatorData": a.AuthenticatorData.String(), "clientDataJSON": a.ClientDataJSON.String(), "signature": a.Signature.String(),
	}})
	if err != nil {
		return err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(body)
	if err != nil {
		return err
	}
	return parsed.Verify(Bytes(challenge[:]).String(), testRPID, "", []string{testOrigin}, nil, nil,
		protocol.TopOriginExplicitVerificationMode, false, true, true, cose, protocol.SignaturePolicy{})
}

func TestAssertion(t *testing.T) {
	key := newKey(t)
	challenge := Digest(random(32))
	no, yes := false, true
	expected := Expected{Challenge: challenge, Origin: testOrigin, RPID: testRPID, PasskeyID: []byte("passkey-1"), Key: &key.PublicKey, BackupEligible: &no}
	extension := []byte("\xa1\x6bhmac-secret\x58\x20" + strings.Repeat("x", 32))

	replace := func(old, new string) func(*answer) {
		return func(a *answer) {
			if !strings.Contains(a.clientData, old) {
				t.Fatalf("%q is not in %s", old, a.clientData)
			}
			a.clientData = strings.Replace(a.clientData, old, new, 1)
		}
	}
	for _, c := range []struct {
		name     string
		change   func(*answer)
		expect   func(*Expected)
		ok       bool
		stranger bool // accepts it: what we refuse beyond go-webauthn
	}{
		{name: "as it should be", ok: true},
		{name: "another member in the client data", change: replace(`{`, `{"other_keys_can_be_added_here":"x",`), ok: true},
		{name: "no crossOrigin", change: replace(`,"crossOrigin":false`, ``), ok: true},
		{name: "an extension's output", change: func(a *answer) { a.flags |= flagED; a.behind = extension }, ok: true},
		{name: "backed up, as bound", change: func(a *answer) { a.flags |= flagBE | flagBS }, expect: func(e *Expected) { e.BackupEligible = &yes }, ok: true},
		{name: "of create()", change: replace("webauthn.get", "webauthn.create")},
		{name: "of a payment", change: replace("webauthn.get", "payment.get")},
		{name: "another challenge", change: replace(`"challenge":"`, `"challenge":"A`)},
		{name: "the challenge with padding", change: replace(`","origin"`, `=","origin"`)},
		{name: "another origin", change: replace(testOrigin, "https://example.hk")},
		{name: "an origin that begins so", change: replace(testOrigin, testOrigin+".evil.example")},
		{name: "the origin without TLS", change: replace("https://approve", "http://approve")},
		{name: "the origin with its port", change: replace(testOrigin, testOrigin+":443"), stranger: true},
		{name: "in a frame", change: replace(`"crossOrigin":false`, `"crossOrigin":true`)},
		{name: "in a frame, in words", change: replace(`"crossOrigin":false`, `"crossOrigin":"true"`)},
		{name: "with a top origin", change: replace(`"crossOrigin":false`, `"crossOrigin":false,"topOrigin":"https://evil.example"`)},
		{name: "type in another case", change: replace(`"type"`, `"Type"`), stranger: true},
		{name: "challenge twice", change: replace(`{"type"`, `{"challenge":"x","type"`), stranger: true},
		{name: "something behind the client data", change: func(a *answer) { a.clientData += "{}" }},
		{name: "client data that is no object", change: func(a *answer) { a.clientData = `"webauthn.get"` }},
		{name: "another RP", change: func(a *answer) { a.rpID = "example.hk" }},
		{name: "nobody present", change: func(a *answer) { a.flags &^= flagUP }},
		{name: "nobody verified", change: func(a *answer) { a.flags &^= flagUV }},
		{name: "another passkey", change: func(a *answer) { a.id = "passkey-2" }, stranger: true},
		{name: "eligible, and was not", change: func(a *answer) { a.flags |= flagBE }, stranger: true},
		{name: "not eligible, and was", expect: func(e *Expected) { e.BackupEligible = &yes }, stranger: true},
		{name: "backed up and not eligible", change: func(a *answer) { a.flags |= flagBS }, stranger: true},
		{name: "bytes behind", change: func(a *answer) { a.behind = []byte{0} }},
		{name: "extensions that are not there", change: func(a *answer) { a.flags |= flagED }},
		{name: "an extension and bytes behind", change: func(a *answer) { a.flags |= flagED; a.behind = append(bytes.Clone(extension), 0) }},
		{name: "attested data", change: func(a *answer) { a.flags |= flagAT; a.behind = attestedData(t, key) }, stranger: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := usual(challenge)
			if c.change != nil {
				c.change(&a)
			}
			e := expected
			if c.expect != nil {
				c.expect(&e)
			}
			signed := a.sign(t, key)
			data, err := signed.Verify(e)
			if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrAssertion) {
				t.Fatalf("%v, want ok %v\n%s", err, c.ok, a.clientData)
			}
			if err == nil && (data.SignCount != 7 || !data.UserVerified) {
				t.Errorf("%+v", data)
			}
			if err := byGoWebauthn(signed, challenge, cose(t, key)); (err == nil) != (c.ok || c.stranger) {
				t.Errorf("go-webauthn: %v; want it to accept: %v", err, c.ok || c.stranger)
			}
		})
	}

	good := usual(challenge).sign(t, key)
	for name, bad := range map[string]*Assertion{
		"another key's":     usual(challenge).sign(t, newKey(t)),
		"data changed":      {good.ID, append(bytes.Clone(good.AuthenticatorData[:36]), 9), good.ClientDataJSON, good.Signature},
		"client data grown": {good.ID, good.AuthenticatorData, append(bytes.Clone(good.ClientDataJSON), ' '), good.Signature},
		"signature changed": {good.ID, good.AuthenticatorData, good.ClientDataJSON, append(bytes.Clone(good.Signature), 0)},
		"no signature":      {good.ID, good.AuthenticatorData, good.ClientDataJSON, nil},
		"short data":        {good.ID, good.AuthenticatorData[:36], good.ClientDataJSON, good.Signature},
		"huge client data":  {good.ID, good.AuthenticatorData, bytes.Repeat([]byte("x"), maxClientData+1), good.Signature},
		"nothing":           {},
	} {
		if _, err := bad.Verify(expected); !errors.Is(err, ErrAssertion) {
			t.Errorf("%s: %v, want ErrAssertion", name, err)
		}
	}
}

func attestedData(t testing.TB, key *ecdsa.PrivateKey) []byte {
	b := append(make([]byte, 16), 0, 9)
	return append(append(b, "passkey-1"...), cose(t, key)...)
}

// creation makes an attestation object of these members.
func creation(t testing.TB, key *ecdsa.PrivateKey, challenge Digest, format string, statement func(signed []byte) []byte) *Creation {
	t.Helper()
	hash := sha256.Sum256([]byte(testRPID))
	data := append(append(hash[:], flagUP|flagUV|flagAT, 0, 0, 0, 0), attestedData(t, key)...)
	client := fmt.Appendf(nil, `{"type":"webauthn.create","challenge":"%s","origin":"%s","crossOrigin":false}`, Bytes(challenge[:]), testOrigin)
	clientHash := sha256.Sum256(client)
	object := append([]byte("\xa3\x63fmt"), byte(0x60+len(format)))
	object = append(object, format+"\x67attStmt"...)
	object = append(object, statement(append(bytes.Clone(data), clientHash[:]...))...)
	object = append(object, "\x68authData\x58"...)
	object = append(append(object, byte(len(data))), data...)
	return &Creation{ID: Bytes("passkey-1"), AttestationObject: object, ClientDataJSON: client, Transports: []string{"internal"}}
}

func TestCreation(t *testing.T) {
	key := newKey(t)
	challenge := CreateChallenge(NewNonce())
	none := func([]byte) []byte { return []byte{0xa0} }
	good := creation(t, key, challenge, "none", none)
	made, err := good.Verify(challenge, testOrigin, testRPID)
	if err != nil {
		t.Fatal(err)
	}
	if !made.Attested.Key.Equal(&key.PublicKey) || string(made.Attested.ID) != "passkey-1" || made.Format != "none" || made.BackupEligible {
		t.Errorf("%+v", made)
	}
	for name, change := range map[string]func(*Creation){
		"another id":   func(c *Creation) { c.ID = Bytes("passkey-2") },
		"bytes behind": func(c *Creation) { c.AttestationObject = append(c.AttestationObject, 0) },
		"cut short":    func(c *Creation) { c.AttestationObject = c.AttestationObject[:80] },
		"another type": func(c *Creation) {
			c.ClientDataJSON = bytes.Replace(c.ClientDataJSON, []byte("create"), []byte("get"), 1)
		},
		"another origin": func(c *Creation) {
			c.ClientDataJSON = bytes.Replace(c.ClientDataJSON, []byte("approve"), []byte("portal"), 1)
		},
		"a device key of no": func(c *Creation) { c.DeviceKey = []byte{0x30, 0} },
		"many transports":    func(c *Creation) { c.Transports = make([]string, 9) },
		"authData twice": func(c *Creation) {
			c.AttestationObject[0] = 0xa4
			c.AttestationObject = append(c.AttestationObject, "\x68authData\x40"...)
		},
	} {
		bad := *good
		bad.AttestationObject, bad.ClientDataJSON = bytes.Clone(good.AttestationObject), bytes.Clone(good.ClientDataJSON)
		change(&bad)
		if _, err := bad.Verify(challenge, testOrigin, testRPID); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := made.VerifyPacked(x509.NewCertPool(), time.Now()); !errors.Is(err, ErrAssertion) {
		t.Errorf("no attestation as packed: %v", err)
	}
}

// A maker's packed attestation counts under its own root, for its own model.
func TestPackedAttestation(t *testing.T) {
	key, rootKey, leafKey := newKey(t), newKey(t), newKey(t)
	cert := func(template, parent *x509.Certificate, pub *ecdsa.PrivateKey, by *ecdsa.PrivateKey) *x509.Certificate {
		template.NotBefore, template.NotAfter, template.BasicConstraintsValid = time.Now().Add(-time.Hour), time.Now().Add(time.Hour), true
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &pub.PublicKey, by)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	rootTemplate := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Maker"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign}
	root := cert(rootTemplate, rootTemplate, rootKey, rootKey)
	aaguid, err := asn1.Marshal(make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	leafOf := func(unit string, aaguid []byte) *x509.Certificate {
		return cert(&x509.Certificate{
			SerialNumber: big.NewInt(2), Subject: pkix.Name{Country: []string{"HK"}, Organization: []string{"Maker"}, OrganizationalUnit: []string{unit}, CommonName: "Model"},
			ExtraExtensions: []pkix.Extension{{Id: oidAAGUID, Value: aaguid}},
		}, root, leafKey, rootKey)
	}
	leaf := leafOf("Authenticator Attestation", aaguid)
	packed := func(leaf *x509.Certificate, by *ecdsa.PrivateKey) func([]byte) []byte {
		return func(signed []byte) []byte {
			digest := sha256.Sum256(signed)
			sig, err := ecdsa.SignASN1(rand.Reader, by, digest[:])
			if err != nil {
				t.Fatal(err)
			}
			b := append([]byte("\xa3\x63alg\x26\x63sig\x58"), byte(len(sig)))
			b = append(append(b, sig...), "\x63x5c\x81\x59"...)
			b = binary.BigEndian.AppendUint16(b, uint16(len(leaf.Raw)))
			return append(b, leaf.Raw...)
		}
	}
	pool := x509.NewCertPool()
	pool.AddCert(root)
	other, err := asn1.Marshal(bytes.Repeat([]byte{1}, 16))
	if err != nil {
		t.Fatal(err)
	}
	challenge := CreateChallenge(NewNonce())
	for _, c := range []struct {
		name string
		leaf *x509.Certificate
		by   *ecdsa.PrivateKey
		pool *x509.CertPool
		ok   bool
	}{
		{"as it should be", leaf, leafKey, pool, true},
		{"by the passkey itself", leaf, key, pool, false},
		{"under no root", leaf, leafKey, x509.NewCertPool(), false},
		{"for another model", leafOf("Authenticator Attestation", other), leafKey, pool, false},
		{"not for attestation", leafOf("Other", aaguid), leafKey, pool, false},
	} {
		made, err := creation(t, key, challenge, "packed", packed(c.leaf, c.by)).Verify(challenge, testOrigin, testRPID)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if err := made.VerifyPacked(c.pool, time.Now()); (err == nil) != c.ok {
			t.Errorf("%s: %v, want ok %v", c.name, err, c.ok)
		}
	}
}

func TestCOSE(t *testing.T) {
	good := cose(t, newKey(t))
	if _, err := ParseCOSE(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func([]byte) []byte{
		"ES384":        func(b []byte) []byte { b[4] = 0x38; return b },
		"RSA":          func(b []byte) []byte { b[2] = 3; return b },
		"not a point":  func(b []byte) []byte { b[20] ^= 1; return b },
		"bytes behind": func(b []byte) []byte { return append(b, 0) },
		"cut short":    func(b []byte) []byte { return b[:76] },
		"at infinity":  func(b []byte) []byte { clear(b[10:42]); clear(b[45:]); return b },
	} {
		if _, err := ParseCOSE(change(bytes.Clone(good))); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v, want ErrFormat", name, err)
		}
	}
}
