package solecontrol

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"math/big"
	"os"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write testdata/vectors.json anew")

// vectors are the test vectors of docs/approval-protocol.md. Keys and random
// values come from SHA-256 of their names, ECDSA is deterministic (RFC 6979), so
// that anybody makes the same file.
type vectors struct {
	Comment string `json:"comment"`

	Keys map[string]keyVector `json:"keys"` // P-256; d is the private scalar

	PRFSalt Bytes `json:"prfSalt"`
	PRF     Bytes `json:"prfCredRandom"` // the authenticator's own secret
	Secret  Bytes `json:"s"`             // HMAC-SHA-256(CredRandom, SHA-256("WebAuthn PRF" 0x00 ‖ prfSalt))

	Binding     Bytes `json:"binding"`
	B           Bytes `json:"bindingDigest"`
	KEK         Bytes `json:"kekId"`
	Mechanism   int   `json:"mechanism"`
	K           Bytes `json:"sealKey"`
	AAD         Bytes `json:"sealAAD"`
	Wrapped     Bytes `json:"wrapped"`
	Sealed      Bytes `json:"sealed"`
	Record      Bytes `json:"record"`
	RecordInput Bytes `json:"recordInput"`

	Offer     SignedOffer `json:"offer"`
	Code      string      `json:"code"`
	Request   Bytes       `json:"request"` // R
	Challenge Bytes       `json:"challenge"`
	Info      Bytes       `json:"hpkeInfo"`
	Approval  Approval    `json:"approval"`

	CreateChallenge Bytes       `json:"createChallenge"`
	Creation        Creation    `json:"creation"`
	EnrolOffer      SignedOffer `json:"enrolOffer"`
	Enrolment       Bytes       `json:"enrolment"` // E
	EnrolChallenge  Bytes       `json:"enrolChallenge"`
	EnrolInfo       Bytes       `json:"enrolInfo"`

	Subject         Subject         `json:"subject"`
	SubjectDigest   Bytes           `json:"subjectDigest"`
	Ticket          SignedTicket    `json:"ticket"`
	TicketChallenge Bytes           `json:"ticketChallenge"`
	Statement       SignedStatement `json:"statement"`
	Order           Bytes           `json:"order"`
	OrderChallenge  Bytes           `json:"orderChallenge"`
}

type keyVector struct {
	D    Bytes `json:"d"`
	SPKI Bytes `json:"spki"`
	COSE Bytes `json:"cose"`
}

func named(name string) []byte {
	d := sha256.Sum256([]byte("chop test vector: " + name))
	return d[:]
}

func namedUUID(name string) string {
	b := [16]byte(named(name))
	b[6], b[8] = 0x70|b[6]&0x0f, 0x80|b[8]&0x3f
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func namedKey(t *testing.T, name string) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), named(name))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// sign is deterministic ECDSA, DER or raw.
func signDER(t *testing.T, k *ecdsa.PrivateKey, message []byte) []byte {
	t.Helper()
	digest := sha256.Sum256(message)
	der, err := k.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func signRaw(t *testing.T, k *ecdsa.PrivateKey, message []byte) []byte {
	t.Helper()
	var sig struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(signDER(t, k, message), &sig); err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, 64)
	sig.R.FillBytes(raw[:32])
	sig.S.FillBytes(raw[32:])
	return raw
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func asserted(t *testing.T, k *ecdsa.PrivateKey, id []byte, challenge Digest) Assertion {
	hash := sha256.Sum256([]byte(testRPID))
	data := append(hash[:], flagUP|flagUV, 0, 0, 0, 7)
	client := fmt.Appendf(nil, `{"type":"webauthn.get","challenge":"%s","origin":"%s","crossOrigin":false}`, Bytes(challenge[:]), testOrigin)
	clientHash := sha256.Sum256(client)
	return Assertion{ID: id, AuthenticatorData: data, ClientDataJSON: client, Signature: signDER(t, k, append(bytes.Clone(data), clientHash[:]...))}
}

// sendAs encrypts to a key with an ephemeral key that is given, by the second
// implementation.
func sendAs(t *testing.T, ephemeral *ecdh.PrivateKey, public, info, aad, s []byte) (enc, ciphertext []byte) {
	to := must[*ecdh.PublicKey](t)(ecdh.P256().NewPublicKey(public))
	dh := must[[]byte](t)(ephemeral.ECDH(to))
	enc = ephemeral.PublicKey().Bytes()
	aead, nonce := schedule(t, dh, enc, public, info)
	return enc, aead.Seal(nil, nonce, s, aad)
}

func makeVectors(t *testing.T) *vectors {
	b := must[[]byte](t)
	v := &vectors{Comment: "Test vectors of docs/approval-protocol.md. Bytes are base64url without padding. All keys are made up.", Keys: make(map[string]keyVector)}
	keys := make(map[string]*ecdsa.PrivateKey)
	for _, name := range []string{"passkey", "device key", "resident key", "identity", "transaction", "ephemeral", "officer", "immigration"} {
		k := namedKey(t, name)
		keys[name] = k
		v.Keys[name] = keyVector{named(name), spki(t, k), cose(t, k)}
	}
	v.PRFSalt, v.PRF = named("prfSalt"), named("CredRandom")
	hashed := sha256.Sum256(append([]byte("WebAuthn PRF\x00"), v.PRFSalt...))
	mac := hmac.New(sha256.New, v.PRF)
	mac.Write(hashed[:])
	v.Secret = mac.Sum(nil)

	binding := &Binding{
		Credential: namedUUID("credential"), Account: namedUUID("account"), Algorithm: "p256", SPKI: v.Keys["resident key"].SPKI, RPID: testRPID,
		PasskeyID: named("passkey id"), PasskeyKey: v.Keys["passkey"].COSE, DeviceKey: v.Keys["device key"].SPKI,
		PRFSalt: [32]byte(v.PRFSalt), SealSalt: [32]byte(named("sealSalt")),
	}
	v.Binding = b(binding.Marshal())
	digest := BindingDigest(v.Binding)
	v.B, v.KEK, v.Mechanism, v.Wrapped = digest[:], named("kek")[:16], 0x210a, []byte("a wrapped key, as the token made it")
	v.K = b(hkdf.Key(sha256.New, v.Secret, binding.SealSalt[:], "chop/seal/v1\x00"+string(v.B), 32))
	v.AAD = append(bytes.Clone(v.B), 0, 16)
	v.AAD = binary.BigEndian.AppendUint32(append(v.AAD, v.KEK...), uint32(v.Mechanism))
	block := must[cipher.Block](t)(aes.NewCipher(v.K))
	aead := must[cipher.AEAD](t)(cipher.NewGCM(block))
	v.Sealed = aead.Seal(named("nonce of the seal")[:12:12], named("nonce of the seal")[:12], v.Wrapped, v.AAD)
	certificate := named("certificate")
	record := &Record{Binding: digest, Certificate: certificate, State: Active, Version: 2, Sealed: sha256.Sum256(v.Sealed), KEK: v.KEK, Mechanism: uint32(v.Mechanism)}
	v.Record = b(record.Marshal())
	v.RecordInput = RecordInput(v.Record)

	at := At(time.Date(2026, 11, 26, 4, 5, 0, 0, time.UTC))
	point := b(keys["transaction"].PublicKey.Bytes())
	ephemeral := must[*ecdh.PrivateKey](t)(keys["ephemeral"].ECDH())
	service := Service{"hkp", "香港郵政 Hongkong Post"}
	attributes := append([]byte{0x31, 0x22, 0x04, 0x20}, named("attributes")...) // stands for a SET OF Attribute
	dtbsr := sha256.Sum256(attributes)
	offer := &Offer{
		Kind: "sign", Tx: Bytes(named("tx")[:16]).String(), Nonce: named("nonce"), NotAfter: at, HPKEKey: point, RPID: testRPID, Credential: binding.Credential,
		Certificate: certificate, Passkey: binding.PasskeyID, PRFSalt: v.PRFSalt, DeviceKey: true, Service: service, Return: "https://portal.example.hk/sign/1",
		Documents: []OfferDocument{{"form.pdf", TypePDF, 4096, "1.3.6.1.4.1.99999.1", SHA256, attributes, [4]int64{0, 1000, 3000, 1096}}}, State: "open",
	}
	v.Code = Code(offer.Tx, offer.Nonce)
	offer.Code = v.Code
	v.Offer.Offer = b(Encode(offer))
	v.Offer.Signature = signRaw(t, keys["identity"], append([]byte("chop/offer/v1\x00"), v.Offer.Offer...))
	v.Request = b((&Request{
		Kind: "sign", Tx: offer.Tx, Nonce: offer.Nonce, NotAfter: at, HPKEKey: point, RPID: testRPID, Credential: binding.Credential, Certificate: certificate,
		Service: service, Documents: []RequestDocument{{"form.pdf", TypePDF, named("document"), "1.3.6.1.4.1.99999.1", SHA256, dtbsr[:]}},
	}).Marshal())
	challenge := sha256.Sum256(append([]byte("chop/approval/v1\x00"), v.Request...))
	v.Challenge, v.Info = challenge[:], []byte("chop/approval/v1\x00"+offer.Tx)
	v.Approval = Approval{Request: v.Request, Assertion: asserted(t, keys["passkey"], binding.PasskeyID, challenge), DeviceSignature: signRaw(t, keys["device key"], challenge[:])}
	v.Approval.Enc, v.Approval.Ciphertext = sendAs(t, ephemeral, point, v.Info, v.Challenge, v.Secret)

	enrol := &EnrolOffer{
		Kind: "enrol", Enrolment: Bytes(named("enrolment")[:16]).String(), Nonce: named("enrolment's nonce"), NotAfter: at, HPKEKey: point, RPID: testRPID, RPName: "Chop",
		Account: binding.Account, UserHandle: named("user"), UserName: "Made-up person", PRFSalt: v.PRFSalt, DeviceKey: true, Number: "47",
		Return: "https://portal.example.hk/account", State: "seal", Passkey: binding.PasskeyID,
	}
	create := CreateChallenge(enrol.Nonce)
	v.CreateChallenge = create[:]
	hash := sha256.Sum256([]byte(testRPID))
	data := append(append(hash[:], flagUP|flagUV|flagAT, 0, 0, 0, 0), make([]byte, 16)...)
	data = append(append(data, 0, 32), binding.PasskeyID...)
	data = append(data, binding.PasskeyKey...)
	object := append([]byte("\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58"), byte(len(data)))
	v.Creation = Creation{
		ID: binding.PasskeyID, AttestationObject: append(object, data...), Transports: []string{"internal"}, DeviceKey: binding.DeviceKey,
		ClientDataJSON: fmt.Appendf(nil, `{"type":"webauthn.create","challenge":"%s","origin":"%s","crossOrigin":false}`, v.CreateChallenge, testOrigin),
	}
	v.Subject = Subject{"HK", "CHAN TAI MAN", "CHAN", "TAI MAN", "SRN0000000001"}
	subject := must[Digest](t)(v.Subject.Digest())
	v.SubjectDigest = subject[:]
	answer := fmt.Appendf(nil, `{"request":"q-1","at":"2026-11-26T04:00:00Z","result":"match","subject":"%s"}`, Bytes(named("asked")))
	answerDigest := sha256.Sum256(answer)
	envelope := b(Encode(SignedAnswer{Answer: answer, Signature: signRaw(t, keys["immigration"], append([]byte("chop/immd/v1\x00"), answer...)), Key: "immd-1"}))
	ticket := b((&Ticket{
		Kind: "ticket", Case: namedUUID("case"), Account: binding.Account, Enrolment: enrol.Enrolment, PasskeyKey: binding.PasskeyKey, RPID: testRPID,
		Subject: v.SubjectDigest, Immd: answerDigest[:], Signer: "officer:wong", Place: "counter 3", Expires: at,
	}).Marshal())
	ticketChallenge := TicketChallenge(ticket)
	officer := asserted(t, keys["officer"], named("officer's passkey"), ticketChallenge)
	v.Ticket, v.TicketChallenge = SignedTicket{Ticket: ticket, ImmdAnswer: envelope, Assertion: &officer}, ticketChallenge[:]
	ticketDigest := TicketDigest(ticket)
	enrol.Ticket = ticketDigest[:]
	v.EnrolOffer.Offer = b(Encode(enrol))
	v.EnrolOffer.Signature = signRaw(t, keys["identity"], append([]byte("chop/offer/v1\x00"), v.EnrolOffer.Offer...))
	v.Enrolment = b((&Enrolment{
		Kind: "enrol", Enrolment: enrol.Enrolment, Nonce: enrol.Nonce, NotAfter: at, HPKEKey: point, RPID: testRPID, Account: binding.Account,
		Passkey: binding.PasskeyID, Ticket: ticketDigest[:],
	}).Marshal())
	enrolChallenge := EnrolChallenge(v.Enrolment)
	v.EnrolChallenge, v.EnrolInfo = enrolChallenge[:], EnrolInfo(enrol.Enrolment)

	passkey := sha256.Sum256(binding.PasskeyID)
	v.Statement.Statement = b(Encode(&Statement{
		Kind: "statement", Credential: binding.Credential, Account: binding.Account, SPKI: binding.SPKI, Ticket: ticketDigest[:], Subject: v.SubjectDigest,
		RPID: testRPID, Passkey: passkey[:], DeviceKey: true, At: at,
	}))
	v.Statement.Signature = signRaw(t, keys["identity"], append([]byte("chop/statement/v1\x00"), v.Statement.Statement...))
	v.Order = b((&Order{
		Kind: "resume", Credential: binding.Credential, Account: binding.Account, Case: namedUUID("case"), First: "officer:wong", Second: "officer:leung",
		Place: "counter 3", Expires: at, Nonce: named("order's nonce"),
	}).Marshal())
	order := OrderChallenge(v.Order)
	v.OrderChallenge = order[:]
	return v
}

// The file is what this program makes; and what it says is what this program
// accepts.
func TestVectors(t *testing.T) {
	v := makeVectors(t)
	want, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("testdata/vectors.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(file, want) {
		t.Fatal("testdata/vectors.json is not what this program makes: a format has changed (go test -run TestVectors -update)")
	}

	identity, err := ParseSPKI(v.Keys["identity"].SPKI)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Offer.Sign(identity); err != nil {
		t.Error(err)
	}
	if _, err := v.EnrolOffer.Enrol(identity); err != nil {
		t.Error(err)
	}
	if _, err := v.Statement.Verify(identity); err != nil {
		t.Error(err)
	}
	passkey, err := ParseCOSE(v.Keys["passkey"].COSE)
	if err != nil {
		t.Fatal(err)
	}
	expected := Expected{Challenge: Digest(v.Challenge), Origin: testOrigin, RPID: testRPID, PasskeyID: named("passkey id"), Key: passkey}
	if _, err := v.Approval.Assertion.Verify(expected); err != nil {
		t.Error(err)
	}
	device, err := ParseSPKI(v.Keys["device key"].SPKI)
	if err != nil {
		t.Fatal(err)
	}
	if err := VerifyRaw(device, v.Challenge, v.Approval.DeviceSignature); err != nil {
		t.Error(err)
	}
	private, err := namedKey(t, "transaction").ECDH()
	if err != nil {
		t.Fatal(err)
	}
	s, err := (&TransactionKey{private}).Open(v.Info, v.Challenge, v.Approval.Enc, v.Approval.Ciphertext)
	if err != nil || !bytes.Equal(s, v.Secret) {
		t.Fatalf("s is %x, %v", s, err)
	}
	if wrapped, err := OpenSeal(s, v.Binding, v.KEK, uint32(v.Mechanism), v.Sealed); err != nil || !bytes.Equal(wrapped, v.Wrapped) {
		t.Errorf("the seal holds %q, %v", wrapped, err)
	}
	if _, err := v.Creation.Verify(Digest(v.CreateChallenge), testOrigin, testRPID); err != nil {
		t.Error(err)
	}
	if _, err := ParseEnrolment(v.Enrolment); err != nil {
		t.Error(err)
	}
	if _, err := ParseTicket(v.Ticket.Ticket); err != nil {
		t.Error(err)
	}
	if _, err := x509.ParsePKIXPublicKey(v.Keys["resident key"].SPKI); err != nil {
		t.Error(err)
	}
}
